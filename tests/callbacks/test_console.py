"""What a run says while one waits, where the output is no terminal: by a clock of the test's own."""

import re

import pytest
from pytorch_lightning.callbacks import Callback

from genlab.callbacks.console import EpochLines
from genlab.console.pulse import Pulse
from genlab.console.readable import duration
from genlab.training.train import train

QUICK = ["model.hidden_dims=[8]", "data.batch_size=55", "data.eval_batch_size=10", "callbacks=search", "logger=none"]
QUICK += ["trainer.max_epochs=1", "callbacks.test_nll.images=120", "callbacks.test_nll.samples=2"]


class Clock(Callback):
    """Eleven seconds pass with each reading."""

    now = 0.0

    def __call__(self):
        self.now += 11
        return self.now


def test_a_line_comes_each_half_minute_with_batch_value_and_time_left(compose_config, monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr("genlab.console.pulse.Pulse.__init__.__defaults__", (clock,))
    train(compose_config(*QUICK, "trainer.log_every_n_steps=1"))
    out = capsys.readouterr().out
    assert re.findall(r"^epoch 1/1   train elbo -\d+\.\d+   batch (\d+)/10   (\d+) s left$", out, re.MULTILINE) == [
        ("4", "66"),  # 6 batches of 11 s
        ("7", "33"),
        ("10", "0"),
    ]
    assert re.findall(r"^test   batch (\d+/10)   \d+ s left$", out, re.MULTILINE) == ["4/10", "7/10", "10/10"]


def test_on_a_terminal_the_bar_says_what_is_done(compose_config, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # which rich takes for a terminal
    train(compose_config(*QUICK))
    out = capsys.readouterr().out
    stages = ["epoch 1/1 ", "epoch 1/1   validation", "epoch 1/1   pictures and checkpoints", "test "]
    places = [out.index(stage) for stage in [*stages, "test   likelihood"]]
    assert places == sorted(places)


def test_the_images_of_the_nll_are_counted_too(capsys):
    assert list(Pulse(Clock()).track(range(8), description="likelihood")) == list(range(8))
    assert capsys.readouterr().out == "likelihood   3/8   55 s left\nlikelihood   6/8   22 s left\n"


def test_nothing_is_said_before(compose_config, capsys):
    train(compose_config(*QUICK))
    assert "batch" not in capsys.readouterr().out


def test_another_epoch_begins_anew():
    pulse = Pulse(Clock())
    assert [pulse.line(done, 9) for done in (1, 2, 3)] == [None, None, None]
    pulse.restart()
    assert [pulse.line(done, 9) for done in (1, 2, 3)] == [None, None, None]
    assert isinstance(EpochLines().pulse, Pulse)


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (89, "89 s"), (240, "4 min"), (9000, "2.5 h")])
def test_times_are_said_in_seconds_minutes_or_hours(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize("monitor", ["val/elbo", "null"])
def test_the_test_says_of_which_weights_it_is(compose_config, capsys, monitor):
    train(compose_config(*QUICK, f"callbacks.checkpoints.monitor={monitor}"))
    (line,) = re.findall(r"^test  .*", capsys.readouterr().out, re.MULTILINE)
    whose = "last weights" if monitor == "null" else "weights of epoch 1, best by val/elbo"
    assert line.endswith(f"(nats per image; {whose})")

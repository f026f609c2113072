"""SIGKILL at random moments: each run, resumed as often as it is killed, ends as if it had never been."""

import random
from pathlib import Path

import pytest
from conftest import SMALL_PICTURES, stand_in_config
from fork_server import Training
from test_resume import FEW_PICTURES, LIMITS, MODELS, assert_same_run

from genlab.training.train import train

SETTINGS = ["data.batch_size=3", "trainer.max_epochs=4", "trainer.log_every_n_steps=4"]
KILLS = 3  # of each model


@pytest.mark.slow
@pytest.mark.parametrize(("model", "first_seed"), list(zip(MODELS, range(0, KILLS * len(MODELS), KILLS), strict=True)))
def test_killed_at_random_moments_a_run_still_ends_the_same(few_root, tmp_path, model, first_seed):
    more = [*MODELS[model], "trainer.max_epochs=3", *(["data.batch_size=6"] if "gan" in model else [])]  # long batches
    end_the_same(few_root, tmp_path, more, range(first_seed, first_seed + KILLS))


@pytest.mark.slow
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_killed_at_random_moments_a_limited_run_still_ends_the_same(few_root, tmp_path, limits):
    end_the_same(few_root, tmp_path, [*MODELS["vae"], *FEW_PICTURES, *limits], range(100, 102))


def end_the_same(few_root, tmp_path, more, seeds):
    settings = [*SETTINGS, *more]
    whole = stand_in_config(few_root, tmp_path, *settings, f"run_dir={tmp_path / 'whole'}")
    train(whole)

    killed = tmp_path / "killed"
    small = [text for text in SMALL_PICTURES if text.split(".")[1] in whole.callbacks]
    command = [*small, *settings, f"data.root={few_root}", "trainer.accelerator=cpu", f"hydra.run.dir={killed}"]
    for seed in seeds:
        errors = kill_at_a_random_moment(Training(tmp_path, *command), seed)
        assert "error: " not in errors
        if (killed / "summary.json").exists():
            command = [f"resume={killed}"]
    code, _, errors = Training(tmp_path, *command).end()
    assert code == 0, errors
    assert_same_run(killed, Path(whole.run_dir))


def kill_at_a_random_moment(training, seed):
    """Some lines of output and some tenths of a second after the start; in training, in a checkpoint, or anywhere."""
    generator = random.Random(seed)
    lines, seconds = generator.randint(1, 4), generator.uniform(0, 0.8)
    print(f"seed {seed}: killed {seconds:.3f} s after line {lines}")
    for _ in range(lines):
        training.out.readline()
    training.process.join(timeout=seconds)
    training.process.kill()
    return training.end()[2]

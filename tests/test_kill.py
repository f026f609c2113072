"""SIGKILL at random moments: each run, resumed as often as it is killed, ends as if it had never been."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import stand_in_config
from test_resume import MODELS, assert_same_run

from genlab.training import train

TRAIN = [sys.executable, str(Path(__file__).parents[1] / "train.py")]
SETTINGS = ["data.batch_size=10", "trainer.max_epochs=4", "trainer.log_every_n_steps=4"]
KILLS = 5  # of each of the four models


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_killed_at_random_moments_a_run_still_ends_the_same(mnist_root, tmp_path, model):
    settings = [*SETTINGS, *MODELS[model]]
    whole = stand_in_config(mnist_root, tmp_path, *settings, f"run_dir={tmp_path / 'whole'}")
    train(whole)

    killed = tmp_path / "killed"
    first = [*settings, f"data.root={mnist_root}", "trainer.accelerator=cpu", f"hydra.run.dir={killed}"]
    command = [*TRAIN, *first]
    for seed in range(KILLS):
        output = kill_at_a_random_moment(command, seed)
        if (killed / "summary.json").exists():
            command = [*TRAIN, f"resume={killed}"]
        assert "\nerror: " not in output, output
    subprocess.run(command, check=True, capture_output=True)
    assert_same_run(killed, Path(whole.run_dir))


def kill_at_a_random_moment(command, seed):
    """Some lines of output and some tenths of a second after the start; in training, in a checkpoint, or anywhere."""
    generator = random.Random(seed)
    lines, seconds = generator.randint(1, 4), generator.uniform(0, 0.8)
    print(f"seed {seed}: killed {seconds:.3f} s after line {lines}")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = "".join(process.stdout.readline() for _ in range(lines))
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return output + process.communicate()[0]

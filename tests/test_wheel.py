"""genlab as others install it: a wheel, used from a folder that has nothing to do with the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # real processes

REPOSITORY = Path(__file__).parents[1]


def test_a_wheel_trains_from_any_folder(tmp_path, mnist_root):
    wheels, installed, elsewhere = tmp_path / "wheels", tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(wheels)]
    subprocess.run([*build, str(REPOSITORY)], check=True, capture_output=True)
    (wheel,) = wheels.glob("genlab-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    overrides = ["debug=fast", "model.hidden_dims=[16]", "trainer.accelerator=cpu", f"data.root={mnist_root}"]
    result = subprocess.run(
        [sys.executable, "-m", "genlab.cli.main", "train", *overrides],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert len(list((elsewhere / "outputs" / "vae").iterdir())) == 1
    # the data came with it
    assert (installed / "genlab" / "data" / "bundled" / "train-images-idx3-ubyte.gz").stat().st_size > 9_000_000
    assert (installed / "genlab" / "conf" / "config.yaml").is_file()
    for name in ("template.html", "style.css", "page.js"):
        assert (installed / "genlab" / "report" / name).is_file()
    for name in ("template.html", "style.css", "network.js", "latents.js", "panel.js", "pad.js", "explorer.js"):
        assert (installed / "genlab" / "report" / "explorer" / name).is_file()
    assert (installed / "genlab" / "cli" / "new_model" / "model.py.template").is_file()
    assert (installed / "hydra_plugins" / "genlab_sweeper" / "sweeper.py").is_file()
    assert (installed / "genlab" / "conf" / "hydra" / "launcher" / "ray.yaml").is_file()

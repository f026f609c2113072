"""Small stand-in data, configs that use them, a run on them, and the command line in this process.

What takes seconds to import is imported where it is used: the process of `pytest -n` that only hands the tests out
reads this file before its workers begin.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from genlab.console.program import quick_imports
from genlab.data.catalogue import FILES

if TYPE_CHECKING:
    import torch
    from omegaconf import DictConfig

N_TRAIN, N_TEST = 600, 100
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Reading the tests imports all that they use."""
    with quick_imports():
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Networks of tests are too small to gain from a second, and each worker of `pytest -n` has a core of its own."""
    import torch

    torch.set_num_threads(1)


def first_is_quick(values: Iterable[object]) -> list[object]:
    """Parameters of a test (a tuple where it has several): the first is in the quick tests, the others are slow."""
    first, *others = (value if isinstance(value, tuple) else (value,) for value in values)
    return [pytest.param(*first), *(pytest.param(*value, marks=pytest.mark.slow) for value in others)]


def write_idx(path: Path, values: torch.Tensor) -> None:
    """The IDX file of a uint8 tensor."""
    header = bytes([0, 0, 0x08, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(header + values.contiguous().numpy().tobytes())


def draw_shapes(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images of ten classes, (n, 28, 28) uint8: a soft disc whose place is its label's, with a random radius."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (n,), generator=generator)
    angle = labels * (2 * torch.pi / 10)
    centre_y, centre_x = 14 + 7 * torch.sin(angle), 14 + 7 * torch.cos(angle)
    radius = 2 + 2 * torch.rand(n, generator=generator)
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    distance = ((y - centre_y[:, None, None]) ** 2 + (x - centre_x[:, None, None]) ** 2).sqrt()
    return (255 * torch.sigmoid(2 * (radius[:, None, None] - distance))).to(torch.uint8), labels.to(torch.uint8)


def write_mnist(root: Path, n_train: int, n_test: int) -> Path:
    """Make a `data.root` of shapes in MNIST's files; a twelfth of its training images are for validation."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for values, file in zip([*draw_shapes(n_train, 0), *draw_shapes(n_test, 1)], FILES, strict=True):
        write_idx(raw / file, values)
    return root


@pytest.fixture(scope="session")
def mnist_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `data.root` with 600 training and 100 test images in MNIST's files; do not write to it."""
    return write_mnist(tmp_path_factory.mktemp("data"), N_TRAIN, N_TEST)


@pytest.fixture(scope="session")
def few_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For trainings whose batches, and not images, matter: 66 training, 6 validation and 12 test images."""
    return write_mnist(tmp_path_factory.mktemp("few"), 72, 12)


# Most of a short run's time would be spent on packing the pixels of its pictures
SMALL_PICTURES = [
    f"callbacks.{setting}"
    for setting in (
        *("samples.n=4", "prior_noise.n=4", "reconstructions.rows=1", "completion.rows=2", "completion.ways=2"),
        *("manifold.size=3", "trajectory.rows=2", "trajectory.columns=3", "interpolation.rows=2"),
        *("interpolation.columns=3", "traversals.rows=2", "traversals.steps=1", "traversals.images=20"),
        *("samples_by_class.columns=2", "samples_by_class.classes=2", "analogies.rows=1", "analogies.classes=2"),
    )
]


def stand_in_config(mnist_root: Path, folder: Path, *overrides: str) -> DictConfig:
    """The config of train.py on the stand-in data, with `folder / "run"` as run folder, and small pictures."""
    from composing import composed
    from omegaconf import OmegaConf

    cfg = composed(f"data.root={mnist_root}", "trainer.accelerator=cpu", *overrides)
    typed = {override.lstrip("+").partition("=")[0] for override in overrides}
    places = {"run_dir": folder / "run", "outputs": folder}
    for name in places.keys() - typed:
        cfg[name] = str(places[name])
    for address, _, number in (text.partition("=") for text in SMALL_PICTURES):
        if "_target_" in cfg.callbacks.get(address.split(".")[1], ()) and address not in typed:
            OmegaConf.update(cfg, address, int(number))
    return cfg


@pytest.fixture
def compose_config(mnist_root: Path, tmp_path: Path) -> Callable[..., DictConfig]:
    """compose_config("model=vae", "seed=1"): see `stand_in_config`; the folder is tmp_path."""
    return functools.partial(stand_in_config, mnist_root, tmp_path)


@pytest.fixture(scope="session")
def finished(mnist_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run of a VAE, one epoch long; do not write to it."""
    from genlab.training.train import train

    folder = tmp_path_factory.mktemp("finished")
    small = ["model.hidden_dims=[8]", "model.latent_dim=3", "trainer.max_epochs=1", "callbacks.test_nll.images=2"]
    train(stand_in_config(mnist_root, folder, *small))
    return folder / "run"


class Ended(NamedTuple):
    """A command that has run in this process."""

    code: int
    out: str
    err: str


@pytest.fixture
def genlab(monkeypatch, capsys, tmp_path) -> Iterator[Callable[..., Ended]]:
    """genlab("sample", folder, "-n", 4): the command in this process, in tmp_path → its code, out and err."""
    from genlab.cli.main import main

    def run(*arguments: object) -> Ended:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["genlab", *map(str, arguments)])
        monkeypatch.setattr("genlab.cli.picture.keep_quiet", lambda: None)  # other tests look at the log
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as exit:
            code = exit.code
        return Ended(code, *capsys.readouterr())

    monkeypatch.setattr(sys, "path", [*sys.path])  # to which a command adds the folder
    before = signal.getsignal(signal.SIGTERM)  # which a command makes its own
    yield run
    signal.signal(signal.SIGTERM, before)


def cells(path: Path) -> torch.Tensor:
    """A picture's images, (rows, columns, 28, 28) uint8."""
    from PIL import Image
    from torchvision.transforms.functional import pil_to_tensor

    grey = pil_to_tensor(Image.open(path))[0, 2:, 2:]
    return grey.unfold(0, 56, 58).unfold(1, 56, 58)[..., ::2, ::2]

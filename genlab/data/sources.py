"""Where the files of each data set come from: the package itself, or torchvision's mirrors."""

import gzip
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from genlab.errors import DataError

DatasetName = Literal["mnist", "fashion_mnist", "kmnist"]

# genlab's name → torchvision's class, which is also the name of its folder under data.root
TORCHVISION_CLASS: dict[str, str] = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

BUNDLE = Path(__file__).parent / "bundled"

# SHA-256 of the unpacked files of the bundle
BUNDLE_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def raw_folder(name: DatasetName, root: Path) -> Path:
    """torchvision's own layout, so that a folder which it filled is used as it is."""
    return root / TORCHVISION_CLASS[name] / "raw"


def ensure_files(name: DatasetName, root: Path) -> Path:
    """Make sure that the four unpacked IDX files are there, and return their folder.

    A file that is there is left alone. A missing one is unpacked from the `.gz` beside it, else from the bundle
    (MNIST), else downloaded. Unpacking goes through a temporary file that is renamed, so that processes which
    start at the same time cannot see half a file.

    Raises:
        DataError: the folder cannot be written, the bundle is damaged, or no mirror delivered.
    """
    folder = raw_folder(name, root)
    missing = [file for file in FILES if not (folder / file).exists()]
    if not missing:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in missing:
            if (folder / f"{file}.gz").exists():
                _unpack(folder / f"{file}.gz", folder / file, sha256=None)
            elif name == "mnist":
                _unpack(BUNDLE / f"{file}.gz", folder / file, BUNDLE_SHA256[file])
            else:
                _download(name, file, folder)
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: {error.strerror or error}; "
            "name a folder that can be written: data.root=FOLDER"
        ) from None
    return folder


def _unpack(archive: Path, target: Path, sha256: str | None) -> None:
    """Decompress beside the target, check the sum, then rename: atomic on one file system."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as unpacked, gzip.open(archive) as packed:
            shutil.copyfileobj(packed, unpacked)
        if sha256 is not None and hashlib.sha256(Path(temporary).read_bytes()).hexdigest() != sha256:
            raise DataError(f"{archive}: its contents are not MNIST's (SHA-256 differs); install genlab again")
        os.chmod(temporary, 0o644)  # mkstemp's 0600 would lock out the other users of a shared root
        os.replace(temporary, target)
    except (EOFError, gzip.BadGzipFile):
        raise DataError(f"{archive}: damaged or cut short; delete it and start again") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _download(name: DatasetName, file: str, folder: Path) -> None:
    """Try each of torchvision's mirrors in turn, then unpack what came."""
    archive = f"{file}.gz"
    failures = []
    for mirror, url, md5 in _mirrors(name, archive):
        from torchvision.datasets.utils import download_url

        try:
            download_url(url, str(folder), filename=archive, md5=md5)
        except (
            OSError,
            RuntimeError,
        ) as error:  # URLError and time-outs are OSErrors; a wrong MD5 is a RuntimeError
            (folder / archive).unlink(missing_ok=True)
            failures.append(f"{mirror} ({error})")
        else:
            _unpack(folder / archive, folder / file, sha256=None)
            return
    raise DataError(
        f"{name} could not be downloaded from {' or '.join(failures)}; "
        f"put the files {', '.join(f'{file}.gz' for file in FILES)} into {folder} and start again, "
        "or train on data=mnist, which needs no network"
    )


def _mirrors(name: DatasetName, archive: str) -> Iterator[tuple[str, str, str]]:
    """(mirror, address of the file, its MD5), as torchvision lists them."""
    from torchvision import datasets

    dataset = getattr(datasets, TORCHVISION_CLASS[name])
    md5 = dict(dataset.resources)[archive]
    for mirror in dataset.mirrors:
        yield mirror, f"{mirror}{archive}", md5

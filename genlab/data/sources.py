"""Where the files of each data set are: in a user's folder, which is only read, or in genlab's cache."""

import gzip
import hashlib
import os
import shutil
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import platformdirs
from filelock import FileLock

from genlab.data.catalogue import CATALOGUE, FILES, NAMES
from genlab.errors import DataError

SourceName = Literal[
    "mnist", "fashion_mnist", "kmnist", "emnist_letters", "cifar10", "svhn", "digits", "arrays", "folder"
]

BUNDLE = Path(__file__).parent / "bundled"

# SHA-256 of the unpacked files of the bundle
BUNDLE_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

STAGING = ".fetching-"  # prefix of the folder in which files are made before they get their names
LOCK = f"{STAGING}lock"

Files = dict[str, Path]  # of a data set, where each lies


def cache_folder() -> Path:
    """Where files are kept that genlab has fetched itself."""
    return Path(platformdirs.user_cache_dir("genlab", appauthor=False))


def find_files(name: str, root: str) -> Files:
    """Find the files of a data set below a folder that the user has named. Nothing there is changed.

    The one exception: torchvision's downloads go into a folder that is empty, or that has other data sets of
    torchvision's in it and nothing else.

    Raises:
        DataError: the folder is not there or lacks a file; or see `fetched_files`.
    """
    folder, why = Path(os.path.expanduser(root)), what_lacks(name, root)
    if why and name != "mnist" and _waits_for_download(name, folder):
        return fetched_files(name, folder)
    if why:
        raise DataError(f"data.root={root}: {why}; name the folder that has the files, or leave data.root out")
    return _look(name, folder)


def what_lacks(name: str, root: str) -> str:
    """What keeps a folder from being the `data.root` of a data set; empty if nothing does."""
    folder = os.path.expanduser(root)
    if name == "digits":
        return "data=digits comes with scikit-learn; leave data.root out"
    if name == "arrays":
        return "" if os.path.isfile(folder) and os.access(folder, os.R_OK) else "no file that can be read; name an .npz"
    if name not in (*CATALOGUE, "folder"):
        return f"{name} is no data set of genlab's"
    if not os.path.isdir(folder):
        return "a file, no folder" if os.path.isfile(folder) else "no such folder"
    if not os.access(folder, os.R_OK | os.X_OK):
        return "a folder that may not be read"
    return "" if name == "folder" else _missing(name, Path(folder))


def _missing(name: str, folder: Path) -> str:
    found, files = _look(name, folder), CATALOGUE[name].files
    for path in found.values():
        if not path.is_file():
            return f"{path} is no file but a folder, a pipe, a device or a broken link"
    missing = ", ".join(file for file in files if file not in found)
    if found:
        there = ", ".join(os.path.relpath(path, folder) for path in found.values())
        return f"{there} found, {missing} missing" if missing else ""
    entries = sorted(os.listdir(folder))
    shown = ", ".join([*entries[:5], *(["…"] if len(entries) > 5 else [])])
    there = f"no data files in it, but {shown}" if entries else "an empty folder"
    return f"{there}; {name} is {missing}{' (.gz or not)' * ('-idx' in files[0])}"


def fetched_files(name: str, root: Path) -> Files:
    """Find the files of a data set in a folder of genlab's own, and fetch those that are missing.

    MNIST is unpacked from the bundle, or read from it where the folder cannot be written; the others are downloaded.

    Raises:
        DataError: the folder cannot be written, the bundle is damaged, or no mirror delivered.
    """
    folder, files = root / CATALOGUE[name].folder, CATALOGUE[name].files
    if len(_files_in(folder, files)) < len(files):
        before = [path for path in (folder, *folder.parents) if not path.exists()]
        try:
            with staging(root) as made:
                missing = set(files) - set(_files_in(folder, files))
                if missing:  # no other process has been here
                    fetched = _unpack_bundle(made) if name == "mnist" else _download(name, made, folder)
                    folder.mkdir(parents=True, exist_ok=True)
                    for file in missing:
                        os.replace(fetched[file], folder / file)
        except OSError as error:
            if name == "mnist":
                return _files_in(BUNDLE, files)
            why = f"{error.filename or folder}: {error.strerror or error}"
            raise DataError(f"{why}; name a folder that can be written: data.root=FOLDER") from None
        finally:
            with suppress(OSError):
                (root / LOCK).unlink()
            for path in before:  # innermost first; those that have got files stay
                with suppress(OSError):
                    path.rmdir()
    return _files_in(folder, files)


@contextmanager
def staging(root: Path) -> Iterator[Path]:
    """A new folder beside files that are made in it and then renamed, for one process at a time.

    Whoever starts at the same time sees no half a file, and what a process that was killed has left is removed by the
    next.
    """
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / LOCK):
        for left in root.glob(f"{STAGING}*"):
            if left.name != LOCK:
                shutil.rmtree(left)
        with TemporaryDirectory(prefix=STAGING, dir=root) as made:
            yield Path(made)


def _unpack_bundle(made: Path) -> Files:
    for file in FILES:
        archive = BUNDLE / f"{file}.gz"
        try:
            content = gzip.decompress(archive.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{archive}: damaged or cut short ({error}); install genlab again") from None
        if hashlib.sha256(content).hexdigest() != BUNDLE_SHA256[file]:
            raise DataError(f"{archive}: its contents are not MNIST's (SHA-256 differs); install genlab again")
        (made / file).write_bytes(content)
    return _files_in(made, FILES)


def _download(name: str, made: Path, folder: Path) -> Files:
    from http.client import HTTPException

    from torchvision import datasets

    print(f"{name}: downloading into {folder}", file=sys.stderr, flush=True)
    try:
        for arguments in CATALOGUE[name].downloads:
            getattr(datasets, CATALOGUE[name].torchvision)(made, download=True, **arguments)
    except (OSError, RuntimeError, HTTPException) as error:  # time-outs are OSErrors, a wrong MD5 is a RuntimeError
        wanted = ", ".join(f"{file}.gz" if "-idx" in file else file for file in CATALOGUE[name].files)
        raise DataError(
            f"{name} could not be downloaded ({error}); put the files {wanted} "
            f"into {folder} and start again, or train on data=mnist, which needs no network"
        ) from None
    return _look(name, made)


def _look(name: str, root: Path) -> Files:
    """What there is of the files, in the folder that has most of them: torchvision's own, or one above it."""
    own, files = CATALOGUE[name].name, CATALOGUE[name].files
    folders = [root / own / "raw", root / own]
    path = Path(os.path.abspath(root))
    of = path.parent.name if path.name == "raw" else path.name
    if of == own or of not in NAMES:  # KMNIST is not in a folder that is called FashionMNIST
        folders += [root / "raw", root]
    return max((_files_in(folder, files) for folder in folders), key=len)


def _files_in(folder: Path, files: Sequence[str]) -> Files:
    """Those of IDX are plain or packed, spelled with a hyphen or a dot, or in folders as unpackers leave them."""
    found = {}
    for file in files:
        names = [file]
        if "-idx" in file:
            dotted = file.replace("-idx", ".idx")
            names += [dotted, f"{file}.gz", f"{dotted}.gz", f"{file}/{file}", f"{dotted}/{dotted}"]
        there = [folder / name for name in names if os.path.lexists(folder / name)]
        if there:
            found[file] = next(filter(os.path.isfile, there), there[0])
    return found


def _waits_for_download(name: str, root: Path) -> bool:
    return (
        root.is_dir()
        and os.access(root, os.R_OK | os.W_OK | os.X_OK)
        and all(path.name in NAMES or path.name.startswith(STAGING) for path in root.iterdir())
        and not any(files for _, _, files in os.walk(root / CATALOGUE[name].name))
    )

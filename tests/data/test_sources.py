"""Files of the user's are found and left as they are; the cache is filled, and a failure leaves nothing."""

import gzip
import hashlib
import multiprocessing
import os
import urllib.error

import pytest

from genlab.data import sources
from genlab.data.catalogue import FILES
from genlab.data.sources import BUNDLE_SHA256, fetched_files, find_files
from genlab.errors import DataError

DOTTED = [file.replace("-idx", ".idx") for file in FILES]


def checksums(files):
    return {file: hashlib.sha256(path.read_bytes()).hexdigest() for file, path in files.items()}


def listing(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def put(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"mine")


def test_the_bundle_unpacks_to_the_original_files(tmp_path):
    files = fetched_files("mnist", tmp_path)
    assert checksums(files) == BUNDLE_SHA256
    assert listing(tmp_path) == ["MNIST", "MNIST/raw", *sorted(f"MNIST/raw/{file}" for file in FILES)]


def test_two_processes_may_unpack_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap(fetched_files, [("mnist", tmp_path)] * 2)
    assert checksums(found[0]) == checksums(found[1]) == BUNDLE_SHA256
    assert {path.name for path in (tmp_path / "MNIST" / "raw").iterdir()} == set(FILES)


def test_what_a_killed_unpacking_has_left_is_removed(tmp_path):
    put(tmp_path / f"{sources.STAGING}abc", FILES[:1])
    fetched_files("mnist", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["MNIST"]


def test_a_file_of_the_cache_that_is_there_is_left_alone(tmp_path):
    put(tmp_path / "MNIST" / "raw", FILES[:3])
    files = fetched_files("mnist", tmp_path)
    assert [files[file].read_bytes() == b"mine" for file in FILES] == [True, True, True, False]


def test_a_cache_that_cannot_be_written_is_not_needed_for_the_bundle(tmp_path):
    (tmp_path / "file").write_text("")
    files = fetched_files("mnist", tmp_path / "file")
    assert [path.name for path in files.values()] == [f"{file}.gz" for file in FILES]


@pytest.mark.parametrize("place", ["MNIST/raw", "MNIST", "raw", "."])
@pytest.mark.parametrize(
    "names",
    [FILES, DOTTED, [f"{file}.gz" for file in FILES], [f"{file}.gz" for file in DOTTED], [f"{f}/{f}" for f in FILES]],
    ids=["plain", "dotted", "packed", "dotted and packed", "each in a folder"],
)
def test_files_are_found_under_every_usual_name_and_level(tmp_path, place, names):
    put(tmp_path / place, names)
    before = listing(tmp_path)
    assert list(find_files("mnist", str(tmp_path)).values()) == [tmp_path / place / name for name in names]
    assert listing(tmp_path) == before


@pytest.mark.parametrize("root", ["MNIST/raw", "MNIST", ""])
def test_the_root_may_be_the_folder_of_the_data_set(tmp_path, root):
    put(tmp_path / "MNIST" / "raw", FILES)
    assert find_files("mnist", str(tmp_path / root))[FILES[0]] == tmp_path / "MNIST" / "raw" / FILES[0]


@pytest.mark.parametrize("root", ["MNIST/raw", "MNIST"])
def test_another_data_set_is_not_taken_for_the_one_that_is_wanted(tmp_path, root):
    put(tmp_path / "MNIST" / "raw", FILES)
    with pytest.raises(DataError, match="no data files in it"):
        find_files("kmnist", str(tmp_path / root))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize(
    ("there", "words"),
    [
        (FILES[:2], [f"{FILES[0]}, {FILES[1]} found", f"{FILES[2]}, {FILES[3]} missing"]),
        (["train-images-idx3-ubyte.txt"], ["no data files in it, but train-images-idx3-ubyte.txt", *FILES]),
        (["hosts"], ["no data files in it, but hosts"]),
    ],
)
def test_a_root_that_lacks_a_file_is_refused_and_left_as_it_is(tmp_path, name, there, words):
    put(tmp_path, there)
    with pytest.raises(DataError, match=f"^data.root={tmp_path}: ") as error:
        find_files(name, str(tmp_path))
    assert all(word in str(error.value) for word in words)
    assert listing(tmp_path) == sorted(there)


def test_an_empty_root_is_not_filled_with_the_bundle(tmp_path):
    with pytest.raises(DataError, match=": an empty folder; mnist is train-images"):
        find_files("mnist", str(tmp_path))
    assert listing(tmp_path) == []


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_pipe_is_no_file(tmp_path, suffix):
    put(tmp_path, FILES[1:])
    os.mkfifo(tmp_path / f"{FILES[0]}{suffix}")
    with pytest.raises(DataError, match=f"{FILES[0]}{suffix} is no file but a"):
        find_files("mnist", str(tmp_path))


@pytest.mark.parametrize("root", ["absent", "file", "a\0b"])
def test_a_root_that_is_no_folder_is_refused(tmp_path, root):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"data\.root=.*: (no such folder|a file, no folder);"):
        find_files("fashion_mnist", str(tmp_path / root))


def test_a_bundle_of_other_content_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for file in FILES:
        (bundle / f"{file}.gz").write_bytes(gzip.compress(b"something else"))
    monkeypatch.setattr(sources, "BUNDLE", bundle)
    with pytest.raises(DataError, match="SHA-256 differs"):
        fetched_files("mnist", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_truncated_archive_is_refused(tmp_path, monkeypatch):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / f"{FILES[0]}.gz").write_bytes(gzip.compress(b"0" * 1000)[:-12])
    monkeypatch.setattr(sources, "BUNDLE", bundle)
    with pytest.raises(DataError, match="damaged or cut short"):
        fetched_files("mnist", tmp_path / "cache")


def no_network(url, *args, **kwargs):
    raise urllib.error.URLError("no network")


def test_each_mirror_is_tried_and_a_failure_says_what_to_put_where(tmp_path, monkeypatch):
    from torchvision import datasets
    from torchvision.datasets import utils

    tried = []

    def note(url, *args, **kwargs):
        tried.append(url)
        no_network(url)

    monkeypatch.setattr(utils, "download_url", note)
    with pytest.raises(DataError) as error:
        fetched_files("fashion_mnist", tmp_path)
    assert tried == [f"{mirror}{FILES[0]}.gz" for mirror in datasets.FashionMNIST.mirrors]
    message = str(error.value)
    assert "\n" not in message
    assert str(tmp_path / "FashionMNIST" / "raw") in message
    assert all(f"{file}.gz" in message for file in FILES)


@pytest.mark.parametrize("error", [urllib.error.URLError("away"), TimeoutError("slow"), RuntimeError("wrong MD5")])
def test_a_failed_download_leaves_nothing(tmp_path, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("torchvision.datasets.utils.download_url", fail)
    with pytest.raises(DataError, match="could not be downloaded"):
        fetched_files("kmnist", tmp_path / "cache")
    with pytest.raises(DataError, match="could not be downloaded"):
        find_files("kmnist", str(tmp_path))
    assert listing(tmp_path) == []


@pytest.fixture
def mirror(monkeypatch):
    """Tiny archives in the place of KMNIST's; reading them is not what is tested."""

    def download(url, root, filename=None, md5=None):
        name = filename or url.rpartition("/")[2]
        with open(os.path.join(root, name), "wb") as file:
            file.write(gzip.compress(b"theirs"))

    monkeypatch.setattr("torchvision.datasets.utils.download_url", download)
    monkeypatch.setattr("torchvision.datasets.KMNIST._load_data", lambda self: (None, None))


def test_a_download_goes_into_a_folder_with_other_data_sets_and_says_so(tmp_path, mirror, capsys):
    put(tmp_path / "MNIST" / "raw", FILES)
    files = find_files("kmnist", str(tmp_path))
    raw = tmp_path / "KMNIST" / "raw"
    assert files == {file: raw / file for file in FILES}
    assert {path.read_bytes() for path in files.values()} == {b"theirs"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["KMNIST", "MNIST"]
    assert f"kmnist: downloading into {raw}" in capsys.readouterr().err


def test_archives_put_by_hand_are_enough(tmp_path):
    names = [f"{file}.gz" for file in FILES]
    put(tmp_path / "KMNIST" / "raw", names)
    assert [path.name for path in fetched_files("kmnist", tmp_path).values()] == names

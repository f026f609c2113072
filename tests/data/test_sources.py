"""Unpacking the bundle, and what happens when files cannot be had."""

import gzip
import hashlib
import multiprocessing
import urllib.error

import pytest

from genlab.data import sources
from genlab.data.sources import BUNDLE_SHA256, FILES, ensure_files
from genlab.errors import DataError


def checksums(folder):
    return {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in FILES}


def test_the_bundle_unpacks_to_the_original_files(tmp_path):
    folder = ensure_files("mnist", tmp_path)
    assert folder == tmp_path / "MNIST" / "raw"
    assert checksums(folder) == BUNDLE_SHA256
    assert {path.name for path in folder.iterdir()} == set(FILES)


def test_two_processes_may_unpack_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        folders = pool.starmap(ensure_files, [("mnist", tmp_path)] * 2)
    assert checksums(folders[0]) == BUNDLE_SHA256
    assert {path.name for path in folders[0].iterdir()} == set(FILES)


def test_files_that_are_there_are_left_alone(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in FILES:
        (raw / file).write_bytes(b"mine")
    ensure_files("mnist", tmp_path)
    assert all((raw / file).read_bytes() == b"mine" for file in FILES)


def test_a_bundle_of_other_content_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for file in FILES:
        (bundle / f"{file}.gz").write_bytes(gzip.compress(b"something else"))
    monkeypatch.setattr(sources, "BUNDLE", bundle)
    with pytest.raises(DataError, match="SHA-256 differs"):
        ensure_files("mnist", tmp_path)
    assert list((tmp_path / "MNIST" / "raw").iterdir()) == []


def test_a_truncated_archive_is_refused(tmp_path, monkeypatch):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / f"{FILES[0]}.gz").write_bytes(gzip.compress(b"0" * 1000)[:-12])
    monkeypatch.setattr(sources, "BUNDLE", bundle)
    with pytest.raises(DataError, match="damaged or cut short"):
        ensure_files("mnist", tmp_path)


def test_a_root_that_is_a_file_is_refused_in_one_line(tmp_path):
    root = tmp_path / "root"
    root.write_text("")
    with pytest.raises(DataError, match=r"data\.root=FOLDER"):
        ensure_files("mnist", root)


def test_each_mirror_is_tried_and_a_failure_says_what_to_put_where(tmp_path, monkeypatch):
    from torchvision import datasets
    from torchvision.datasets import utils

    tried = []

    def no_network(url, *args, **kwargs):
        tried.append(url)
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(utils, "download_url", no_network)
    with pytest.raises(DataError) as error:
        ensure_files("fashion_mnist", tmp_path)
    assert tried == [f"{mirror}{FILES[0]}.gz" for mirror in datasets.FashionMNIST.mirrors]
    message = str(error.value)
    assert "\n" not in message
    assert str(tmp_path / "FashionMNIST" / "raw") in message
    assert all(f"{file}.gz" in message for file in FILES)


def test_archives_put_by_hand_are_unpacked(tmp_path):
    raw = tmp_path / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    for file in FILES:
        (raw / f"{file}.gz").write_bytes(gzip.compress(file.encode()))
    ensure_files("kmnist", tmp_path)
    assert (raw / FILES[2]).read_bytes() == FILES[2].encode()

"""What a run folder may be and what its config may say, checked before anything is built; no run is trained here."""

import os
import shutil
import signal

import pytest
import yaml
from conftest import stand_in_config

from genlab.errors import RunError
from genlab.runs.configuration import config_dir
from genlab.runs.reading import open_run
from genlab.runs.record import save_config
from genlab.runs.trust import check_config, check_files, read_config


@pytest.fixture(scope="module")
def written(mnist_root, tmp_path_factory):
    """The config of a run, where a run has it; do not write to it."""
    folder = tmp_path_factory.mktemp("written")
    save_config(stand_in_config(mnist_root, folder, "model.latent_dim=20"), [], folder / "run")
    return folder / "run"


@pytest.fixture
def folder(written, tmp_path):
    """The same, to write to."""
    return shutil.copytree(written, tmp_path / "run")


@pytest.fixture
def no_hang():
    """A pipe that is opened would wait forever."""
    signal.alarm(60)
    yield
    signal.alarm(0)


def refused(folder):
    with pytest.raises(RunError) as error:
        read_config(folder / "config.yaml")
    message = str(error.value)
    assert message.startswith(str(folder))
    assert message.isprintable()
    assert len(message) <= 2_003
    return message


def options(group):
    return [f"{group}={path.stem}" for path in sorted((config_dir() / group).glob("*.yaml"))]


@pytest.mark.parametrize(
    "override",
    [option for group in ("model", "data", "experiment", "debug", "logger", "trainer") for option in options(group)],
)
def test_genlabs_own_configs_are_trusted(compose_config, tmp_path, override):
    save_config(compose_config(override), [], tmp_path)
    assert read_config(tmp_path / "config.yaml").keys() >= {"seed", "model", "data", "trainer", "logger", "callbacks"}


VALUES = {
    "a class in a setting": "{_target_: os.system, command: x}",
    "a class in a list": "[{_target_: os.system, command: x}]",
    "a list of classes": "{_target_: [os.system]}",
    "a table as a class": "{_target_: {a: b}}",
    "no class": "{_target_: null}",
    "a class of genlab at another place": "{_target_: genlab.models.vae.VAE}",
    "_partial_": "{_partial_: true}",
    "_args_": "{_args_: []}",
    "_recursive_ without a value": "{_recursive_: null}",
    "_convert_": "{_convert_: {}}",
    "the environment": "${oc.env:HOME}",
    "another setting": "x${seed}",
    "an interpolation as a name": "{'${oc.env:HOME}': 1}",
    "a value that is missing": "'???'",
    "a number as a name": "{3: 4}",
    "nothing as a name": "{null: 4}",
    "a list as a name": "{? [a] : b}",
    "a code of Python": "!!python/object/apply:os.system [x]",
    "a name of Python": "!!python/name:os.system",
    "bytes": "!!binary aGVsbG8=",
    "a set": "!!set {a, b}",
    "a tag without a value": "!!int ''",
    "a tag without a name": "! 3",
    "an anchor": "&a 20",
    "a date": "2001-01-01",
    "a date that is none": "2001-99-99",
    "more digits than Python reads": "9" * 5_000,
    "more sixties than a float holds": "1:" * 300 + "1.5",
}


@pytest.mark.parametrize("value", VALUES)
def test_what_is_no_plain_value_is_refused(folder, value):
    path = folder / "config.yaml"
    text = path.read_text()
    assert "latent_dim: 20" in text
    path.write_text(text.replace("latent_dim: 20", f"latent_dim: {VALUES[value]}"))
    refused(folder)


TEXTS = {
    "nothing": b"",
    "null": b"null",
    "a word": b"hello",
    "a list": b"[1, 2]",
    "two documents": b"a: 1\n---\nb: 2\n",
    "not YAML": b"{",
    "bytes": bytes(range(256)),
    "zeros": bytes(100),
    "UTF-16": "seed: 1".encode("utf-16"),
    "brackets": b"[" * 50_000,
    "tables": b"{a: " * 5_000,
    "aliases": b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
    "a merge": b"a: &a {x: 1}\nb:\n  <<: *a\n",
    "a megabyte": b"a: " + b"x" * 1_000_000,
}


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_config_is_refused(folder, text):
    (folder / "config.yaml").write_bytes(TEXTS[text])
    refused(folder)


SECTIONS = {
    "model": [None, 3, [], {}, {"latent_dim": 2}],
    "data": [None, "x", [], {"_target_": "genlab.models.vae.VAE"}],
    "trainer": [None, 3, {}, {"_target_": "os.system"}],
    "logger": [None, "x", [1], {"evil": {"_target_": "os.system"}}, {"tensorboard": None}],
    "callbacks": [None, "x", [1], {"evil": {"_target_": "os.system"}}, {"samples": {"n": 3}}, {"samples": 3}],
    "seed": [None, [], {}, 1.5],
    "outputs": [None, {"_target_": "os.system"}],
    "run_dir": [[]],
    "hydra": [{}, {"run": {"dir": "../elsewhere"}}],
    "_target_": ["os.system"],
}


@pytest.mark.parametrize(("section", "value"), [(name, value) for name in SECTIONS for value in SECTIONS[name]])
def test_a_section_is_what_genlab_writes(folder, section, value):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    check_config(config)
    with pytest.raises(RunError):
        check_config(config | {section: value})


EVIL = {"_target_": "os.system", "command": "touch marker"}
ADDITIONS = {
    "another class": {"model": {"_target_": "genlab.runs.atomic.write_text", "path": "marker", "text": ""}},
    "args": {"model": {"_args_": ["touch marker"]}},
    "recursive": {"model": {"_recursive_": True}},
    "convert": {"model": {"_convert_": "none"}},
    "nested": {"model": {"hidden_dims": EVIL}},
    "in a list": {"model": {"hidden_dims": [EVIL]}},
    "partial": {"callbacks": {"evil": {**EVIL, "_partial_": True}}},
    "logger": {"logger": {"evil": EVIL}},
    "trainer": {"trainer": EVIL},
    "data": {"data": EVIL},
    "plugins": {"trainer": {"plugins": [EVIL]}},
    "a place of Lightning's": {"trainer": {"default_root_dir": "../elsewhere"}},
    "environment": {"model": {"architecture": "${oc.env:HOME}"}},
    "interpolation in a key": {"model": {"${oc.env:HOME}": 1}},
}


@pytest.mark.parametrize("addition", ADDITIONS)
def test_an_honest_section_gets_nothing_that_is_not_plain(folder, addition):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for section, values in ADDITIONS[addition].items():
        config[section] |= values
    with pytest.raises(RunError):
        check_config(config)


@pytest.mark.parametrize("section", ["model", "data", "trainer", "logger", "callbacks", "seed", "outputs", "run_dir"])
def test_no_section_is_missing(folder, section):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    del config[section]
    with pytest.raises(RunError, match=f"{section} is missing"):
        check_config(config)


@pytest.mark.parametrize("name", ["logger", "callbacks", "plugins", "default_root_dir", "model_registry"])
def test_the_trainer_gets_no_objects_and_no_places(folder, name):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["trainer"][name] = None
    with pytest.raises(RunError, match=f"trainer.{name}"):
        check_config(config)


@pytest.mark.parametrize("root", ["..", "../data", "/data/../../etc", ["x"], 3])
def test_a_data_folder_names_no_way_out(folder, root):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["data"]["root"] = root
    with pytest.raises(RunError, match=r"data\.root"):
        check_config(config)


def test_a_message_obeys_no_one(folder):
    """Neither the terminal does, nor the eye: no colours, no lines, nothing written from right to left."""
    text = (folder / "config.yaml").read_text()
    evil = '"\\e[2J\\nerror: all is well\\u202e' + "x" * 50_000 + '"'
    (folder / "config.yaml").write_text(text.replace("genlab.models.vae.VAE", evil))
    assert "\\u202e" not in ascii(refused(folder))


def test_files_and_folders_are_all_there_is(folder):
    (folder / "images" / "samples").mkdir(parents=True)
    (folder / "images" / "samples" / "epoch_0000.png").touch()
    check_files(folder)


@pytest.mark.parametrize("target", ["/etc/passwd", "/dev/zero", "nowhere", "link", ".", "config.yaml"])
def test_a_link_is_refused_wherever_it_leads(folder, target):
    (folder / "images").mkdir()
    (folder / "images" / "link").symlink_to(target)
    with pytest.raises(RunError, match=r"link: a link, a pipe or a device, .* remove it"):
        open_run(folder)


def test_a_link_to_an_honest_config_is_refused(folder, tmp_path):
    (folder / "config.yaml").rename(tmp_path / "outside")
    (folder / "config.yaml").symlink_to(tmp_path / "outside")
    with pytest.raises(RunError, match=r"config\.yaml: a link, a pipe or a device, .* remove it"):
        open_run(folder)


@pytest.mark.parametrize(
    "name", ["config.yaml", "summary.json", "checkpoints/last.ckpt", "metrics.csv", "hparams.yaml"]
)
def test_a_pipe_is_refused_and_not_waited_for(folder, no_hang, name):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(RunError, match="a link, a pipe or a device"):
        open_run(folder)


def test_a_pipe_is_not_read_as_a_config(folder, no_hang):
    (folder / "config.yaml").unlink()
    os.mkfifo(folder / "config.yaml")
    refused(folder)

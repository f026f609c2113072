"""genlab export: weights with a card, and a model's parts as ONNX, which give what torch gives."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
import yaml
from conftest import first_is_quick
from safetensors.torch import load_file, save_file

import genlab as package
from genlab.errors import RunError
from genlab.models.flow import Flow
from genlab.models.gan import GAN
from genlab.models.vae import VAE
from genlab.networks.labels import LabelEmbedding
from genlab.runs.onnx_parts import TOLERANCE, parts_of

FAMILIES = ["vae", "autoencoder", "gan", "flow"]
PARTS = {
    "vae": {"encoder", "decoder"},
    "autoencoder": {"encoder", "decoder"},
    "gan": {"generator"},
    "flow": {"forward", "inverse"},
}


@pytest.fixture
def exported(runs, genlab, tmp_path):
    """The folder of a safetensors export of the VAE."""
    result = genlab("export", runs["vae"], "--out", "exported")
    assert not result.code, result
    assert result.out.startswith(f"exported: VAE of {runs['vae']} (best.ckpt), safetensors, ")
    return tmp_path / "exported"


def refused(genlab, *arguments):
    result = genlab(*arguments)
    assert result.code in (1, 2), result
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    return result.err


@pytest.mark.parametrize("family", FAMILIES)
def test_a_safetensors_export_is_loaded_as_the_run_is(runs, genlab, tmp_path, family):
    assert not genlab("export", runs[family], "--out", "out").code
    here, there = package.load(runs[family]), package.load(tmp_path / "out")
    assert not there.training
    assert here.state_dict().keys() == there.state_dict().keys()
    assert all(torch.equal(value, there.state_dict()[name]) for name, value in here.state_dict().items())


def test_the_card_says_what_the_weights_are(runs, exported):
    card = json.loads((exported / "card.json").read_text())
    model, summary = package.load(runs["vae"]), json.loads((runs["vae"] / "summary.json").read_text())
    content = (exported / "weights.safetensors").read_bytes()
    assert card["model"] == "VAE"
    assert card["architecture"]["class"] == "genlab.models.vae.VAE"
    arguments = card["architecture"]["arguments"]
    torch.manual_seed(0)
    assert type(model)(**arguments).state_dict().keys() == load_file(exported / "weights.safetensors").keys()
    assert arguments["activation"] == "relu"
    assert card["architecture"]["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert card["files"]["weights.safetensors"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert card["metrics"] == summary["metrics"]
    assert card["protocol"] == summary["protocol"]
    assert card["data"]["name"] == "mnist"
    assert card["data"]["licence"].startswith("CC BY-SA 3.0")
    assert card["versions"]["genlab"] == package.__version__
    assert card["versions"]["torch"].startswith(torch.__version__.partition("+")[0])


def test_an_export_says_nothing_of_the_machine(exported, mnist_root):
    text = "".join(path.read_text() for path in exported.iterdir() if path.suffix in (".json", ".yaml"))
    config, summary = (exported / "config.yaml").read_text(), json.loads((exported / "summary.json").read_text())
    assert yaml.safe_load(config)["data"]["root"] is None
    assert not {"pid", "host"} & summary.keys()
    assert yaml.safe_load((exported / "overrides.yaml").read_text())[0] == "model=vae"
    assert str(mnist_root.parent) not in text


def test_commands_read_an_export_as_a_run(exported, runs, mnist_root, genlab, tmp_path):
    root = f"data.root={mnist_root}"
    for name, command in {"s": ["sample", "-n", "4"], "i": ["interpolate", root], "r": ["reconstruct", root]}.items():
        for folder in (runs["vae"], exported):
            result = genlab(command[0], folder, *command[1:], "--out", f"{name}_{folder.name}.png")
            assert not result.code, result
        assert (tmp_path / f"{name}_run.png").read_bytes() == (tmp_path / f"{name}_exported.png").read_bytes()
    few = ["--samples", "100", "--images", "100", "--likelihood-images", "4", "--importance-samples", "10"]
    assert not genlab("evaluate", exported, root, *few, "--prior-samples", "100").code
    assert json.loads((exported / "evaluation.json").read_text())["checkpoint"] == "weights.safetensors"
    assert not genlab("report", exported).code
    assert "VAE" in (tmp_path / "report.html").read_text()
    assert "an export, which cannot be resumed" in refused(genlab, "resume", exported, "trainer.max_epochs=9", root)
    assert "an export has one set of weights" in refused(genlab, "sample", exported, "--checkpoint", "last")


def test_halves_are_read_as_the_models_own_type(runs, genlab, tmp_path):
    assert not genlab("export", runs["gan"], "--half", "--out", "out").code
    stored = load_file(tmp_path / "out" / "weights.safetensors")
    assert {value.dtype for value in stored.values() if value.is_floating_point()} == {torch.float16}
    for name, value in package.load(tmp_path / "out").state_dict().items():
        torch.testing.assert_close(value, stored[name].to(value.dtype), rtol=0, atol=0)


def test_a_weight_that_has_no_half_is_told(runs, tmp_path):
    from genlab.runs.export import write_weights
    from genlab.runs.reading import open_run

    model = package.load(runs["vae"])
    next(model.parameters()).data[0] = 1e5
    with pytest.raises(RunError, match="a weight is above 65504"):
        write_weights(tmp_path, open_run(runs["vae"]), model, "best.ckpt", half=True)
    assert not list(tmp_path.iterdir())


def test_an_export_is_exported(exported, genlab, tmp_path):
    assert not genlab("export", exported, "--out", "again").code
    assert (tmp_path / "again" / "weights.safetensors").read_bytes() == (exported / "weights.safetensors").read_bytes()


def test_an_evaluation_goes_with_the_weights_that_it_is_of(runs, genlab, tmp_path):
    shutil.copytree(runs["vae"], tmp_path / "run")
    (tmp_path / "run" / "evaluation.json").write_text('{"checkpoint": "last.ckpt"}')
    assert not genlab("export", "run").code
    assert not (tmp_path / "run" / "exports" / "safetensors" / "evaluation.json").exists()
    assert not genlab("export", "run", "--checkpoint", "last", "--out", "last").code
    assert (tmp_path / "last" / "evaluation.json").exists()


# ONNX


@pytest.fixture(scope="module")
def written(runs, tmp_path_factory):
    """written("flow"): (folder of its ONNX export, model)."""
    from genlab.runs.export import new_export, write_card
    from genlab.runs.onnx_parts import write_parts
    from genlab.runs.reading import open_run

    done = {}

    def write(family):
        if family not in done:
            folder = tmp_path_factory.mktemp("onnx") / family
            model = package.load(runs[family])
            with new_export(folder) as staging:
                files, absent = write_parts(staging, model)
                write_card(staging, open_run(runs[family]), model, "best.ckpt", "onnx", files)
            assert not absent
            done[family] = folder, model
        return done[family]

    return write


def given(model, part, batch):
    generator = torch.Generator().manual_seed(7)
    shape = (model.latent_dim,) if part.takes == "z" else (1, 28, 28)
    return (torch.randn if part.takes == "z" else torch.rand)(batch, *shape, generator=generator)


@pytest.mark.parametrize("family", first_is_quick(FAMILIES))
def test_onnxruntime_gives_what_torch_gives_for_any_batch_size(written, family):
    from onnxruntime import InferenceSession

    folder, model = written(family)
    assert {path.stem for path in folder.glob("*.onnx")} == set(parts_of(model)) == PARTS[family]
    for name, part in parts_of(model).items():
        session = InferenceSession(folder / f"{name}.onnx")
        for batch in (1, 2, 7):
            x = given(model, part, batch)
            with torch.no_grad():
                wanted = part.function(x)
            wanted = [wanted] if isinstance(wanted, torch.Tensor) else wanted
            for here, there in zip(wanted, session.run(list(part.gives), {part.takes: x.numpy()}), strict=True):
                assert here.shape == there.shape
                np.testing.assert_allclose(there, here.numpy(), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("family", first_is_quick(FAMILIES))
def test_a_second_reader_which_knows_every_opset_gives_the_same(written, family):
    """The reference implementation of ONNX, in NumPy."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    folder, model = written(family)
    for name, part in parts_of(model).items():
        file = onnx.load(folder / f"{name}.onnx")
        onnx.checker.check_model(file, full_check=True)
        x = given(model, part, 2)
        with torch.no_grad():
            wanted = part.function(x)
        wanted = [wanted] if isinstance(wanted, torch.Tensor) else wanted
        for here, there in zip(wanted, ReferenceEvaluator(file).run(None, {part.takes: x.numpy()}), strict=True):
            np.testing.assert_allclose(there, here.numpy(), rtol=TOLERANCE, atol=TOLERANCE)


LABELLED = {
    "vae": lambda: VAE(latent_dim=3, hidden_dims=[8], conditional=True),
    "vae convolutional": lambda: VAE(architecture="convolutional", latent_dim=3, conditional=True),
    "gan": lambda: GAN(latent_dim=3, conditional=True, label_dropout=0.1),
    "gan convolutional": lambda: GAN(architecture="convolutional", latent_dim=3, conditional=True),
    "flow": lambda: Flow(steps=1, channels=[4, 4], conditional=True),
}


@pytest.mark.parametrize("name", first_is_quick(LABELLED))
def test_the_parts_of_a_conditional_model_take_labels(tmp_path, name):
    from onnxruntime import InferenceSession

    from genlab.runs.onnx_parts import examples_of, write_parts

    torch.manual_seed(0)
    model = LABELLED[name]().eval()
    for parameter in model.parameters():  # of which some are zero at the start; the null label's embedding stays so
        parameter.data += 0.1 * torch.randn_like(parameter)
    for module in model.modules():
        if isinstance(module, LabelEmbedding):
            module.weight.data[10] = 0
    files, absent = write_parts(tmp_path, model)
    assert not absent
    for part_name, part in model.parts.items():
        about = files[f"{part_name}.onnx"]
        assert list(about["inputs"]) == [part.takes, "labels"] and "10 for the null label" in about["meaning"]
        session = InferenceSession(tmp_path / f"{part_name}.onnx")
        given = examples_of(model, part, 1)[part.takes].expand(11, *[-1] * (len(about["inputs"][part.takes]) - 1))
        labels = torch.arange(11)
        with torch.no_grad():
            wanted = [part.function(x[None], labels=y[None]) for x, y in zip(given[:10], labels[:10], strict=True)]
            wanted.append(part.function(given[10:]))  # no label is the null label
        outputs = session.run(None, {part.takes: given.numpy(), "labels": labels.numpy()})
        assert np.ptp(outputs[0], axis=0).max() > 1e-3  # the label counts
        for row, here in enumerate(wanted):
            for one, there in zip([here] if isinstance(here, torch.Tensor) else here, outputs, strict=True):
                np.testing.assert_allclose(there[row], one[0].numpy(), rtol=TOLERANCE, atol=TOLERANCE)


def test_the_card_of_parts_says_what_goes_in_and_out(written):
    folder, _ = written("vae")
    files = json.loads((folder / "card.json").read_text())["files"]
    assert files["decoder.onnx"]["inputs"] == {"z": ["batch", 4]}
    assert files["decoder.onnx"]["outputs"] == {"images": ["batch", 1, 28, 28]}
    assert list(files["encoder.onnx"]["outputs"]) == ["mu", "log_var"]
    assert files["decoder.onnx"]["largest_difference_from_torch"] < TOLERANCE


@pytest.mark.slow
def test_a_flow_forth_and_back_is_where_it_was(written):
    from onnxruntime import InferenceSession

    folder, _ = written("flow")
    x = 0.01 + 0.98 * np.random.default_rng(0).random((5, 1, 28, 28), dtype=np.float32)
    z, _ = InferenceSession(folder / "forward.onnx").run(None, {"x": x})
    np.testing.assert_allclose(InferenceSession(folder / "inverse.onnx").run(None, {"z": z})[0], x, atol=1e-4)


def test_wrong_numbers_are_noticed(runs, tmp_path, monkeypatch):
    from genlab.runs.onnx_parts import write_parts

    model = package.load(runs["autoencoder"])
    monkeypatch.setattr("genlab.runs.onnx_parts.TOLERANCE", -1.0)
    with pytest.raises(RunError, match=r"encoder\.onnx: differs from torch by"):
        write_parts(tmp_path, model)


def test_a_model_without_parts_says_so():
    from genlab.models.autoregressive import Autoregressive

    with pytest.raises(RunError, match=r"Autoregressive has no encoder and no decoder: .* take --format safetensors"):
        parts_of(Autoregressive(layers=1, width=12))


def test_a_missing_package_is_named_with_the_command_of_pip(runs, genlab, tmp_path, monkeypatch):
    monkeypatch.setattr("genlab.runs.onnx_parts.PACKAGES", ("onnx", "onnx_that_is_not_there"))
    said = refused(genlab, "export", runs["vae"], "--format", "onnx", "--out", "out")
    assert "needs onnx_that_is_not_there; pip install 'genlab[onnx]'" in said
    assert not (tmp_path / "out").exists()


# What is wrong


def test_an_export_overwrites_nothing(runs, exported, genlab, tmp_path):
    before = (exported / "card.json").read_bytes()
    assert "exported: is there already" in refused(genlab, "export", runs["gan"], "--out", "exported")
    (tmp_path / "file").touch()
    assert "file: is there already" in refused(genlab, "export", runs["gan"], "--out", "file")
    assert "name another folder with --out" in refused(genlab, "export", runs["gan"], "--out", "file/below")
    assert (exported / "card.json").read_bytes() == before
    assert "--half: only with" in refused(genlab, "export", runs["gan"], "--format", "onnx", "--half", "--out", "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exported", "file"]


def write_other(path):
    save_file({"foreign": torch.zeros(2)}, path / "weights.safetensors")
    card = json.loads((path / "card.json").read_text())
    card["files"]["weights.safetensors"]["sha256"] = hashlib.sha256(
        (path / "weights.safetensors").read_bytes()
    ).hexdigest()
    (path / "card.json").write_text(json.dumps(card))


def write_pickle(path):
    torch.save({"a": 1}, path / "weights.safetensors")
    card = json.loads((path / "card.json").read_text())
    card["files"]["weights.safetensors"]["sha256"] = hashlib.sha256(
        (path / "weights.safetensors").read_bytes()
    ).hexdigest()
    (path / "card.json").write_text(json.dumps(card))


DAMAGES = {
    "bit": (
        lambda path: (path / "weights.safetensors").write_bytes(
            (path / "weights.safetensors").read_bytes()[:-1] + b"\x00\x01"[-1:]
        ),
        "its SHA-256 is not that of card.json",
    ),
    "no card": (lambda path: (path / "card.json").unlink(), "it has no card.json"),
    "no json": (lambda path: (path / "card.json").write_text("{"), "damaged, or card.json is none of genlab's"),
    "a list": (lambda path: (path / "card.json").write_text("[]"), "damaged, or card.json is none of genlab's"),
    "deep": (lambda path: (path / "card.json").write_text("[" * 100_000), "damaged, or card.json is none of genlab's"),
    "foreign card": (
        lambda path: (path / "card.json").write_text('{"license": "mit"}'),
        "is none of genlab's",
    ),
    "newer": (lambda path: (path / "card.json").write_text('{"card": 2}'), "install the version that wrote it"),
    "other weights": (write_other, "has not the weights of the VAE"),
    "pickle": (write_pickle, "damaged, or card.json is none"),
    "no config": (lambda path: (path / "config.yaml").unlink(), "no run folder, it has no config.yaml"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_export_is_answered_in_one_line(exported, genlab, damage):
    do, words = DAMAGES[damage]
    do(exported)
    assert words in refused(genlab, "sample", exported)


def test_a_strangers_class_is_refused_in_an_export_too(exported, genlab):
    config = yaml.safe_load((exported / "config.yaml").read_text())
    config["model"]["_target_"] = "subprocess.Popen"
    (exported / "config.yaml").write_text(yaml.safe_dump(config))
    assert "subprocess.Popen is not a class that genlab's configs name there" in refused(genlab, "sample", exported)

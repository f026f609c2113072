"""The autoregressive model's probabilities, what it draws from them, and whole runs of it."""

import itertools
import json
import math

import pytest
import torch
from pydantic import ValidationError

from genlab.capabilities import CanComplete, CanDecode, CanEncode, CanReconstruct, CanSample, CanWeigh, HasLikelihood
from genlab.errors import ConfigError
from genlab.evaluation.likelihood_scores import likelihood_scores
from genlab.evaluation.settings import EvaluationSettings
from genlab.models.autoregressive import Autoregressive
from genlab.models.vae import VAE
from genlab.training.train import train

SHAPE = (1, 4, 6)
TRANSFORMER = {"layers": 2, "width": 12, "heads": 3}
MADE = {"architecture": "made", "hidden_dims": (60,), "orders": 3}
KINDS = {"transformer": TRANSFORMER, "made": MADE}
QUICK = ["model=autoregressive", "debug=fast", "data.batch_size=10", "data.eval_batch_size=10"]
QUICK += ["model.layers=1", "model.width=8", "model.heads=2", "model.hidden_dims=[16]"]
QUICK += ["callbacks.samples.n=1", "callbacks.completion.rows=1", "callbacks.completion.ways=2"]

every_kind = pytest.mark.parametrize("kind", KINDS)


def model(kind="transformer", **more):
    """A model that is not uniform: its logits are a few apart."""
    torch.manual_seed(0)
    model = Autoregressive(**{"image_shape": SHAPE, "patch_size": (1, 2), **KINDS[kind], **more}).double().eval()
    last = model.network.layers[-1] if kind == "made" else model.network.head[-1]
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.mul_(5)
    return model


@pytest.fixture
def images():
    return torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def all_images(shape):
    """Of binary pixels, (2^D, C, H, W)."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=math.prod(shape)))).double().view(-1, *shape)


def by_hand(model, x, order, temperature=1.0):
    """Σ_i log p(x_i | those before it) of one image (1, C, H, W): a pass a patch, which knows no later one."""
    (patches,) = model.patches(x)
    ranks = model.network.ranks[order] if hasattr(model.network, "ranks") else torch.arange(len(patches))
    total = 0.0
    for i, patch in enumerate(patches):
        known = torch.where((ranks < ranks[i]).unsqueeze(1), patches, torch.full_like(patches, 0.3))
        log_p = (model.logits(known.unsqueeze(0), order)[0, i] / temperature).log_softmax(0)
        (symbol,) = (model.palette - patch).abs().sum(1).eq(0).nonzero().flatten()
        total = total + log_p[symbol]
    return total


# Probabilities


@every_kind
@pytest.mark.parametrize("patch_size", [(1, 1), (1, 2), (2, 2)])
def test_the_probabilities_of_all_images_sum_to_one(kind, patch_size):
    shape = (1, 2, 6)
    probabilities = model(kind, image_shape=shape, patch_size=patch_size).exact_log_likelihood(all_images(shape)).exp()
    assert len(probabilities) == 4096
    assert probabilities.max() > 4 / 4096  # not uniform
    torch.testing.assert_close(probabilities.sum().item(), 1.0)


@every_kind
def test_the_probabilities_of_all_8_bit_images_sum_to_one(kind):
    first, second = torch.meshgrid(torch.arange(256) / 255, torch.arange(256) / 255, indexing="ij")
    images = torch.stack([first, second], dim=-1).double().view(-1, 1, 1, 2)
    eight_bit = model(kind, pixels="8-bit", patch_size=(1, 1), image_shape=(1, 1, 2))
    parts = images.split(4096)
    with torch.no_grad():
        total = sum(eight_bit.exact_log_likelihood(some).exp().sum().item() for some in parts)
    assert total == pytest.approx(1)


@every_kind
@pytest.mark.parametrize("channels", [1, 2])
def test_the_likelihood_is_the_sum_over_patches_and_the_mean_over_orders(kind, channels):
    shape = (channels, 4, 6)
    several = model(kind, image_shape=shape)
    x = torch.rand(3, *shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64).round()
    for image, found in zip(x.split(1), several.exact_log_likelihood(x), strict=True):
        of_orders = torch.stack([by_hand(several, image, order) for order in range(several.orders)])
        torch.testing.assert_close(found, of_orders.exp().mean().log())


def test_training_takes_the_orders_in_turn(images):
    made = model("made")
    x = images.round()
    for batch_idx, order in [(0, 0), (1, 1), (2, 2), (3, 0)]:
        torch.manual_seed(0)
        found = made.train().training_step((x, torch.zeros(5)), batch_idx)
        torch.testing.assert_close(found["nll"], -made.log_likelihood_in(order, x).mean())
        assert found["loss"].item() == found["nll"].item()


def test_bits_per_dim_are_the_negative_log_likelihood_in_another_unit(images):
    eight_bit = model(pixels="8-bit", patch_size=(1, 1))
    levels = (images * 255).round() / 255
    found = eight_bit.training_step((levels, torch.zeros(5)), 0)
    torch.testing.assert_close(found["log_likelihood"], eight_bit.exact_log_likelihood(levels).mean())
    torch.testing.assert_close(found["bits_per_dim"], -found["log_likelihood"] / (24 * math.log(2)))
    assert eight_bit.quantities == ("bits_per_dim", "log_likelihood") == tuple(eight_bit.protocol)


@pytest.mark.parametrize("training", [True, False])
def test_binary_pixels_are_drawn_as_the_vae_s(images, training):
    drawn = []
    for one in (model(), VAE(latent_dim=2, hidden_dims=[4], image_shape=SHAPE)):
        torch.manual_seed(3)
        drawn.append(one.train(training).observe(images))
    assert torch.equal(*drawn)
    assert 0 < drawn[0].mean() < 1


@pytest.mark.parametrize(("pixels", "patch_size"), [("binary", (2, 3)), ("8-bit", (1, 1))])
def test_symbols_and_patches_are_the_image_again(images, pixels, patch_size):
    one = model(pixels=pixels, patch_size=patch_size)
    x = images.round() if pixels == "binary" else (images * 255).round() / 255
    patches = one.patches(x)
    torch.testing.assert_close(one.images(patches), x)
    torch.testing.assert_close(one.palette[one.symbols(patches)], patches, check_dtype=False, rtol=0, atol=1e-6)
    assert one.symbols(one.palette).tolist() == list(range(len(one.palette)))
    torch.testing.assert_close(patches[0, 1], x[0, :, : patch_size[0], patch_size[1] : 2 * patch_size[1]].flatten())


# What is drawn


def assert_frequencies(drawn, expected):
    """Each image as often as it should: within five standard deviations, beyond which one of 16 is by 1e-5."""
    numbers = (drawn.flatten(1) @ 2.0 ** torch.arange(4).flip(0).double()).long()
    frequencies = numbers.bincount(minlength=16) / len(drawn)
    bound = 5 * (expected * (1 - expected) / len(drawn)).sqrt()
    assert ((frequencies - expected).abs() <= bound).all()


@every_kind
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_samples_are_as_frequent_as_they_are_probable(kind, temperature):
    one, every = model(kind, image_shape=(1, 2, 2), patch_size=(1, 1)), all_images((1, 2, 2))
    log_p = [[by_hand(one, x, order, temperature).item() for order in range(one.orders)] for x in every.split(1)]
    expected = torch.tensor(log_p, dtype=torch.float64).exp().mean(1)
    if temperature == 1:
        torch.testing.assert_close(expected, one.exact_log_likelihood(every).exp())
    assert expected.max() > 2 * expected.min()
    assert_frequencies(one.sample(20_000, torch.Generator().manual_seed(5), temperature=temperature), expected)


@every_kind
def test_completions_are_as_frequent_as_they_are_probable(kind):
    one, every = model(kind, image_shape=(1, 2, 2), patch_size=(1, 1)), all_images((1, 2, 2))
    upper = torch.tensor([1.0, 0.0]).double()
    joint = one.log_likelihood_in(0, every).exp() * (every[:, 0, 0] == upper).all(1)
    image = torch.stack([upper, upper]).view(1, 1, 2, 2).expand(20_000, -1, -1, -1)
    assert_frequencies(one.complete(image, 1, torch.Generator().manual_seed(5)), joint / joint.sum())


@every_kind
@pytest.mark.parametrize(("rows", "kept"), [(0, 0), (2, 2), (3, 2), (4, 4)])
def test_a_completion_keeps_the_rows_whose_patches_are_whole(images, kind, rows, kept):
    one = model(kind, patch_size=(2, 2))
    completed = one.complete(images, rows, torch.Generator().manual_seed(5))
    x = one.observe(images)
    assert torch.equal(completed[:, :, :kept], x[:, :, :kept])
    assert kept == 4 or not torch.equal(completed[:, :, kept:], x[:, :, kept:])


@pytest.mark.parametrize("start", [0, 5])
def test_with_a_cache_the_same_is_drawn_to_the_bit(images, start):
    one = model(patch_size=(2, 2), image_shape=(1, 12, 12))
    patches = one.patches(torch.rand(50, 1, 12, 12, dtype=torch.float64).round())
    uniform = torch.rand(50, 36, dtype=torch.float64)
    cached, uncached = (one.draw(patches, uniform, start, cached=cached) for cached in (True, False))
    assert torch.equal(cached, uncached)
    assert torch.equal(cached[:, :start], patches[:, :start])


@every_kind
def test_samples_are_binary_images_that_a_generator_fixes(kind):
    first, second = (model(kind).sample(4, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (4, *SHAPE)
    assert set(first.unique().tolist()) == {0.0, 1.0}


def test_what_is_drawn_keeps_no_gradient(images):
    assert not model().sample(2).requires_grad
    assert not model().complete(images, 2).requires_grad


def test_its_capabilities():
    one = model()
    assert all(isinstance(one, able) for able in (CanSample, CanComplete, HasLikelihood))
    assert not any(isinstance(one, able) for able in (CanEncode, CanDecode, CanReconstruct, CanWeigh))


# Numbers


@every_kind
def test_autocast_changes_nothing_outside_training(images, kind):
    one, images = model(kind).float(), images.float()

    def numbers():
        generator = torch.Generator().manual_seed(5)
        return one.exact_log_likelihood(images), one.sample(9, generator), one.complete(images, 2, generator)

    exact = numbers()
    with torch.autocast("cpu", torch.bfloat16):
        assert all(torch.equal(*pair) for pair in zip(exact, numbers(), strict=True))
        rounded = one.log_likelihood_in(0, one.observe(images))
    assert rounded.dtype == torch.float32
    # 24 pixels, whose logits of a few have 8 bits under bfloat16: some hundredths of a nat each
    torch.testing.assert_close(rounded, one.log_likelihood_in(0, one.observe(images)), rtol=0, atol=0.05 * 24)


@every_kind
def test_every_parameter_gets_a_gradient(images, kind):
    one = model(kind)
    one.exact_log_likelihood(images).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in one.parameters())


@pytest.mark.parametrize(
    "wrong",
    [
        {"architecture": "mlp"},
        {"pixels": "grey"},
        {"patch_size": (2,)},
        {"patch_size": (2, 0)},
        {"layers": 0},
        {"hidden_dims": []},
        {"orders": 0},
        {"positions": "none"},
        {"learning_rate": 0.0},
        {"warmup_steps": -1},
        {"latent_dim": 64},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        Autoregressive(**wrong)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.patch_size=[3,3]", r"patch_size: images of 28x28 are not made of patches of 3x3"),
        ("model.pixels=8-bit", r"patch_size: 4 8-bit pixels make 4294967296 symbols; use smaller patches"),
        ("model.heads=5", r"the heads of the attention share its width: 5 do not divide 96"),
    ],
)
def test_what_does_not_fit_together_is_one_line(compose_config, override, message):
    with pytest.raises(ConfigError, match=message):
        train(compose_config("model=autoregressive", override))


# Evaluation


def test_the_evaluation_has_the_exact_likelihood(images):
    one, settings = model(), EvaluationSettings(published_nll=80.0)
    with torch.no_grad():
        found = likelihood_scores(one, images, settings)
    score, expected = found.scores["nll"], -one.exact_log_likelihood(images)
    assert score.value == pytest.approx(expected.mean().item())
    assert score.standard_error == pytest.approx(expected.std().item() / math.sqrt(5))
    assert (score.protocol, score.estimator) == ("binary pixels, drawn once for each image; 5 test images", "exact")
    assert score.published == 80.0
    assert set(found.absent) == {"bits_per_dim"}


@pytest.mark.parametrize(("binarization", "alike"), [("stochastic", True), ("threshold", False)])
def test_its_likelihood_compares_with_the_estimate_of_a_vae_on_the_same_pixels(images, binarization, alike):
    vae = VAE(latent_dim=2, hidden_dims=[4], binarization=binarization, image_shape=tuple(images.shape[1:]))
    vae = vae.eval().to(images)
    settings = EvaluationSettings(importance_samples=2, prior_samples=2)
    with torch.no_grad():
        exact, bound = (likelihood_scores(one, images, settings).scores["nll"] for one in (model(), vae))
    assert (exact.protocol == bound.protocol) is alike
    assert (exact.estimator, bound.estimator) == ("exact", "upper bound: log-mean-exp of 2 importance samples")


def test_the_evaluation_has_bits_per_dim_of_8_bit_pixels(images):
    one = model(pixels="8-bit", patch_size=(1, 1))
    with torch.no_grad():
        found = likelihood_scores(one, images, EvaluationSettings())
    expected = -one.exact_log_likelihood(images).mean().item() / (24 * math.log(2))
    assert found.scores["bits_per_dim"].value == pytest.approx(expected)
    assert set(found.absent) == {"nll"}


@pytest.mark.parametrize("kind", ["transformer", "made"])
@pytest.mark.parametrize("cached", [True, False])
def test_it_says_how_often_a_sample_evaluates_the_network(kind, cached):
    one, calls = model(kind), []
    one.network.register_forward_hook(lambda *_: calls.append(1))
    patches = torch.zeros(2, math.prod(one.grid), one.palette.shape[1]).double()
    one.draw(patches, torch.rand(patches.shape[:2]).double(), cached=cached)
    assert len(calls) == one.network_evaluations > 1
    assert Autoregressive(patch_size=(2, 2)).network_evaluations == 196
    assert Autoregressive(architecture="made", patch_size=(1, 1)).network_evaluations == 784


# Whole runs


@pytest.mark.parametrize("architecture", ["transformer", "made"])
def test_it_trains(compose_config, tmp_path, architecture):
    chosen = [f"model.architecture={architecture}", "model.orders=2", "trainer.precision=bf16-mixed", "evaluate=true"]
    chosen += ["trainer.limit_train_batches=2"]
    metrics = train(compose_config(*QUICK, *chosen, "evaluation.samples=100", "evaluation.images=100"))
    assert all(0 < metrics[f"{split}/nll"] < 784 for split in ("train", "val", "test"))
    for picture in ("samples", "completion"):
        assert len(list((tmp_path / "run" / "images" / picture).glob("epoch_*.png"))) == 3

    checkpoint = torch.load(tmp_path / "run" / "checkpoints" / "best.ckpt", weights_only=True)
    again = Autoregressive(**checkpoint["hyper_parameters"])
    again.load_state_dict(checkpoint["state_dict"])
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["protocol"]["test/nll"] == again.protocol["nll"]  # not that of the callback, which measured nothing
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert evaluation["scores"]["nll"]["estimator"] == "exact"


def test_it_trains_on_8_bit_pixels(compose_config):
    chosen = ["model.pixels=8-bit", "model.patch_size=[1,1]", "callbacks.checkpoints.monitor=val/bits_per_dim"]
    metrics = train(compose_config(*QUICK, *chosen, "trainer.max_epochs=1", "~callbacks.completion"))
    for split in ("train", "val", "test"):
        expected = -metrics[f"{split}/log_likelihood"] / (784 * math.log(2))
        assert metrics[f"{split}/bits_per_dim"] == pytest.approx(expected, rel=1e-5)

"""The flow's likelihood, its latents, and whole runs of it."""

import json
import math

import pytest
import torch
from pydantic import ValidationError

from genlab.bijections import LEVELS, MaskedCoupling
from genlab.capabilities import CanDecode, CanEncode, CanReconstruct, CanSample, CanTrace, CanWeigh
from genlab.errors import ConfigError, NonFiniteError
from genlab.models.fixed_noise import fixed_uniform
from genlab.models.flow import Flow
from genlab.training.train import build, train

SHAPE = (1, 8, 8)
D = 64
SMALL = {"couplings": 2, "hidden_dims": [16], "steps": 2, "channels": [4, 6], "image_shape": SHAPE}
ARCHITECTURES = ["mlp", "convolutional"]
DEQUANTIZATIONS = ["uniform", "variational"]
QUICK = [
    "model=flow",
    "model.couplings=2",
    "model.hidden_dims=[16]",
    "model.steps=1",
    "model.channels=[4,4]",
    "model.dequantization_samples=2",
    "data.batch_size=10",
    "data.eval_batch_size=10",
    "debug=fast",
]

every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)
every_dequantization = pytest.mark.parametrize("dequantization", DEQUANTIZATIONS)


@pytest.fixture
def images():
    return torch.randint(LEVELS, (6, *SHAPE), generator=torch.Generator().manual_seed(1)) / 255


def noise(k, seed=2):
    return torch.rand(k, 6, *SHAPE, generator=torch.Generator().manual_seed(seed))


def flow(images, architecture="convolutional", dequantization="variational", **more):
    """A flow that is not the identity anywhere: activation norms have seen a batch, no weight is 0."""
    torch.manual_seed(0)
    model = Flow(architecture=architecture, dequantization=dequantization, **{**SMALL, **more})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
        model.log_density(images, torch.rand_like(images))
    return model.eval()


# The likelihood


@every_architecture
@every_dequantization
def test_log_density_is_the_change_of_variables_by_autograd(images, architecture, dequantization):
    model = flow(images, architecture, dequantization).double()
    image, uniform = images[:1].double(), noise(1)[0, :1].double()

    def to_z(uniform):
        return model.flow(model.dequantization(image, uniform)[0])[0].flatten()

    # u has density 1, so log p(x) − log q(x) = log N(z; 0, I) + log |det dz/du|
    jacobian = torch.autograd.functional.jacobian(to_z, uniform).view(D, D)
    prior = torch.distributions.Normal(0, 1).log_prob(to_z(uniform)).sum()
    expected = prior + torch.linalg.slogdet(jacobian).logabsdet
    torch.testing.assert_close(model.log_density(image, uniform)[0], expected)


def test_bits_per_dim_are_the_negative_log_likelihood_in_another_unit(images):
    model = flow(images).train()
    measured = model.training_step((images, torch.zeros(6)), 0)
    torch.testing.assert_close(measured["bits_per_dim"], -measured["log_likelihood"] / (D * math.log(2)))
    assert measured["loss"] is measured["bits_per_dim"]


@pytest.mark.parametrize("k", [2, 8])
def test_the_test_estimate_is_above_the_mean_of_its_single_draws(images, k):
    model, uniform = flow(images), noise(k)
    draws = torch.stack([model.log_density(images, u) for u in uniform])
    estimate = model.log_likelihood(images, uniform)
    assert (estimate > draws.mean(0)).all()  # Jensen
    assert (estimate < draws.amax(0)).all()  # a mean of unequal weights is below the largest


def test_validation_takes_one_draw_and_test_several_each_the_image_s_own(images, monkeypatch):
    model, logged = flow(images, dequantization_samples=3), {}
    monkeypatch.setattr(model, "log_dict", lambda means, **_: logged.update(means))
    for step, split, k in ((model.validation_step, "val", 1), (model.test_step, "test", 3)):
        step((images, torch.zeros(6)), 0)
        uniform = fixed_uniform(images, (k, *SHAPE)).transpose(0, 1)
        torch.testing.assert_close(logged[f"{split}/log_likelihood"], model.log_likelihood(images, uniform).mean())
    assert logged["test/log_likelihood"] != logged["val/log_likelihood"]


@every_architecture
@every_dequantization
def test_every_parameter_gets_a_gradient(images, architecture, dequantization):
    model = flow(images, architecture, dequantization)
    model.log_density(images, noise(1)[0]).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@every_architecture
@every_dequantization
def test_log_weights_are_log_densities_of_new_noise(images, architecture, dequantization):
    model = flow(images, architecture, dequantization)
    log_weights = model.log_weights(images, 3, torch.Generator().manual_seed(7))
    draws = torch.rand(3, *images.shape, generator=torch.Generator().manual_seed(7))
    expected = torch.stack([model.log_density(images, uniform) for uniform in draws])
    torch.testing.assert_close(log_weights, expected)
    assert log_weights.std(0).min() > 0


# Latents


@every_architecture
def test_decode_inverts_encode(images, architecture):
    # half of a cell, 1/512, is more than rounding makes in float32, so the 8-bit image itself returns
    model = flow(images, architecture)
    z = model.encode(images)
    assert z.shape == (6, model.latent_dim) == (6, D)
    torch.testing.assert_close(model.decode(z), images, rtol=0, atol=1e-6)


@every_architecture
def test_autocast_changes_nothing_outside_training(images, monkeypatch, architecture):
    model, logged = flow(images, architecture), []
    monkeypatch.setattr(model, "log_dict", lambda means, **_: logged.append(means))
    z = torch.randn(64, D, generator=torch.Generator().manual_seed(3))
    exact = model.encode(images), model.decode(z)
    model.test_step((images, torch.zeros(6)), 0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model.encode(images), exact[0])
        assert torch.equal(model.decode(z), exact[1])
        model.test_step((images, torch.zeros(6)), 0)
    assert logged[0] == logged[1]


@every_architecture
def test_samples_are_images(images, architecture):
    samples = flow(images, architecture).sample(5)
    assert samples.shape == (5, *SHAPE)
    assert 0 <= samples.min() <= samples.max() <= 1
    torch.testing.assert_close(samples * 255, (samples * 255).round(), rtol=0, atol=1e-4)


def test_a_generator_fixes_the_samples(images):
    first, second = (flow(images).sample(4, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second)


def test_temperature_scales_z(images):
    model = flow(images)
    cold = model.sample(4, temperature=0.0)
    torch.testing.assert_close(cold, model.decode(torch.zeros(4, D)))
    assert torch.equal(cold[0], cold[3])
    z = torch.randn(4, D, generator=torch.Generator().manual_seed(3))
    assert torch.equal(model.sample(4, torch.Generator().manual_seed(3), temperature=0.7), model.decode(0.7 * z))


def test_its_capabilities(images):
    model = flow(images)
    assert all(isinstance(model, able) for able in (CanSample, CanEncode, CanDecode, CanTrace, CanWeigh))
    assert not isinstance(model, CanReconstruct)  # which would be the image


# Numbers


@every_architecture
@every_dequantization
def test_under_autocast_likelihoods_stay_float32(images, architecture, dequantization):
    model = flow(images, architecture, dequantization)
    exact = model.log_density(images, noise(1)[0])
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model.log_density(images, noise(1)[0])
    assert rounded.dtype == torch.float32
    # bfloat16 has 8 bits; a thousandth of a nat a pixel and layer is what their rounding may cost
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.1 * D)


@pytest.mark.parametrize(
    "wrong",
    [
        {"architecture": "glow"},
        {"couplings": 0},
        {"hidden_dims": [0]},
        {"channels": []},
        {"logit_bound": 0.5},
        {"logit_bound": 0.0},
        {"dequantization": "none"},
        {"dequantization_samples": 0},
        {"learning_rate": 0.0},
        {"warmup_steps": -1},
        {"latent_dim": 64},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        Flow(**wrong)


# Whole runs


@every_architecture
@every_dequantization
def test_it_trains(compose_config, tmp_path, architecture, dequantization):
    chosen = [f"model.architecture={architecture}", f"model.dequantization={dequantization}"]
    cfg = compose_config(*QUICK, *chosen, "trainer.precision=bf16-mixed", "trainer.limit_train_batches=2")
    metrics = train(cfg)
    for split in ("train", "val", "test"):
        assert math.isfinite(metrics[f"{split}/bits_per_dim"])
        expected = -metrics[f"{split}/log_likelihood"] / (784 * math.log(2))
        assert metrics[f"{split}/bits_per_dim"] == pytest.approx(expected, rel=1e-5)
    for picture in ("samples", "interpolation"):
        assert len(list((tmp_path / "run" / "images" / picture).glob("epoch_*.png"))) == 3

    checkpoint = torch.load(tmp_path / "run" / "checkpoints" / "best.ckpt", weights_only=True)
    floating = [tensor for tensor in checkpoint["state_dict"].values() if tensor.is_floating_point()]
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["precision"] == "bf16-mixed"
    assert all(tensor.dtype == torch.float32 for tensor in floating)


def test_a_checkpoint_gives_the_bits_per_dim_of_its_validation(compose_config, tmp_path):
    cfg = compose_config(*QUICK, "trainer.max_epochs=1", "trainer.limit_val_batches=1", "data.eval_batch_size=50")
    metrics = train(cfg)
    checkpoint = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    model = Flow(**checkpoint["hyper_parameters"]).eval()
    model.load_state_dict(checkpoint["state_dict"])
    logged = {}
    model.log_dict = lambda means, **_: logged.update(means)
    data = build(cfg).data
    data.prepare_data()
    data.setup("fit")
    with torch.no_grad():
        model.validation_step(next(iter(data.val_dataloader())), 0)
    assert logged["val/bits_per_dim"].item() == pytest.approx(metrics["val/bits_per_dim"], rel=1e-6)


def test_the_learning_rate_rises_and_falls_to_zero_at_the_end(compose_config, monkeypatch):
    rates = []

    def watch(self, outputs, batch, batch_idx):
        rates.append(self.optimizers().param_groups[0]["lr"])

    monkeypatch.setattr(Flow, "on_train_batch_end", watch)
    train(compose_config(*QUICK, "model.warmup_steps=3", "model.learning_rate=0.01"))
    assert len(rates) == 10
    assert max(rates) == rates[2] <= 0.01  # what the fourth step will use
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_without_an_end_there_is_no_schedule(compose_config):
    with pytest.raises(ConfigError, match=r"until the end of the run: set trainer\.max_epochs"):
        train(compose_config(*QUICK, "trainer.max_epochs=-1"))


def test_half_precision_parameters_are_refused(compose_config):
    with pytest.raises(ConfigError, match=r"trainer\.precision=bf16-true: should be .*'bf16-mixed'"):
        train(compose_config(*QUICK, "trainer.precision=bf16-true"))


def test_a_non_finite_weight_stops_training_and_its_layer_is_named(compose_config, monkeypatch):
    def spoil(self, batch, batch_idx):
        if batch_idx == 2:
            coupling = self.flow[3]
            assert isinstance(coupling, MaskedCoupling)
            coupling.bound.data[5] = math.inf

    monkeypatch.setattr(Flow, "on_train_batch_start", spoil)
    message = r"non-finite loss in epoch 1, batch 3: first in layer 3 \(MaskedCoupling\); try a smaller"
    with pytest.raises(NonFiniteError, match=message) as caught:
        train(compose_config(*QUICK, "model.architecture=mlp"))
    assert isinstance(caught.value, FloatingPointError)


def test_non_finite_dequantization_is_named(images):
    model = flow(images)
    model.dequantization.noise.couplings[1].bound.data.fill_(math.nan)
    assert model._first_non_finite(images, noise(1)[0]) == "the dequantization"


# From noise to image


@every_architecture
def test_a_trajectory_goes_from_the_noise_to_the_sample(images, architecture):
    model = flow(images, architecture)
    seen = model.trajectory(3, 5, torch.Generator().manual_seed(7))
    assert seen.shape == (3, 5, *SHAPE)
    assert torch.equal(seen[:, -1], model.sample(3, torch.Generator().manual_seed(7)))
    assert len(seen[0].unique(dim=0)) == (5 if architecture == "convolutional" else 3)  # with two couplings
    # in the noise there is nothing of the weights, and in the model nothing has changed
    for parameter in model.parameters():
        parameter.data.add_(0.1)
    again = model.trajectory(3, 5, torch.Generator().manual_seed(7))
    assert torch.equal(again[:, 0], seen[:, 0])
    assert not torch.equal(again[:, -1], seen[:, -1])
    assert again[:, 0].std() > 0.1  # the logistic function of N(0, 1)

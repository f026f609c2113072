"""Flow matching: exact on Gaussian data, where all is known in closed form, and whole runs of it."""

import copy
import json
import math
from functools import partial

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from genlab.capabilities import (
    CanDecode,
    CanEncode,
    CanEstimateLikelihood,
    CanReconstruct,
    CanSample,
    CanTrace,
    CanWeigh,
    HasLikelihood,
)
from genlab.errors import ConfigError
from genlab.evaluation.likelihood_scores import likelihood_scores
from genlab.evaluation.settings import EvaluationSettings
from genlab.models.flow_matching import EARLIEST, GUIDED, FlowMatching
from genlab.models.ode_solvers import integrate
from genlab.objectives.paths import coefficients, velocity
from genlab.objectives.trace import rademacher
from genlab.training.train import train

SHAPE = (1, 4, 4)
D = 16
TRANSFORMER = {"architecture": "transformer", "patch_size": (2, 2), "layers": 2, "width": 8, "heads": 2}
UNET = {"architecture": "convolutional", "channels": (4, 6)}
BY_PATCHES = "model.architecture=transformer"
ARCHITECTURES = {"transformer": TRANSFORMER, "convolutional": UNET}
FIELDS = [("linear", "velocity"), ("cosine", "velocity"), ("linear", "noise"), ("cosine", "noise")]
QUICK = ["model=flow_matching", "debug=fast", "data.batch_size=10", "data.eval_batch_size=10"]
QUICK += ["model.layers=1", "model.width=8", "model.heads=2", "model.channels=[4,4]"]
QUICK += ["callbacks.samples.n=1", "callbacks.trajectory.rows=1", "callbacks.interpolation.rows=1"]
QUICK += ["callbacks.traversals.rows=1", "callbacks.traversals.images=2"]

every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)
every_field = pytest.mark.parametrize(("path", "prediction"), FIELDS)


class OfGaussianData(nn.Module):
    """E[dx_t/dt | x_t] or E[x_0 | x_t] for x_1 ~ N(m, diag s²), each pixel by itself."""

    def __init__(self, path, prediction, m, s):
        super().__init__()
        self.path, self.prediction = path, prediction
        self.m, self.s = nn.Parameter(m), nn.Parameter(s)

    def forward(self, x, t, labels=None):
        at = coefficients(self.path, t.view(-1, 1, 1, 1))
        off = (x - at.alpha * self.m) / (at.alpha**2 * self.s**2 + at.sigma**2)
        noise, data = at.sigma * off, self.m + at.alpha * self.s**2 * off
        return noise if self.prediction == "noise" else velocity(at, noise, data)


def of_gaussian_data(path="linear", prediction="velocity", earliest=EARLIEST):
    """A model that is as good as can be on x_1 ~ N(m, diag s²)."""
    generator = torch.Generator().manual_seed(0)
    m = torch.rand(1, *SHAPE, generator=generator, dtype=torch.float64) - 0.5
    s = 0.2 + 0.2 * torch.rand(1, *SHAPE, generator=generator, dtype=torch.float64)
    model = FlowMatching(path=path, prediction=prediction, image_shape=SHAPE, ema_decay=0.0, **TRANSFORMER).double()
    model.network = OfGaussianData(path, prediction, m, s)
    return model.eval(), m, s


def model(architecture="transformer", **more):
    """One whose field is not 0."""
    torch.manual_seed(0)
    model = FlowMatching(image_shape=SHAPE, **{**ARCHITECTURES[architecture], **more}).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture
def images():
    return torch.randint(256, (5, *SHAPE), generator=torch.Generator().manual_seed(1)).double() / 255


def draw(*shape, seed=2):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Exact on Gaussian data


@every_field
def test_the_field_is_the_derivative_of_the_exact_way(path, prediction):
    """x_t = α m + √(α² s² + σ²) x_0 of each pixel: so the way goes, through the same quantile at each t."""
    exact, m, s = of_gaussian_data(path, prediction)
    noise, t = draw(7, *SHAPE), torch.linspace(0.1, 0.9, 7).double()

    def way(t):
        at = coefficients(path, t.view(-1, 1, 1, 1))
        return at.alpha * m + (at.alpha**2 * s**2 + at.sigma**2).sqrt() * noise

    x, expected = torch.func.jvp(way, (t,), (torch.ones_like(t),))
    torch.testing.assert_close(exact.velocity(x, t), expected)


@every_field
def test_samples_are_those_of_the_gaussian(path, prediction):
    """x_1 = m + s x_0. What predicts noise begins at t = 0.01 with N(0, I), which is 0.01 off."""
    exact, m, s = of_gaussian_data(path, prediction)
    noise = draw(6, D)
    found = exact._carry(noise.view(-1, *SHAPE), exact.start, 1.0, None, solver="heun", steps=400)
    start = coefficients(path, torch.tensor(exact.start).double())
    began = (noise.view(-1, *SHAPE) - start.alpha * m) / (start.alpha**2 * s**2 + start.sigma**2).sqrt()
    # Heun's error is of the order of h² = 6e-6; the noise's field is 1/t ≤ 100 times as steep at the start
    torch.testing.assert_close(found, m + s * began, rtol=0, atol=1e-4 if prediction == "velocity" else 5e-3)
    images = exact.decode(noise, steps=400)
    torch.testing.assert_close(images, ((found + 1) / 2 * 256).floor().clamp(0, 255) / 255)


@every_field
def test_the_likelihood_is_that_of_the_gaussian(path, prediction, images):
    """The Jacobian is diagonal, so that any probe of signs gives its trace itself."""
    exact, m, s = of_gaussian_data(path, prediction)
    uniform, probe = (torch.rand(images.shape, generator=torch.Generator().manual_seed(i)).double() for i in (3, 4))
    found, count = exact.log_density(images, uniform, rademacher(probe), solver="adaptive", tolerance=1e-9)
    x, ladj = exact.observe(images, uniform)
    start = coefficients(path, torch.tensor(exact.start).double())
    spread = (start.alpha**2 * s**2 + start.sigma**2).sqrt()  # of x at the start, where N(0, 1) is taken for it
    began = start.alpha * m + spread * (x - m) / s
    expected = torch.distributions.Normal(0, 1).log_prob(began) + (spread / s).log()
    torch.testing.assert_close(found, expected.flatten(1).sum(1) + ladj, rtol=1e-7, atol=1e-6)
    if prediction == "velocity":
        of_data = torch.distributions.Normal(m, s).log_prob(x).flatten(1).sum(1)
        torch.testing.assert_close(found, of_data + ladj, rtol=1e-7, atol=1e-6)
    assert (count > 6).all()


def test_the_density_in_levels_counts_the_cells(images):
    """p(x_1) of x_1 = 2 (k + u)/256 − 1: each cell of an image is (2/256)^D large."""
    _, ladj = model().observe(images, torch.rand_like(images))
    torch.testing.assert_close(ladj, torch.full_like(ladj, D * math.log(2 / 256)))


@every_architecture
def test_the_likelihood_is_the_change_of_variables(architecture, images):
    """The mean over many probes, within five standard errors of what autograd's Jacobian of the way gives."""
    one, n = model(architecture, ema_decay=0.0), 80
    uniform = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    probes = rademacher(torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(4), dtype=torch.float64))
    image = images[:1]
    estimates, _ = one.log_density(image.expand(n, -1, -1, -1), uniform.expand(n, -1, -1, -1), probes, steps=20)
    x, ladj = one.observe(image, uniform)

    def back(x):
        t, h = 1.0, 1 / 20
        for _ in range(20):  # Heun
            first = one.velocity(x, torch.full((1,), t, dtype=torch.float64))
            second = one.velocity(x - h * first, torch.full((1,), t - h, dtype=torch.float64))
            x, t = x - h * (first + second) / 2, t - h
        return x

    jacobian = torch.autograd.functional.jacobian(back, x).view(D, D)
    z = back(x)
    expected = torch.distributions.Normal(0, 1).log_prob(z).sum() + jacobian.slogdet().logabsdet + ladj[0]
    # besides, the integral of the trace has Heun's error, of the order of h²
    assert abs(estimates.mean() - expected) < 5 * estimates.std() / math.sqrt(n) + 0.01


# Training


@every_field
@every_architecture
def test_the_loss_is_the_formula(architecture, path, prediction, images):
    one = model(architecture, path=path, prediction=prediction, time_sampling="uniform")
    torch.manual_seed(7)
    found = one.train().training_step((images, None), 0)
    torch.manual_seed(7)
    data, _ = one.observe(images, torch.rand_like(images))
    noise, t = torch.randn_like(data), torch.rand(5).double()
    torch.manual_seed(7)
    torch.rand_like(images), torch.randn_like(data)
    t = torch.rand_like(data[:, 0, 0, 0])
    at = coefficients(path, t.view(-1, 1, 1, 1))
    wanted = noise if prediction == "noise" else at.alpha_rate * data + at.sigma_rate * noise
    expected = (one.network(at.alpha * data + at.sigma * noise, t) - wanted).square().mean()
    torch.testing.assert_close(found["loss"], expected)
    assert found[f"{prediction}_error"].item() == found["loss"].item()
    assert one.quantities == (f"{prediction}_error",) == tuple(one.protocol)


def test_times_of_the_logit_normal_lie_in_the_middle():
    """t = σ(N(0, 1)): of 10,000, 68.3 % lie in (σ(−1), σ(1)), within five standard deviations."""
    torch.manual_seed(0)
    data = torch.zeros(10_000, 1, 1, 1)
    uniform, middle = (model(time_sampling=name)._times(data) for name in ("uniform", "logit_normal"))
    for t, share in [(uniform, 0.4621), (middle, 0.6827)]:
        inside = ((t > 0.2689) & (t < 0.7311)).float().mean()
        assert abs(inside - share) < 5 * math.sqrt(share * (1 - share) / 10_000)


def test_optimal_transport_shortens_the_ways(images, monkeypatch):
    seen = {}
    for coupling in ("independent", "optimal_transport"):
        one = model(coupling=coupling)
        monkeypatch.setattr(
            one, "error", lambda net, data, noise, t, labels, name=coupling: seen.update({name: (data, noise)}) or t
        )
        torch.manual_seed(7)
        one.training_step((images, None), 0)
    (data, noise), (same, other) = seen.values()
    assert torch.equal(data, same)
    assert (other - data).square().sum() < (noise - data).square().sum()
    torch.testing.assert_close(other.flatten().sort().values, noise.flatten().sort().values)


@every_architecture
def test_every_parameter_gets_a_gradient(architecture, images):
    one = model(architecture)
    one.training_step((images, None), 0)["loss"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in one.network.parameters())
    assert all(p.grad is None for p in one.averaged_network.parameters())


def test_validation_is_of_the_averaged_weights_and_of_fixed_noise(images, monkeypatch):
    one, logged = model(), []
    monkeypatch.setattr(one, "log_dict", lambda means, **_: logged.append(means["val/velocity_error"].item()))
    one.validation_step((images, None), 0)
    one.validation_step((images, None), 0)
    with torch.no_grad():
        for parameter in one.network.parameters():
            parameter.zero_()
    one.validation_step((images, None), 0)
    assert logged[0] == logged[1] == logged[2]
    with torch.no_grad():
        for parameter in one.averaged_network.parameters():
            parameter.zero_()
    one.validation_step((images, None), 0)
    assert logged[3] != logged[0]


# What the mathematics gives


@pytest.mark.parametrize(
    ("architecture", "path", "prediction"),
    [("transformer", "linear", "velocity"), ("transformer", "cosine", "noise")],
)
def test_an_image_s_code_is_the_image_again(architecture, path, prediction, images):
    one = model(architecture, path=path, prediction=prediction)
    exactly = {"solver": "adaptive", "tolerance": 1e-6}
    images = images[:2]
    codes = one.encode(images, **exactly)
    assert codes.shape == (2, D) and one.latent_dim == D
    torch.testing.assert_close(one.decode(codes, **exactly), images)
    assert torch.equal(codes, one.encode(images, **exactly))


def test_the_solver_of_samples_can_be_chosen():
    one = model()

    def samples(**chosen):
        return one.sample(3, torch.Generator().manual_seed(7), **chosen)

    exact = samples(solver="adaptive")
    assert torch.equal(samples(), samples(steps=10, solver="heun"))
    errors = [
        (samples(steps=steps, solver=solver) - exact).abs().mean() for steps, solver in [(1, "euler"), (30, "heun")]
    ]
    assert errors[1] < errors[0]
    assert exact.shape == (3, *SHAPE)
    assert not exact.requires_grad
    torch.testing.assert_close(exact * 255, (exact * 255).round())


def test_parts_that_fit_a_cache_are_solved_with_their_own_labels(monkeypatch):
    conditional = model(conditional=True)
    noise, labels = draw(5, D), torch.tensor([3, 1, 4, 1, 5])
    expected = conditional.decode(noise, labels)
    monkeypatch.setattr("genlab.models.flow_matching.CACHED", 2)
    assert torch.equal(conditional.decode(noise, labels), expected)
    assert not torch.equal(conditional.decode(noise, labels.flip(0)), expected)


def test_a_trajectory_goes_from_the_noise_to_the_sample():
    one = model()
    found = one.trajectory(3, 101, torch.Generator().manual_seed(7))
    assert found.shape == (3, 101, *SHAPE)
    noise = torch.randn(3, D, generator=torch.Generator().manual_seed(7)).double().view(3, *SHAPE)
    torch.testing.assert_close(found[:, 0], ((noise + 1) / 2).clamp(0, 1))
    # steps so short that it does not matter where they end, and rounding down to 8 bits
    sample = one.sample(3, torch.Generator().manual_seed(7), steps=100)
    torch.testing.assert_close(found[:, -1], sample, rtol=0, atol=1 / 255 + 1e-3)


def test_its_capabilities():
    can = (CanSample, CanEncode, CanDecode, CanTrace, CanEstimateLikelihood)
    assert all(isinstance(model(), able) for able in can)
    assert not any(isinstance(model(), able) for able in (CanReconstruct, CanWeigh, HasLikelihood))


@every_architecture
def test_autocast_changes_nothing_outside_training(architecture, images):
    one, images = model(architecture).float(), images.float()

    def numbers():
        generator = torch.Generator().manual_seed(5)
        return one.encode(images), one.sample(2, generator), one.estimate_log_likelihood(images, generator)[0]

    exact = numbers()
    with torch.autocast("cpu", torch.bfloat16):
        assert all(torch.equal(*pair) for pair in zip(exact, numbers(), strict=True))
        assert one.training_step((images, None), 0)["loss"].dtype == torch.float32


@pytest.mark.parametrize(
    "wrong",
    [
        {"architecture": "mlp"},
        {"path": "straight"},
        {"prediction": "data"},
        {"time_sampling": "normal"},
        {"coupling": "none"},
        {"patch_size": (2,)},
        {"layers": 0},
        {"channels": ()},
        {"ema_decay": 1.0},
        {"learning_rate": 0.0},
        {"warmup_steps": -1},
        {"latent_dim": 64},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        FlowMatching(**wrong)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([BY_PATCHES, "model.patch_size=[3,3]"], r"patch_size: images of 28x28 are not made of patches of 3x3"),
        ([BY_PATCHES, "model.heads=5"], r"the heads of the attention share its width: 5 do not divide 128"),
        ([BY_PATCHES, "model.width=6", "model.heads=2"], r"width divisible by 4, got 6"),
        (["model.channels=[8,8,8,8]"], r"channels: images of 28x28 cannot be halved 3 times"),
        (["evaluation.sampling={guidanec: 2}"], r"evaluation.sampling.guidanec: FlowMatching has none; .*guidance"),
        (["evaluation.sampling={guidance: 2}"], r"guidance=2 needs .*model.autoguidance=0.1.*evaluation.sampling=null"),
        (["evaluation.sampling={steps: 0}"], r"evaluation.sampling.steps: 0: should be greater than or equal to 1"),
    ],
)
def test_what_does_not_fit_together_is_one_line_before_training(compose_config, tmp_path, overrides, message):
    with pytest.raises(ConfigError, match=message):
        train(compose_config("model=flow_matching", *overrides))
    assert not (tmp_path / "run").exists()


# Evaluation


def test_the_evaluation_has_bits_per_dim_with_its_error_and_the_evaluations(images):
    exact, _, _ = of_gaussian_data()
    found = likelihood_scores(exact, images, EvaluationSettings(seed=3))
    nats, count = exact.estimate_log_likelihood(images, torch.Generator().manual_seed(3))
    bits = -nats / (D * math.log(2))
    score = found.scores["bits_per_dim"]
    assert score.value == pytest.approx(bits.mean().item())
    assert score.standard_error == pytest.approx(bits.std().item() / math.sqrt(5))
    assert score.protocol == "8-bit pixels; 5 test images"
    assert score.estimator.startswith("upper bound: ") and "(Hutchinson)" in score.estimator
    assert score.estimator.endswith(f"{count.double().mean():.0f} evaluations of the network an image")
    assert set(found.absent) == {"nll"}


# Whole runs


@every_architecture
def test_it_trains(compose_config, tmp_path, architecture):
    chosen = [f"model.architecture={architecture}", "trainer.precision=bf16-mixed", "evaluate=true"]
    chosen += [
        "evaluation.samples=100",
        "evaluation.images=100",
        "evaluation.likelihood_images=2",
        "evaluation.steps=[1,2]",
        "trainer.limit_train_batches=2",
    ]
    metrics = train(compose_config(*QUICK, *chosen))
    assert all(0 < metrics[f"{split}/velocity_error"] < 4 for split in ("train", "val", "test"))
    for picture in ("samples", "trajectory", "interpolation"):
        assert len(list((tmp_path / "run" / "images" / picture).glob("epoch_*.png"))) == 3

    checkpoint = torch.load(tmp_path / "run" / "checkpoints" / "best.ckpt", weights_only=True)
    again = FlowMatching(**checkpoint["hyper_parameters"])
    again.load_state_dict(checkpoint["state_dict"])
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["protocol"]["test/velocity_error"] == again.protocol["velocity_error"]
    assert summary["quantities"][0]["name"] == "velocity_error"
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert math.isfinite(evaluation["scores"]["bits_per_dim"]["value"])


def test_it_trains_as_a_diffusion_with_couplings(compose_config):
    chosen = ["model.path=cosine", "model.prediction=noise", "model.coupling=optimal_transport"]
    chosen += ["model.time_sampling=logit_normal", "model.ema_decay=0", "trainer.max_epochs=1"]
    metrics = train(compose_config(*QUICK, *chosen))
    assert all(0 < metrics[f"{split}/noise_error"] < 4 for split in ("train", "val", "test"))


# Guidance by an early network; by labels: test_labels.py


@pytest.mark.parametrize("prediction", ["velocity", "noise"])
def test_guidance_goes_on_from_the_early_field_through_that_of_now(prediction):
    guided = model(prediction=prediction, autoguidance=0.1)  # all weights are random, those of the early network too
    x, t = draw(5, *SHAPE), torch.linspace(0.25, 0.75, 5).double()
    early, now = guided.velocity(x, t, network=guided.early_network), guided.velocity(x, t)
    assert (now - early).abs().max() > 1e-3
    torch.testing.assert_close(guided.guided_velocity(x, t, guidance=0.0), early)
    assert torch.equal(guided.guided_velocity(x, t), now)
    torch.testing.assert_close(guided.guided_velocity(x, t, guidance=2.5), 2.5 * now - 1.5 * early)
    some = torch.tensor([0.1, 0.19, 0.21, 0.79, 0.81]).double()  # of which the third and fourth are guided
    found, now = guided.guided_velocity(x, some, guidance=2.5), guided.velocity(x, some)
    assert (found - now).flatten(1).abs().amax(1).gt(1e-3).tolist() == [False, False, True, True, False]


def test_samples_of_a_gaussian_that_is_guided_are_those_of_the_sum_of_fields():
    """Linear path, x_1 ~ N(m, s²): v = b(t) x + (1 − t b(t)) m, b = σ_t'/σ_t, σ_t² = t² s² + (1 − t)².

    Guided from a to e by an early field of mean m₀ and the same s, x gets the right side (1 − t b) c besides,
    c = (g − 1)(m − m₀). Of x' = b x + (1 − t b) c one solution is t c and others differ by multiples of σ_t, so
    x_e is off by c (e − a σ_e/σ_a), and x_1 by σ_1/σ_e = s/σ_e of that.
    """
    exact, m, s = of_gaussian_data()
    exact.early_network = OfGaussianData("linear", "velocity", torch.full_like(m, 0.2), s)
    noise = draw(6, *SHAPE)
    (a, e), c = GUIDED, 0.8 * (m - 0.2)
    spread = [(t**2 * s**2 + (1 - t) ** 2).sqrt() for t in GUIDED]
    # steps that end where guidance begins and ends, and a solver that looks at their middles only
    found, _ = integrate(partial(exact.guided_velocity, guidance=1.8), noise, 0, 1, solver="midpoint", steps=400)
    torch.testing.assert_close(found, m + s * noise + c * s * (e / spread[1] - a / spread[0]), rtol=0, atol=1e-4)


def test_the_early_network_is_the_average_after_its_share_of_the_training(compose_config, monkeypatch):
    step, averages, early = FlowMatching.optimizer_step, [], []

    def watched(self, *args, **kwargs):
        step(self, *args, **kwargs)
        averages.append(copy.deepcopy(self.averaged_network.state_dict()))
        early.append(copy.deepcopy(self.early_network.state_dict()))

    monkeypatch.setattr(FlowMatching, "optimizer_step", watched)
    short = ["trainer.max_epochs=2", "trainer.limit_train_batches=3", "model.autoguidance=0.5"]
    train(compose_config(*QUICK, *short))
    for n, found in enumerate(early):
        for name, weight in averages[min(n, 2)].items():
            assert torch.equal(found[name], weight), (n, name)
    assert any(not torch.equal(early[-1][name], weight) for name, weight in averages[-1].items())


def test_two_ways_to_guide_are_refused():
    with pytest.raises(ValueError, match="autoguidance and label_dropout"):
        model(conditional=True, label_dropout=0.1, autoguidance=0.1)


def test_an_evaluation_of_two_networks_counts_twice():
    counted = model(autoguidance=0.1).sampling_evaluations
    assert [counted(5), counted(5, solver="euler")] == [10, 5]
    times = [1 - (1 - n / 5) ** 1.5 for n in range(6)]  # 0, 0.28, 0.54, 0.75, 0.91, 1: from 0.2 to 0.8 three
    assert [sum(0.2 <= t <= 0.8 for t in times), counted(5, solver="euler", guidance=1.5)] == [3, 8]
    assert counted(5, guidance=1.5) == 10 + 3 + 3  # Heun looks at both ends of a step
    assert counted(5, solver="adaptive", tolerance=1e-3) is None


def test_the_average_is_that_of_the_weights_after_each_step(compose_config, tmp_path, monkeypatch):
    from genlab.models import flow_matching

    shares = []
    monkeypatch.setattr(flow_matching, "update_average", lambda averaged, network, share: shares.append(share))
    train(compose_config(*QUICK, "trainer.max_epochs=1", "trainer.limit_train_batches=4"))
    assert shares == [pytest.approx(9 / (10 + n)) for n in range(4)]

"""The GAN's two players: who is moved by which step, how often, and what is measured and sampled."""

import math
import warnings

import pytest
import torch
from pydantic import ValidationError
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from genlab.data.dataset import ImageDataset
from genlab.models.gan import GAN

SHAPE = (1, 8, 8)
BATCHES = 4


def gan(**settings):
    torch.manual_seed(0)
    return GAN(**{"latent_dim": 5, "image_shape": SHAPE, **settings})


def loader(batch_size=16, batches=BATCHES):
    images = torch.randint(256, (batch_size * batches, *SHAPE), generator=torch.Generator().manual_seed(1))
    data = ImageDataset(images.to(torch.uint8), torch.zeros(len(images), dtype=torch.uint8))
    return DataLoader(data, batch_size=batch_size, collate_fn=lambda batch: batch)


def fit(model, *callbacks, data=None, **settings):
    silent = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(accelerator="cpu", max_epochs=1, callbacks=list(callbacks), **silent, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(model, data or loader())
    return trainer


def copied(module):
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def unchanged(module, before):
    """All but the running statistics of batch norm, which each pass moves."""
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    now = module.state_dict()
    return all(torch.equal(now[name], before[name]) for name in now if not name.endswith(statistics))


class Watched(GAN):
    """Notes after each step what it did to either player."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.seen = {"discriminator": [], "generator": []}

    def note(self, step, argument):
        before = copied(self.generator), copied(self.discriminator)
        measured = step(*argument)
        moved = tuple(
            not unchanged(player, old) for player, old in zip((self.generator, self.discriminator), before, strict=True)
        )
        gradients = tuple(
            any(weight.grad is not None for weight in player.parameters())
            for player in (self.generator, self.discriminator)
        )
        self.seen[step.__name__.removesuffix("_step")].append((moved, gradients))
        return measured

    def discriminator_step(self, *arguments):
        return self.note(super().discriminator_step, arguments)

    def generator_step(self, *arguments):
        return self.note(super().generator_step, arguments)


PENALTIES = ["none", "gradient_penalty", "r1"]


@pytest.fixture(params=PENALTIES)
def watched(request):
    torch.manual_seed(0)
    model = Watched(latent_dim=5, image_shape=SHAPE, penalty=request.param, discriminator_steps=2)
    fit(model)
    return model.seen


def test_a_discriminator_step_moves_the_discriminator_alone(watched):
    assert watched["discriminator"] == [((False, True), (False, False))] * 2 * BATCHES


def test_a_generator_step_moves_the_generator_alone(watched):
    assert watched["generator"] == [((True, False), (False, False))] * BATCHES


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_batch_is_n_discriminator_steps_and_one_generator_step(n):
    model = gan(discriminator_steps=n)
    trainer = fit(model)
    generator_optimizer, discriminator_optimizer = trainer.optimizers
    steps = [
        {int(state["step"]) for state in optimizer.state.values()}
        for optimizer in (generator_optimizer, discriminator_optimizer)
    ]
    assert steps == [{BATCHES}, {n * BATCHES}]


def test_each_discriminator_step_sees_the_batch_and_new_fakes():
    model, seen = gan(discriminator_steps=3), []

    def record(real, fake, labels):
        seen.append((real, fake))
        return step(real, fake, labels)

    step, model.discriminator_step = model.discriminator_step, record
    fit(model, data=loader(batches=1))
    (real, fake), *others = seen
    assert len(others) == 2
    assert all(torch.equal(real, other) for other, _ in others)
    assert not any(torch.equal(fake, other) for _, other in others)


def test_the_generator_step_uses_the_last_fakes_of_the_discriminator():
    model, last, used = gan(discriminator_steps=2), [], []
    discriminator_step, generator_step = model.discriminator_step, model.generator_step
    model.discriminator_step = lambda real, fake, _: last.append(fake) or discriminator_step(real, fake)
    model.generator_step = lambda fake, _: used.append(fake) or generator_step(fake)
    fit(model)
    assert all(torch.equal(a, b) for a, b in zip(last[1::2], used, strict=True))
    assert not any(fake.requires_grad for fake in last)


def slope(model, real, fake):
    """The penalty, without its weight."""
    if model.penalty == "none":
        return 0.0
    if model.penalty == "gradient_penalty":
        mix = torch.rand(len(real), dtype=torch.float64).view(-1, 1, 1, 1)
        real = mix * real + (1 - mix) * fake
    real = real.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.discriminator(real).sum(), real, create_graph=True)
    norm = gradient.flatten(1).norm(dim=1)
    return (norm**2).mean() / 2 if model.penalty == "r1" else ((norm - 1) ** 2).mean()


def by_hand(model, batches):
    """The training as a plain loop, without Lightning and with two passes of the discriminator."""
    softplus = torch.nn.functional.softplus
    generator_optimizer, discriminator_optimizer = model.configure_optimizers()
    for images, _ in batches:
        real = 2 * images.double() - 1
        fake = model.generator(torch.randn(len(images), model.latent_dim, dtype=torch.float64))
        discriminator_optimizer.zero_grad()
        loss = softplus(-model.discriminator(real)).mean() + softplus(model.discriminator(fake.detach())).mean()
        (loss + model.penalty_weight * slope(model, real, fake.detach())).backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        softplus(-model.discriminator(fake)).mean().backward()
        generator_optimizer.step()


@pytest.mark.parametrize("penalty", PENALTIES)
def test_training_is_the_plain_loop(penalty):
    model, plain = (gan(penalty=penalty, penalty_weight=3.0) for _ in range(2))
    plain.double()
    torch.manual_seed(1)
    fit(model, precision="64-true")
    batches = list(loader())
    torch.manual_seed(1)
    iter(loader())  # draws a seed, as when the epoch starts
    by_hand(plain, batches)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, msg=name)


class Record(Callback):
    def __init__(self):
        self.outputs, self.generators = [], []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.outputs.append(outputs)
        self.generators.append(copied(pl_module.generator))


def test_training_returns_detached_scalars_under_the_names_of_the_curves():
    record = Record()
    fit(gan(), record)
    names = {"value", "d_real", "d_fake", "discriminator_accuracy", "discriminator_loss", "generator_loss"}
    names |= {"generator_gradient_norm", "discriminator_gradient_norm"}
    assert all(set(outputs) == names for outputs in record.outputs)
    assert all(x.shape == () and not x.requires_grad for outputs in record.outputs for x in outputs.values())


def test_the_penalty_is_measured_and_not_part_of_the_loss():
    record = Record()
    fit(gan(penalty="r1"), record)
    for outputs in record.outputs:
        assert outputs["penalty"] > 0
        assert outputs["discriminator_loss"] == pytest.approx(-outputs["value"].item())


def test_the_average_is_that_of_the_generators_after_each_batch():
    model, record = gan(ema_decay=0.3), Record()
    expected = copied(model.generator)
    fit(model, record)
    decays = [1 / 10, 2 / 11, 3 / 12, 0.3]  # (1 + k) / (10 + k), and 4 / 13 is above 0.3
    for decay, state in zip(decays, record.generators, strict=True):
        for name, tensor in state.items():
            floating = tensor.is_floating_point()
            expected[name] = decay * expected[name] + (1 - decay) * tensor if floating else tensor
    for name, tensor in model.averaged_generator.state_dict().items():
        torch.testing.assert_close(tensor, expected[name])


def test_a_step_finds_the_decay_of_its_batch_in_a_tensor():
    """Its constants agree while the average warms up, so that the step can be recorded once."""
    model, found = gan(ema_decay=0.3), []

    class Look(Callback):
        def on_train_batch_end(self, trainer, pl_module, *_):
            share = pl_module.newest_share.value
            found.append((pl_module.step_constants(len(found)), share.data_ptr(), round(1 - share.item(), 6)))

    fit(model, Look())
    constants, places, decays = zip(*found, strict=True)
    assert len(set(constants)) == len(set(places)) == 1
    assert decays == (0.1, 0.181818, 0.25, 0.3)


def test_samples_come_from_the_average():
    model = gan(ema_decay=0.8)
    noise = torch.Generator().manual_seed(0)
    before = model.sample(3, noise)
    with torch.no_grad():
        model.generator[0].weight.zero_()
    assert torch.equal(model.sample(3, noise.manual_seed(0)), before)
    with torch.no_grad():
        model.averaged_generator[0].weight.zero_()
    assert not torch.equal(model.sample(3, noise.manual_seed(0)), before)


def test_the_average_is_in_no_optimizer():
    model = gan(ema_decay=0.8)
    trained = {id(p) for optimizer in model.configure_optimizers() for g in optimizer.param_groups for p in g["params"]}
    assert not trained & {id(weight) for weight in model.averaged_generator.parameters()}
    assert len(trained) == len(list(model.generator.parameters())) + len(list(model.discriminator.parameters()))


@pytest.mark.parametrize("architecture", ["mlp", "convolutional"])
@pytest.mark.parametrize("training", [True, False])
def test_images_are_a_function_of_z_alone(architecture, training):
    model = gan(architecture=architecture).train(training)
    z = torch.randn(6, 5)
    many = model.decode(z)
    assert many.shape == (6, *SHAPE)
    assert 0 <= many.min() < many.max() <= 1
    torch.testing.assert_close(model.decode(z[:1]), many[:1], rtol=1e-4, atol=1e-6)  # batch norm uses no batch
    assert all(module.training is training for module in model.modules())


def test_a_generator_of_random_numbers_fixes_the_samples():
    model = gan()
    first, again, other = (model.sample(4, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert first.shape == (4, *SHAPE)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_decode_takes_latents_of_any_number_of_dimensions():
    model = gan()
    z = torch.randn(2, 3, 5)
    torch.testing.assert_close(model.decode(z)[1], model.decode(z[1]))


def test_an_undecided_discriminator_has_the_value_of_the_optimum():
    model, record = gan(discriminator_learning_rate=1e-12), Record()
    torch.nn.init.zeros_(model.discriminator[5].weight)
    torch.nn.init.zeros_(model.discriminator[5].bias)
    fit(model, record, data=loader(batches=1))
    measured = {name: x.item() for name, x in record.outputs[0].items()}
    assert measured["value"] == pytest.approx(-math.log(4))
    assert measured["d_real"] == measured["d_fake"] == 0.5


@pytest.mark.parametrize(("bias", "d"), [(math.log(3), 0.75), (-math.log(3), 0.25)])
def test_a_discriminator_that_says_one_thing_is_right_about_half(bias, d):
    model, record = gan(discriminator_learning_rate=1e-12), Record()
    torch.nn.init.zeros_(model.discriminator[5].weight)
    torch.nn.init.constant_(model.discriminator[5].bias, bias)
    fit(model, record, data=loader(batches=1))
    measured = {name: x.item() for name, x in record.outputs[0].items()}
    assert measured["discriminator_accuracy"] == 0.5
    assert measured["d_real"] == pytest.approx(d)
    assert measured["d_fake"] == pytest.approx(d)


def test_gradient_norms_of_both_losses_come_from_one_batch_of_fakes():
    """By a backward pass of its own for each."""
    model = gan().double()
    norms = model.generator_gradient_norms(("saturating", "non_saturating"), 16, torch.Generator().manual_seed(3))
    z = torch.randn(16, 5, generator=torch.Generator().manual_seed(3)).double()
    for name, norm in norms.items():
        logits = model.discriminator(model.generator(z))
        p = torch.sigmoid(logits)
        loss = torch.log(1 - p).mean() if name == "saturating" else -torch.log(p).mean()
        gradients = torch.autograd.grad(loss, list(model.generator.parameters()))
        torch.testing.assert_close(norm, torch.cat([g.flatten() for g in gradients]).norm())


def test_measuring_gradient_norms_changes_nothing():
    model = gan()
    before, state = copied(model), torch.get_rng_state()
    model.generator_gradient_norms(("saturating",), 16, torch.Generator().manual_seed(3))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_batch_of_one_image_trains():
    """The last batch of an epoch can be one; batch norm cannot."""
    model = gan(penalty="gradient_penalty")
    before = copied(model.generator)
    fit(model, data=loader(batch_size=1, batches=1))
    assert not unchanged(model.generator, before)


class Autocast(Callback):
    """Whether autocast is on while the gradients of each weight are computed."""

    def on_fit_start(self, trainer, pl_module):
        self.states = []
        for weight in pl_module.parameters():
            weight.register_hook(lambda _: self.states.append(torch.is_autocast_enabled("cpu")))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_mixed_precision_trains_and_goes_backward_without_autocast(penalty):
    model, autocast, record = gan(penalty=penalty, discriminator_steps=2), Autocast(), Record()
    fit(model, autocast, record, precision="bf16-mixed")
    assert autocast.states
    assert not any(autocast.states)
    assert all(x.isfinite() and x.dtype == torch.float32 for outputs in record.outputs for x in outputs.values())
    assert model.sample(2).dtype == torch.float32


def test_float16_gradients_are_measured_without_their_scale():
    """Lightning offers float16 on GPUs alone, so its scaler is put in by hand."""
    plain, scaled = Record(), Record()
    fit(gan(), plain, data=loader(batches=1))

    class Scaled(GAN):
        def on_fit_start(self):
            plugin = self.trainer.precision_plugin
            plugin.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
            backward = plugin.pre_backward
            plugin.pre_backward = lambda tensor, module: backward(plugin.scaler.scale(tensor), module)

    torch.manual_seed(0)
    fit(Scaled(latent_dim=5, image_shape=SHAPE), scaled, data=loader(batches=1))
    for name in ("generator_gradient_norm", "discriminator_gradient_norm"):
        # the discriminator's first step is the same, up to Adam's epsilon, so the generator's gradient nearly is
        assert scaled.outputs[0][name] == pytest.approx(plain.outputs[0][name].item(), rel=0.05)


def test_lightning_itself_refuses_to_clip():
    with pytest.raises(MisconfigurationException, match="gradient clipping is not supported"):
        fit(gan(), gradient_clip_val=1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"latent_dim": 0},
        {"architecture": "resnet"},
        {"objective": "relativistic"},
        {"penalty": "dropout"},
        {"penalty_weight": 0.0},
        {"discriminator_steps": 0},
        {"generator_learning_rate": -1e-3},
        {"discriminator_learning_rate": float("nan")},
        {"beta1": 1.0},
        {"beta2": -0.1},
        {"ema_decay": 1.0},
        {"depth": 3},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        GAN(**wrong)


def test_each_player_has_its_optimizer():
    rates = {"generator_learning_rate": 0.1, "discriminator_learning_rate": 0.2}
    model = gan(**rates, beta1=0.3, beta2=0.4)
    for player, optimizer, rate in zip(
        (model.generator, model.discriminator), model.configure_optimizers(), rates.values(), strict=True
    ):
        (group,) = optimizer.param_groups
        assert [id(weight) for weight in group["params"]] == [id(weight) for weight in player.parameters()]
        assert (group["lr"], group["betas"]) == (rate, (0.3, 0.4))


def test_samples_are_decoded_draws_of_the_prior():
    model = gan()
    z = torch.randn(4, 5, generator=torch.Generator().manual_seed(7))
    assert torch.equal(model.sample(4, torch.Generator().manual_seed(7)), model.decode(z))
    with torch.no_grad():
        torch.testing.assert_close(2 * model.decode(z) - 1, model.generator.eval()(z))


def test_every_objective_and_penalty_trains():
    for objective in ("non_saturating", "saturating", "least_squares", "hinge", "wasserstein"):
        for penalty in PENALTIES:
            record = Record()
            fit(gan(objective=objective, penalty=penalty), record, data=loader(batches=2))
            assert all(x.isfinite() for outputs in record.outputs for x in outputs.values()), (objective, penalty)

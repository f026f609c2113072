"""Labels in every family: theorems on what a conditional model is."""

import math

import pytest
import torch
from pytorch_lightning import Trainer
from torch.distributions import Bernoulli, Independent
from torch.utils.data import DataLoader, TensorDataset

from genlab.capabilities import draws_labels, sampling_options
from genlab.errors import ConfigError
from genlab.models.autoregressive import Autoregressive
from genlab.models.flow import Flow
from genlab.models.flow_matching import FlowMatching
from genlab.models.gan import GAN
from genlab.models.vae import VAE
from genlab.networks.labels import LabelEmbedding, LabelledLinear

SHAPE = (1, 4, 8)
FAMILIES = {
    "vae": lambda **labels: VAE(latent_dim=3, hidden_dims=[8, 6], image_shape=SHAPE, **labels),
    "convolutional vae": lambda **labels: VAE(
        latent_dim=3, hidden_dims=[8], architecture="convolutional", image_shape=SHAPE, **labels
    ),
    "vae without hidden layers": lambda **labels: VAE(latent_dim=3, hidden_dims=[], image_shape=SHAPE, **labels),
    "gan": lambda **labels: GAN(latent_dim=3, ema_decay=0.5, image_shape=SHAPE, **labels),
    "convolutional gan": lambda **labels: GAN(latent_dim=3, architecture="convolutional", image_shape=SHAPE, **labels),
    "flow": lambda **labels: Flow(steps=2, channels=[4, 4], image_shape=SHAPE, **labels),
    "course flow": lambda **labels: Flow(
        architecture="mlp", couplings=2, hidden_dims=[6], dequantization="uniform", image_shape=SHAPE, **labels
    ),
    "flow matching": lambda **labels: FlowMatching(
        architecture="transformer", patch_size=[2, 2], layers=1, width=8, heads=2, image_shape=SHAPE, **labels
    ),
    "convolutional flow matching": lambda **labels: FlowMatching(
        architecture="convolutional", channels=[4], image_shape=SHAPE, **labels
    ),
    "autoregressive": lambda **labels: Autoregressive(layers=1, width=8, heads=2, image_shape=SHAPE, **labels),
    "made": lambda **labels: Autoregressive(
        architecture="made", hidden_dims=[8], orders=2, image_shape=SHAPE, **labels
    ),
}
every_family = pytest.mark.parametrize("name", FAMILIES)
LABELS = torch.tensor([2, 0, 1, 1, 2])


def made(name, **labels):
    torch.manual_seed(0)
    return FAMILIES[name](**labels).double().eval()


def moved(model):
    """As if it were trained: its weights are no longer those of the start, where many are 0, except the embeddings."""
    generator = torch.Generator().manual_seed(1)
    of_labels = [embedding.weight for embedding in embeddings(model)]
    with torch.no_grad():
        for parameter in model.parameters():
            if not any(parameter is weight for weight in of_labels):
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return model


def embeddings(model):
    return [module for module in model.modules() if isinstance(module, LabelEmbedding)]


def conditional(name, **more):
    """As if it were trained with labels."""
    model = moved(made(name, conditional=True, num_classes=3, **more))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for embedding in embeddings(model):
            weight = embedding.weight[:3]
            weight += torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return model


def images(n=5):
    return (torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(5)) * 255).round().double() / 255


def noise():
    return torch.Generator().manual_seed(3)


@every_family
def test_a_model_with_all_embeddings_at_0_is_the_one_without_labels(name):
    plain, told = moved(made(name)), conditional(name)
    of_labels = {id(embedding.weight) for embedding in embeddings(told)}
    shared = [parameter for parameter in told.parameters() if id(parameter) not in of_labels]
    with torch.no_grad():
        for parameter, theirs in zip(shared, plain.parameters(), strict=True):
            parameter.copy_(theirs)
        for embedding in embeddings(told):
            embedding.weight.zero_()
    torch.testing.assert_close(told.sample(5, noise(), labels=LABELS), plain.sample(5, noise()), rtol=0, atol=1e-12)


@every_family
def test_hidden_units_are_told_the_label_from_the_start_and_nothing_of_the_null_label(name):
    model = made(name, conditional=True, num_classes=3)
    of_hidden_units = {id(layer.embedding) for layer in model.modules() if isinstance(layer, LabelledLinear)}
    for embedding in embeddings(model):
        assert not embedding.weight[3].any()
        assert bool(embedding.weight[:3].all()) == (id(embedding) in of_hidden_units)


@every_family
def test_the_state_of_a_model_without_labels_is_what_it_was(name):
    model = made(name, num_classes=3)
    assert not embeddings(model) and "class_shares" not in model.state_dict()


@every_family
def test_the_label_reaches_each_sample_and_no_other(name):
    model = conditional(name)
    drawn = model.sample(5, noise(), labels=LABELS)
    others = (LABELS + 1) % 3
    changed = model.sample(5, noise(), labels=others)
    assert ((drawn - changed).abs().flatten(1).max(1).values > 1e-4).all()
    for row in range(5):
        one = LABELS.clone()
        one[row] = others[row]
        only = model.sample(5, noise(), labels=one)
        torch.testing.assert_close(only[row], changed[row])
        kept = torch.arange(5) != row
        torch.testing.assert_close(only[kept], drawn[kept])


@every_family
def test_without_labels_they_are_drawn_from_the_prior_behind_the_same_noise(name):
    model = conditional(name)
    model.label_prior.copy_(torch.tensor([0.0, 1.0, 0.0]))
    of_one = model.sample(5, noise(), labels=torch.ones(5, dtype=torch.long))
    assert torch.equal(model.sample(5, noise()), of_one)


def test_drawn_labels_have_the_shares_of_the_prior():
    model = conditional("vae")
    model.label_prior.copy_(torch.tensor([0.7, 0.2, 0.1]))
    labels = model.labels_for(20_000, noise(), None)
    shares = torch.bincount(labels, minlength=3) / len(labels)
    # five standard errors, √(0.7 · 0.3 / 20,000) = 0.0032 at most
    torch.testing.assert_close(shares.double(), model.label_prior, rtol=0, atol=0.017)


@every_family
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1, 3], "3 is none of the 3, 0 to 2"),
        ([0, -1, 1], "-1 is none of the 3"),
        ([0, 1], "3 images need 3 whole numbers"),
        ([0.0, 1.0, 2.0], "3 images need 3 whole numbers"),
    ],
)
def test_labels_that_are_none_are_one_line(name, labels, words):
    with pytest.raises(ConfigError, match=words):
        conditional(name).sample(3, labels=torch.tensor(labels))


@every_family
def test_labels_of_a_model_that_knows_none_are_one_line(name):
    with pytest.raises(ConfigError, match=r"knows none; train one with model.conditional=true"):
        made(name).sample(3, labels=LABELS[:3])


@every_family
@pytest.mark.parametrize("classes", [0, 1])
def test_images_without_labels_are_one_line(name, classes):
    with pytest.raises(ValueError, match=f"these have {classes}"):
        FAMILIES[name](conditional=True, num_classes=classes)


@every_family
def test_label_dropout_without_labels_is_one_line(name):
    with pytest.raises(ValueError, match=r"label_dropout=0.1 is of conditional=true"):
        FAMILIES[name](label_dropout=0.1)


@every_family
def test_a_model_says_whether_it_draws_labels(name):
    assert draws_labels(conditional(name)) and not draws_labels(made(name))
    assert "labels" not in sampling_options(made(name).sample)


def test_a_share_of_the_labels_is_dropped_in_training_only():
    model = conditional("vae", label_dropout=0.3)
    labels = torch.arange(3).repeat(4000)
    assert torch.equal(model.told(labels), labels)
    torch.manual_seed(0)
    told = model.train().told(labels)
    dropped = told == 3
    assert torch.equal(told[~dropped], labels[~dropped])
    # five standard errors, √(0.3 · 0.7 / 12,000) = 0.0042
    assert abs(dropped.double().mean() - 0.3) < 0.021


def test_without_dropout_no_random_number_is_drawn():
    model, before = conditional("vae").train(), torch.get_rng_state()
    model.told(LABELS)
    assert torch.equal(before, torch.get_rng_state())


# Likelihoods


def test_the_likelihood_of_the_vae_is_the_sum_over_the_labels():
    """A decoder that does not look at z is a mixture of products of Bernoullis, whose likelihood is in closed form."""
    model = FAMILIES["vae without hidden layers"](conditional=True, num_classes=2).double().eval()
    prior = torch.tensor([0.8, 0.2], dtype=torch.float64)
    model.label_prior.copy_(prior)
    with torch.no_grad():
        for network in (model.encoder, model.decoder):
            for parameter in network.parameters():
                parameter.zero_()  # q(z|x, y) = N(0, I)
        last = model.decoder[0][-1].embedding
        last.weight[:2] = torch.randn(last.weight[:2].shape, generator=noise(), dtype=torch.float64)
    x = model.observe(images())
    by_class = torch.stack(
        [Independent(Bernoulli(logits=last.weight[y].view(SHAPE)), 3).log_prob(x) for y in range(2)], dim=1
    )
    expected = (by_class.exp() * prior).sum(1).log()
    torch.testing.assert_close(model.log_weights(images(), 4, noise()), expected.expand(4, -1))
    torch.testing.assert_close(model.log_likelihood_by_class(images()), by_class)
    labels = torch.tensor([0, 1, 1, 0, 1])
    given = model.log_weights(images(), 1, noise(), labels=labels)[0]
    torch.testing.assert_close(given, by_class[torch.arange(5), labels])
    torch.testing.assert_close(model.conditional_log_likelihood(images(), torch.zeros(2, 3)), expected.expand(2, -1))


def test_the_elbo_with_a_label_is_a_bound_of_the_joint_likelihood():
    model = conditional("vae")
    model.label_prior.copy_(torch.tensor([0.5, 0.3, 0.2]))
    x, eps = model.observe(images()), torch.randn(4, 5, 3, generator=noise(), dtype=torch.float64)
    bounds = model.bounds(x, eps, labels=LABELS)
    torch.testing.assert_close(bounds["elbo"], bounds["reconstruction"] - bounds["kl"])
    model.label_prior.copy_(torch.ones(3))  # then it is that of log p(x|y)
    without = model.bounds(x, eps, labels=LABELS)
    log_prior = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()[LABELS]
    for name in ("elbo", "objective"):
        torch.testing.assert_close(bounds[name], without[name] + log_prior)


def test_reconstructions_are_of_the_likeliest_label():
    model = conditional("vae")
    best = (model.log_likelihood_by_class(images()) + math.log(1 / 3)).argmax(1)
    torch.testing.assert_close(model.reconstruct(images()), model.reconstruct(images(), best))


@pytest.mark.parametrize("name", ["flow", "course flow", "autoregressive", "made"])
def test_the_likelihood_without_labels_is_the_sum_over_them(name):
    model = conditional(name)
    prior = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    model.label_prior.copy_(prior)
    by_class = likelihood_by_class(model)
    assert by_class.std(1).min() > 1e-3
    torch.testing.assert_close(likelihood(model, None), (by_class.exp() * prior).sum(1).log())
    torch.testing.assert_close(likelihood(model, LABELS), by_class[torch.arange(5), LABELS])


def likelihood(model, labels):
    if isinstance(model, Flow):
        return model.log_weights(images(), 1, noise(), labels)[0]
    return model.exact_log_likelihood(images(), labels)


def likelihood_by_class(model):
    return torch.stack([likelihood(model, torch.full((5,), y)) for y in range(3)], dim=1)


@pytest.mark.parametrize("name", ["vae", "flow", "autoregressive", "made", "flow matching"])
def test_the_likelihood_of_each_class_is_that_of_its_label(name):
    model = conditional(name)
    found = model.log_likelihood_by_class(images())
    assert found.shape == (5, 3)
    assert torch.equal(model.log_likelihood_by_class(images()), found)
    with torch.no_grad():
        for embedding in embeddings(model):
            embedding.weight[:3] = embedding.weight[[1, 2, 0]]
    torch.testing.assert_close(model.log_likelihood_by_class(images()), found[:, [1, 2, 0]])


@pytest.mark.parametrize("name", ["autoregressive", "made"])
def test_probabilities_of_all_images_of_a_label_sum_to_1(name):
    settings = {"layers": 1, "width": 8, "heads": 2, "hidden_dims": [8], "patch_size": [1, 1], "image_shape": (1, 2, 3)}
    architecture = "made" if name == "made" else "transformer"
    model = Autoregressive(architecture=architecture, conditional=True, num_classes=2, **settings).double().eval()
    with torch.no_grad():
        for embedding in embeddings(moved(model)):
            embedding.weight[:2] += torch.randn(embedding.weight[:2].shape, generator=noise(), dtype=torch.float64)
    everything = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 6).view(-1, 1, 2, 3)
    for labels in (None, torch.zeros(64, dtype=torch.long), torch.ones(64, dtype=torch.long)):
        total = model.exact_log_likelihood(everything, labels).exp().sum()
        torch.testing.assert_close(total, torch.ones_like(total))


def test_an_estimate_by_integration_is_summed_over_the_labels_with_its_evaluations():
    model = conditional("flow matching")
    by_class, counts = zip(
        *(model.estimate_log_likelihood(images(), noise(), torch.full((5,), y)) for y in range(3)), strict=True
    )
    found, count = model.estimate_log_likelihood(images(), noise())
    torch.testing.assert_close(found, torch.stack(by_class).logsumexp(0) - math.log(3))
    assert torch.equal(count, sum(counts))


def test_what_the_flow_measures_is_the_joint_likelihood(monkeypatch):
    model, logged = conditional("flow"), {}
    model.label_prior.copy_(torch.tensor([0.5, 0.3, 0.2]))
    monkeypatch.setattr(model, "log_dict", lambda means, **_: logged.update(means))
    model.validation_step((images(), LABELS), 0)
    joint = model.log_likelihood_by_class(images())[torch.arange(5), LABELS] + model.label_prior.log()[LABELS]
    torch.testing.assert_close(logged["val/log_likelihood"], joint.mean())


def test_what_the_autoregressive_model_measures_is_the_joint_likelihood(monkeypatch):
    model, logged = conditional("made"), {}
    model.label_prior.copy_(torch.tensor([0.5, 0.3, 0.2]))
    monkeypatch.setattr(model, "log_dict", lambda means, **_: logged.update(means))
    model.validation_step((images(), LABELS), 0)
    joint = model.exact_log_likelihood(images(), LABELS) + model.label_prior.log()[LABELS]
    torch.testing.assert_close(logged["val/nll"], -joint.mean())


# Codes, and the way back


@pytest.mark.parametrize("name", ["flow", "course flow"])
@pytest.mark.parametrize("labels", [None, LABELS])
def test_a_code_is_decoded_to_its_image_under_the_same_label(name, labels):
    model = conditional(name)
    z = model.encode(images(), labels)
    torch.testing.assert_close(model.decode(z, labels), images())
    if labels is not None:
        assert not torch.equal(model.encode(images()), z)


@pytest.mark.parametrize("name", ["vae", "gan", "flow", "flow matching"])
def test_codes_of_several_rows_share_the_labels_of_the_last(name):
    model = conditional(name)
    z = torch.randn(2, 5, model.latent_dim, generator=noise(), dtype=torch.float64)
    torch.testing.assert_close(
        model.decode(z, LABELS), torch.stack([model.decode(row, LABELS) for row in z]), rtol=0, atol=1 / 255 + 1e-6
    )


# Guidance


@pytest.mark.parametrize("prediction", ["velocity", "noise"])
def test_guidance_goes_on_from_the_field_without_labels_to_that_with(prediction):
    FAMILIES["here"] = lambda **labels: FlowMatching(prediction=prediction, channels=[4], image_shape=SHAPE, **labels)
    model = conditional("here", label_dropout=0.1)
    del FAMILIES["here"]
    x, t = images(), torch.linspace(0.1, 0.9, 5).double()
    without, told = model.velocity(x, t), model.velocity(x, t, LABELS)
    assert (told - without).abs().max() > 1e-3
    torch.testing.assert_close(model.guided_velocity(x, t, LABELS, 0.0), without)
    assert torch.equal(model.guided_velocity(x, t, LABELS, 1.0), told)
    torch.testing.assert_close(model.guided_velocity(x, t, LABELS, 2.5), 2.5 * told - 1.5 * without)


def test_samples_are_guided():
    model = conditional("flow matching", label_dropout=0.1)
    guided = model.sample(5, noise(), labels=LABELS, guidance=3.0)
    assert not torch.equal(guided, model.sample(5, noise(), labels=LABELS))
    null = model.decode(torch.randn(5, model.latent_dim, generator=noise()))
    torch.testing.assert_close(model.sample(5, noise(), labels=LABELS, guidance=0.0), null)
    assert "guidance" in sampling_options(model.sample)


@pytest.mark.parametrize("told", [{}, {"conditional": True, "num_classes": 3}])
def test_guidance_of_a_model_that_has_not_learned_both_is_one_line(told):
    with pytest.raises(ConfigError, match=r"guidance=1.5 needs .*model.autoguidance=0.1, .*model.label_dropout=0.1"):
        made("flow matching", **told).sample(2, guidance=1.5)


# Training


@pytest.mark.parametrize("objective", ["non_saturating", "saturating", "least_squares", "hinge", "wasserstein"])
@pytest.mark.parametrize("penalty", ["none", "gradient_penalty", "r1"])
def test_each_game_teaches_both_players_the_labels(objective, penalty):
    torch.manual_seed(0)
    model = GAN(latent_dim=3, objective=objective, penalty=penalty, image_shape=SHAPE, conditional=True, num_classes=3)
    trainer = Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, barebones=True)
    trainer.fit(model, DataLoader(TensorDataset(images().float(), LABELS), batch_size=5))
    for player in (model.generator, model.discriminator):
        for embedding in embeddings(player):
            assert (embedding.weight[:3].abs().sum(1) > 0).all()
            assert not embedding.weight[3].any()


@pytest.mark.parametrize("name", ["gan", "convolutional gan"])
def test_a_fake_is_judged_with_the_label_that_it_was_made_for(name, monkeypatch):
    model, made_for, judged = conditional(name).train(), [], []
    generate, logits = model.generator.forward, model.logits
    monkeypatch.setattr(model.generator, "forward", lambda z, labels: made_for.append(labels) or generate(z, labels))
    monkeypatch.setattr(model, "logits", lambda x, labels: judged.append(labels) or logits(x, labels))
    monkeypatch.setattr(model, "discriminator_step", lambda real, fake, labels: {"labels": labels})
    monkeypatch.setattr(model, "generator_step", lambda fake, labels: judged.append(labels) or {})
    assert model.training_step((images(), LABELS), 0) == {"labels": LABELS}
    assert [labels.tolist() for labels in made_for + judged] == [LABELS.tolist()] * 2


@pytest.mark.parametrize("name", ["autoregressive", "made"])
def test_a_completion_draws_the_label_that_the_upper_half_shows(name):
    model = conditional(name)
    patches, start = model.patches(model.observe(images())), 4
    upper = torch.stack(
        [model._of_each_patch(patches, 0, torch.full((5,), y))[:, :start].sum(1) for y in range(3)], dim=1
    )
    posterior = upper.softmax(1)
    drawn = torch.stack([model._labels_given(patches, start, torch.Generator().manual_seed(i)) for i in range(2000)])
    shares = torch.stack([(drawn == y).double().mean(0) for y in range(3)], dim=1)
    # five standard errors, √(0.25 / 2000) = 0.011 at most
    torch.testing.assert_close(shares, posterior, rtol=0, atol=0.056)

"""The networks as the formulas that their docstrings state, written out with their own weights."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from genlab.networks import image_decoder, image_encoder, mlp
from genlab.networks.coupling_nets import ConvolutionalCouplingNet
from genlab.networks.discriminators import image_discriminator
from genlab.networks.generators import image_generator
from genlab.networks.image_classifier import ImageClassifier

SHAPE = (2, 8, 12)


def layers(network, *kinds):
    """The layers with weights, in order."""
    return [module for module in network.modules() if isinstance(module, kinds or (nn.Linear, nn.Conv2d))]


def widths(network):
    return [(layer.in_features, layer.out_features) for layer in layers(network, nn.Linear)]


@pytest.mark.parametrize(("activation", "function"), [("relu", F.relu), ("tanh", torch.tanh), ("gelu", F.gelu)])
def test_an_mlp_has_its_activation_after_each_hidden_layer(activation, function):
    torch.manual_seed(0)
    network, x = mlp(3, [5, 4], 2, activation), torch.randn(6, 3)
    first, second, last = layers(network)
    torch.testing.assert_close(network(x), last(function(second(function(first(x))))))


def test_the_mlp_decoder_has_the_encoders_widths_in_reverse():
    assert widths(image_encoder("mlp", SHAPE, [9, 7], 5)) == [(192, 9), (9, 7), (7, 5)]
    assert widths(image_decoder("mlp", SHAPE, [9, 7], 5)) == [(5, 7), (7, 9), (9, 192)]


def test_the_convolutional_encoder_halves_twice_with_a_relu_after_each():
    torch.manual_seed(0)
    network, x = image_encoder("convolutional", SHAPE, [9], 5), torch.randn(3, *SHAPE)
    one, two, hidden, last = layers(network)
    maps = F.relu(two(F.relu(one(x))))
    assert maps.shape == (3, 64, 2, 3)
    torch.testing.assert_close(network(x), last(F.relu(hidden(maps.flatten(1)))))


def test_the_convolutional_decoder_doubles_twice_with_a_relu_before_each():
    torch.manual_seed(0)
    network, z = image_decoder("convolutional", SHAPE, [9], 5), torch.randn(3, 5)
    hidden, wide, one, two = layers(network, nn.Linear, nn.ConvTranspose2d)
    maps = F.relu(wide(F.relu(hidden(z)))).view(3, 64, 2, 3)
    torch.testing.assert_close(network(z), two(F.relu(one(maps))))
    assert network(z).shape == (3, *SHAPE)


def test_a_convolutional_coupling_net_has_a_relu_between_its_layers():
    torch.manual_seed(0)
    network, x = ConvolutionalCouplingNet(2, 6, channels=5), torch.randn(3, 2, 4, 4)
    nn.init.normal_(network[-1].weight)
    one, two, three, last = layers(network)
    assert [layer.kernel_size for layer in (one, two, three, last)] == [(3, 3), (1, 1), (3, 3), (3, 3)]
    torch.testing.assert_close(network(x), last(F.relu(three(F.relu(two(F.relu(one(x))))))))


@pytest.mark.parametrize("architecture", ["mlp", "convolutional"])
def test_discriminators_leak_a_fifth(architecture):
    torch.manual_seed(0)
    network, x = image_discriminator(architecture, SHAPE), torch.randn(3, *SHAPE)
    *hidden, last = layers(network)
    maps = x if architecture == "convolutional" else x.flatten(1)
    for layer in hidden:
        maps = F.leaky_relu(layer(maps), 0.2)
    torch.testing.assert_close(network(x), last(maps.flatten(1)).squeeze(1))


def test_the_mlp_generator_leaks_a_fifth():
    torch.manual_seed(0)
    network, z = image_generator("mlp", SHAPE, 5).eval(), torch.randn(3, 5)
    first, *hidden, last = layers(network, nn.Linear)
    features = F.leaky_relu(first(z), 0.2)
    for linear, norm in zip(hidden, layers(network, nn.BatchNorm1d), strict=True):
        features = F.leaky_relu(norm(linear(features)), 0.2)
    torch.testing.assert_close(network(z), last(features).tanh().view(3, *SHAPE))


def test_the_convolutional_networks_of_the_gan_are_mirrored():
    """128 maps of a quarter of the size, 64 of half of it; weights by hand, batch norm's scale and shift included."""
    size = 2 * 3
    generator = 5 * 128 * size + 2 * 128 + 128 * 64 * 16 + 2 * 64 + 64 * 2 * 16 + 2
    discriminator = 2 * 64 * 16 + 64 + 64 * 128 * 16 + 128 + 128 * size + 1
    networks = image_generator("convolutional", SHAPE, 5), image_discriminator("convolutional", SHAPE)
    assert [sum(p.numel() for p in network.parameters()) for network in networks] == [generator, discriminator]


def test_dcgan_starts_without_biases():
    networks = image_generator("convolutional", SHAPE, 5), image_discriminator("convolutional", SHAPE)
    weighted = [layers(network, nn.Linear, nn.Conv2d, nn.ConvTranspose2d) for network in networks]
    biases = [layer.bias for layer in itertools.chain(*weighted) if layer.bias is not None]
    assert len(biases) == 4
    assert not any(bias.any() for bias in biases)


def test_features_of_the_classifier_are_rectified_and_those_of_its_logits():
    torch.manual_seed(0)
    network, images = ImageClassifier((1, 28, 28), 10).eval(), torch.rand(20, 1, 28, 28)
    features = network.features(images)
    assert features.shape == (20, 128)
    assert features.min() == 0 < features.max()
    torch.testing.assert_close(network(images), network.output(features))
    kept = network.train().dropout(torch.ones(100_000)) > 0
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.01)  # five standard errors are 0.007

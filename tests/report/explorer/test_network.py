"""A model's parts as layers: which they are, and what is refused."""

import pytest
import torch
from torch import nn

from genlab.errors import RunError
from genlab.models.gan import GAN
from genlab.models.vae import VAE
from genlab.report.explorer.network import network_of


def ops(network):
    return [layer["op"] for layer in network.layers]


def read(model, function, example):
    return network_of(model.eval().requires_grad_(False), "decoder", function, example)


def test_the_two_sides_of_a_vae():
    model = VAE(latent_dim=3, hidden_dims=[8])
    encoder = read(model, model.parts["encoder"].function, torch.zeros(1, 1, 28, 28))
    assert ops(encoder) == ["linear", "relu", "linear", "piece", "piece"]
    assert [encoder.layers[output - 1]["start"] for output in encoder.outputs] == [0, 3]
    decoder = read(model, model.parts["decoder"].function, torch.zeros(1, 3))
    assert ops(decoder) == ["linear", "relu", "linear", "sigmoid"]
    assert decoder.ends_in_sigmoid
    assert [tuple(tensor.shape) for tensor in decoder.tensors] == [(8, 3), (8,), (784, 8), (784,)]


def test_batch_norm_is_its_running_scale_and_shift():
    model = GAN(latent_dim=2)
    model.generator[3].running_var.fill_(4.0)
    model.generator[3].running_mean.fill_(1.0)
    network = read(model, model.parts["generator"].function, torch.zeros(1, 2))
    scale, shift = next(layer["tensors"] for layer in network.layers if layer["op"] == "affine")
    torch.testing.assert_close(scale, torch.full((256,), 0.5), atol=1e-5, rtol=0)
    torch.testing.assert_close(shift, torch.full((256,), -0.5), atol=1e-5, rtol=0)


def test_a_convolution_has_its_shapes():
    model = VAE(architecture="convolutional", latent_dim=2, hidden_dims=[4])
    network = read(model, model.parts["decoder"].function, torch.zeros(1, 2))
    first = next(layer for layer in network.layers if layer["op"] == "conv_transpose2d")
    assert (first["from"], first["to"], first["stride"], first["padding"]) == ([64, 7, 7], [32, 14, 14], 2, 1)


class Sorts(nn.Module):
    def forward(self, z):
        return z.sort(-1).values


class Grouped(nn.Conv2d):
    def __init__(self):
        super().__init__(2, 2, 3, groups=2)


class Depends(nn.Module):
    def forward(self, z):
        return z if z.sum() > 0 else -z


REFUSED = {
    "an unknown layer": (Sorts, (1, 4), "Sorts: its decoder has sort, which the page's script does not compute"),
    "groups": (Grouped, (1, 2, 4, 4), "Grouped: its decoder has conv2d with groups, dilation or unequal strides"),
    "a program": (Depends, (1, 4), "Depends: its decoder cannot be traced as layers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_page_does_not_compute_is_named(case):
    kind, shape, words = REFUSED[case]
    model = kind()
    with pytest.raises(RunError, match=words):
        read(model, model, torch.zeros(shape))

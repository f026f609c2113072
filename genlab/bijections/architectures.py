"""The two flows from images to noise: the course's RealNVP, and a multi-scale Glow."""

from collections.abc import Sequence

from genlab.bijections.actnorm import ActNorm
from genlab.bijections.bijection import Bijection
from genlab.bijections.composition import Composition
from genlab.bijections.coupling import ChannelCoupling, MaskedCoupling, checkerboard
from genlab.bijections.invertible_convolution import InvertibleConvolution
from genlab.bijections.logit import Logit
from genlab.bijections.multiscale import MultiScale, scale_shapes
from genlab.bijections.squeeze import Flatten
from genlab.networks.convolutional import ImageShape
from genlab.networks.coupling_nets import ConvolutionalCouplingNet, coupling_mlp

# Dinh et al. 2017, section 4.1, take 0.05, for photographs. Four of five pixels of MNIST are black. With 0.05 the noise
# of a black one spans a hundredth of the logits' range, with 1e-5 a quarter, which after a minute of training gains the
# course's flow a bit per dimension.
BOUND = 1e-5


def course_realnvp(
    image_shape: ImageShape,
    couplings: int = 8,
    hidden_dims: Sequence[int] = (1024, 1024),
    bound: float = BOUND,
    classes: int = 0,
) -> Composition:
    """(B, C, H, W) in (0, 1) → z (B, C·H·W): logit, then couplings of pixel vectors with alternating checkerboards.

    A coupling's network reads the kept pixels and returns scales and shifts of the others: 392 → hidden → 784 for 784
    pixels. It equals a masked network 784 → hidden → 1568, without the weights that masks multiply by zero.

    Args:
        couplings: number of coupling layers.
        hidden_dims: widths of the hidden layers of each coupling's network.
        bound: of the logit.
        classes: of the labels that the couplings' networks take; 0: none.
    """
    mask = checkerboard(image_shape).flatten()
    layers: list[Bijection] = [Logit(bound), Flatten(image_shape)]
    for index in range(couplings):
        keep = mask if index % 2 == 0 else ~mask
        kept = int(keep.sum())
        layers.append(MaskedCoupling(coupling_mlp(kept, hidden_dims, 2 * (len(keep) - kept), classes), keep))
    return Composition(layers)


def multiscale_glow(
    image_shape: ImageShape,
    scales: int = 2,
    steps: int = 6,
    channels: Sequence[int] = (32, 64),
    bound: float = BOUND,
    classes: int = 0,
) -> Composition:
    """(B, C, H, W) in (0, 1) → z (B, C·H·W): logit, then steps of Glow at each scale.

    A step is an activation normalisation, an invertible 1×1 convolution and an affine coupling
    (Kingma & Dhariwal 2018, figure 2).

    Args:
        scales: each halves height and width, and each but the last factors out half of the dimensions.
        steps: at each scale.
        channels: width of the coupling networks, one for each scale.
        bound: of the logit.
        classes: of the labels that the coupling networks take; 0: none.

    Raises:
        ValueError: channels does not have one width for each scale, or the image cannot be halved that often.
    """
    if len(channels) != scales:
        raise ValueError(f"{scales} scales need as many widths in channels, got {list(channels)}")
    flows = [
        Composition(layer for _ in range(steps) for layer in _glow_step(shape[0], width, classes))
        for shape, width in zip(scale_shapes(image_shape, scales), channels, strict=True)
    ]
    return Composition([Logit(bound), MultiScale(image_shape, flows)])


def _glow_step(channels: int, width: int, classes: int) -> list[Bijection]:
    kept = channels // 2
    net = ConvolutionalCouplingNet(kept, 2 * (channels - kept), width, classes)
    return [ActNorm(channels), InvertibleConvolution(channels), ChannelCoupling(net, channels)]

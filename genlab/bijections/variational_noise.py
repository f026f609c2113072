"""Variational dequantization: noise with a learned distribution that depends on the image."""

from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from genlab.bijections.coupling import ChannelCoupling
from genlab.bijections.dequantization import LEVELS
from genlab.bijections.squeeze import Squeeze
from genlab.networks.convolutional import ImageShape
from genlab.networks.coupling_nets import ConvolutionalCouplingNet


class VariationalNoise(nn.Module):
    """u = σ(f(logit(uniform); levels)),  log q(u|levels) = −ladj of that map, because the uniform density is 1.

    f is a flow of affine couplings that all see the whole image (Ho et al. 2019, section 3.1). They start as the
    identity, so that u starts as the uniform noise itself with log q = 0, and learning can only tighten the bound.

    Args:
        image_shape: (C, H, W).
        couplings: layers of f, which alternate between the halves of the squeezed pixels that they keep.
        channels: width of their networks.

    Shapes: levels, uniform and u (B, C, H, W), uniform in (0, 1); log_q (B,), in nats.

    Raises:
        ValueError: the height or the width is odd.
    """

    def __init__(self, image_shape: ImageShape, couplings: int = 4, channels: int = 32) -> None:
        super().__init__()
        if image_shape[1] % 2 or image_shape[2] % 2:
            raise ValueError(f"variational noise needs an even height and width, got {image_shape}")
        self.squeeze = Squeeze()
        squeezed = 4 * image_shape[0]
        half = squeezed // 2
        self.couplings = nn.ModuleList(
            ChannelCoupling(
                ConvolutionalCouplingNet(half + squeezed, 2 * half, channels),
                squeezed,
                keep_first=index % 2 == 0,
            )
            for index in range(couplings)
        )

    def forward(self, levels: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        context, _ = self.squeeze(2 * levels / (LEVELS - 1) - 1)
        noise, _ = self.squeeze(uniform.log() - (-uniform).log1p())
        log_q = logistic_log_density(noise)
        for coupling in self.couplings:
            noise, ladj = coupling(noise, context)
            log_q = log_q - ladj
        return self.squeeze.inverse(noise.sigmoid()), log_q - logistic_log_density(noise)


def logistic_log_density(y: Tensor) -> Tensor:
    """Σ log σ(y)(1 − σ(y)): the density of y = logit(u) for uniform u, and the ladj of y → u = σ(y). (B, …) → (B,)."""
    return (logsigmoid(y) + logsigmoid(-y)).flatten(1).sum(1)

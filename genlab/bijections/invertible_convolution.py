"""The invertible 1×1 convolution: a learned generalisation of permuting channels."""

import torch
from torch import Tensor, nn
from torch.linalg import solve_triangular

from genlab.bijections.bijection import Bijection


class InvertibleConvolution(Bijection):
    """z_ij = W x_ij at every position,  W = P L (U + diag(s)),  ladj = H·W·Σ log |s|.

    W starts as a random rotation. Its permutation P and the signs of s stay; the unit lower triangular L, the strictly
    upper triangular U and log |s| are learned, packed below, above and on the diagonal of one matrix `lu`. No
    determinant is computed, and W cannot become singular.

    Shapes: x and z (B, C, H, W), ladj (B,).

    Kingma & Dhariwal 2018, equations 9-11.
    """

    permutation: Tensor
    sign: Tensor
    solved: Tensor | None

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation = torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64))[0]
        permutation, lower, upper = (factor.to(torch.get_default_dtype()) for factor in torch.linalg.lu(rotation))
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", upper.diagonal().sign())
        self.register_buffer("solved", None, persistent=False)
        self.lu = nn.Parameter(lower.tril(-1) + upper.triu(1) + upper.diagonal().abs().log().diag())

    def factors(self) -> tuple[Tensor, Tensor]:
        """(L, U + diag(s))."""
        identity = torch.eye(len(self.lu), dtype=self.lu.dtype, device=self.lu.device)
        diagonal = self.sign * self.lu.diagonal().exp()
        return self.lu.tril(-1) + identity, self.lu.triu(1) + diagonal.diag()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # bfloat16 would round x to 8 bits, and no inverse would bring it back.
        with torch.autocast(x.device.type, enabled=False):
            lower, upper = self.factors()
            z = self._mix(self.permutation @ lower @ upper, x)
            ladj = self.lu.diagonal().sum() * (x.shape[2] * x.shape[3])
        return z, ladj.expand(x.shape[0])

    def inverse(self, z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):
            return self._mix(self._inverse_matrix() if self.solved is None else self.solved, z)

    def solve_once(self) -> None:
        """Keep W⁻¹, because the weights are final: what reads exported networks solves no equations."""
        self.solved = self._inverse_matrix().detach()

    def _inverse_matrix(self) -> Tensor:
        lower, upper = self.factors()
        solved = solve_triangular(lower, self.permutation.T, upper=False, unitriangular=True)
        return solve_triangular(upper, solved, upper=True)

    @staticmethod
    def _mix(matrix: Tensor, x: Tensor) -> Tensor:
        return (matrix @ x.flatten(2)).view_as(x)

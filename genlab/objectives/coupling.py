"""Which noise goes with which image of a batch."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def optimal_coupling(noise: Tensor, data: Tensor) -> Tensor:
    """The permutation π (B,) for which Σ_i ‖noise[π(i)] − data[i]‖² is least: noise and data (B, …).

    Within a batch that is optimal transport, which makes the paths of a flow straighter (Tong et al. 2024, section 3.2;
    Pooladian et al. 2023). Each draw of noise is used once, so together they still are N(0, I).
    """
    cost = torch.cdist(data.flatten(1).double(), noise.flatten(1).double()).square()
    _, columns = linear_sum_assignment(cost.cpu().numpy())
    return torch.as_tensor(columns, device=noise.device)

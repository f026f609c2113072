"""The estimate of log p(x) does not depend on how it is cut into chunks."""

import math

import pytest
import torch

from genlab.evaluation.likelihood import importance_weighted_log_likelihood


class FixedWeights:
    """log w of sample k and image i is log(k + 1) + image_i, dealt out in order."""

    def __init__(self) -> None:
        self.dealt: dict[float, int] = {}

    def log_weights(self, images, samples, generator=None):
        values = images.flatten(1).mean(1).double()
        start = self.dealt.get(values[0].item(), 0)
        self.dealt[values[0].item()] = start + samples
        return torch.arange(start + 1, start + samples + 1, dtype=torch.float64).log().unsqueeze(1) + values


@pytest.mark.parametrize("chunk", [1, 7, 100, 10_000])
def test_is_the_log_of_the_mean_weight(chunk):
    values = torch.tensor([-90.0, 0.5, -2000.0])
    images = values.view(3, 1, 1, 1).expand(3, 1, 2, 2)
    estimate = importance_weighted_log_likelihood(FixedWeights(), images, 20, torch.Generator(), chunk)
    torch.testing.assert_close(estimate, values.double() + math.log(sum(range(1, 21)) / 20))

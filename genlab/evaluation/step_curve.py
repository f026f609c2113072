"""What a sample's steps buy: the quality of samples over evaluations of the network."""

from functools import partial

import torch
from torch import Tensor

from genlab.capabilities import CanSampleInSteps
from genlab.evaluation.feature_network import Space
from genlab.evaluation.frechet import FrechetDistance
from genlab.evaluation.sample_scores import draw
from genlab.evaluation.scores import SAMPLES_OF_A_POINT, Evaluation, Point, quality_curve
from genlab.evaluation.settings import EvaluationSettings, Track, silently


def step_curve(
    model: CanSampleInSteps, space: Space, test: Tensor, settings: EvaluationSettings, track: Track = silently
) -> Evaluation:
    """The Fréchet distance to test images at each number of steps, where there is a feature network.

    All points have the same noise.

    Args:
        model: in evaluation mode.
        space: that of the images.
        test: test images, uint8 (N, C, H, W).
        settings: which numbers of steps.
        track: shows progress.

    Raises:
        NonFiniteError: samples are no numbers.
    """
    if (network := space.network) is None:
        return Evaluation()
    n, points = min(SAMPLES_OF_A_POINT, settings.samples), []
    distance = FrechetDistance(network.describe(test).features)
    for steps in track(settings.steps, description="quality over steps"):
        generator = torch.Generator().manual_seed(settings.seed)
        samples, _ = draw(partial(model.sample, steps=steps), n, generator)
        distance.update(network.describe(samples).features)
        points.append(Point(model.sampling_evaluations(steps), distance.compute()))
    return Evaluation(curves=quality_curve(space.name, points, n, len(test)))

"""What a sample's steps buy: the quality of samples over evaluations of the network."""

from functools import partial

import torch
from torch import Tensor

from genlab.capabilities import CanSampleInSteps
from genlab.evaluation.feature_network import feature_network
from genlab.evaluation.frechet import FrechetDistance
from genlab.evaluation.sample_scores import draw
from genlab.evaluation.scores import Curve, Evaluation, Point
from genlab.evaluation.settings import EvaluationSettings, Track, silently
from genlab.quantities import SAMPLE_SCORE, quantity

SAMPLES = 1000  # for each point; all have the same noise


def step_curve(
    model: CanSampleInSteps, test: Tensor, settings: EvaluationSettings, track: Track = silently
) -> Evaluation:
    """The Fréchet distance to test images at each number of steps.

    Args:
        model: in evaluation mode.
        test: test images, uint8 (N, 1, 28, 28).
        settings: which numbers of steps.
        track: shows progress.

    Raises:
        NonFiniteError: samples are no numbers.
    """
    network, n, points = feature_network(), min(SAMPLES, settings.samples), []
    distance = FrechetDistance(network.describe(test).features)
    for steps in track(settings.steps, description="quality over steps"):
        generator = torch.Generator().manual_seed(settings.seed)
        samples, _ = draw(partial(model.sample, steps=steps), n, generator)
        distance.update(network.describe(samples).features)
        points.append(Point(model.sampling_evaluations(steps), distance.compute()))
    protocol = f"{n} samples against {len(test)} test images: too few to compare with the score"
    curve = Curve("evaluations of the network", quantity(SAMPLE_SCORE).unit, protocol, points)
    return Evaluation(curves={SAMPLE_SCORE: curve})

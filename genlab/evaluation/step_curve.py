"""What a sample's steps buy: the quality of samples over evaluations of the network."""

from functools import partial
from typing import Any, TypeGuard

import torch
from torch import Tensor

from genlab.capabilities import CanSampleInSteps
from genlab.evaluation.distances import frechet_distance
from genlab.evaluation.feature_network import Space
from genlab.evaluation.sample_scores import draw
from genlab.evaluation.sampling import own_sampler
from genlab.evaluation.scores import SAMPLES_OF_A_POINT, Evaluation, Point, quality_curve
from genlab.evaluation.settings import EvaluationSettings, Track, silently


def has_step_curve(model: object, settings: EvaluationSettings) -> TypeGuard[CanSampleInSteps]:
    """Whether there is one: the model's own samples take steps, and some numbers of them are asked for."""
    if not isinstance(model, CanSampleInSteps) or not settings.steps or settings.ex_post is not None:
        return False
    return model.sampling_evaluations(1, **_options(model, settings)) is not None


def step_curve(
    model: CanSampleInSteps, space: Space, test: Tensor, settings: EvaluationSettings, track: Track = silently
) -> Evaluation:
    """The Fréchet distance to test images, uint8 (N, C, H, W), at each number of steps, if there is a feature network.

    All points have the same noise, and the options of the settings.
    """
    if (network := space.network) is None:
        return Evaluation()
    n, points, options = min(SAMPLES_OF_A_POINT, settings.samples), [], _options(model, settings)
    real = network.describe(test).features
    for steps in track(settings.steps, description="quality over steps"):
        generator = torch.Generator().manual_seed(settings.seed)
        samples, _ = draw(partial(model.sample, steps=steps, **options), n, generator)
        evaluations = model.sampling_evaluations(steps, **options)
        assert evaluations is not None  # or there is no step curve
        points.append(Point(evaluations, frechet_distance(real, network.describe(samples).features)))
    return Evaluation(curves=quality_curve(space.name, points, n, len(test)))


def _options(model: CanSampleInSteps, settings: EvaluationSettings) -> dict[str, Any]:
    """Of its samples, but for their steps."""
    sampler = own_sampler(model, settings)
    return {name: value for name, value in sampler.keywords.items() if name != "steps"} if sampler else {}

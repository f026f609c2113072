"""How often a model that has learned labels from few images is wrong about the others."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genlab.evaluation.likelihood_scores import EXACT
from genlab.evaluation.scores import Evaluation, mean_score
from genlab.evaluation.settings import EvaluationSettings

AT_ONCE = 1000  # images


def classification_scores(model: Any, test: Tensor, labels: Tensor, settings: EvaluationSettings) -> Evaluation:
    """The share of test images whose label is not argmax_y q(y|x), beside what a paper reports.

    Args:
        model: that classifies, in evaluation mode.
        test: images, uint8 (N, C, H, W).
        labels: theirs, (N,).
        settings: for the published number.
    """
    weight = next(model.parameters())
    taken = torch.cat([model.classify(some.to(weight) / 255).argmax(-1).cpu() for some in test.split(AT_ONCE)])
    protocol = f"q(y|x), learned from {model.labels} labels; {len(test)} test images"
    score = mean_score("classification_error", (taken != labels).double(), protocol, EXACT)
    return Evaluation(scores={"classification_error": replace(score, published=settings.published_error)})

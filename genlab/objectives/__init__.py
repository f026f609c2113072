"""Pure functions of tensors: divergences, likelihoods, bounds, losses, paths."""

from genlab.objectives.bernoulli import bernoulli_log_likelihood, pairwise_bernoulli_log_likelihood
from genlab.objectives.bounds import importance_weighted_bound
from genlab.objectives.gaussian import gaussian_kl, gaussian_log_density, standard_normal_log_density
from genlab.objectives.semi_supervised import bound_over_labels, semi_supervised_objective

__all__ = [
    "bernoulli_log_likelihood",
    "bound_over_labels",
    "gaussian_kl",
    "gaussian_log_density",
    "importance_weighted_bound",
    "pairwise_bernoulli_log_likelihood",
    "semi_supervised_objective",
    "standard_normal_log_density",
]

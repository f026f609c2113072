"""What draws samples, with its options: steps, a temperature, guidance."""

from collections.abc import Callable, Mapping
from functools import partial

from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from genlab.capabilities import CanSample, ChecksSampling, sampling_options
from genlab.errors import ConfigError
from genlab.evaluation.settings import EvaluationSettings


def own_sampler(model: object, settings: EvaluationSettings) -> partial[Tensor] | None:
    """What draws from the model's own distribution, with the options of the settings; None: samples come from codes.

    Raises:
        ConfigError: there are no such options, or the model cannot draw with them.
    """
    spelled = "evaluation.sampling.{}".format
    if settings.ex_post is None and isinstance(model, CanSample):
        sampler = with_options(model.sample, settings.sampling or {}, type(model).__name__, spelled)
        if isinstance(model, ChecksSampling):
            model.check_sampling(**sampler.keywords)
        return sampler
    if settings.sampling:
        name = next(iter(settings.sampling))
        raise ConfigError(f"{spelled(name)}: samples from codes have no options; leave it out")
    return None


def with_options(
    sample: Callable[..., Tensor], chosen: Mapping[str, object], whose: str, spelled: Callable[[str], str]
) -> partial[Tensor]:
    """The sampler of a model with options of its own, each read as what its signature says.

    Args:
        sample: of the model.
        chosen: name → value, or its text.
        whose: the model's name.
        spelled: how the user gives an option of this name.

    Raises:
        ConfigError: it has no such option, or the value is none.
    """
    there, values = sampling_options(sample), {}
    for name, value in chosen.items():
        if name not in there:
            others = ", ".join(spelled(other) for other in there) or "none"
            raise ConfigError(f"{spelled(name)}: {whose} has none; options of its samples: {others}")
        try:
            values[name] = TypeAdapter(there[name]).validate_strings(str(value))
        except ValidationError as error:
            why = error.errors()[0]["msg"].removeprefix("Input ")
            raise ConfigError(f"{spelled(name)}: {value}: {why}") from None
    return partial(sample, **values)

"""Numbers and names as the page says them."""

import math
import re

from markupsafe import Markup

# In the order in which they come
TITLES = {
    "samples": "Samples from one fixed noise",
    "samples_by_class": "A row for each class, one noise a column",
    "analogies": "Images, and the same latent point under each label",
    "reconstructions": "Reconstructions, below their images",
    "manifold": "Manifold: the latent plane decoded",
    "codes": "Codes of validation images, by digit",
    "interpolation": "Interpolation",
    "ex_post_samples": "Samples by a density fitted to the codes",
    "decoded_noise": "Decoded noise N(0, I), which no training has made digits",
    "traversals": "Traversals: one latent at a time",
    "closest_pairs": "Samples beside their nearest training images",
    "generator_gradients": "The generator's gradient under two objectives",
}


def title_of(kind: str) -> str:
    """Of a kind of picture."""
    return TITLES.get(kind, kind.replace("_", " "))


def shown(value: float) -> str:
    """Four significant digits, or whole numbers in full."""
    size = abs(value)
    if size >= 1000 or (value == round(value) and size >= 1):
        said = f"{value:,.0f}" if size < 1e12 else f"{value:.3g}"
    else:
        said = f"{value:.4g}"
    return said.replace("-", "−")


def counted(epochs: int | None) -> str:
    """`1 epoch`, `40 epochs`."""
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"


def in_brief(estimator: str) -> str:
    """`upper bound` of `upper bound: log-mean-exp of 1000 importance samples`."""
    return estimator.partition(":")[0]


def wrapping(name: str) -> Markup:
    """A name that may break behind its underscores and slashes."""
    return Markup("<wbr>").join(re.split("(?<=[_/])", name))


def with_spread(mean: float, spread: float | None) -> str:
    """`−98.16 ± 0.12`: the spread in two digits, the mean in as many decimals."""
    if not spread:
        return shown(mean) if spread is None else f"{shown(mean)} ± 0"
    return " ± ".join(_in_decimals(spread, mean, spread))


def range_of(interval: tuple[float, float]) -> str:
    """`[−98.3, −98.0]`, with enough digits to tell the ends apart."""
    return f"[{', '.join(_in_decimals(interval[1] - interval[0], *interval))}]"


def _in_decimals(size: float, *values: float) -> list[str]:
    """Values with the decimals that show two digits of a size."""
    decimals = max(0, 1 - int(f"{size:.1e}".partition("e")[2])) if size > 0 else math.inf
    if decimals > 8 or max(map(abs, values)) >= 1e12:
        return [shown(value) for value in values]
    return [f"{value:,.{decimals}f}".replace("-", "−") for value in values]


def seconds_of(seconds: float) -> str:
    """`172 s`, `23 min`, `5.2 h`."""
    if seconds < 600:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class Notes:
    """Footnotes of a table: each text once, in the order of its first use."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def number(self, text: str) -> int:
        """Of a text, the first is 1."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1

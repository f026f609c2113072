"""The charts of one run."""

from collections.abc import Sequence

from genlab.report.charts import Chart, Series, bar_chart, line_chart
from genlab.report.reading import ReportedRun

OPTIMUM = -1.3862943611198906  # −log 4, of V(D, G) where D cannot tell (Goodfellow et al. 2014, theorem 1)
ALIKE = {"d_real": ("d_real", "d_fake"), "d_fake": ()}  # quantity → those in its chart
FIRST = (
    *("elbo", "reconstruction", "kl", "nll", "bits_per_dim", "log_likelihood", "reconstruction_error"),
    *("fid_mnist", "value", "d_real", "discriminator_accuracy", "discriminator_loss", "generator_loss"),
)
UNITS = {
    "elbo": "nats per image, higher is better",
    "reconstruction": "log p(x|z), nats per image",
    "kl": "nats per image",
    "nll": "nats per image, lower is better",
    "log_likelihood": "nats per image, higher is better",
    "bits_per_dim": "bits per dimension, lower is better",
    "reconstruction_error": "per image, lower is better",
    "value": "nats",
    "fid_mnist": "lower is better",
    "d_real": "mean of D",
    "discriminator_accuracy": "share",
}
NAMES = {
    "elbo": "ELBO = reconstruction − KL",
    "kl": "KL(q(z|x) ‖ p(z))",
    "value": "V(D, G)",
    "d_real": "D on images and on fakes",
}


def curves_over_epochs(run: ReportedRun) -> list[Chart]:
    """A chart for each quantity, training and validation together."""
    curves = run.curves
    split_of: dict[str, list[str]] = {}
    for tag in curves.values:
        split, _, quantity = tag.partition("/")
        if split in ("train", "val") and not (quantity == "loss" and _repeats(run, tag)):
            split_of.setdefault(quantity, []).append(split)
    charts = [_quantity(run, quantity, split_of) for quantity in sorted(split_of, key=_place)]
    return [chart for chart in charts if chart]


def headline_over_seconds(run: ReportedRun) -> Chart | None:
    """The model's first quantity against seconds of training, where these were recorded."""
    quantity = (run.listed.headline or "").rpartition("/")[2]
    return line_chart(
        f"{short_title(quantity)} over seconds of training",
        [
            Series(split, run.curves.over_seconds(f"{tag}/{quantity}"), style, light=tag == "train")
            for style, (tag, split) in enumerate([("val", "validation"), ("train", "training")])
        ],
        "seconds of training",
        UNITS.get(quantity, quantity),
        marks=marks_of(quantity),
    )


def evaluation_curves(run: ReportedRun) -> list[Chart]:
    """Of `genlab evaluate`: a score over what was varied, as importance samples."""
    charts = []
    for name, curve in run.evaluation.curves.items() if run.evaluation else ():
        points = [(x, value) for x, value, _ in curve.points]
        many = points[0][0] > 0 and points[-1][0] >= 20 * points[0][0]
        line = Series(name, points)
        chart = line_chart(
            f"{name} over {curve.x}",
            [line, Series(name, points, single=True, in_legend=False)] if len(points) < 30 else [line],
            curve.x,
            curve.unit,
            x_log=many,
        )
        if chart:
            charts.append(chart)
    return charts


def digits_chart(run: ReportedRun) -> Chart | None:
    """Shares of the ten digits among samples and test images."""
    counts = run.evaluation.digits if run.evaluation else {}
    shares = [(name, [100 * count / sum(found) for count in found]) for name, found in list(counts.items())[:4]]
    if not shares:
        return None
    return bar_chart(
        "Digits, as the feature network reads them", [str(d) for d in range(10)], shares, "digit", "per cent"
    )


def quantity_title(quantity: str) -> str:
    """As charts name it."""
    return NAMES.get(quantity, quantity)


def short_title(quantity: str) -> str:
    """Where it alone is drawn, and its parts need not be told."""
    return "ELBO" if quantity == "elbo" else quantity_title(quantity)


def marks_of(quantity: str) -> Sequence[tuple[float, str]]:
    """Lines that a chart of the quantity has."""
    return [(OPTIMUM, "−log 4, where D cannot tell")] if quantity == "value" else []


def _quantity(run: ReportedRun, quantity: str, split_of: dict[str, list[str]]) -> Chart | None:
    together = [name for name in ALIKE.get(quantity, (quantity,)) if name in split_of]
    series = []
    for style, name in enumerate(together):
        for split, words in (("val", "validation"), ("train", "training")):
            said = f"{name}, {words}" if len(together) > 1 else words
            at = style if len(together) > 1 else int(split == "train")
            series.append(Series(said, run.curves.over_epochs(f"{split}/{name}"), at, light=split == "train"))
    return line_chart(quantity_title(quantity), series, "epochs", UNITS.get(quantity, ""), marks=marks_of(quantity))


def _repeats(run: ReportedRun, tag: str) -> bool:
    """Whether a loss is the headline again, or the headline with the other sign."""
    split = tag.partition("/")[0]
    headline = run.curves.values.get(f"{split}/{(run.listed.headline or '').rpartition('/')[2]}", [])
    sizes, others = ([(step, abs(value)) for step, value in points] for points in (run.curves.values[tag], headline))
    return sizes == others


def _place(quantity: str) -> tuple[int, str]:
    return (FIRST.index(quantity) if quantity in FIRST else len(FIRST), quantity)

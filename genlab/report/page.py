"""The page: one HTML file that asks for nothing else."""

import glob
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import cache
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType

from jinja2 import Template
from markupsafe import Markup

from genlab import __version__
from genlab.quantities import is_sample_score, quantity
from genlab.report import wording
from genlab.report.album import Album
from genlab.report.charts import GREY, style_class
from genlab.report.comparison import Comparison, comparisons_of
from genlab.report.conclusion import conclusion
from genlab.report.evaluation import by_protocol
from genlab.report.explorer.page import digest, template
from genlab.report.explorer.page import script as explorer_script
from genlab.report.galleries import MOST_EPOCHS, MOST_PICTURES, gallery_of_run, side_by_side
from genlab.report.grouping import Group, group_runs, told_of_images
from genlab.report.milestones import milestones
from genlab.report.overlays import overlays, styles_of
from genlab.report.reading import ReportedRun
from genlab.report.run_charts import evaluation_charts, training_charts
from genlab.report.trade_offs import quality_over_evaluations, trade_offs
from genlab.runs.pretrained import run_folder

Aside = Mapping[str, Sequence[ReportedRun]]  # why a run is listed and not compared → such runs

HERE = Path(__file__).parent
MANY = 4  # settings: of more, the page shows the answer and the samples, and the rest on demand
MOST_DETAILS = 12  # runs with pictures and curves of their own
LONGEST_NOTE = 160  # characters
KINDS = 6  # of pictures that a run usually has


@cache  # it takes a third of a second to compile
def _template() -> Template:
    return template(
        HERE,
        **{name: word for name, word in vars(wording).items() if callable(word)},
        style_class=style_class,
        quantity=quantity,
        by_protocol=by_protocol,
        spaces_of=lambda found: {name: x for name, x in found.memorisation.items() if not isinstance(x, str)},
        is_sample_score=is_sample_score,
        indices=lambda frames: [frame and frame.index for frame in frames],
        notes_of=notes_of,
        test_metrics=lambda run: [item for item in run.listed.metrics.items() if item[0].startswith("test/")],
    )


def page(
    runs: Sequence[ReportedRun], aside: Aside = MappingProxyType({}), explorer: str = "", explorer_link: str = ""
) -> str:
    """HTML with everything in it: styles, script, charts and pictures.

    Args:
        runs: in the order in which they are listed, the broken ones among them.
        aside: others, which are only listed, by the reason.
        explorer: the page of `genlab.report.explorer` about them, which is embedded.
        explorer_link: where such a page lies beside this one.
    """
    groups = group_runs(runs)
    comparisons = comparisons_of(groups)
    order = best_first(comparisons)
    styles = styles_of(order)
    chosen = order[:MOST_DETAILS]
    readable = [run for run in runs if not run.broken]
    several = len(readable) > 1
    album = Album()
    galleries = side_by_side(chosen, album) if len(groups) > 1 else []
    pairs = overlays(groups, styles) if several else []
    reached = milestones(groups) if len(groups) > 1 else []
    few = len(readable) <= MOST_DETAILS  # of many, one of each group that is pictured
    detailed = readable if few else [(group.finished or group.runs)[0] for group in chosen]
    script, style = ((HERE / name).read_text(encoding="utf-8") for name in ("page.js", "style.css"))
    owners = {run.listed.folder: group for group in groups for run in group.runs}
    return _template().render(
        source=album.source,
        group_of=lambda run: owners.get(run.listed.folder),
        version=__version__,
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        runs=readable,
        broken=[run for run in runs if run.broken],
        aside=aside,
        many=len(groups) > MANY,
        groups=groups,
        image_notes=told_of_images(runs),
        chosen=chosen,
        coloured=sum(style != GREY for style in styles.values()),
        styles=styles,
        comparisons=comparisons if several else [],
        conclusions=[(each, conclusion(each, reached)) for each in comparisons] if len(groups) > 1 else [],
        milestones=reached,
        detailed_names={run.name for run in detailed},
        anchors={run.name: f"run-{index}" for index, run in enumerate(runs)},
        overlays=[pair for pair in pairs if not is_sample_score(pair.quantity)],
        score_overlays=[pair for pair in pairs if is_sample_score(pair.quantity)],
        trades=[*trade_offs(comparisons, styles), *quality_over_evaluations(order, styles)] if several else [],
        galleries=galleries,
        details=[_details(run, album, len(detailed)) for run in detailed],
        album=album,
        explorer=explorer,
        explorer_link=explorer_link,
        explorer_hash=digest(explorer_script()) if explorer else "",
        rest=lambda: Markup(json.dumps(album.rest())),  # data URIs of base64: nothing to escape
        script=Markup(script),
        style=Markup(style),
        script_hash=digest(script),
    )


def set_aside(runs: Sequence[ReportedRun], arguments: Sequence[str]) -> tuple[list[ReportedRun], Aside]:
    """The runs to compare, and the others with the reason; nothing is aside where nothing else is left.

    Args:
        runs: those that were found.
        arguments: what was asked for; a run that is named itself, or by a pattern, is compared.
    """
    named = {Path(path).resolve() for text in arguments for path in glob.glob(os.path.expanduser(run_folder(text)))}
    aside: dict[str, list[ReportedRun]] = {}
    shown: list[ReportedRun] = []
    for run in runs:
        why = "" if run.listed.folder.resolve() in named else _why_aside(run)
        (aside.setdefault(why, []) if why else shown).append(run)
    return (shown, aside) if any(not run.broken for run in shown) else (list(runs), {})


def _why_aside(run: ReportedRun) -> str:
    if run.broken:
        return ""
    if run.listed.folder.absolute().parent.name == "trials":
        return "from a search"
    if any(override.lstrip("+").startswith("debug=") for override in run.listed.overrides):
        return "for debugging"
    if run.listed.status != "finished":
        return run.listed.status
    return "not evaluated" if run.evaluation is None else ""


def notes_of(run: ReportedRun) -> list[str]:
    """Its limits, why it failed, and its first warnings, in short."""
    notes = [*([run.listed.reason] if run.listed.reason else []), *run.warnings]
    short = [note if len(note) <= LONGEST_NOTE else f"{note[: LONGEST_NOTE - 2]} …" for note in notes[:2]]
    return [*([f"limited: {', '.join(run.limits)}"] if run.limits else []), *short]


def best_first(comparisons: Sequence[Comparison]) -> list[Group]:
    """All groups: the best of each model in turn, by the first number that ranks them."""
    queues = []
    for comparison in comparisons:
        for model in dict.fromkeys(group.model for group in comparison.groups):
            groups = [group for group in comparison.groups if group.model == model]
            rankings = [comparison.means(column) for column in comparison.cells if column.ranked]
            ranking = next(filter(None, ([group for group in ranked if group in groups] for ranked in rankings)), [])
            queues.append(list(dict.fromkeys([*ranking, *groups])))
    return [group for place in zip_longest(*queues) for group in place if group is not None]


def _details(run: ReportedRun, album: Album, count: int) -> dict[str, object]:
    """All of one run, of so many."""
    evaluated = {name: Path(file) for name, file in run.evaluation.pictures.items()} if run.evaluation else {}
    single = list((run.single_pictures | evaluated).items())[:8]
    return {
        "run": run,
        "curves": training_charts(run),
        "single_pictures": [(name, picture) for name, path in single if (picture := album.add(path))],
        "gallery": gallery_of_run(run, album, max(2, min(MOST_EPOCHS, MOST_PICTURES // (count * KINDS)))),
        "evaluation_charts": evaluation_charts(run),
    }

"""evaluation.json: what is written is what is read."""

import json

import pytest

from genlab.evaluation.scores import ByClass, Curve, Evaluation, Features, Point, Score
from genlab.report.evaluation import read_evaluation

FOUND = Evaluation(
    checkpoint="best.ckpt",
    quick=True,
    scores={"nll": Score(91.2, "nats per image", "lower", "binary", 0.2), "fid_mnist": Score(3.2, floor=0.4)},
    absent={"bits_per_dim": "the likelihood is of binary pixels"},
    curves={"nll": Curve("importance samples", "nats per image", "binary", [Point(1, 98.0), Point(10, 95.0, 0.2)])},
    features=Features("a classifier", "ab" * 32, 0.99),
    classes={"samples": [1000] * 10},
    by_class={"label_accuracy": ByClass("share", "higher", "p", [0.9, None], [0.99, 0.98])},
    confusion={"label_accuracy": [[90.0, 10.0], [0.0, 0.0]]},
    memorisation={"pixels": {"samples": 4.1, "copied_share": 0.0}, "verdict": "no sign of copies"},
    cost={"parameters": 815824},
)


def written(folder, content):
    (folder / "evaluation.json").write_text(json.dumps(content))
    return read_evaluation(folder)


def test_what_is_written_is_what_is_read(tmp_path):
    assert written(tmp_path, FOUND.plain()) == FOUND


def test_parts_are_united(tmp_path):
    united = Evaluation(scores={"nll": FOUND.scores["nll"]}, absent=FOUND.absent, curves=FOUND.curves)
    united |= Evaluation(
        scores={"fid_mnist": FOUND.scores["fid_mnist"]}, features=FOUND.features, classes=FOUND.classes
    )
    united |= Evaluation(by_class=FOUND.by_class, confusion=FOUND.confusion)
    united |= Evaluation(memorisation=FOUND.memorisation, checkpoint="best.ckpt", cost=FOUND.cost)
    assert united == FOUND


def test_an_evaluation_of_nothing_has_no_empty_parts():
    assert Evaluation(absent={"nll": "why"}).plain() == {
        "seed": None,
        "scores": {},
        "absent": {"nll": "why"},
        "curves": {},
    }


def test_an_evaluation_of_an_older_version_is_read(tmp_path):
    content = FOUND.plain()
    del content["by_class"], content["confusion"]
    found = written(tmp_path, content)
    assert (found.faults, found.by_class, found.confusion) == ([], {}, {})
    assert found.scores == FOUND.scores


@pytest.mark.parametrize(
    ("section", "item"),
    [
        ("scores", {"value": "3"}),
        ("scores", {"value": None, "unit": "nats"}),
        ("scores", {"value": 3, "better": "bigger"}),
        ("curves", {"x": "k", "unit": "", "protocol": "", "points": [{"x": 1}]}),
        ("classes", [1]),
        ("classes", [-1] * 10),
        ("by_class", {"values": [1.0]}),
        ("confusion", [[1, -1], [0, 1]]),
        ("confusion", [1, 2]),
        ("absent", 3),
        ("cost", "much"),
    ],
)
def test_what_does_not_fit_is_named_and_left_out(tmp_path, section, item):
    content = FOUND.plain()
    content[section] = {**content[section], "odd": item}
    found = written(tmp_path, content)
    assert found.faults == [f"{section}.odd of evaluation.json is not what genlab writes, and is left out"]
    found.faults.clear()
    assert found == FOUND

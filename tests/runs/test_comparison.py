"""Mean, spread and verdict of each row and column."""

import pytest

from genlab.runs.comparison import Column, Number, compare, ranking

NLL = Column("nll", better="lower", protocol="binary")
ELBO = Column("elbo", better="higher", protocol="binary")


def compared(column, **rows):
    """compared(NLL, a=[1.0, 2.0]): the cells of one column."""
    return compare({name: [{column: Number(value)} for value in values] for name, values in rows.items()})[column]


def test_one_value_that_is_not_finite_leaves_no_mean():
    cells = compared(NLL, two=[1.0, 3.0], same=[0.1] * 3, one=[1.0], some=[1.0, None], none=[None])
    assert [(cell.mean, cell.sd) for cell in cells.values()] == [
        (2.0, pytest.approx(2**0.5)),
        (pytest.approx(0.1), 0),
        (1.0, None),
        (None, None),
        (None, None),
    ]
    assert (cells["some"].absent, cells["none"].absent) == ("not finite with 1 of 2 seeds", "not finite")


@pytest.mark.parametrize(("column", "order"), [(NLL, ["low", "high"]), (ELBO, ["high", "low"])])
def test_the_best_comes_first_and_is_named(column, order):
    cells = compared(column, high=[9.0, 9.1, 9.2], low=[3.0, 3.1, 3.2], absent=[])
    assert ranking(column, cells) == order
    assert {name: cell.verdict for name, cell in cells.items()} == {order[0]: "best", order[1]: "", "absent": ""}


def test_what_is_not_there_has_its_reason():
    cells = compare({"a": [{NLL: Number(1.0)}], "b": []}, lambda row, column: f"{row} has no {column.name}")
    assert cells[NLL]["b"].absent == "b has no nll"


def test_columns_come_in_the_order_of_their_quantities_and_ranks_need_a_protocol():
    silent = Column("nll", better="lower")
    rows = {name: [{silent: Number(value), ELBO: Number(value)} for value in (1.0, 1.1)] for name in "ab"}
    cells = compare(rows)
    assert list(cells) == [ELBO, silent]
    assert {cell.verdict for cell in cells[silent].values()} == {""}
    assert {cell.verdict for cell in cells[ELBO].values()} == {"not distinguishable"}

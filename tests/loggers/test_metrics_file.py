"""metrics.csv grows by rows, gets columns as they come, and is cut where a resumed run goes on."""

import pytest

from genlab.loggers.metrics_file import MetricsFile


def write(folder, rows, purge_step=None):
    logger = MetricsFile(str(folder), purge_step)
    for step, row in rows:
        logger.log_metrics(row, step)
    return (folder / "metrics.csv").read_text()


def test_a_new_quantity_is_a_new_column(tmp_path):
    text = write(tmp_path, [(1, {"train/a": 0.1}), (1, {"val/b": 2.0}), (2, {"train/a": 1 / 3})])
    assert text == f"step,train/a,val/b\n1,0.1,\n1,,2.0\n2,{1 / 3!r},\n"


ROWS = [(step, {"train/a": step / 7}) for step in range(1, 5)]


def test_a_resumed_file_is_that_of_a_run_which_never_stopped(tmp_path):
    (tmp_path / "whole").mkdir()
    whole = write(tmp_path / "whole", [*ROWS, (4, {"val/b": 1.0})])
    write(tmp_path, [*ROWS[:3], (3, {"late/c": 1.0})])
    assert write(tmp_path, [*ROWS[2:], (4, {"val/b": 1.0})], purge_step=3) == whole


@pytest.mark.parametrize("tag", ["test/a", "evaluation/fid"])
def test_rows_of_the_end_are_dropped_with_their_columns(tag, tmp_path):
    write(tmp_path, [*ROWS[:2], (2, {tag: 5.0})])
    assert write(tmp_path, ROWS[2:], purge_step=3) == write_anew(tmp_path, ROWS)


def write_anew(tmp_path, rows):
    (tmp_path / "anew").mkdir()
    return write(tmp_path / "anew", rows)


def test_a_line_that_a_kill_has_cut_is_dropped(tmp_path):
    write(tmp_path, ROWS[:2])
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("2,0.1234")
    assert write(tmp_path, ROWS[2:], purge_step=3) == write_anew(tmp_path, ROWS)


def test_a_run_from_the_beginning_starts_the_file_anew(tmp_path):
    write(tmp_path, ROWS)
    assert write(tmp_path, ROWS[:1]) == write_anew(tmp_path, ROWS[:1])

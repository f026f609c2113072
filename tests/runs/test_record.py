"""A run's summary tells how the run ended, whatever comes while it is written."""

import json
import logging
import signal

import pytest

from genlab.runs import record
from genlab.runs.record import RunRecord


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_waits_until_the_status_is_written(tmp_path, monkeypatch, number):
    handler = signal.signal(number, signal.default_int_handler)
    write = record.write_text

    def interrupted_write(path, text):
        if '"interrupted"' in text:
            signal.raise_signal(number)
        write(path, text)

    monkeypatch.setattr(record, "write_text", interrupted_write)
    try:
        with pytest.raises(KeyboardInterrupt), RunRecord(tmp_path, {}):
            raise KeyboardInterrupt
    finally:
        signal.signal(number, handler)
    assert json.loads((tmp_path / "summary.json").read_text())["status"] == "interrupted"


def test_a_warning_that_a_resumed_run_repeats_is_listed_once(tmp_path):
    with RunRecord(tmp_path, {}) as first:
        logging.getLogger("genlab").warning("nothing chooses")
    with RunRecord(tmp_path, {}, previous=first.summary):
        logging.getLogger("genlab").warning("nothing chooses")
        logging.getLogger("genlab").warning("another")
    assert json.loads((tmp_path / "summary.json").read_text())["warnings"] == ["nothing chooses", "another"]

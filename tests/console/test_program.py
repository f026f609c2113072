"""Importing torch without looking for garbage."""

import gc
import sys

from genlab.console.program import quick_imports


def test_nothing_is_collected_while_torch_is_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    before = gc.get_freeze_count()
    try:
        with quick_imports():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_where_torch_is_there_the_collector_stays_as_it_is():
    before = gc.get_freeze_count()
    with quick_imports():
        assert gc.isenabled()
    assert gc.get_freeze_count() == before

"""Run folders below a test's own folder."""

import pytest
from report.run_folders import write_run


@pytest.fixture
def make_run(tmp_path):
    """make_run("vae/a", seed=1, epochs=3): see `write_run`; a folder below tmp_path."""

    def make(name, **settings):
        return write_run(tmp_path / name, **settings)

    return make

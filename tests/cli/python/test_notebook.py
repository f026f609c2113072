"""examples/first_steps.ipynb runs from its first cell to its last."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOK = Path(__file__).parents[3] / "examples" / "first_steps.ipynb"
SMALLEST = """DATA, EPOCHS = "digits", 1
MORE = ["trainer.accelerator=cpu", "+trainer.limit_train_batches=2", "callbacks.test_nll.images=4",
        "callbacks.test_nll.samples=2", "callbacks.ex_post_samples.components=0"]
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook with its outputs, run in a kernel, whose cells stand in a running event loop."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (settings,) = [cell for cell in notebook.cells if "settings" in cell.metadata.get("tags", [])]
    settings.source = SMALLEST
    notebook.cells.insert(1, nbformat.v4.new_code_cell("import asyncio; asyncio.get_running_loop().is_running()"))
    place = tmp_path_factory.mktemp("notebook")
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(place)}}).execute()
    return notebook


def outputs(notebook, start):
    """Of the cell that begins so: MIME type → content, of what it shows at last."""
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.startswith(start)]
    return cell.outputs[-1].get("data", cell.outputs[-1])


@pytest.mark.slow
def test_each_cell_shows_what_the_text_says(executed):
    assert outputs(executed, "import asyncio")["text/plain"] == "True"
    for start in ("import genlab", "gan ="):
        page = outputs(executed, start)["text/html"]
        assert page.count("data:image/png;base64,") == 2 and "test/" in page
    for start in ("samples =", "samples[-1]", "import torch"):
        assert "image/png" in outputs(executed, start)
    assert outputs(executed, "again")["text/plain"] == "True"
    (cell,) = [cell for cell in executed.cells if cell.source.startswith("LESS")]
    told = "".join(output.get("text", "") for output in cell.outputs)
    assert "VAE {" in told and "GAN {" in told


def test_the_notebook_is_committed_without_outputs():
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert cells and not [cell for cell in cells if cell.outputs or cell.execution_count]

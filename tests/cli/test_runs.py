"""`genlab runs`: what the table says of runs that ended in every way, and of folders that strangers made."""

import errno
import json
import os
import time

import pytest

from genlab.runs.lock import locked


@pytest.fixture
def make(tmp_path):
    """make("vae/a", "finished", …): a folder as a run leaves it, below outputs."""

    def make(name, status, overrides="[]\n", rows="", **summary):
        folder = tmp_path / "outputs" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("seed: 0\n")
        (folder / "overrides.yaml").write_text(overrides)
        (folder / "metrics.csv").write_text(rows)
        usual = {"model": "VAE", "data": "mnist", "seed": 0, "headline": "elbo", "metrics": {}, "seconds": 12.345}
        usual |= {"status": status, "started": "2026-01-01T00:00:00+00:00"}
        (folder / "summary.json").write_text(json.dumps(usual | summary))
        return folder

    return make


def table(text):
    """The rows of the plain table, by folder; columns are two spaces or more apart."""
    names, *rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]
    return {row[6]: dict(zip(names, row, strict=False)) for row in rows if len(row) > 6}


def listed(genlab, *arguments):
    result = genlab("runs", "--json", *arguments)
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def test_a_trained_run_is_listed_with_all_it_has(runs, of_every_family, genlab):
    found = {run["model"]: run for run in listed(genlab, of_every_family)}
    assert set(found) == {"VAE", "GAN", "Autoencoder", "Flow", "FlowMatching"}
    headlines = {"VAE": "elbo", "GAN": "value", "Autoencoder": "reconstruction_error", "Flow": "bits_per_dim"}
    for model, headline in headlines.items():
        summary = json.loads((runs[model.lower()] / "summary.json").read_text())
        assert found[model]["headline"] == f"test/{headline}"
        assert found[model]["value"] == summary["metrics"][f"test/{headline}"]
        assert found[model]["metrics"] == summary["metrics"]
        assert (found[model]["status"], found[model]["epochs"], found[model]["seed"]) == ("finished", 1, 0)
        assert found[model]["seconds"] == summary["seconds"]
        assert found[model]["folder"] == str(runs[model.lower()])
    assert "model.hidden_dims=[16]" in found["VAE"]["overrides"]


def test_the_table_has_a_line_for_each_run(make, genlab):
    make(
        "vae/a",
        "finished",
        "- model=vae\n- model.latent_dim=2\n- data.root=/d\n- seed=3\n",
        epochs=40,
        metrics={"test/elbo": -98.161, "test/nll": 92.0},
    )
    result = genlab("runs")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "status    model  data   epochs  headline          seconds  folder         settings",
        "finished  VAE    mnist      40  test/elbo -98.16       12  outputs/vae/a  model.latent_dim=2 seed=3",
    ]


def test_the_newest_comes_first_wherever_it_lies(make, genlab):
    for name, day in [("vae/b", 2), ("sweeps/s/10", 3), ("flow/a", 1)]:
        make(name, "finished", started=f"2026-01-0{day}T00:00:00+00:00")
    (make("vae/c", "finished") / "summary.json").write_text("{")
    folders = [os.path.relpath(run["folder"]) for run in listed(genlab)]
    assert folders == ["outputs/sweeps/s/10", "outputs/vae/b", "outputs/flow/a", "outputs/vae/c"]
    make("vae/b/images/copy", "finished")
    assert len(listed(genlab)) == 4  # what lies inside a run is no other run
    assert [run["folder"] for run in listed(genlab, "outputs/sweeps")] == [os.path.abspath("outputs/sweeps/s/10")]


def test_a_run_that_no_process_holds_has_been_killed(make, genlab):
    folder = make("vae/a", "running")
    with locked(folder):
        assert [(run["status"], run["seconds"]) for run in listed(genlab)] == [("running", None)]
    assert [(run["status"], run["seconds"]) for run in listed(genlab)] == [("killed", None)]


@pytest.mark.parametrize(
    ("rows", "headline", "value", "epochs"),
    [
        ("step,epoch,train/elbo,val/elbo\n9,0.0,-9,\n10,0.0,,-8\n20,1.0,,-7.5\n", "val/elbo", -7.5, 2),
        ("step,epoch,val/elbo\n10,0.0,-8\n20,1.0,-7", "val/elbo", -8, 1),  # cut in the number -7.5
        ("step,epoch,val/elbo\n10,0.0,nan\n", "val/elbo", None, 1),
        ("step,epoch,train/elbo\n10,0.0,-8\n", None, None, None),
        ("", None, None, None),
        ("a\0b\n", None, None, None),
    ],
)
def test_without_a_test_the_headline_is_that_of_the_last_validation(make, genlab, rows, headline, value, epochs):
    make("vae/a", "interrupted", rows=rows)
    (run,) = listed(genlab)
    assert (run["headline"], run["value"], run["epochs"]) == (headline, value, epochs)


def test_a_metric_that_is_not_finite_is_said_to_be(make, genlab):
    make("vae/a", "finished", metrics={"test/elbo": None})
    assert table(genlab("runs").out)["outputs/vae/a"]["headline"] == "test/elbo not finite"


def test_why_a_run_failed_is_in_the_json(make, genlab):
    make("vae/a", "failed", error="NonFiniteError: non-finite loss")
    assert [(run["status"], run["reason"]) for run in listed(genlab)] == [("failed", "NonFiniteError: non-finite loss")]


def damage_summary(folder):
    (folder / "summary.json").write_text('{"status": ')


def lose_summary(folder):
    (folder / "summary.json").unlink()


def lose_config(folder):
    (folder / "config.yaml").unlink()


def list_instead_of_summary(folder):
    (folder / "summary.json").write_text("[]")


def summary_that_is_a_pipe(folder):
    (folder / "summary.json").unlink()
    os.mkfifo(folder / "summary.json")


def summary_that_never_ends(folder):
    (folder / "summary.json").unlink()
    (folder / "summary.json").symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_summary, "cannot be read"),
        (lose_summary, "it has no summary.json"),
        (lose_config, "has no config.yaml; restore it from a copy"),
        (list_instead_of_summary, "no table of names and values"),
        (summary_that_is_a_pipe, "a link, a pipe or a device, which genlab never makes; remove it"),
        (summary_that_never_ends, "a link, a pipe or a device, which genlab never makes; remove it"),
    ],
)
def test_a_broken_folder_does_not_stop_the_table(make, genlab, damage, reason):
    make("vae/good", "finished")
    damage(make("vae/bad", "finished"))
    result = genlab("runs")
    assert result.code == 0
    found = table(result.out)
    assert {folder: found[folder]["status"] for folder in found} == {
        "outputs/vae/good": "finished",
        "outputs/vae/bad": "broken",
    }
    (line,) = [line for line in result.out.splitlines() if line.startswith("broken: ")]
    assert "outputs/vae/bad" in line
    assert reason in line
    assert reason in next(run["reason"] for run in listed(genlab) if run["status"] == "broken")


def test_a_folder_that_cannot_be_read_is_a_line(make, genlab, monkeypatch):
    make("vae/good", "finished")
    bad = make("vae/bad", "finished")
    scandir = os.scandir

    def refuse(path):
        if os.path.samefile(path, bad):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (bad / "summary.json").unlink()
    assert sorted(run["status"] for run in listed(genlab)) == ["broken", "finished"]


def test_neither_a_thousand_folders_nor_a_huge_file_stop_the_table(make, genlab, tmp_path):
    make("vae/good", "finished")
    folder = make("vae/huge", "interrupted")
    os.truncate(folder / "metrics.csv", 4_000_000_000)  # sparse: it takes no place on the disk
    (folder / "overrides.yaml").write_text("!!timestamp x")
    here = os.getcwd()
    os.chdir(tmp_path / "outputs")
    for _ in range(1_500):  # deeper than Python calls itself
        os.mkdir("d")
        os.chdir("d")
    os.chdir(here)
    statuses = {run["status"] for run in listed(genlab)}
    for _ in range(1_500):  # from below: pytest, which removes old folders, would call itself too often
        (tmp_path / "outputs" / "d").rename(tmp_path / "deep")
        if (tmp_path / "deep" / "d").exists():
            (tmp_path / "deep" / "d").rename(tmp_path / "outputs" / "d")
        (tmp_path / "deep").rmdir()
    assert statuses == {"finished", "interrupted"}


def test_a_lock_that_leads_elsewhere_is_not_touched(make, genlab, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("text")
    (make("vae/a", "running") / ".lock").symlink_to(precious)
    assert [run["status"] for run in listed(genlab)] == ["broken"]
    assert precious.read_text() == "text"


STRANGE = {
    "model": "[red]VAE[/red]\x1b[2J",
    "data": ["mnist"],
    "seed": "zero",
    "headline": "elbo",
    "metrics": {"test/elbo": None, "test/\x07": 1.0},
}


def test_strange_values_are_shown_as_text_or_not_at_all(make, genlab):
    make("vae/a", "finished", "- '[bold]x=1[/bold]'\n- \"a=\\e]0;title\\a\\u202e\"\n- 3\n", **STRANGE)
    result = genlab("runs")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[1].split() == [
        *("finished", "[red]VAE[/red]?[2J", "-", "-", "test/elbo", "not", "finite", "12", "outputs/vae/a"),
        *("[bold]x=1[/bold]", "a=?]0;title??"),
    ]
    (run,) = listed(genlab)
    assert (run["data"], run["seed"], run["value"]) == (None, None, None)


@pytest.mark.parametrize(
    "strange",
    [
        {"seconds": "long"},
        {"epochs": 1.5},
        {"metrics": {"test/elbo": "high"}},
        {"metrics": []},
        {"started": 5},
        {"metrics": {"test/elbo": float("inf")}},
    ],
    ids=str,
)
def test_values_of_another_kind_are_broken(make, genlab, strange):
    make("vae/a", "finished", **strange)
    make("vae/b", "finished")
    assert [run["status"] for run in listed(genlab)] == ["finished", "broken"]
    assert table(genlab("runs").out)["outputs/vae/a"]["status"] == "broken"


@pytest.mark.parametrize("columns", [60, 300])
def test_on_a_terminal_too_nothing_is_cut_or_read_as_markup(make, genlab, monkeypatch, columns):
    make("vae/a", "finished", "- '[bold]x=1[/bold]'\n- \"a=\\e]0;title\\a\"\n", **STRANGE)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    lines = genlab("runs").out.splitlines()
    assert len(lines) == {60: 4, 300: 2}[columns]
    row = " ".join(lines[len(lines) // 2 :])
    for text in ("[red]VAE[/red]?[2J", "test/elbo not finite", "outputs/vae/a", "[bold]x=1[/bold]", "a=?]0;title?"):
        assert text in row
    assert "\x1b]" not in row
    assert "\x1b[2J" not in row


def test_a_folder_without_runs_is_answered_with_the_remedy(genlab, tmp_path):
    for _ in range(2):  # outputs is missing, then empty
        result = genlab("runs")
        assert (result.code, result.err) == (0, "")
        assert result.out == (
            "no runs in outputs; genlab train makes one, genlab runs FOLDER lists those of another folder\n"
        )
        assert listed(genlab) == []
        (tmp_path / "outputs").mkdir(exist_ok=True)


def test_a_folder_that_was_named_must_be_there(genlab):
    for name in ("absent", "outputs"):
        result = genlab("runs", name)
        assert (result.code, result.out) == (1, "")
        assert result.err == f"error: {name}: no such folder; give one that has run folders in it\n"


def test_a_hundred_runs_are_listed_within_a_second(make, genlab):
    for i in range(100):
        rows = "".join(f"{j},{j // 10}.0,-1.0\n" for j in range(400))
        make(f"vae/{i}", "running" if i % 2 else "finished", "- seed=1\n", rows=f"step,epoch,val/elbo\n{rows}")
    started = time.process_time()
    assert len(listed(genlab)) == 100
    assert time.process_time() - started < 1

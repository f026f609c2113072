"""`genlab tune`: search for the settings that make a metric best."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from genlab.cli.options import command
from genlab.console.program import keep_quiet
from genlab.errors import ConfigError


@command(
    examples=[
        "genlab tune search=vae_nll search.trials=20",
        "genlab tune search=gan_fid trainer.accelerator=gpu trainer.max_epochs=30",
        "genlab tune search=vae_nll tune.folder=outputs/searches/mine   # again in a second terminal: two workers",
        "genlab tune tune.folder=outputs/searches/mine   # a search that was killed goes on",
        "genlab tune tune.folder=outputs/searches/mine search.trials=100",
        "genlab tune search=my_search.yaml tune.folder=mine tune.storage=postgresql://user@host/studies",
    ]
)
@click.argument("settings", metavar="KEY=VALUE...", help="see above", nargs=-1)
@click.option("--config-dir", metavar="FOLDER", help="folder of your configs, as of genlab train")
@click.option("--trust", multiple=True, metavar="PACKAGE", help="classes of this package may run")
def tune(settings: Sequence[str], config_dir: str | None, trust: Sequence[str]) -> None:
    """Train with many settings, chosen by Optuna from those that did well before, and end early what is worse than
    most. The best becomes an experiment that genlab train runs.

    \b
      search=NAME        what is searched: an option of conf/search, or a file, as my_search.yaml
      search.KEY=VALUE   another value in it: metric, direction, trials, prune, startup_trials,
                         warmup_epochs, seed
      tune.folder=FOLDER where it goes (default: a new one below outputs/searches); one that is
                         there goes on, and several workers with one folder share its trials
      tune.storage=URL   an Optuna database that machines share (default: SQLite in the folder)
      KEY=VALUE          any setting of genlab train, for all trials and the best experiment

    Needs the extra: pip install 'genlab[tune]'. docs/tuning.md tells more.
    """
    if find_spec("optuna") is None:
        raise ConfigError("genlab tune needs Optuna; pip install 'genlab[tune]'")
    from genlab.cli.overrides import check
    from genlab.tuning.request import read_request
    from genlab.tuning.study import check_storage
    from genlab.tuning.trial_config import TrialConfigs

    request = read_request(list(settings))
    users = Path(config_dir).expanduser().absolute() if config_dir else None
    configs = TrialConfigs(request, check, users, trust)
    check_storage(request)
    from genlab.tuning.worker import tune as search  # seconds, because of torch

    keep_quiet()
    search(request, configs)

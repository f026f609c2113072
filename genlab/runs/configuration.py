"""Where the configs are, and the resolver that names a run."""

import re
import secrets
import sys
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from genlab.processes.agreement import agreed


def config_dir() -> Path:
    """The folder of the configs: `conf` inside an installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "conf"
    return shipped if shipped.is_dir() else package.parent / "conf"


def run_name() -> str:
    """`2026-11-22_14-03-59-1f0c9ab2`: sorts by time; the random part keeps runs of the same second apart.

    The processes of one run have one name, that of the first.
    """
    return agreed("run_name", lambda: f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(4)}")


def register_resolvers() -> None:
    """Make `${run_name:}` known to OmegaConf, and `${program:}`; one config gets one name, however often it asks."""
    # genlab's own files of launchers are whole without the schemas of the plugins, which Hydra 1.3 adds
    warnings.filterwarnings("ignore", r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema")
    OmegaConf.register_new_resolver("run_name", run_name, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("program", program, replace=True)


def program() -> str:
    """How training was started, as a person types it."""
    script = Path(sys.argv[0])
    own = script.stem == "genlab" or script.parts[-3:-1] == ("genlab", "cli")
    return "genlab train" if own else f"python {script.name}"


def quoted(text: str) -> str:
    """In Hydra's quotation marks, where a backslash is special in front of one."""
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", text) + "'"


def read_value(text: str) -> Any:
    """Return what stands behind the `=` of KEY=VALUE as Hydra reads it: number, text, true, false, null, list or table.

    Text that is none of these, as an unquoted URL or several values with commas, is returned as it stands.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser  # here: it takes a third of a second
    from hydra.errors import HydraException

    if len(text) > 10_000:
        return text
    try:
        value = OverridesParser.create().parse_override(f"value={text}").value()
    except (HydraException, ValueError, RecursionError):  # ValueError: a number of more digits than Python reads
        return text
    return value if isinstance(value, str | int | float | list | dict | None) else text

"""Which run a config describes: two configs with one fingerprint would train the same run."""

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

# Where a run lies and how its images are read; not what is trained
PLACES = ("outputs", "run_dir", "sweep")


def fingerprint(config: Mapping[str, Any]) -> str:
    """A resolved config → 16 hexadecimal digits, the same for `beta: 1` and `beta: 1.0`, and in any order of keys.

    Args:
        config: plain values. `data.root` counts as an absolute path, because other images are another run.
    """
    counted = {name: value for name, value in config.items() if name not in PLACES}
    data = {name: value for name, value in counted["data"].items() if name != "num_workers"}
    if data.get("root") is not None:
        data["root"] = os.path.abspath(os.path.expanduser(data["root"]))
    text = json.dumps(_with_floats(counted | {"data": data}), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _with_floats(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _with_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

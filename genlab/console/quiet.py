"""The console is genlab's."""

import logging
import os
import warnings


def keep_quiet() -> None:
    """No tips, adverts and warnings of libraries, unless GENLAB_DEBUG=1; to be called when these are imported."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    genlab = logging.getLogger("genlab")
    genlab.handlers = [handler]
    genlab.propagate = False
    if os.environ.get("GENLAB_DEBUG"):
        return
    warnings.simplefilter("ignore")
    for name in ("pytorch_lightning", "lightning_fabric", "lightning_utilities", "torch", "matplotlib"):
        logging.getLogger(name).setLevel(logging.ERROR)

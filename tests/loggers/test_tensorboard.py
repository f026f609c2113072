"""The event file on a disk that is full."""

import pytest
from fork_server import Training

# A limit on the size of files fails like a full disk
FULL_DISK = """
import resource, sys
from genlab.loggers.tensorboard import TensorBoard
logger = TensorBoard(sys.argv[1])
logger.log_metrics({"train/elbo": 1.0}, 1)
logger.save()
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    while True:
        logger.log_metrics({"train/elbo": 1.0}, 1)
        logger.save()
except OSError as error:
    print(error.strerror, flush=True)
    import os
    os._exit(0)
"""


@pytest.mark.slow
def test_a_full_disk_is_an_error_without_a_traceback(tmp_path):
    program = tmp_path / "full_disk.py"
    program.write_text(FULL_DISK)
    assert Training(tmp_path, "events", program=program).end() == (0, "File too large\n", "")

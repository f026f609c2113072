"""Real processes that train, without the seconds of their imports: a server imports torch once, each start forks it."""

import gc
import multiprocessing
import os
import runpy
import socket
import sys
from pathlib import Path

TRAIN = Path(__file__).parents[1] / "train.py"
GENLAB = Path(__file__).parents[1] / "genlab" / "cli" / "main.py"
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # which train.py sets before it imports torch
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    ["genlab.cli.train", "genlab.training.resume", "genlab.training.train", "torch.utils.tensorboard"]
)


class Training:
    """`python train.py ARGUMENTS` in a folder, or another program, begun when the object is made.

    Args:
        environment: variables in addition; None: without that one.
        daemon: it does not survive the tests, but may not start processes by multiprocessing.

    Attributes:
        process: with its pid, its exit code, `join` and `kill`.
        out, err: its output as text files, which end when it does.
    """

    def __init__(self, folder, *arguments, program=TRAIN, environment=None, daemon=True):
        out, out_of_process = SERVER.Pipe(duplex=False)
        err, err_of_process = SERVER.Pipe(duplex=False)
        given = program, folder, arguments, environment or {}, out_of_process, err_of_process
        self.process = SERVER.Process(target=_train, args=given, daemon=daemon)
        self.process.start()
        out_of_process.close()
        err_of_process.close()
        self.out, self.err = (os.fdopen(os.dup(pipe.fileno()), encoding="utf-8") for pipe in (out, err))

    def end(self):
        """Wait → exit code, what is left of stdout, stderr."""
        out, err = self.out.read(), self.err.read()
        self.process.join()
        self.out.close()
        self.err.close()
        return self.process.exitcode, out, err


def _train(program, folder, arguments, environment, out, err):
    gc.freeze()  # as after `quick_imports`: what the server has imported is no garbage
    for name, value in environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    out.close()
    err.close()
    # the server's streams may have been opened on a file, in which they believe that they can seek
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    os.chdir(folder)
    sys.argv = [str(program), *map(str, arguments)]
    runpy.run_path(str(program), run_name="__main__")


def together(folder, *arguments, by="torchrun", **more):
    """`torchrun --nproc-per-node=2 train.py ARGUMENTS`, or by srun, without it: each process gets what it would set."""
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    return [Training(folder, *arguments, environment={**meeting, **LAUNCHED[by](str(rank))}, **more) for rank in (0, 1)]


LAUNCHED = {
    "torchrun": lambda rank: {
        "TORCHELASTIC_RUN_ID": "tests",
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "RANK": rank,
        "LOCAL_RANK": rank,
    },
    "srun": lambda rank: {
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NAME": "tests",
        "SLURM_NTASKS": "2",
        "SLURM_NNODES": "1",
        "SLURM_STEP_NUM_NODES": "1",
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_PROCID": rank,
        "SLURM_LOCALID": rank,
        "SLURM_NODEID": "0",
    },
}


def free_port():
    """A port that nobody listens at just now."""
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return some.getsockname()[1]

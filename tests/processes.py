"""Real processes that train, without the seconds of their imports: a server imports torch once, each start forks it."""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path

TRAIN = Path(__file__).parents[1] / "train.py"
GENLAB = Path(__file__).parents[1] / "genlab" / "cli.py"
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["genlab.launch", "genlab.resume", "genlab.training", "torch.utils.tensorboard"])


class Training:
    """`python train.py ARGUMENTS` in a folder, or another program, begun when the object is made.

    Attributes:
        process: with its pid, its exit code, `join` and `kill`.
        out, err: its output as text files, which end when it does.
    """

    def __init__(self, folder, *arguments, program=TRAIN):
        out, out_of_process = SERVER.Pipe(duplex=False)
        err, err_of_process = SERVER.Pipe(duplex=False)
        given = program, folder, arguments, out_of_process, err_of_process
        self.process = SERVER.Process(target=_train, args=given, daemon=True)  # it does not survive the tests
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


def _train(program, folder, arguments, out, err):
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    out.close()
    err.close()
    os.chdir(folder)
    sys.argv = [str(program), *map(str, arguments)]
    runpy.run_path(str(program), run_name="__main__")

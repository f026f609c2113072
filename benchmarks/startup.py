"""Seconds from the command to the first batch, beside the libraries that stand before it.

    python benchmarks/startup.py             # three minutes on a quiet machine

Each contender is a new process; rounds take them in turn. `import pytorch_lightning` brings torch, torchmetrics,
torchvision and scipy with it, and the first optimizer of any program torch._dynamo: no training by Lightning begins
before.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer

ROOT = Path(__file__).parents[1]
MARK = "the first batch"
PLAIN = f"""
import torch, torchvision
model = torch.nn.Linear(784, 10)
optimizer = torch.optim.Adam(model.parameters())
print({MARK!r}, flush=True)
"""
TRAINING = [
    *(str(ROOT / "train.py"), "trainer.accelerator=cpu", "trainer.max_epochs=1", "trainer.limit_train_batches=1"),
    *("callbacks=search", "+callbacks.first._target_=startup.FirstBatch"),
]


class FirstBatch(Callback):
    """Says so."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int) -> None:
        print(MARK, flush=True)


def seconds(arguments: list[str]) -> float:
    """From the start of Python with these arguments until it prints the mark."""
    started = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == MARK:
                passed = time.perf_counter() - started
                process.kill()
                return passed
    raise SystemExit(f"{' '.join(arguments)}: ended before its first batch")


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds from the command to the first batch")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        contenders = {
            "import torch": ["-c", f"import torch; print({MARK!r}, flush=True)"],
            "import torch, torchvision; an optimizer": ["-c", PLAIN],
            "import pytorch_lightning": ["-c", f"import pytorch_lightning; print({MARK!r}, flush=True)"],
            "genlab": [*TRAINING, f"outputs={folder}"],
        }
        for arguments in contenders.values():  # the disk's cache
            seconds(arguments)
        measured = [{name: seconds(arguments) for name, arguments in contenders.items()} for _ in range(rounds)]
    for name in contenders:
        values = [one[name] for one in measured]
        print(f"{name:42}{statistics.median(values):6.2f} s   ({' '.join(f'{value:.2f}' for value in values)})")


if __name__ == "__main__":
    main()

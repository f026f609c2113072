"""What a run changes in its process, put back: the next cell of a notebook finds everything as it was."""

import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from hydra.core.singleton import Singleton


@contextmanager
def untouched() -> Iterator[None]:
    """Leave seeds, signals, logging, warnings, torch's flags, the environment and Hydra as they are found."""
    singletons, environment, folder = Singleton.get_state(), dict(os.environ), os.getcwd()
    randomness = random.getstate(), np.random.get_state(), torch.get_rng_state(), _of_gpus()
    hooks = sys.excepthook, sys.exit, threading.excepthook
    in_main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()} if in_main else {}
    loggers = {logger: _settings(logger) for logger in _loggers()}
    flags = _torch_flags()
    try:
        with warnings.catch_warnings():
            yield
    finally:
        _set_torch_flags(*flags)
        for logger, kept in loggers.items():
            level, logger.handlers, logger.propagate, logger.disabled = kept
            logger.setLevel(level)
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        sys.excepthook, sys.exit, threading.excepthook = hooks
        random.setstate(randomness[0])
        np.random.set_state(randomness[1])
        torch.set_rng_state(randomness[2])
        if randomness[3]:
            torch.cuda.set_rng_state_all(randomness[3])
        os.chdir(folder)
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)
        Singleton.set_state(singletons)


def _of_gpus() -> list[torch.Tensor]:
    return torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []


def _loggers() -> Iterator[logging.Logger]:
    yield logging.getLogger()
    yield from (found for found in logging.Logger.manager.loggerDict.values() if isinstance(found, logging.Logger))


def _settings(logger: logging.Logger) -> tuple[int, list[logging.Handler], bool, bool]:
    return logger.level, list(logger.handlers), logger.propagate, logger.disabled


def _torch_flags() -> tuple[Any, ...]:
    """Those that a trainer sets, and whether denormal numbers are 0, which torch only shows by an example."""
    return (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        torch.is_anomaly_enabled(),
        torch.get_float32_matmul_precision(),
        bool(torch.tensor(1e-30) * 1e-10 == 0),
    )


def _set_torch_flags(
    threads: int,
    deterministic: bool,
    warn_only: bool,
    benchmark: bool,
    of_cudnn: bool,
    anomaly: bool,
    precision: str,
    flush: bool,
) -> None:
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = benchmark, of_cudnn
    torch.autograd.set_detect_anomaly(anomaly)
    torch.set_float32_matmul_precision(precision)
    torch.set_flush_denormal(flush)

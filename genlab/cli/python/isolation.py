"""What a run changes in its process, put back: the next cell of a notebook finds everything as it was."""

import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from hydra.core.singleton import Singleton


def _gpu_states() -> list[torch.Tensor]:
    return torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []


def _flushes_denormals() -> bool:
    """Whether denormal numbers are 0, which torch only shows by an example."""
    return bool(torch.tensor(1e-30) * 1e-10 == 0)


# What reads a state of the process, and what sets it
STATES: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (random.getstate, random.setstate),
    (np.random.get_state, np.random.set_state),
    (torch.get_rng_state, torch.set_rng_state),
    (_gpu_states, torch.cuda.set_rng_state_all),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (_flushes_denormals, torch.set_flush_denormal),
    (os.getcwd, os.chdir),
    (Singleton.get_state, Singleton.set_state),
)


@contextmanager
def untouched() -> Iterator[None]:
    """Leave seeds, signals, logging, warnings, torch's flags, the environment and Hydra as they are found."""
    states, environment = [(put, read()) for read, put in STATES], dict(os.environ)
    cudnn = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    hooks = sys.excepthook, sys.exit, threading.excepthook
    in_main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()} if in_main else {}
    loggers = [(one, one.level, [*one.handlers], one.propagate, one.disabled) for one in _loggers()]
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for put, value in states:
            put(value)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn
        for logger, level, own, propagate, disabled in loggers:
            logger.handlers, logger.propagate, logger.disabled = own, propagate, disabled
            logger.setLevel(level)
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        sys.excepthook, sys.exit, threading.excepthook = hooks
        os.environ.clear()
        os.environ.update(environment)


def _loggers() -> Iterator[logging.Logger]:
    yield logging.getLogger()
    yield from (found for found in logging.Logger.manager.loggerDict.values() if isinstance(found, logging.Logger))

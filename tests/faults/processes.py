"""Commands in processes that share one import: forked, they begin at once, and can be killed."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["grokscope.sweep", "grokscope.cli.main", "grokscope.cli.sweep"])


def start(words: Sequence[object], said: Path, **slowed: float) -> BaseProcess:
    """Run a command; what it says goes to a file.

    Args:
        words: of the command.
        said: the file.
        slowed: `step`: seconds that each look at the networks takes longer.
    """
    process = _CONTEXT.Process(target=_run, args=([str(word) for word in words], said, slowed))
    process.start()
    return process


def _run(words: list[str], said: Path, slowed: dict[str, float]) -> None:
    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    from grokscope.store import run as run_module

    run_module.describe_environment = lambda: {"versions": {}}
    if slowed:
        _slow_down(**slowed)
    from grokscope.cli.main import main

    code = main(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _slow_down(step: float) -> None:
    from grokscope.experiment.trainer import Trainer

    look = Trainer._look

    def slow(trainer: Trainer) -> bool:
        time.sleep(step)
        return look(trainer)

    Trainer._look = slow


def until(condition: Callable[[], object], process: BaseProcess | None = None) -> None:
    """Wait for a condition, not longer than a minute nor than a process lives."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.is_alive(), process.exitcode
        time.sleep(0.005)


def ended(process: BaseProcess) -> int:
    """The exit code."""
    process.join(60)
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        raise AssertionError("it never ended")
    return process.exitcode

"""Runs the study piece by piece: one process for each arm and seed, several at a time.

A piece is done when its run directory has a summary. Whatever stopped a study, the same call goes
on: pieces that are done are not run again, those that were not are begun anew.
"""

import json
import logging
import multiprocessing
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from grokscope.core.errors import GrokscopeError, InterruptedRunError, UsageError
from grokscope.llm.optional import require_rapidfuzz, require_transformers
from grokscope.recipes.olmoe_mini.form import Form
from grokscope.recipes.olmoe_mini.questions import Answer, answers
from grokscope.recipes.olmoe_mini.record import Record, record_of
from grokscope.store import RunDirectory, find_runs

Say = Callable[[str], None]
_TICK = 0.2
_LOG = "log.txt"


@dataclass(frozen=True, kw_only=True)
class Study:
    """A form of the study in a folder.

    Attributes:
        form: its sizes.
        out: the folder of its runs; of nothing else.
    """

    form: Form
    out: Path

    def finished(self) -> dict[tuple[str, int], RunDirectory]:
        """The pieces that are done.

        Raises:
            UsageError: a run in the folder is of another form.
        """
        found: dict[tuple[str, int], RunDirectory] = {}
        for run in find_runs(self.out):
            for summary in run.summary:
                if summary.get("form") != _stored(self.form):
                    raise UsageError(
                        f"{run.path} was made with other settings; choose another folder."
                    )
                found[str(summary["arm"]), int(str(summary["seed"]))] = run
        return found

    def left(self) -> list[tuple[str, int]]:
        """The pieces that are not."""
        done = self.finished()
        return [piece for piece in self.form.runs if piece not in done]

    def records(self) -> list[Record]:
        """Of the pieces that are done, in the order of the form."""
        done = self.finished()
        return [record_of(done[piece]) for piece in self.form.runs if piece in done]

    def answers(self) -> list[Answer]:
        """To all questions, from what is done."""
        return answers(self.records(), self.form.items)

    def run(self, workers: int, say: Say, is_stopped: Callable[[], bool]) -> None:
        """Do what is left.

        Args:
            workers: pieces at a time, a thread each.
            say: is told when a piece begins and ends.
            is_stopped: whether somebody asked to stop.

        Raises:
            InterruptedRunError: somebody did; the same call goes on.
            GrokscopeError: a piece failed; its log is named.
            MissingExtraError: transformers or rapidfuzz is not installed.
        """
        require_transformers()
        require_rapidfuzz()
        left = self.left()
        self._discard_unfinished()
        self.out.mkdir(parents=True, exist_ok=True)
        running: dict[tuple[str, int], BaseProcess] = {}
        try:
            while left or running:
                if is_stopped():
                    raise InterruptedRunError("The study was stopped.")
                while left and len(running) < workers:
                    piece = left.pop(0)
                    say(f"{_name(piece)}: begins")
                    running[piece] = self._start(piece)
                time.sleep(_TICK)
                self._collect(running, say)
        finally:
            for process in running.values():
                process.terminate()
                process.join()

    def _start(self, piece: tuple[str, int]) -> BaseProcess:
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_piece, args=(self, *piece), daemon=True)
        process.start()
        return process

    def _collect(self, running: dict[tuple[str, int], BaseProcess], say: Say) -> None:
        for piece, process in list(running.items()):
            if process.is_alive():
                continue
            process.join()
            del running[piece]
            if process.exitcode:
                raise GrokscopeError(f"{_name(piece)} failed: see {self.out / _log(piece)}")
            say(f"{_name(piece)}: done")

    def _discard_unfinished(self) -> None:
        """What a piece that was stopped left behind: it is begun anew."""
        for run in find_runs(self.out):
            if not run.summary:
                shutil.rmtree(run.path)


def _piece(study: Study, arm: str, seed: int) -> None:
    """One piece, in a process of its own."""
    from grokscope.recipes.olmoe_mini.training import train

    torch.set_num_threads(1)
    logging.getLogger("grokscope.llm").setLevel(logging.ERROR)  # alerts are in the run's events
    with (study.out / _log((arm, seed))).open("w", encoding="utf-8") as log:
        say = partial(print, file=log, flush=True)
        train(study.form, arm, seed, study.out, say)


def _stored(form: Form) -> Any:  # noqa: ANN401 (what JSON makes of it)
    return json.loads(json.dumps(asdict(form)))


def _name(piece: tuple[str, int]) -> str:
    return f"{piece[0]}, seed {piece[1]}"


def _log(piece: Sequence[object]) -> str:
    return "-".join(map(str, piece)) + f"-{_LOG}"

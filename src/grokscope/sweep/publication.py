"""From a run directory in training to a published one: taken over, made, and renamed once.

A cohort is trained in `work/<cohort>.<token>/<cohort>`. Whoever takes a cohort over renames the
folder of the holder before to its own token first, and drops its lock. So a worker that was only
slow, and not dead, finds its paths gone and can neither spoil the run nor publish it. Publishing is
a rename, too: of two workers that come that far one is the first.
"""

import re
from contextlib import suppress
from pathlib import Path

from grokscope.core.errors import VerificationError
from grokscope.store import RunDirectory
from grokscope.store.durable import (
    discard,
    discard_stale,
    disk_errors,
    make_directory,
    move_once,
    remove_tree,
    remove_tree_once,
    sync,
)
from grokscope.store.lock import LOCK_NAME
from grokscope.store.rewind import point_folder, point_numbers, temporary_files
from grokscope.sweep.cohort import Cohort
from grokscope.sweep.folder import Sweep
from grokscope.sweep.lease import Lease, LeaseLostError

_WORK_NAME = re.compile(r"(cohort-[0-9a-f]+)\.(\d+)")


def begin(sweep: Sweep, cohort: Cohort, lease: Lease) -> RunDirectory:
    """The run directory of a cohort: that of the holder before as far as it came, or a new one.

    Raises:
        DiskError: the disk is full or refuses to be written.
        VerificationError: what is left of the holder before is damaged.
        LeaseLostError: somebody with a higher token has begun already.
    """
    make_directory(sweep.work)
    folder = sweep.work / f"{cohort.id}.{lease.token}"
    found = _left_behind(sweep.work, cohort.id)
    if found and found[-1][0] > lease.token:
        raise LeaseLostError(f"{cohort.id} was taken over by another worker.")
    earlier = [path for _, path in found]
    with disk_errors(folder):
        for path in earlier[:-1]:
            discard(path)
        if earlier and earlier[-1] != folder:
            earlier[-1].rename(folder)
            sync(sweep.work)
            (folder / cohort.id / LOCK_NAME).unlink(missing_ok=True)  # a slow holder still has it
    if (folder / cohort.id / "config.toml").exists():
        return RunDirectory.open(folder / cohort.id)
    remove_tree_once(folder / cohort.id)  # a part of one that was being removed
    plan = cohort.plan(sweep.header.recipe, sweep.header.base)
    return RunDirectory.create(folder, plan.recipe, plan.to_dict(), name=cohort.id)


def throw_away(sweep: Sweep, lease: Lease) -> None:
    """Remove what there is of a cohort that is not published; a later holder's stays."""
    for token, path in _left_behind(sweep.work, lease.cohort):
        if token <= lease.token:
            remove_tree_once(path)


def settle(sweep: Sweep) -> None:
    """Put in order what lies in `work`; for whoever starts to work on a sweep.

    What belongs to published cohorts is of no use. What has a higher token than the ledger knows
    was left by holders of a ledger that has been lost: the next holder takes it over.

    Raises:
        DiskError: the disk refuses to be written.
    """
    if not sweep.work.is_dir():
        return
    with disk_errors(sweep.work):
        discard_stale(sweep.work)
    left = _left_behind(sweep.work)  # before the ledger is asked, whose tokens only rise
    tokens = {entry.cohort: entry.token for entry in sweep.ledger.entries()}
    for token, path in left:
        cohort = path.name.partition(".")[0]
        if sweep.has_published(cohort) or sweep.is_split(cohort):
            remove_tree_once(path)
        elif token > tokens.get(cohort, 0):
            remove_tree_once(path.with_name(f"{cohort}.0"))
            with disk_errors(path), suppress(FileNotFoundError):  # another one did so
                path.rename(path.with_name(f"{cohort}.0"))
                sync(sweep.work)


def require_sound(run: RunDirectory) -> None:
    """Compare a run's files with what was written.

    Raises:
        VerificationError: one is damaged.
    """
    problems = [problem for problem in run.verify(versions=False) if not problem.leftover]
    if problems:
        raise VerificationError(f"{problems[0].path}: {problems[0].message}")


def publish(sweep: Sweep, run: RunDirectory) -> bool:
    """Move a finished run to its final place; False if somebody else has published it.

    Raises:
        DiskError: the disk refuses to be written.
        LeaseLostError: the cohort has been split meanwhile: its parts will be published.
    """
    for number in point_numbers(run.path):  # of no use any more, and most of what it takes
        remove_tree(point_folder(run.path, number))
    for leftover in temporary_files(run.path):
        discard(leftover)
    make_directory(sweep.runs)
    if sweep.is_split(run.id):
        raise LeaseLostError(f"{run.id} was split by another worker.")
    folder, path = run.path.parent, sweep.runs / run.id
    with disk_errors(path):
        is_first = move_once(run.path, path)
        discard(folder)
    return is_first


def withdraw_damaged(sweep: Sweep, cohorts: list[Cohort]) -> list[Cohort]:
    """Take published runs out whose files are not what was written; those that are to be redone.

    They are kept under `damaged/`, since somebody may want to know what happened.
    """
    found: list[Cohort] = []
    for cohort in cohorts:
        run = sweep.published(cohort)
        if run is None or all(problem.leftover for problem in run.verify(versions=False)):
            continue
        folder = sweep.path / "damaged"
        make_directory(folder)
        with disk_errors(run.path), suppress(FileNotFoundError):  # another one withdrew it
            number = 1
            while (folder / f"{cohort.id}.{number}").exists():
                number += 1
            run.path.rename(folder / f"{cohort.id}.{number}")
            sync(sweep.runs)
            sync(folder)
            found.append(cohort)
    return found


def _left_behind(work: Path, cohort: str = "cohort-*") -> list[tuple[int, Path]]:
    """Folders of a cohort in training, or of all, with their tokens, rising."""
    named = [(path, _WORK_NAME.fullmatch(path.name)) for path in work.glob(f"{cohort}.*")]
    return sorted((int(match[2]), path) for path, match in named if match)

"""Starting a sweep, or going on with it: what is new is added, what is damaged is done again."""

from dataclasses import dataclass
from pathlib import Path

from grokscope.sweep.cohort import Shape, shapes_of
from grokscope.sweep.folder import HEADER_NAME, LedgerKind, Sweep
from grokscope.sweep.plan import PlannedRun, SweepPlan
from grokscope.sweep.publication import settle, withdraw_damaged


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a sweep is.

    Attributes:
        runs: in all.
        done: published.
        failed: that cannot be trained, with the reasons by cohort.
        cohorts: of the runs that are not done.
        exit_code: of what failed first; 0 where nothing did.
    """

    runs: int
    done: int
    failed: dict[str, str]
    cohorts: int
    exit_code: int

    @property
    def is_complete(self) -> bool:
        """Whether every run is published."""
        return self.done == self.runs


def begin(
    root: Path,
    plan: SweepPlan,
    threads: int,
    *,
    ledger: LedgerKind | None = None,
    per_cohort: int | None = None,
) -> tuple[Sweep, int]:
    """The sweep of a plan, new or known, with all of its runs, and how many of them are new.

    What cannot be trained is refused before there is a folder.

    Args:
        root: the folder of all sweeps.
        plan: what to train.
        threads: that step a cohort, of a new sweep.
        ledger: its kind, of a new sweep.
        per_cohort: networks in a cohort, instead of what takes about a minute.

    Raises:
        SettingError, UsageError, MemoryExceededError: a network that cannot be trained, or a folder
            of that name that is of something else.
        DiskError: the disk is full or refuses to be written.
    """
    if not (root / plan.folder_name / HEADER_NAME).exists():
        new_shapes(None, plan.runs(), per_cohort, threads)
    sweep = Sweep.create(root, plan, threads, ledger)
    return sweep, extend(sweep, plan, per_cohort)


def extend(sweep: Sweep, plan: SweepPlan, per_cohort: int | None = None) -> int:
    """Add the runs of a plan that the sweep does not have; their number.

    Of two processes that do so at a time one adds them, and the other sees that they are there.

    Raises:
        SettingError, UsageError, MemoryExceededError: a network that cannot be trained.
        DiskError: the disk is full or refuses to be written.
    """
    planned = plan.runs()
    while True:
        shapes = new_shapes(sweep, planned, per_cohort)
        cohorts = [cohort for shape in shapes for cohort in shape.cohorts()]
        if not cohorts or sweep.extend(cohorts, _origin(plan)):
            sweep.ledger.add([cohort.id for cohort in sweep.cohorts()])
            return sum(len(cohort.members) for cohort in cohorts)


def new_shapes(
    sweep: Sweep | None, planned: list[PlannedRun], per_cohort: int | None, threads: int = 1
) -> list[Shape]:
    """The planned runs that a sweep does not have, by shape.

    Args:
        sweep: None where there is none yet.
        planned: runs of a plan.
        per_cohort: networks in a cohort, instead of what takes about a minute.
        threads: that would step a cohort, where there is no sweep yet.
    """
    known = set[str]() if sweep is None else {m.id for c in sweep.cohorts() for m in c.members}
    missing = [run for run in planned if run.id not in known]
    return shapes_of(missing, sweep.header.threads if sweep else threads, per_cohort)


def open_shapes(sweep: Sweep) -> list[Shape]:
    """What is not published yet, by shape, in cohorts as large as the sweep's."""
    left = [cohort for cohort in sweep.cohorts() if sweep.published(cohort) is None]
    base = sweep.header.base
    runs = [
        PlannedRun(id=m.id, settings=m.settings, seed=m.seed, config=m.config(base))
        for cohort in left
        for m in cohort.members
    ]
    most = max((len(cohort.members) for cohort in left), default=1)
    return shapes_of(runs, sweep.header.threads, most)


def mend(sweep: Sweep) -> int:
    """Let wait again what failed, is damaged or is not there; how many runs that concerns.

    Raises:
        DiskError: the disk refuses to be written.
    """
    cohorts = {cohort.id: cohort for cohort in sweep.cohorts()}
    settle(sweep)
    withdraw_damaged(sweep, list(cohorts.values()))
    states = {entry.cohort: entry.state for entry in sweep.ledger.entries()}
    again = [
        cohort
        for cohort in cohorts.values()
        if states.get(cohort.id) in ("done", "failed") and sweep.published(cohort) is None
    ]
    sweep.ledger.reopen([cohort.id for cohort in again])
    return sum(len(cohort.members) for cohort in again)


def standing(sweep: Sweep) -> Standing:
    """How far a sweep is, by what is published."""
    cohorts = sweep.cohorts()
    done = [cohort for cohort in cohorts if sweep.published(cohort) is not None]
    finished = {cohort.id for cohort in done}
    failed = [
        entry
        for entry in sweep.ledger.entries()
        if entry.state == "failed" and entry.cohort not in finished
    ]
    return Standing(
        runs=sum(len(cohort.members) for cohort in cohorts),
        done=sum(len(cohort.members) for cohort in done),
        failed={entry.cohort: entry.error for entry in failed},
        cohorts=len(cohorts) - len(done),
        exit_code=failed[0].exit_code if failed else 0,
    )


def _origin(plan: SweepPlan) -> dict[str, object]:
    return {"points": len(plan.points), "seeds": plan.seeds, "first_seed": plan.base.seed}

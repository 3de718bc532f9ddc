"""A sweep on disk.

    sweeps/<name>/
      sweep.toml            recipe, base config, threads of a cohort, kind of ledger; never changes
      plans/000001/plan.json          cohorts that this plan brought, one folder for each extension
      splits/<cohort>/split.json      a cohort that did not fit in memory, and its parts
      ledger.sqlite or ledger/        who has which cohort
      work/<cohort>.<token>/<cohort>/ a run directory in training
      runs/<cohort>/                  published: a finished run directory

The cohorts of a sweep are those of its plans, with the parts of those that were split in their
place. Their run directories are ordinary runs: `grokscope show`, `report`, `query` and `fork` take
them with `--out sweeps/<name>/runs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from grokscope.core.errors import UsageError, VerificationError
from grokscope.core.settings import flatten
from grokscope.experiment import Config
from grokscope.experiment.kinds import kinds_of
from grokscope.store import RunDirectory
from grokscope.store.documents import encode_toml, read_toml
from grokscope.store.durable import is_temporary, make_directory, make_once
from grokscope.store.manifest import read_sealed, seal
from grokscope.sweep.cohort import Cohort, Member
from grokscope.sweep.file_ledger import FileLedger
from grokscope.sweep.lease import SILENCE_SECONDS, Ledger, Observer
from grokscope.sweep.network_disk import is_shared
from grokscope.sweep.plan import SweepPlan
from grokscope.sweep.sqlite_ledger import SqliteLedger

SWEEPS = Path("sweeps")
HEADER_NAME = "sweep.toml"
LedgerKind = Literal["sqlite", "files"]
_PLANS, _SPLITS, _RUNS, _WORK = "plans", "splits", "runs", "work"
_HOW_TO_PLAN_AGAIN = (
    "What is published is not touched by that: move this plan's folder away and start the command "
    "that made it again, with the same `--cohort` if there was one; it finds what is published."
)


@dataclass(frozen=True, kw_only=True)
class Header:
    """What all runs of a sweep share, and how cohorts are trained."""

    recipe: str
    base: Config
    axes: tuple[str, ...]
    threads: int
    """That step a cohort: they decide how stacks are laid out, so all workers have as many."""
    ledger: LedgerKind

    def as_toml(self) -> dict[str, Any]:
        """The form of `sweep.toml`."""
        own = {"recipe": self.recipe, "axes": list(self.axes)}
        return own | {"threads": self.threads, "ledger": self.ledger, "base": self.base.to_dict()}


class Sweep:
    """A sweep's folder."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path, self.header = path, header
        self._read: dict[tuple[Path, int, int], list[Cohort]] = {}

    @classmethod
    def create(
        cls, root: Path, plan: SweepPlan, threads: int, ledger: LedgerKind | None = None
    ) -> "Sweep":
        """A new sweep without cohorts, or the one that is there already.

        Args:
            root: the folder of all sweeps.
            plan: whose name and base it takes.
            threads: that step a cohort.
            ledger: its kind; `files` where the folder is on a network file system.

        Raises:
            UsageError: the folder is that of another sweep, or of none.
            DiskError: the disk is full or refuses to be written.
        """
        path = root.absolute() / plan.folder_name
        kind: LedgerKind = ledger or ("files" if is_shared(root) else "sqlite")
        header = Header(
            recipe=plan.recipe.name, base=plan.base, axes=plan.axes, threads=threads, ledger=kind
        )
        make_directory(root.absolute())
        if not (path / HEADER_NAME).exists():
            made = make_once(path, {HEADER_NAME: encode_toml(header.as_toml())})
            if not made and not (path / HEADER_NAME).exists():
                raise UsageError(f"{path} is there and is not a sweep: choose another `--name`.")
        sweep = cls.open(path)
        _require_same(sweep.header, plan, path)
        return sweep

    @classmethod
    def open(cls, path: Path) -> "Sweep":
        """An existing sweep.

        Raises:
            UsageError: there is none, or a newer grokscope wrote it.
            VerificationError: its header is damaged.
        """
        if not (path / HEADER_NAME).is_file():
            raise UsageError(f"{path} is not a sweep: it has no {HEADER_NAME}.")
        stored: Any = read_toml(path / HEADER_NAME)
        try:
            header = Header(
                recipe=stored["recipe"],
                base=Config.from_dict(stored["base"]),
                axes=tuple(stored["axes"]),
                threads=stored["threads"],
                ledger=stored["ledger"],
            )
        except (KeyError, TypeError) as error:
            raise VerificationError(f"{path / HEADER_NAME}: {error} is missing or wrong") from None
        return cls(path.resolve(), header)

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.path.name

    @property
    def runs(self) -> Path:
        """The folder of published run directories."""
        return self.path / _RUNS

    @property
    def work(self) -> Path:
        """The folder of run directories in training."""
        return self.path / _WORK

    @cached_property
    def ledger(self) -> Ledger:
        """Who has which cohort."""
        return self.open_ledger()

    def open_ledger(self, silence: float = SILENCE_SECONDS) -> Ledger:
        """The ledger, for a worker that takes leases from holders silent for so many seconds."""
        kinds = {"sqlite": SqliteLedger, "files": FileLedger}
        return kinds[self.header.ledger](self.path, Observer(silence))

    def cohorts(self) -> list[Cohort]:
        """All cohorts, in the order of the plans; parts instead of those that were split."""
        return [part for cohort in self._planned() for part in self._parts(cohort)]

    def cohort(self, cohort_id: str) -> Cohort:
        """One of them, split or not.

        Raises:
            UsageError: there is none of that id.
        """
        if cohort_id not in self._known:
            del self._known
        if cohort_id not in self._known:
            raise UsageError(f"{self.path} has no cohort {cohort_id}.")
        return self._known[cohort_id]

    @cached_property
    def _known(self) -> dict[str, Cohort]:
        found = self._planned()
        for cohort in found:  # which grows meanwhile
            found += cohort.halves() if self.is_split(cohort.id) else ()
        return {cohort.id: cohort for cohort in found}

    def extend(self, cohorts: Sequence[Cohort], origin: Mapping[str, object]) -> bool:
        """Add the cohorts of one more plan; False if somebody else has added one meanwhile.

        Args:
            cohorts: whose runs are in no other cohort.
            origin: the plan in a few words, for people.
        """
        make_directory(self.path / _PLANS)
        # the number is chosen first: whoever adds a plan after it was looked takes that number
        number = max((int(path.name) for path in self._plans()), default=0) + 1
        known = {member.id for cohort in self.cohorts() for member in cohort.members}
        if any(member.id in known for cohort in cohorts for member in cohort.members):
            return False
        document = {**origin, "cohorts": [_stored(cohort) for cohort in cohorts]}
        return make_once(self.path / _PLANS / f"{number:06d}", {"plan.json": seal(document)})

    def split(self, cohort: Cohort) -> tuple[Cohort, Cohort]:
        """Note that a cohort is replaced by its halves, if it has not been noted before."""
        parts = cohort.halves()
        make_directory(self.path / _SPLITS)
        document = {"cohorts": [_stored(part) for part in parts]}
        make_once(self.path / _SPLITS / cohort.id, {"split.json": seal(document)})
        return parts

    def is_split(self, cohort_id: str) -> bool:
        """Whether the halves of a cohort have taken its place."""
        return (self.path / _SPLITS / cohort_id).is_dir()

    def has_published(self, cohort_id: str) -> bool:
        """Whether the finished run directory of a cohort is there."""
        return (self.runs / cohort_id).is_dir()

    def published(self, cohort: Cohort) -> RunDirectory | None:
        """The finished run directory of a cohort, if it is there."""
        return RunDirectory(self.runs / cohort.id) if self.has_published(cohort.id) else None

    def _plans(self) -> list[Path]:
        return _entries(self.path / _PLANS)

    def _planned(self) -> list[Cohort]:
        return [cohort for path in self._plans() for cohort in self._cohorts(path / "plan.json")]

    def _cohorts(self, path: Path) -> list[Cohort]:
        """What a file says, read once: none ever changes."""
        try:
            facts = path.stat()
        except OSError:
            return _read_cohorts(path)
        key = path, facts.st_mtime_ns, facts.st_size
        if key not in self._read:
            self._read[key] = _read_cohorts(path)
        return self._read[key]

    def _parts(self, cohort: Cohort) -> list[Cohort]:
        # the halves follow from the cohort: what the note says of them is for people
        if not self.is_split(cohort.id):
            return [cohort]
        return [part for half in cohort.halves() for part in self._parts(half)]


def find_sweep(name: str | Path, root: Path = SWEEPS) -> Sweep:
    """A sweep by its path, its name, or the beginning of one name.

    Raises:
        UsageError: there is no such sweep, or several are meant.
    """
    path = Path(name)
    if (path / HEADER_NAME).is_file():
        return Sweep.open(path)
    names = sorted(p.parent.name for p in root.glob(f"[!.]*/{HEADER_NAME}"))
    wanted = str(name).rstrip("/")
    found = [own for own in names if own == wanted] or [n for n in names if n.startswith(wanted)]
    if len(found) == 1:
        return Sweep.open(root / found[0])
    if found:
        raise UsageError(f"{wanted!r} is the beginning of several sweeps: {', '.join(found[:5])}.")
    listed = f"there are {', '.join(names[:5])}" if names else "there are none"
    raise UsageError(f"There is no sweep {wanted!r} in {root}: {listed}.")


def _require_same(header: Header, plan: SweepPlan, path: Path) -> None:
    """Refuse to extend a sweep by runs of another base."""
    if header.recipe != plan.recipe.name:
        raise UsageError(f"{path} is a sweep of `{header.recipe}`: choose another `--name`.")
    theirs = kinds_of(header.base) | flatten(header.base)
    ours = kinds_of(plan.base) | flatten(plan.base)
    for name in (*theirs, *ours):
        if name != "seed" and theirs.get(name) != ours.get(name):
            raise UsageError(
                f"{path} is a sweep with `{name}` {theirs.get(name)!r}, not {ours.get(name)!r}: "
                "choose another `--name`."
            )
    if set(header.axes) != set(plan.axes):
        raise UsageError(f"{path} is a sweep over {', '.join(header.axes)}: choose another name.")


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not is_temporary(path))


def _stored(cohort: Cohort) -> dict[str, object]:
    members = [[m.id, m.seed, m.settings] for m in cohort.members]
    return {"id": cohort.id, "members": members}


def _read_cohorts(path: Path) -> list[Cohort]:
    try:
        document = read_sealed(path)
    except VerificationError as error:
        raise VerificationError(f"{error}. {_HOW_TO_PLAN_AGAIN}") from error
    listed = cast("list[dict[str, Any]]", document["cohorts"])
    return [
        Cohort(
            id=own["id"],
            members=tuple(Member(id=i, seed=seed, settings=s) for i, seed, s in own["members"]),
        )
        for own in listed
    ]

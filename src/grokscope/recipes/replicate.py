"""Carry a replication out: its arms one after another, each resumable, then the verdict.

```
OUT/<name>-<tier>/<arm>-<key>/    runs of the arm; arm.json once it is done
OUT/<name>-<tier>/fork-<key>/     of arms that share a run: its parent and the fork
OUT/<name>-<tier>.json            the result
```
An arm whose `arm.json` is there is not run again; its key changes with its config, its seeds and
the function that makes its rows. A run that was killed is gone on with.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from grokscope.core.errors import SettingError
from grokscope.experiment import Listener, Plan, Run, resume_run, start_run
from grokscope.recipes.replication import Arm, Replication, Tier
from grokscope.recipes.rules import Row
from grokscope.recipes.tally import tally
from grokscope.recipes.verdict import Judgement, judge, rule_hash
from grokscope.store import find_runs
from grokscope.store.documents import encode_json, read_json
from grokscope.store.durable import make_directory, replace_file
from grokscope.store.environment import describe_environment
from grokscope.store.naming import readable_name

_DONE = "arm.json"
_SPENT = "spent.json"
Document = dict[str, Any]


@runtime_checkable
class Audience(Protocol):
    """Whoever watches: told of each arm, and asked for a listener for each run."""

    def arm(self, replication: Replication, arm: Arm) -> None:
        """An arm begins."""
        ...

    def watching(self, plan: Plan) -> AbstractContextManager[Listener | None]:
        """The listener of a run, for as long as it trains."""
        ...


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A replication in one tier, in a folder."""

    replication: Replication
    tier: Tier
    out: Path
    development: bool = False
    """Use development seeds; such a result is never recorded."""

    @property
    def name(self) -> str:
        """Such as `power2022-smoke`, of its folder and its result."""
        suffix = "-development" if self.development else ""
        return f"{self.replication.name}-{self.tier}{suffix}"

    @property
    def arms(self) -> Sequence[Arm]:
        """What is to be done."""
        return self.replication.stage(self.tier).arms

    def seeds(self, arm: Arm) -> range:
        """The seeds of an arm."""
        return arm.seed_range(development=self.development)

    def folder(self, arm: Arm) -> Path:
        """The arm's own folder."""
        key = arm.key(self.seeds(arm))
        return self.out / self.name / f"{readable_name(arm.name)}-{key}"

    def is_done(self, arm: Arm) -> bool:
        """Whether the arm's rows are there."""
        return (self.folder(arm) / _DONE).is_file()

    def carry_out(self, audience: Audience) -> Document:
        """Run what is missing, judge, and write the result.

        Raises:
            InterruptedRunError: stopped on request; the same call goes on.
            GrokscopeError: an arm cannot be run.
        """
        results: dict[str, list[Row]] = {}
        seconds: dict[str, float] = {}
        for arm in self.arms:
            if not self.is_done(arm):
                audience.arm(self.replication, arm)
                self._run(arm, audience)
            done: Any = read_json(self.folder(arm) / _DONE)
            results[arm.name], seconds[arm.name] = done["rows"], done["wall_seconds"]
        judgement = judge(self.replication, self.tier, results)
        document = self._document(judgement, results, seconds)
        replace_file(self.out / f"{self.name}.json", encode_json(document))
        return document

    def _run(self, arm: Arm, audience: Audience) -> None:
        folder, seeds = self.folder(arm), self.seeds(arm)
        make_directory(folder)
        started, before = time.monotonic(), _spent(folder)
        try:
            rows = (
                arm.work(folder, seeds) if arm.work else _rows_of_run(arm, folder, seeds, audience)
            )
        finally:
            spent = before + time.monotonic() - started
            replace_file(folder / _SPENT, encode_json({"wall_seconds": spent}))
        if {row["seed"] for row in rows} != set(seeds):
            found = sorted({row["seed"] for row in rows})
            raise SettingError("rows", f"of all seeds of arm `{arm.name}`", found)
        done = {"wall_seconds": spent, "rows": list(rows)}
        replace_file(folder / _DONE, encode_json(done))

    def _document(
        self,
        judgement: Judgement,
        results: Mapping[str, Sequence[Row]],
        seconds: Mapping[str, float],
    ) -> Document:
        replication, rule = self.replication, self.replication.rule_of(self.tier)
        environment: dict[str, Any] = describe_environment()
        return {
            "replication": replication.name,
            "recipe": replication.recipe,
            "tier": self.tier,
            "development": self.development,
            "source": replication.source,
            "published": replication.published,
            "rule": {
                "text": rule.text,
                "parameters": rule.parameters,
                "hash": rule_hash(rule),
            },
            "verdict": judgement.verdict,
            "reason": judgement.reason,
            "differs": replication.stage(self.tier).differs,
            "arms": [self._arm(arm, judgement, results, seconds) for arm in self.arms],
            "wall_seconds": round(sum(seconds.values()), 1),
            "versions": environment["versions"],
            "cpu": environment["cpu"],
            "torch": environment["torch"],
            "git": environment["git"],
        }

    def _arm(
        self,
        arm: Arm,
        judgement: Judgement,
        results: Mapping[str, Sequence[Row]],
        seconds: Mapping[str, float],
    ) -> Document:
        rows, finding = results[arm.name], judgement.findings.get(arm.name)
        return {
            "name": arm.name,
            "role": arm.role,
            "config": arm.config(self.seeds(arm)),
            "seeds": list(self.seeds(arm)),
            "tally": tally(rows),
            "outcome": finding.outcome if finding else None,
            "measured": [each.to_dict() for each in finding.measured] if finding else [],
            "wall_seconds": round(seconds[arm.name], 1),
            "rows": rows,
        }


def finished_run(plan: Plan, folder: Path, listener: Listener | None = None) -> Run:
    """The run of a plan in a folder, trained to its end: found, gone on with, or started."""
    for directory in find_runs(folder):
        if Plan.from_dict(directory.config) == plan:
            return resume_run(directory, listener)
    return start_run(plan, folder, listener)


def _rows_of_run(arm: Arm, folder: Path, seeds: range, audience: Audience) -> Sequence[Row]:
    assert arm.make is not None
    plan = arm.make(seeds)
    with audience.watching(plan) as listener:
        run = finished_run(plan, folder, listener)
    return arm.measure(run)


def _spent(folder: Path) -> float:
    """Seconds of earlier calls; those of one that was killed outright are lost."""
    path = folder / _SPENT
    stored: Any = read_json(path) if path.is_file() else {"wall_seconds": 0.0}
    return float(stored["wall_seconds"])

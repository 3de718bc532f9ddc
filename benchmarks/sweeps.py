"""What a sweep costs beside the training: planning, going on, the ledger, the cohorts, reading.

    python -m benchmarks.sweeps             # on an idle machine; prints JSON
    python -m benchmarks.sweeps overhead    # one part only

`overhead`: seconds that a worker spends on two cohorts of about a minute, beside their training.
`plan`: 10,000 runs are expanded and laid out, and the finished sweep is gone on with.
`ledger`: cohorts claimed and completed in a second, by each ledger.
`reading`: one metric of all evaluations of 10,000 runs.
`engines`: the same sweep in this process with two threads and by two Ray workers with one each,
from the first run directory that is made to the last that is published: without starting Ray.
"""

import argparse
import datetime
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grokscope.store import RunDirectory
from grokscope.sweep import Results, Sweep, SweepPlan, Worker, plan_sweep
from grokscope.sweep.file_ledger import FileLedger
from grokscope.sweep.lease import Observer
from grokscope.sweep.sqlite_ledger import SqliteLedger
from grokscope.sweep.start import extend, mend, standing

_TINY = {"p": 11, "d_model": 8, "d_hidden": 8, "steps": 1_000}
_USUAL = {"p": 31, "d_model": 32, "d_hidden": 64, "lr": 0.01, "stop_when_grokked": False}
_RECEIPTS = 1_000


def main() -> None:
    """Time the parts that were asked for."""
    parts: dict[str, Callable[[Path], dict[str, Any]]] = {
        "overhead": overhead,
        "plan": plan,
        "ledger": ledger,
        "reading": reading,
        "engines": engines,
    }
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweeps")
    parser.add_argument("parts", nargs="*", help=", ".join(parts))
    found: dict[str, Any] = {}
    for name in parser.parse_args().parts or parts:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = parts[name](Path(folder))
    print(json.dumps(found, indent=2))


def overhead(root: Path) -> dict[str, Any]:
    """Beside the seconds that the trainer itself counts."""
    settings = _USUAL | {"steps": 16_000}
    wanted = plan_sweep("quick-mlp", {"weight_decay": "0.1,1"}, settings=settings, seeds=40)
    sweep = Sweep.create(root, wanted, threads=1)
    extend(sweep, wanted, per_cohort=40)
    started = time.perf_counter()
    Worker(sweep=sweep).work()
    spent = time.perf_counter() - started
    runs = [RunDirectory(sweep.runs / cohort.id) for cohort in sweep.cohorts()]
    training = [float(str(run.status["seconds"])) for run in runs]
    return {
        "training_seconds": training,
        "seconds": spent,
        "overhead": spent / sum(training) - 1,
        "target": 0.05,
    }


def plan(root: Path) -> dict[str, Any]:
    """From nothing to cohorts on disk; then again, when all is published."""
    started = time.perf_counter()
    sweep = _ten_thousand(root)
    made = time.perf_counter() - started
    _publish_copies(sweep)
    started = time.perf_counter()
    wanted = _wanted()
    again = Sweep.create(root, wanted, threads=1)
    added, redone, now = extend(again, wanted), mend(again), standing(again)
    resumed = time.perf_counter() - started
    assert (added, redone, now.done) == (0, 0, 10_000)
    return {"plan_seconds": made, "resume_seconds": resumed, "cohorts": len(sweep.cohorts()),
            "target": 5.0}  # fmt: skip


def ledger(root: Path) -> dict[str, Any]:
    """Claims and receipts together."""
    rates: dict[str, Any] = {"target": 200.0}
    for name, kind in (("sqlite", SqliteLedger), ("files", FileLedger)):
        (root / name).mkdir()
        own = kind(root / name, Observer())
        own.add([f"cohort-{i:012x}" for i in range(_RECEIPTS)])
        leases = []
        started = time.perf_counter()
        for _ in range(_RECEIPTS):
            lease = own.claim()
            assert lease is not None
            leases.append(lease)
        claimed = time.perf_counter()
        for lease in leases:
            own.complete(lease)
        ended = time.perf_counter()
        rates[f"{name}_claims_per_second"] = _RECEIPTS / (claimed - started)
        rates[f"{name}_receipts_per_second"] = _RECEIPTS / (ended - claimed)
    return rates


def reading(root: Path) -> dict[str, Any]:
    """The second time, when the system has the files at hand."""
    sweep = _ten_thousand(root)
    _publish_copies(sweep)
    seconds: list[float] = []
    values = 0
    for _ in range(2):
        started = time.perf_counter()
        values = len(Results(sweep).curves(["test/acc_novel"])["test/acc_novel"])
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "values": values, "target": 1.0}


def engines(root: Path) -> dict[str, Any]:
    """The ratio of the two."""
    from grokscope.sweep.ray import run_on_ray

    here, there = _engine_sweep(root, "process", threads=2), _engine_sweep(root, "ray", threads=1)
    Worker(sweep=here).work()
    run_on_ray(there, cpus=2)
    spans = {"process_seconds": _span(here), "ray_seconds": _span(there)}
    return spans | {"ratio": spans["ray_seconds"] / spans["process_seconds"], "target": 1.15}


def _span(sweep: Sweep) -> float:
    """From the first run directory that is made to the last that is published."""
    runs = [RunDirectory(sweep.runs / cohort.id) for cohort in sweep.cohorts()]
    begun = min(str(run.status["created"]) for run in runs)
    first = datetime.datetime.fromisoformat(begun).timestamp()
    return sweep.runs.stat().st_mtime - first


def _engine_sweep(root: Path, name: str, threads: int) -> Sweep:
    settings = _USUAL | {"steps": 4_000}
    over = {"weight_decay": "0.1,0.3,1,3"}
    wanted = plan_sweep("quick-mlp", over, settings=settings, seeds=24, name=name)
    sweep = Sweep.create(root, wanted, threads=threads)
    extend(sweep, wanted, per_cohort=24)
    return sweep


def _wanted() -> SweepPlan:
    over = {"weight_decay": "log:0.001:10:50", "train_fraction": "0.2:0.8:50"}
    return plan_sweep("quick-mlp", over, settings=_TINY, seeds=4, name="ten-thousand")


def _ten_thousand(root: Path) -> Sweep:
    wanted = _wanted()
    sweep = Sweep.create(root, wanted, threads=1)
    extend(sweep, wanted)
    return sweep


def _publish_copies(sweep: Sweep) -> None:
    """Train the largest cohort; the others get copies of its run directory."""
    cohorts = sorted(sweep.cohorts(), key=lambda cohort: -len(cohort.members))
    Worker(sweep=sweep).work_on(cohorts[0].id)
    for cohort in cohorts[1:]:
        shutil.copytree(sweep.runs / cohorts[0].id, sweep.runs / cohort.id)
        lease = sweep.ledger.claim(only=cohort.id)
        assert lease is not None
        sweep.ledger.complete(lease)


if __name__ == "__main__":
    main()

"""Workers as jobs of a Slurm cluster, by way of submitit."""

import math
import shutil
from pathlib import Path
from typing import Any

from grokscope.core.errors import InterruptedRunError, MissingExtraError, UsageError
from grokscope.sweep.folder import Sweep
from grokscope.sweep.worker import Worker

_MINUTES = 240


class SlurmWorker:
    """What a job does: take cohorts until none is left.

    Slurm ends jobs at their time limit or for others; submitit then queues this one again, and the
    cohort that it was at goes on at its last resume point.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self) -> int:
        """Work; the number of cohorts that were trained."""
        worker = Worker(sweep=Sweep.open(Path(self.path)))
        try:
            worker.work()
        except InterruptedRunError:
            return len(worker.trained)
        return len(worker.trained)

    def checkpoint(self) -> Any:  # noqa: ANN401 (submitit's DelayedSubmission)
        """The same again: what was done is on disk."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def require_slurm(cluster: str | None = None) -> Any:  # noqa: ANN401
    """submitit, if it is installed and there is a cluster; errors as of `submit`."""
    try:
        import submitit
    except ImportError:
        raise MissingExtraError("submitit", "slurm") from None
    if cluster in (None, "slurm") and shutil.which("srun") is None:
        raise UsageError("Slurm does not take jobs here: there is no `srun`.")
    return submitit


def submit(
    sweep: Sweep, workers: int, cluster: str | None = None, minutes: int = _MINUTES
) -> list[Any]:
    """Submit workers as a job array; submitit's jobs.

    Args:
        sweep: whose folder all nodes see under the same path.
        workers: jobs.
        cluster: `slurm`, or `local` for processes on this machine; `slurm` unless given.
        minutes: that a job may take before it is queued again.

    Raises:
        MissingExtraError: submitit is not installed.
        UsageError: there is no Slurm here.
    """
    submitit = require_slurm(cluster)
    try:
        executor = submitit.AutoExecutor(folder=sweep.path / "slurm", cluster=cluster or "slurm")
        has_gpu = sweep.header.base.training.device == "cuda"
        executor.update_parameters(
            name=f"grokscope-{sweep.name}"[:40],
            timeout_min=math.ceil(minutes),
            cpus_per_task=sweep.header.threads,
            gpus_per_node=1 if has_gpu else 0,
        )
        with executor.batch():
            return [executor.submit(SlurmWorker(str(sweep.path))) for _ in range(workers)]
    except RuntimeError as error:
        raise UsageError(f"Slurm does not take jobs here: {str(error).splitlines()[0]}") from error

"""How long will it take? A short trial on networks that are thrown away."""

import time
from dataclasses import dataclass

from grokscope.engine.denormals import flushed_denormals
from grokscope.experiment.config import Plan
from grokscope.experiment.memory import explain_memory
from grokscope.experiment.trainer import make_population, make_splits

PROBE_SECONDS = 2.0
_WARM_UP_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a probe of a plan found."""

    seconds_per_step: float
    """Of the whole stack."""
    steps: int
    """The budget of each network."""
    networks: int
    rounds: int
    """Stacks one after another, where not all networks fit in one."""

    @property
    def seconds_at_most(self) -> float:
        """Training time if every network uses its whole budget."""
        return self.seconds_per_step * self.steps * self.rounds


def estimate(plan: Plan, seconds: float = PROBE_SECONDS) -> Estimate:
    """Step a scratch population for some seconds.

    Raises:
        MemoryExceededError: the stack does not fit.
    """
    training = plan.base.training
    with explain_memory(len(plan.networks)), flushed_denormals():
        table = plan.base.task.table()
        splits = make_splits(plan, table)
        population = make_population(plan, table, splits)
        population.get_ready(training.steps)
        population.advance(_WARM_UP_STEPS)
        population.settle()
        started, taken = time.perf_counter(), 0
        while time.perf_counter() - started < seconds and population.lanes:
            population.step()
            taken += 1
        spent = time.perf_counter() - started
    return Estimate(
        seconds_per_step=spent / max(taken, 1),
        steps=training.steps,
        networks=len(plan.networks),
        rounds=-(-len(plan.networks) // population.capacity),
    )

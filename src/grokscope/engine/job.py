"""What a population is asked to train."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.engine.batches import Batches
from grokscope.engine.loss import Loss
from grokscope.engine.optimizer import Optimizer
from grokscope.engine.precision import MatmulPrecision
from grokscope.models import Model
from grokscope.tasks import Table

Kind = tuple[int, int | None]
"""Cohort, and rows of a full batch."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What all networks of a population share."""

    table: Table
    loss: Loss
    batch_size: int | None = None
    """Rows per step; all training rows where none is given."""
    capacity: int | None = None
    """Networks in training at once; as many as fit where none is given."""
    dtype: torch.dtype = torch.float32
    device: str = "cpu"
    matmul_precision: MatmulPrecision = "full"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One network to be trained."""

    index: int
    """Its number within the run."""
    seed: int
    model: Model
    optimizer: Optimizer
    rows: Int[Tensor, " train"]
    """Its training rows."""
    batch_seed: int | None = None
    """Seed of the order of batches, where that is not its own."""
    cohort: int = 0
    """Networks of several cohorts share no stack."""

    def stack_kind(self, setup: Setup) -> Kind:
        """What the networks of a stack have in common beside their model."""
        return self.cohort, None if setup.batch_size else len(self.rows)


@dataclass(kw_only=True, eq=False)
class Lane:
    """One network in training."""

    job: Job
    batches: Batches
    step: int = 0
    """Optimizer steps taken."""


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """Why a network was frozen."""

    index: int
    step: int
    tensor: str
    """The first tensor on the way from weights to gradient that is not finite."""

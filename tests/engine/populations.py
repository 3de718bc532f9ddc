"""Small populations on addition mod p, and ways to look at their networks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from grokscope.engine import AdamW, CrossEntropy, Job, Population, Setup
from grokscope.engine.precision import MatmulPrecision
from grokscope.models import Decoder, DeepTransformer, EmbeddingMLP, Model, OneLayerTransformer
from grokscope.tasks import ModularArithmetic

NANDA = OneLayerTransformer(d_model=16, n_heads=2)
ZHONG = OneLayerTransformer(
    d_model=16, n_heads=4, equals_token=False, causal=False, init_like="zhong2023"
)
MLP = EmbeddingMLP(d_model=12, d_hidden=24)
POWER = Decoder(d_model=16, n_heads=2)
DEEP = DeepTransformer(d_model=12, n_heads=2, n_layers=3)


@dataclass(frozen=True, kw_only=True)
class Network:
    """What may differ between the networks of a stack."""

    model: Model = ZHONG
    optimizer: AdamW = field(default_factory=AdamW)
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class World:
    """What they share."""

    p: int = 11
    fraction: float = 0.5
    dtype: torch.dtype = torch.float64
    batch_size: int | None = None
    capacity: int | None = None
    matmul_precision: MatmulPrecision = "full"
    device: str = "cpu"

    def population(self, networks: Sequence[Network]) -> Population:
        """One job per network, each with the split of its seed."""
        task = ModularArithmetic(p=self.p, train_fraction=self.fraction)
        table = task.table()
        jobs = [
            Job(
                index=i,
                seed=network.seed,
                model=network.model,
                optimizer=network.optimizer,
                rows=task.make_split(table, network.seed).train,
            )
            for i, network in enumerate(networks)
        ]
        setup = Setup(
            table=table,
            loss=CrossEntropy(precision="float64"),
            batch_size=self.batch_size,
            capacity=self.capacity,
            dtype=self.dtype,
            matmul_precision=self.matmul_precision,
            device=self.device,
        )
        return Population(setup, jobs)


def trained(population: Population, steps: int) -> Population:
    """The same population, some steps later."""
    for _ in range(steps):
        population.step()
    return population


def drain(population: Population, budget: int) -> dict[int, dict[str, torch.Tensor]]:
    """Train every job for `budget` steps through the queue; the final weights by job index."""
    finished: dict[int, dict[str, torch.Tensor]] = {}
    while population.lanes:
        population.step()
        done = [i for i, lane in enumerate(population.lanes) if lane.step == budget]
        finished |= {population.lanes[i].job.index: weights(population, i) for i in done}
        population.retire({population.lanes[i].job.index for i in done})
    return finished


def weights(population: Population, lane: int) -> dict[str, torch.Tensor]:
    """A copy of one lane's weights and constants, without the model axis."""
    return {name: value[lane].clone() for name, value in population.parameters().items()}


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest relative difference between two networks' tensors, in the Frobenius norm."""
    assert one.keys() == other.keys()
    return max(
        float((one[name] - other[name]).norm() / other[name].norm().clamp(min=1e-30))
        for name in one
    )


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether two networks are equal to the bit."""
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)

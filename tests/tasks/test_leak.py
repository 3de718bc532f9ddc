"""The leak: on a random split, memorising a commutative task answers half of the test rows."""

import pytest
import torch

from grokscope.engine import AdamW, CrossEntropy, Job, Population, Setup
from grokscope.models import EmbeddingMLP, Rows
from grokscope.tasks import ModularArithmetic, Split

SEEDS = (0, 1, 2)
MEMORISED = 0.99


@pytest.fixture(scope="module")
def memorised() -> list[tuple[Split, torch.Tensor]]:
    """Networks that sum their embeddings, stopped once they know their training rows by heart."""
    task = ModularArithmetic(p=59, train_fraction=0.5)
    table = task.table()
    splits = [task.make_split(table, seed) for seed in SEEDS]
    model = EmbeddingMLP(d_model=32, d_hidden=1024, combine="sum")
    jobs = [
        Job(
            index=i,
            seed=seed,
            model=model,
            optimizer=AdamW(lr=1e-2, weight_decay=0.0),
            rows=splits[i].train,
        )
        for i, seed in enumerate(SEEDS)
    ]
    population = Population(Setup(table=table, loss=CrossEntropy()), jobs)
    right = torch.zeros(len(SEEDS), len(table.labels), dtype=torch.bool)
    for _ in range(20):
        for _ in range(5):
            population.step()
        everything = table.inputs.expand(len(SEEDS), -1, -1)
        with torch.no_grad():
            right = (
                model.readout(population.parameters(), Rows(everything)).argmax(-1) == table.labels
            )
        if all(accuracy(right[i], split.train) >= MEMORISED for i, split in enumerate(splits)):
            return list(zip(splits, right, strict=True))
    pytest.fail("the networks did not memorise")


def accuracy(right: torch.Tensor, rows: torch.Tensor) -> float:
    """Share of right answers among some rows."""
    return float(right[rows].double().mean())


def test_memorising_alone_answers_about_half_of_a_random_test_set(
    memorised: list[tuple[Split, torch.Tensor]],
):
    for split, right in memorised:
        held_out = torch.cat([split.novel, split.mirrored])
        mirrored_share = len(split.mirrored) / len(held_out)
        assert mirrored_share == pytest.approx(0.5, abs=0.05)
        assert accuracy(right, held_out) == pytest.approx(mirrored_share, abs=0.03)


def test_the_rows_it_answers_are_the_mirrored_ones_and_never_the_novel_ones(
    memorised: list[tuple[Split, torch.Tensor]],
):
    for split, right in memorised:
        assert accuracy(right, split.mirrored) > 0.95
        assert accuracy(right, split.novel) <= 1 / 59

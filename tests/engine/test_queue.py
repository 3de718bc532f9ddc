"""The queue: jobs wait for a slot, take the next free one, and train as they would alone."""

import pytest

from engine.populations import (
    MLP,
    ZHONG,
    Network,
    World,
    distance,
    drain,
    same,
    trained,
    weights,
)
from grokscope.core.errors import SettingError
from grokscope.engine import AdamW, CrossEntropy, Job, Population, Setup
from grokscope.models import EmbeddingMLP, OneLayerTransformer
from grokscope.tasks import ModularArithmetic

NETWORKS = [Network(seed=s, optimizer=AdamW(lr=1e-3 * (s + 1))) for s in range(5)]
TWO_SLOTS = World(capacity=2)
BUDGET = 6


@pytest.mark.parametrize("batch_size", [None, 16])
def test_every_job_of_a_queue_ends_as_it_does_alone(batch_size: int | None):
    finished = drain(World(capacity=2, batch_size=batch_size).population(NETWORKS), BUDGET)
    assert sorted(finished) == [0, 1, 2, 3, 4]
    for i, network in enumerate(NETWORKS):
        alone = trained(World(batch_size=batch_size).population([network]), BUDGET)
        assert distance(finished[i], weights(alone, 0)) < 1e-10


def test_jobs_enter_in_order_and_leave_their_slot_to_the_next():
    population = TWO_SLOTS.population(NETWORKS)
    assert [lane.job.index for lane in population.lanes] == [0, 1]
    assert population.waiting == [2, 3, 4]
    trained(population, 3)
    population.retire({0})
    assert [lane.job.index for lane in population.lanes] == [1, 2]
    assert population.steps == [3, 0]
    assert population.waiting == [3, 4]


@pytest.mark.parametrize("batch_size", [None, 16])
def test_a_newcomer_and_its_older_neighbour_each_keep_their_own_step(batch_size: int | None):
    world = World(capacity=2, batch_size=batch_size)
    population = trained(world.population(NETWORKS), 3)
    kept = weights(population, 1)
    population.retire({0})
    assert same(weights(population, 0), kept)
    assert same(weights(population, 1), weights(world.population([NETWORKS[2]]), 0))
    trained(population, 6)
    for lane, (network, steps) in enumerate([(NETWORKS[1], 9), (NETWORKS[2], 6)]):
        alone = trained(world.population([network]), steps)
        assert distance(weights(population, lane), weights(alone, 0)) < 1e-10


def test_retiring_nobody_changes_nothing_and_retiring_the_last_empties_the_stack():
    population = World().population(NETWORKS[:2])
    population.retire(set())
    assert len(population.lanes) == 2
    population.retire({0, 1})
    assert population.lanes == []
    assert population.waiting == []


def test_without_a_capacity_every_job_has_a_slot():
    population = World().population(NETWORKS)
    assert len(population.lanes) == 5
    assert population.waiting == []


def test_jobs_of_different_shape_are_refused():
    wider = OneLayerTransformer(d_model=32, equals_token=False, causal=False)
    for odd in (Network(model=wider), Network(model=EmbeddingMLP())):
        with pytest.raises(SettingError, match="`model` must be of one shape"):
            World().population([Network(model=ZHONG), odd])


def test_an_empty_list_of_jobs_is_refused():
    with pytest.raises(SettingError, match="`jobs` must be at least one"):
        World().population([])


def test_the_last_network_of_a_kind_leaves_the_others_as_they_are():
    task = ModularArithmetic(p=7, train_fraction=0.6)
    table = task.table()
    rows = task.make_split(table, 0).train
    jobs = [
        Job(
            index=i,
            seed=i,
            model=MLP,
            optimizer=AdamW(),
            rows=rows[:10] if i == 9 else rows,
        )
        for i in range(10)
    ]
    population = Population(Setup(table=table, loss=CrossEntropy()), jobs)
    population.advance(2)
    population.retire({9})
    population.advance(2)
    assert population.steps == [4] * 9
    alone = Population(Setup(table=table, loss=CrossEntropy()), jobs[:9])
    alone.advance(4)
    assert all(same(weights(population, i), weights(alone, i)) for i in range(9))

"""Populations on other rows than pairs of tokens: they learn, recorded steps are the steps."""

from dataclasses import dataclass, replace

import pytest
import torch

from engine.populations import distance, same, trained, weights
from grokscope.core.errors import SettingError
from grokscope.engine import (
    AdamW,
    CrossEntropy,
    Job,
    Loss,
    MeanSquare,
    Population,
    Setup,
    capture,
    stack,
)
from grokscope.models import CausalDecoder, DenseMLP, DiagonalLinear, EmbeddingMLP, Model, Rows
from grokscope.tasks import ModularArithmetic, Table

FAST = AdamW(lr=0.01, weight_decay=0.0, warmup_steps=0)


def of(inputs: torch.Tensor, labels: torch.Tensor, d_vocab: int, n_classes: int) -> Table:
    rows = torch.arange(len(labels))
    return Table(inputs=inputs, labels=labels, d_vocab=d_vocab, n_classes=n_classes, mirror=rows)


def bits() -> Table:
    inputs = torch.cartesian_prod(*[torch.arange(2)] * 6)
    return of(inputs, inputs[:, :3].sum(1) % 2, 2, 2)


def sums() -> Table:
    """Of three digits, mod 4."""
    inputs = torch.cartesian_prod(*[torch.arange(4)] * 3)
    return of(inputs, inputs.sum(1) % 4, 4, 4)


def repeats() -> Table:
    """Rows of up to three tokens, whose answer is their first."""
    inputs = torch.cartesian_prod(*[torch.arange(4)] * 3)
    inputs[::3, 2] = -1
    inputs[::6, 1] = -1
    return of(inputs, inputs[:, 0], 4, 4)


def numbers() -> Table:
    stream = torch.Generator().manual_seed(0)
    inputs = torch.randn(64, 5, generator=stream)
    return of(inputs, (inputs[:, 0] > inputs[:, 1]).long(), 0, 2)


def targets() -> Table:
    table = numbers()
    wanted = table.inputs[:, :2].sum(1, keepdim=True)
    return replace(table, labels=0 * table.labels, n_classes=1, targets=wanted, tolerance=0.1)


@dataclass(frozen=True)
class Case:
    """What a small population trains."""

    model: Model
    table: Table
    loss: Loss = CrossEntropy(precision="float64")  # noqa: RUF009 (frozen)


SQUARES = MeanSquare(precision="float64")
PAIRS = ModularArithmetic(p=5).table()
CASES = {
    "prieto": Case(DenseMLP(d_hidden=32, bias=False), PAIRS),
    "gromov": Case(
        DenseMLP(
            d_hidden=40,
            n_hidden_layers=1,
            activation="square",
            bias=False,
            init_like="normal",
            output_factor=1 / 40,
        ),
        PAIRS,
        SQUARES,
    ),
    "bits": Case(DenseMLP(d_hidden=40, n_hidden_layers=1), bits()),
    "tanh": Case(DenseMLP(d_hidden=24, activation="tanh"), targets(), SQUARES),
    "linear": Case(DenseMLP(n_hidden_layers=0), numbers()),
    "regression": Case(DenseMLP(n_hidden_layers=0, bias=False), targets(), SQUARES),
    "diagonal": Case(DiagonalLinear(), numbers()),
    "diagonal, one target": Case(DiagonalLinear(two_classes=False), targets(), SQUARES),
    "gpt2": Case(CausalDecoder(d_model=16), repeats()),
    "rotary": Case(
        CausalDecoder(
            d_model=16,
            positions="rotary",
            norm="rms",
            activation="swiglu",
            bias=False,
            unembed="classes",
            equals_token=True,
            init_like="torch",
        ),
        repeats(),
    ),
    "post-norm": Case(
        CausalDecoder(
            d_model=16, n_layers=1, positions="sinusoidal", norm_place="post", unembed="tokens"
        ),
        repeats(),
    ),
    "no norm": Case(
        CausalDecoder(d_model=16, norm="none", operator_token=True, init_like="torch"), PAIRS
    ),
    "three digits": Case(EmbeddingMLP(d_model=16, d_hidden=32), sums()),
    "three digits, concat": Case(
        EmbeddingMLP(d_model=16, d_hidden=32, combine="concat", separate_vocab=True), sums()
    ),
}
every_case = pytest.mark.parametrize("name", CASES)


def population(
    name: str,
    batch_size: int | None = None,
    dtype: torch.dtype = torch.float32,
    seeds: tuple[int, ...] = (0, 1, 2),
) -> Population:
    case = CASES[name]
    setup = Setup(table=case.table, loss=case.loss, batch_size=batch_size, dtype=dtype)
    jobs = [
        Job(
            index=i,
            seed=seed,
            model=replace(case.model, init_scale=1 + 0.1 * seed),
            optimizer=FAST,
            rows=torch.arange(len(case.table.labels))[seed:][: len(case.table.labels) - 2],
        )
        for i, seed in enumerate(seeds)
    ]
    return Population(setup, jobs)


@every_case
@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize(
    ("dtype", "at_once"),
    [(torch.float32, True), pytest.param(torch.float64, False, marks=pytest.mark.slow)],
)
def test_recorded_steps_are_the_steps(
    name: str,
    batch_size: int | None,
    dtype: torch.dtype,
    at_once: bool,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(stack.Stack, "AT_ONCE", at_once)
    monkeypatch.setattr(capture, "PATIENCE", 0)
    replayed = trained(population(name, batch_size, dtype), 20)
    assert all(own._program._is_recorded for own in replayed.stacks)
    monkeypatch.setattr(capture, "PATIENCE", 10**9)
    stepped = trained(population(name, batch_size, dtype), 20)
    assert all(same(weights(replayed, i), weights(stepped, i)) for i in range(3))
    assert not same(weights(stepped, 0), weights(stepped, 1))


@every_case
@pytest.mark.parametrize("batch_size", [None, 16])
def test_a_stack_of_three_is_three_single_runs(name: str, batch_size: int | None):
    together = trained(population(name, batch_size, torch.float64), 20)
    for i in range(3):
        alone = trained(population(name, batch_size, torch.float64, (i,)), 20)
        assert distance(weights(together, i), weights(alone, 0)) < 1e-10


@pytest.mark.slow
@every_case
def test_it_learns_its_training_rows(name: str):
    case, some = CASES[name], population(name, dtype=torch.float64)
    some.advance(400)
    inputs = case.table.inputs.double() if case.table.is_real else case.table.inputs
    everybodys, targets = slice(2, len(inputs) - 2), case.table.targets
    rows = Rows(inputs[everybodys].expand(3, -1, -1))
    outputs = some.model.readout(some.parameters(), rows).detach()
    if targets is not None:
        assert (outputs - targets[everybodys]).square().mean() < 0.1 * targets.var()
    else:
        assert (outputs.argmax(2) == case.table.labels[everybodys]).double().mean() > 0.95


def test_a_network_enters_with_rows_of_its_own():
    """A full batch is kept, and with it what is made of its tokens."""
    late, alone = trained(population("bits"), 3), population("bits", seeds=(0,))
    (stack_before,) = late.stacks
    fresh = replace(alone.lanes[0].job, index=9)
    late._queue, late._jobs[9] = [fresh], fresh
    late.retire({2})
    assert late.stacks == [stack_before]
    trained(late, 5)
    trained(alone, 5)
    index = [lane.job.index for lane in late.lanes].index(9)
    assert distance(weights(late, index), weights(alone, 0)) < 1e-5


def test_rows_of_different_lengths_are_refused_where_a_model_does_not_take_them():
    inputs = PAIRS.inputs.clone()
    inputs[3, 1] = -1
    setup = Setup(table=replace(PAIRS, inputs=inputs), loss=CrossEntropy())
    job = Job(
        index=0, seed=0, model=DenseMLP(), optimizer=FAST, rows=torch.arange(len(PAIRS.labels))
    )
    with pytest.raises(SettingError, match="takes rows of one length, got 'rows of up to 2 tok"):
        Population(setup, [job])

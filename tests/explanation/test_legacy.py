"""The published measures against plain loops, and on networks whose values are known."""

# ruff: noqa: D102 (what `forward` does is what its class says)

import json
import math
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import nn

from explanation.foreign_networks import MovedInside, P, RawTable, TwoTables, made
from grokscope.core.errors import UsageError
from grokscope.explanation.legacy import (
    Legacy,
    circularity,
    distance_irrelevance,
    full_cosines,
    legacy,
    published_cosines,
    published_triples,
    right_logits,
    top_wrong_logits,
)
from grokscope.explanation.module_subject import ModuleSubject
from grokscope.explanation.subject import Subject
from grokscope.tasks import ModularArithmetic
from reference.legacy import (
    slow_circularity,
    slow_cosine,
    slow_distance_irrelevance,
    slow_triples,
)

ADD = ModularArithmetic(operation="add", p=P)


def subject_of(kind: type[nn.Module], task: ModularArithmetic = ADD) -> tuple[Any, Subject]:
    network = made(kind)
    settings: dict[str, Any] = {
        RawTable: {"embeddings": "W_E"},
        TwoTables: {
            "embeddings": ("left.weight", "right.weight"),
            "inputs": lambda rows: (rows[:, 0], rows[:, 1]),
        },
        MovedInside: {
            "embeddings": "embed.weight",
            "operand_rows": (range(P), range(P + 3, 2 * P + 3)),
        },
    }[kind]
    return network, ModuleSubject(network, task, **settings)


def row_forward(network: Any):
    """The network's logits of one row, from its two embedded operands."""
    equals = network.W_E[P:] if isinstance(network, RawTable) else None

    def forward(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        embedded = torch.stack([first, second])
        embedded = embedded if equals is None else torch.cat([embedded, equals])
        return network.after(embedded.unsqueeze(0))[0]

    return forward


every_kind = pytest.mark.parametrize("kind", [RawTable, TwoTables, MovedInside])


@pytest.mark.parametrize("p", [5, 7])
def test_the_triples_are_the_published_ones(p: int):
    assert published_triples(p).tolist() == [list(triple) for triple in slow_triples(p)]


def test_the_triples_of_modulus_59_start_as_published():
    assert len(published_triples(59)) == 100
    assert published_triples(59)[:3].tolist() == [list(t) for t in slow_triples(59)[:3]]


@every_kind
def test_gradient_symmetricity_is_the_mean_cosine_row_by_row(kind: type[nn.Module]):
    network, subject = subject_of(kind)
    forward = row_forward(network.requires_grad_(False))
    slow = [slow_cosine(forward, subject.embeddings, triple) for triple in slow_triples(P)]
    assert published_cosines(subject).tolist() == pytest.approx(slow, abs=1e-6)
    assert legacy(subject).gradient_symmetricity == pytest.approx(sum(slow) / 100, abs=1e-6)


@every_kind
def test_the_full_form_takes_every_row_with_one_class(kind: type[nn.Module]):
    network, subject = subject_of(kind)
    forward = row_forward(network.requires_grad_(False))
    classes = torch.randint(P, (P * P,), generator=torch.Generator().manual_seed(5)).tolist()
    triples = [(row // P, row % P, c) for row, c in enumerate(classes)]
    slow = [slow_cosine(forward, subject.embeddings, triple) for triple in triples]
    assert full_cosines(subject, seed=5).tolist() == pytest.approx(slow, abs=1e-6)
    mean = sum(slow) / len(slow)
    variance = sum((x - mean) ** 2 for x in slow) / (len(slow) - 1)
    found = legacy(subject, seed=5)
    assert found.gradient_symmetricity_full == pytest.approx(mean, abs=1e-6)
    assert found.gradient_symmetricity_error == pytest.approx(
        math.sqrt(variance / len(slow)), abs=1e-6
    )


@every_kind
def test_distance_irrelevance_of_right_and_of_top_wrong_logits(kind: type[nn.Module]):
    _, subject = subject_of(kind)
    logits = subject.run().logits.tolist()
    right = [[logits[a * P + b][(a + b) % P] for b in range(P)] for a in range(P)]
    wrong = [
        [max(x for c, x in enumerate(logits[a * P + b]) if c != (a + b) % P) for b in range(P)]
        for a in range(P)
    ]
    found = legacy(subject)
    assert found.distance_irrelevance == pytest.approx(slow_distance_irrelevance(right), abs=1e-6)
    assert found.distance_irrelevance_top_wrong == pytest.approx(
        slow_distance_irrelevance(wrong), abs=1e-6
    )


def test_distance_irrelevance_at_its_ends():
    x = torch.arange(P)
    distance = (x.unsqueeze(1) - x) % P
    total = (x.unsqueeze(1) + x) % P
    assert distance_irrelevance(distance.double()) == pytest.approx(0, abs=1e-12)
    assert distance_irrelevance(total.double()) == pytest.approx(1, abs=1e-12)
    assert distance_irrelevance(torch.ones(P, P).double()) is None


class Planted(nn.Module):
    """A sum of two looked-up embeddings, read out by random weights."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.embed = nn.Embedding.from_pretrained(table)
        self.head = nn.Linear(table.shape[1], len(table)).double()

    def forward(self, rows):
        return self.head(self.embed(rows).sum(1).relu())


def planted(table: torch.Tensor, operation: Any = "add") -> Subject:
    task = ModularArithmetic(operation=operation, p=len(table))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ModuleSubject(Planted(table), task, embeddings="embed.weight")


def circles(p: int, sizes: dict[int, tuple[float, float]]) -> torch.Tensor:
    """Cosine and sine of some frequencies, each of its own size."""
    angle = torch.arange(p, dtype=torch.float64) * (2 * math.pi / p)
    waves = [
        size * wave(k * angle)
        for k, pair in sizes.items()
        for size, wave in zip(pair, (torch.cos, torch.sin), strict=True)
    ]
    return (
        torch.stack(waves, 1)
        @ torch.linalg.qr(
            torch.randn(len(waves), len(waves), generator=torch.Generator().manual_seed(0)).double()
        ).Q
    )


def test_circularity_of_circles_apart_and_mixed():
    apart = circles(11, {1: (5.0, 4.0), 3: (2.0, 1.0)})
    assert circularity(planted(apart)) == pytest.approx(1, abs=1e-12)
    # two circles of one variance: their principal components may mix, here they do
    mixed = circles(11, {1: (5.0, 4.0), 3: (2.0, 1.0), 4: (2.0001, 1.0001)})
    mixed = mixed + 1e-3 * torch.randn(mixed.shape, generator=torch.Generator().manual_seed(0))
    found = circularity(planted(mixed))
    assert found is not None
    assert found < 0.995


def test_circularity_is_at_most_1_with_the_highest_frequency_of_an_even_order():
    """Its wave has one direction of length n in the place of two of n/2: a share of 2."""
    table = circles(10, {5: (5.0, 0.0), 1: (3.0, 2.0), 3: (1.0, 0.5)})
    assert circularity(planted(table)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("operation", ["add", "subtract"])
def test_circularity_is_that_of_the_loops(operation: Any):
    table = torch.randn(11, 6, generator=torch.Generator().manual_seed(1)).double()
    found = circularity(planted(table, operation))
    assert found == pytest.approx(slow_circularity(table), abs=1e-6)


def test_circularity_is_undefined_for_separate_vocabularies_and_thin_embeddings():
    assert circularity(subject_of(TwoTables)[1]) is None
    assert circularity(subject_of(MovedInside)[1]) is None
    assert circularity(subject_of(RawTable)[1]) is not None
    assert circularity(planted(torch.randn(11, 3).double())) is None
    flat = torch.randn(11, 3).double()
    assert circularity(planted(torch.cat([flat, flat, flat], 1))) is None


@pytest.mark.parametrize(
    ("circular", "symmetricity", "q", "label"),
    [
        (0.995, 0.981, 0.599, "pizza"),
        (0.999, 0.98, 0.6, "clock"),
        (0.999, 0.98, 0.599, "none"),
        (0.999, 0.981, 0.6, "none"),
        (0.9949, 0.99, 0.2, "none"),
        (None, 0.99, 0.2, "none"),
        (0.999, None, 0.2, "none"),
        (0.999, 0.99, None, "none"),
    ],
)
def test_the_published_rule(circular: Any, symmetricity: Any, q: Any, label: str):
    def found(right: Any, wrong: Any) -> Legacy:
        return Legacy(
            gradient_symmetricity=symmetricity,
            gradient_symmetricity_full=0.0,
            gradient_symmetricity_error=0.0,
            distance_irrelevance=right,
            distance_irrelevance_top_wrong=wrong,
            circularity=circular,
        )

    assert found(q, 0.5).label == label
    assert found(0.5, q).label_top_wrong == label


def test_it_can_be_written_as_json():
    found = legacy(subject_of(TwoTables)[1])
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert written["circularity"] is None
    assert written["label"] == written["label_top_wrong"] == "none"
    assert written["distance_irrelevance"] == found.distance_irrelevance
    assert len(written) == 8


def test_rows_without_a_gradient_are_left_out():
    nothing = torch.full((4,), torch.nan).double()
    module: Any = import_module("grokscope.explanation.legacy")  # the package exports its function
    assert module._mean(nothing) == (None, None)
    half = torch.tensor([0.5, torch.nan, 0.7]).double()
    assert module._mean(half)[0] == pytest.approx(0.6)


def test_extra_outputs_count_among_the_wrong_ones():
    """As released: the largest of all logits but the right one."""
    network, subject = subject_of(RawTable)
    logits = subject.run().logits
    logits[:, P] = 1e6
    assert top_wrong_logits(subject, logits).eq(1e6).all()
    assert right_logits(subject, logits).lt(1e6).all()
    assert network.W_E.shape[0] == P + 1


def test_another_group_is_refused(monkeypatch: pytest.MonkeyPatch):
    _, subject = subject_of(TwoTables)
    object.__setattr__(subject.symmetry, "is_cyclic", False)
    with pytest.raises(UsageError, match="Z_7 is not cyclic"):
        legacy(subject)

"""Null networks: what an explainer must not call explained.

`latin`, `random-table`, `patch`, `small-patch` and `clock-patch` are right on every row of their
table for another reason than a planted algorithm; `foreign-circles` comes with the circles of
another network; `permuted`, `untrained` and `undertrained` are wrong on many rows, and a gate must
stop them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from benchmarks.explainer.draws import number, order, uniform
from benchmarks.explainer.ensemble import small_ensemble
from benchmarks.explainer.latin import latin_square
from benchmarks.explainer.network import logits, modular_sum, scaled
from benchmarks.explainer.planted import LABELS, Planted, plant
from benchmarks.explainer.stack import Sight, learned, table_logits, train
from grokscope.core.errors import SettingError
from grokscope.core.seeds import generator
from grokscope.models import EmbeddingMLP, Model, Parameters, Vocab

P = 23
"""Order of the tables that are learned whole."""
LEARNER = EmbeddingMLP(d_model=24, d_hidden=128, combine="concat")
PATCH_P = 31
PATCHED_SHARES = {
    "patch": (0.02, 0.05),
    "small-patch": (0.002, 0.009),
    "clock-patch": (0.002, 0.009),
}
"""Part of the rows of a patched network that have another label."""
EXTRA_WIDTH, EXTRA_NEURONS = 24, 96
"""Random width and neurons that a patched network gets to keep its exceptions in."""
STOPS = (0.4, 0.95)
"""Accuracies between which undertrained networks stop."""
LEAST_MARGIN = 1.0
WITH_CIRCLES = tuple(label for label in LABELS if label not in ("lookup", "coset"))
FEW_CIRCLES = tuple(k for k in WITH_CIRCLES if k not in ("companion", "line", "collapsed"))
"""Kinds in which two networks without a common frequency are soon found."""


@dataclass(frozen=True, kw_only=True)
class Null:
    """A network beside the table on which it is judged."""

    kind: str
    seed: int
    model: Model
    params: Parameters
    """A stack of one, float32."""
    inputs: Int[Tensor, "row slot"]
    labels: Int[Tensor, " row"]
    p: int
    accuracy: float
    """On the whole table."""
    changed: Bool[Tensor, " row"] | None = None
    """Of a patch: the rows whose label is not a + b."""
    origin: Planted | None = None
    """The planted network that it was made of."""
    partner: Planted | None = None
    """Of foreign circles: the network whose circles are claimed for this one."""


def nulls(kind: str, seeds: Sequence[int]) -> list[Null]:
    """One network per seed; networks that are trained are trained together."""
    if kind not in MAKERS:
        raise SettingError("kind", f"one of {', '.join(NULL_KINDS)}", kind)
    return MAKERS[kind](seeds)


def _latin(seeds: Sequence[int]) -> list[Null]:
    """Random Latin squares, learned whole."""
    tables = [latin_square(generator(seed, "null/latin"), P).flatten() for seed in seeds]
    return _memorised("latin", seeds, torch.stack(tables))


def _random_table(seeds: Sequence[int]) -> list[Null]:
    """Random labels, learned whole."""
    tables = [torch.randint(P, (P * P,), generator=generator(seed, "null/table")) for seed in seeds]
    return _memorised("random-table", seeds, torch.stack(tables))


def _memorised(kind: str, seeds: Sequence[int], labels: Int[Tensor, "model row"]) -> list[Null]:
    params = LEARNER.init(Vocab(d_vocab=P, n_classes=P), seeds)
    params = train(params, labels, learned(LEAST_MARGIN))
    return _separated(kind, seeds, params, labels)


def _untrained(seeds: Sequence[int]) -> list[Null]:
    """Initial values, beside addition mod p."""
    params = LEARNER.init(Vocab(d_vocab=P, n_classes=P), seeds)
    return _separated("untrained", seeds, params, _sums(P).expand(len(seeds), -1))


def _undertrained(seeds: Sequence[int]) -> list[Null]:
    """Training on all of addition mod p, each network stopped at an accuracy of its own."""
    labels = _sums(P).expand(len(seeds), -1)
    draws = [number(generator(seed, "null/stop"), *STOPS) for seed in seeds]
    goal = torch.tensor(draws)
    stopped = LEARNER.init(Vocab(d_vocab=P, n_classes=P), seeds)
    done = torch.zeros(len(seeds), dtype=torch.bool)

    def look(sight: Sight) -> bool:
        now = ~done & (sight.right >= goal)
        for name, weight in sight.params.items():
            stopped[name][now] = weight[now]
        done.logical_or_(now)
        return bool(done.all())

    train(stopped, labels, look, learning_rate=0.0005)
    return _separated("undertrained", seeds, stopped, labels)


def _patch(seeds: Sequence[int]) -> list[Null]:
    """Ensembles trained further on a table in which some labels have changed."""
    return _patched("patch", seeds)


def _small_patch(seeds: Sequence[int]) -> list[Null]:
    """The same with so few labels that a closed form may be wrong on them and be called good."""
    return _patched("small-patch", seeds)


def _clock_patch(seeds: Sequence[int]) -> list[Null]:
    """Clocks, in transformers, trained further on a table in which few labels have changed."""
    return [_patched_clock(seed) for seed in seeds]


def _patched_clock(seed: int) -> Null:
    origin = plant("clock", seed=seed)
    table, p = origin.task.table(), origin.task.p
    labels = _patched_sums(seed, *PATCHED_SHARES["clock-patch"], p).unsqueeze(0)
    fixed = {"attention_rate": origin.params["attention_rate"]}
    weights = {name: weight for name, weight in origin.params.items() if name not in fixed}

    def forward(params: Parameters) -> Tensor:
        return origin.model.forward(params | fixed, table.inputs.unsqueeze(0))[..., :p]

    look = learned(LEAST_MARGIN)
    params = train(weights, labels, look, learning_rate=0.0005, forward=forward) | fixed
    right = (forward(params).argmax(2) == labels).float().mean()
    return Null(
        kind="clock-patch",
        seed=seed,
        model=origin.model,
        params=params,
        inputs=table.inputs,
        labels=labels[0],
        p=p,
        accuracy=float(right),
        changed=labels[0] != table.labels,
        origin=origin,
    )


def _patched(kind: str, seeds: Sequence[int]) -> list[Null]:
    origins = [_patchable(seed) for seed in seeds]
    tables = [_patched_sums(seed, *PATCHED_SHARES[kind], PATCH_P) for seed in seeds]
    wide = [_widened(origin, seed) for origin, seed in zip(origins, seeds, strict=True)]
    params = {name: torch.cat([each[name] for each in wide]) for name in wide[0]}
    labels = torch.stack(tables)
    params = train(params, labels, learned(LEAST_MARGIN), learning_rate=0.002)
    done = _separated(kind, seeds, params, labels)
    return [
        replace(null, changed=null.labels != _sums(PATCH_P), origin=origin)
        for null, origin in zip(done, origins, strict=True)
    ]


def _patchable(seed: int) -> Planted:
    return scaled(small_ensemble(generator(seed, "null/patch"), PATCH_P, n_circles=4, side=8))


def _patched_sums(seed: int, least: float, most: float, p: int) -> Int[Tensor, " row"]:
    """Addition mod p, with another label on a few random rows."""
    labels, stream = _sums(p), generator(seed, "null/patch/rows")
    n = round(number(stream, least, most) * len(labels))
    rows = order(stream, len(labels))[:n]
    shift = torch.randint(1, p, (n,), generator=stream)
    return labels.index_put((rows,), (labels[rows] + shift) % p)


def _widened(planted: Planted, seed: int) -> Parameters:
    """The same network with random extra embedding coordinates and neurons that write nothing."""
    old, stream = planted.params, generator(seed, "null/patch/extra")
    p, d, neurons = PATCH_P, old["W_E"].shape[2], old["W_in"].shape[2]

    def random(size: float, *shape: int) -> Tensor:
        return size * uniform(stream, -1, 1, 1, *shape).float()

    extra = random(0.3, p, EXTRA_WIDTH)
    reads = old["W_in"].unflatten(1, (2, d))
    none = torch.zeros(1, 2, EXTRA_WIDTH, neurons)
    reads = torch.cat([reads, none], 2).flatten(1, 2)
    more = random(2 * (d + EXTRA_WIDTH) ** -0.5, 2 * (d + EXTRA_WIDTH), EXTRA_NEURONS)
    return {
        "W_E": torch.cat([old["W_E"], extra], 2),
        "W_in": torch.cat([reads, more], 2),
        "b_in": torch.cat([old["b_in"], random(0.5, EXTRA_NEURONS)], 1),
        "W_U": torch.cat([old["W_U"], torch.zeros(1, EXTRA_NEURONS, p)], 1),
    }


def _foreign_circles(seeds: Sequence[int]) -> list[Null]:
    """Planted networks, each with another of its kind that shares no frequency but has its p."""
    return [_foreign(seed) for seed in seeds]


def _foreign(seed: int) -> Null:
    label = FEW_CIRCLES[seed % len(FEW_CIRCLES)]
    origin = plant(label, seed=seed)
    for other in range(seed + 1, seed + 10_000):
        partner = plant(label, seed=other)
        if partner.task.p == origin.task.p and not partner.circles.keys() & origin.circles.keys():
            return replace(_beside_its_sums("foreign-circles", seed, origin), partner=partner)
    raise RuntimeError(f"no other {label} network without a frequency of seed {seed}'s")


def _permuted(seeds: Sequence[int]) -> list[Null]:
    """Planted networks whose tokens have changed places in the embedding."""
    return [_shuffled(seed) for seed in seeds]


def _shuffled(seed: int) -> Null:
    origin = plant(WITH_CIRCLES[seed % len(WITH_CIRCLES)], seed=seed)
    moved = order(generator(seed, "null/permuted"), origin.task.p)
    tables = origin.params["W_E"].unflatten(1, (-1, origin.task.p))
    params = origin.params | {"W_E": tables[:, :, moved].flatten(1, 2)}
    null = _beside_its_sums("permuted", seed, replace(origin, params=params))
    return replace(null, origin=origin)


def _beside_its_sums(kind: str, seed: int, planted: Planted) -> Null:
    table = planted.task.table()
    return Null(
        kind=kind,
        seed=seed,
        model=planted.model,
        params=planted.params,
        inputs=table.inputs,
        labels=table.labels,
        p=planted.task.p,
        accuracy=float((logits(planted).argmax(1) == table.labels).float().mean()),
        origin=planted,
    )


def _sums(p: int) -> Int[Tensor, " row"]:
    return modular_sum(p).table().labels


def _separated(
    kind: str, seeds: Sequence[int], params: Parameters, labels: Int[Tensor, "model row"]
) -> list[Null]:
    """The networks of a stack of concatenating MLPs, one by one."""
    right = (table_logits(params).argmax(2) == labels).float().mean(1)
    p, d_model = params["W_E"].shape[1:]
    model = EmbeddingMLP(d_model=d_model, d_hidden=params["W_in"].shape[2], combine="concat")
    return [
        Null(
            kind=kind,
            seed=seed,
            model=model,
            params={name: weight[i : i + 1].clone() for name, weight in params.items()},
            inputs=modular_sum(p).table().inputs,
            labels=labels[i],
            p=p,
            accuracy=float(right[i]),
        )
        for i, seed in enumerate(seeds)
    ]


MAKERS: dict[str, Callable[[Sequence[int]], list[Null]]] = {
    "latin": _latin,
    "random-table": _random_table,
    "patch": _patch,
    "small-patch": _small_patch,
    "clock-patch": _clock_patch,
    "foreign-circles": _foreign_circles,
    "permuted": _permuted,
    "untrained": _untrained,
    "undertrained": _undertrained,
}
NULL_KINDS: tuple[str, ...] = tuple(MAKERS)

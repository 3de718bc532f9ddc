"""A monitor's run of a model that does not exist, in which it is known what happened.

`sums` and `facts` come to share pathways, early and late: seen samples, twins and tests alike.
`prose` only routes more sharply. `canaries` are remembered: their seen samples alone come to share
pathways, and lose less. One expert of the fourth layer dies halfway.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grokscope.llm.alerts import alerts_of
from grokscope.llm.measurement import History, Measuring
from grokscope.llm.monitor_run import MonitorRun
from grokscope.llm.panel import Experts
from grokscope.llm.pathways import Pathways
from grokscope.llm.probe import Probe, ProbeSet
from grokscope.llm.reading import Reading
from grokscope.store import RunDirectory
from llm.planted import softmax

LAYERS, EXPERTS = 8, 16
DEAD_LAYER, DEAD_EXPERT = 3, 5
NAMES = tuple(f"model.layers.{i}.mlp.gate" for i in range(LAYERS))


@dataclass(frozen=True, kw_only=True)
class Domain:
    """What happens to one; times are shares of the run."""

    name: str
    turns: float = 2.0
    sharpens: bool = False
    is_remembered: bool = False
    roles: tuple[str, ...] = ("seen", "twin", "test")


DOMAINS = (
    Domain(name="sums", turns=0.3),
    Domain(name="facts", turns=0.65),
    Domain(name="prose", sharpens=True),
    Domain(name="canaries", turns=0.4, is_remembered=True, roles=("seen", "twin")),
)


def planted(
    out: Path,
    steps: Sequence[int] = tuple(range(0, 30_001, 1_000)),
    *,
    domains: Sequence[Domain] = DOMAINS,
    samples: int = 8,
    model: str = "planted-moe",
    spoil: Callable[[int, Reading], None] | None = None,
    header: dict[str, Any] | None = None,
    finish: bool = True,
    streaming: bool = False,
) -> RunDirectory:
    """A run with a measurement at each step; `spoil` changes a reading before it is measured.

    A streaming run has no probes on disk, and its header does not know of groups.
    """
    probes = _probes(domains, samples)
    measuring = Measuring(pairs=30, eps=1.5)
    history = History(probes=probes, settings=measuring)
    facts = {
        "model": model,
        "layers": list(NAMES),
        "experts": EXPERTS,
        "scoring": ["softmax"] * LAYERS,
        "groups": {name: len(rows) for name, rows in probes.groups.items()},
        "measuring": {"threshold": 0.7, "pairs": 30, "seed": 0, "eps": 1.5, "delta": 0.05},
    }
    if streaming:
        del facts["groups"]
    kept = None if streaming else probes
    run = MonitorRun.create(out, "monitor", facts | (header or {}), kept)
    world, alerted, last = World(domains, probes), set(), max(max(steps, default=0), 1)
    for step in steps:
        reading = world.reading(step / last)
        if spoil is not None:
            spoil(step, reading)
        measurement = history.add(step, reading, world.experts(step / last), tokens=4096 * step)
        alerts = alerts_of(history.measurements, NAMES, EXPERTS)
        run.add(measurement, reading, [a for a in alerts if (a.kind, a.where) not in alerted])
        alerted = {(alert.kind, alert.where) for alert in alerts}
    if finish:
        run.finish()
    else:
        run._open.close()
    return run.directory


class World:
    """What a domain's samples do at a share of the run."""

    def __init__(self, domains: Sequence[Domain], probes: ProbeSet) -> None:
        stream = np.random.default_rng(0)
        self.domains, self.probes = {domain.name: domain for domain in domains}, probes
        count = len(probes)
        self.own = stream.normal(size=(LAYERS, count, EXPERTS))
        self.shared = {d.name: stream.normal(size=(LAYERS, EXPERTS)) for d in domains}
        self.luck = stream.uniform(size=count)
        self.ease = 0.25 * stream.normal(size=count)
        self.rows = stream.normal(size=(LAYERS, EXPERTS, 6)).astype(np.float32)
        self.noise = np.random.default_rng(1)

    def reading(self, share: float) -> Reading:
        """Routing, losses and answers."""
        count = len(self.probes)
        logits = np.zeros((LAYERS, count, EXPERTS))
        loss, correct = np.zeros(count, np.float32), np.full(count, np.nan, np.float32)
        for i, probe in enumerate(self.probes.probes):
            domain = self.domains[probe.domain]
            learned = _rise(share, domain.turns)
            remembers = domain.is_remembered and probe.role != "seen"
            common = 0.15 + 0.6 * (0 if remembers else learned)
            sharp = 0.6 + (1.4 * share if domain.sharpens else 0.1 * share)
            shared = common**0.5 * self.shared[domain.name]
            mixed = shared + (1 - common) ** 0.5 * self.own[:, i]  # as sharp as before
            logits[:, i] = 2 * sharp * mixed
            memory = _rise(share, 0.15) * (1.5 if domain.is_remembered else 0.4)
            loss[i] = 1.2 + 2.5 * (1 - share) ** 4 - 0.8 * learned * (not domain.is_remembered)
            loss[i] += self.ease[i] + (0 if probe.role == "seen" else memory * 0.5)
            if probe.answer is not None:
                correct[i] = self.luck[i] < 0.05 + 0.9 * _rise(share, domain.turns + 0.1)
        logits[DEAD_LAYER, :, DEAD_EXPERT] -= 9 * _rise(share, 0.5)
        logits += 0.15 * self.noise.normal(size=logits.shape)
        weights = softmax(logits).astype(np.float32)
        pathways = Pathways(weights=weights, tokens=np.full(count, 7), layers=NAMES)
        return Reading(pathways=pathways, loss=loss, correct=correct, problems=(), seconds=0.1)

    def experts(self, share: float) -> Experts:
        """Rows of the routers."""
        rows = self.rows + 0.8 * share * self.rows[:1]
        return Experts(
            rows=rows, gain=np.linspace(0.5, 1.5, 6 * LAYERS).reshape(LAYERS, 6), top_k=2
        )


def _rise(share: float, middle: float) -> float:
    return float(1 / (1 + np.exp(-25 * (share - middle))))


def _probes(domains: Sequence[Domain], samples: int) -> ProbeSet:
    return ProbeSet(
        tuple(
            Probe(
                domain=domain.name,
                tokens=(3, 4, 5 + i),
                role=role,
                answer=2 if role == "test" else None,
                exposed=(10 * i,) if role == "seen" else (),
            )
            for domain in domains
            for role in domain.roles
            for i in range(samples)
        )
    )

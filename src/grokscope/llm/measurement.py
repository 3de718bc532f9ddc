"""Everything that is known of all groups of probes at one step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int64

from grokscope.core.errors import SettingError
from grokscope.llm.balance import load_of
from grokscope.llm.edit_distance import pair_distances
from grokscope.llm.memorisation import LossCurves, memorized_online
from grokscope.llm.pairs import Pairs, crossed_pairs, sampled_pairs
from grokscope.llm.panel import Experts, Panel, panel_of
from grokscope.llm.pathway import THRESHOLD, kept
from grokscope.llm.pathways import Weights
from grokscope.llm.per_layer import seen
from grokscope.llm.probe import ProbeSet
from grokscope.llm.reading import Reading, float_mean
from grokscope.llm.sharing import cross_overlap


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """How probes are measured; stored with the results.

    Attributes:
        threshold: cumulative weight of the experts that a pathway keeps (arXiv 2506.21551: 0.7).
        pairs: of samples that are compared in each group, the same ones at every step.
        seed: of the choice of pairs.
        eps: ε of the online rule of memorisation, in nats: one for all domains, or one for each.
            Without it, no sample is called memorised while training goes on.
        delta: δ of the rule, in nats.
        window: measurements over which a loss must have been steady.

    Raises:
        SettingError: a value is out of range.
    """

    threshold: float = THRESHOLD
    pairs: int = 2_000
    seed: int = 0
    eps: float | Mapping[str, float] | None = None
    delta: float = 0.05
    window: int = 3

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise SettingError("threshold", "at least 0 and below 1", self.threshold)
        if self.pairs < 1:
            raise SettingError("pairs", "at least 1", self.pairs)
        if self.window < 1:
            raise SettingError("window", "at least 1", self.window)
        if self.delta < 0:
            raise SettingError("delta", "at least 0", self.delta)

    def eps_of(self, domain: str) -> float | None:
        """ε of a domain."""
        if isinstance(self.eps, Mapping):
            return self.eps.get(domain)
        return self.eps


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One row of a monitor's table.

    Attributes:
        step: updates before it.
        tokens: that training had read, if somebody said so.
        groups: the numbers of each group.
        whole: numbers across groups: `cross_distance_normalized` and `cross_overlap` between
            domains, the control of what happens within them.
        load: of each expert over all probes, by share of kept places.
        dead: experts of each layer with less than a tenth of the fair load, over all probes.
        problems: what keeps the routing from being whole.
        seconds: that the look took.
    """

    step: int
    tokens: int | None
    groups: dict[str, Panel]
    whole: dict[str, float]
    load: Float[np.ndarray, "layer expert"]
    dead: Int64[np.ndarray, " layer"]
    problems: tuple[str, ...]
    seconds: float

    def columns(self) -> dict[str, object]:
        """Values by name, as they are stored and queried: `moe/<group>/<measure>`."""
        found: dict[str, object] = {
            "network": 0,
            "step": self.step,
            "tokens": float("nan") if self.tokens is None else float(self.tokens),
            "moe/seconds": self.seconds,
        }
        found |= {f"moe/{name}": value for name, value in self.whole.items()}
        for group, panel in self.groups.items():
            found |= {f"moe/{group}/{name}": value for name, value in panel.scalars.items()}
            found |= {
                f"moe/{group}/layers/{name}": [float(v) for v in values]
                for name, values in panel.layers.items()
            }
        return found


@dataclass(kw_only=True)
class History:
    """The measurements so far, and what of them the next one needs.

    Attributes:
        probes: what is measured.
        settings: how.
        experts: embeddings of the experts at the time of each measurement.
        measurements: rising in step.
        steps: of the measurements.
        losses: of every probe at each of them.
        before: routing weights at the last of them.
    """

    probes: ProbeSet
    settings: Measuring
    measurements: list[Measurement] = field(default_factory=list[Measurement])
    steps: list[int] = field(default_factory=list[int])
    losses: list[Float[np.ndarray, " probe"]] = field(
        default_factory=list[Float[np.ndarray, " probe"]]
    )
    before: Weights | None = None

    def __post_init__(self) -> None:
        groups = self.probes.groups
        self.pairs: dict[str, Pairs] = {
            name: sampled_pairs(len(rows), self.settings.pairs, self.settings.seed)
            for name, rows in groups.items()
        }
        self._crossed = _crossed(self.probes, self.settings)

    def add(
        self, step: int, reading: Reading, experts: Experts, tokens: int | None = None
    ) -> Measurement:
        """The measurement that a reading makes, kept for those that follow."""
        weights = reading.pathways.weights
        self.steps.append(step)
        self.losses.append(reading.loss)
        memorized = self._memorized()
        groups = {
            name: self._panel(name, rows, reading, experts, memorized)
            for name, rows in self.probes.groups.items()
        }
        _add_gaps(groups)
        load = load_of(weights, kept(weights, self.settings.threshold))
        measurement = Measurement(
            step=step,
            tokens=tokens,
            groups=groups,
            whole=self._across(weights),
            load=load.share,
            dead=load.dead().sum(1).astype(np.int64),
            problems=reading.problems,
            seconds=reading.seconds,
        )
        self.before = weights
        self.measurements.append(measurement)
        return measurement

    def _panel(
        self,
        name: str,
        rows: Int64[np.ndarray, " probe"],
        reading: Reading,
        experts: Experts,
        memorized: np.ndarray,
    ) -> Panel:
        weights = reading.pathways.weights[:, rows]
        before = None if self.before is None else self.before[:, rows]
        panel = panel_of(
            weights, self.pairs[name], experts, before=before, threshold=self.settings.threshold
        )
        own = {"loss": float_mean(reading.loss[rows])}
        if np.isfinite(reading.correct[rows]).any():
            own["accuracy"] = float_mean(reading.correct[rows])
        if "/" not in name and self.settings.eps_of(name) is not None:
            known = memorized[rows]
            own["memorized"] = float(known.mean())
            own["distance_memorized"] = self._distance_among(weights[:, known])
        return Panel(scalars=own | panel.scalars, layers=panel.layers)

    def _distance_among(self, weights: Weights) -> float:
        """Of the samples alone that the published measure is taken on."""
        pairs = sampled_pairs(weights.shape[1], self.settings.pairs, self.settings.seed)
        found = pair_distances(weights, pairs, self.settings.threshold)
        return float_mean(found.normalized)

    def _memorized(self) -> np.ndarray:
        """Which probes are memorised by the online rule, as far as the measurements go."""
        curves = LossCurves(steps=np.array(self.steps), losses=np.stack(self.losses))
        found = np.zeros(len(self.probes), dtype=bool)
        for domain in self.probes.domains:
            eps, rows = self.settings.eps_of(domain), self.probes.groups.get(domain)
            if eps is None or rows is None:
                continue
            own = LossCurves(steps=curves.steps, losses=curves.losses[:, rows])
            rule = memorized_online(
                own,
                self.probes.exposed[rows],
                eps=eps,
                delta=self.settings.delta,
                window=self.settings.window,
            )
            found[rows] = np.isfinite(rule.known)
        return found

    def _across(self, weights: Weights) -> dict[str, float]:
        if not len(self._crossed):
            return {}
        found = pair_distances(weights, self._crossed, self.settings.threshold)
        own = [weights[:, rows] for name, rows in self.probes.groups.items() if "/" not in name]
        overlaps = [
            cross_overlap(one, other).mean for i, one in enumerate(own) for other in own[i + 1 :]
        ]
        return {
            "cross_distance_normalized": float_mean(found.normalized),
            "cross_overlap": float_mean(np.array(overlaps)),
        }


def _add_gaps(groups: dict[str, Panel]) -> None:
    """Memory of each domain that has twins: how much less its seen samples lose."""
    for name, panel in groups.items():
        twin = groups.get(f"{name}/twin")
        if twin is not None:
            panel.scalars["gap"] = panel.scalars["loss"] - twin.scalars["loss"]


def _crossed(probes: ProbeSet, settings: Measuring) -> Pairs:
    """Pairs of seen samples of two domains, evenly from every pair of domains."""
    own = [rows for name, rows in probes.groups.items() if "/" not in name]
    couples = [(one, other) for i, one in enumerate(own) for other in own[i + 1 :]]
    found = [
        crossed_pairs(one, other, max(1, settings.pairs // len(couples)), settings.seed)
        for one, other in couples
    ]
    return np.concatenate(found) if found else np.zeros((0, 2), dtype=np.int64)


def unread(reading: Reading) -> int:
    """How many probes have no routing, for people."""
    return int((~seen(reading.pathways.weights)).sum())


def series(measurements: Sequence[Measurement], group: str, name: str) -> list[float]:
    """One number of a group over the measurements."""
    return [m.groups[group].scalars.get(name, float("nan")) for m in measurements]

"""Everything that is known of all groups of probes at one step."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int64

from grokscope.core.errors import SettingError
from grokscope.llm.balance import load_of
from grokscope.llm.edit_distance import pair_distances
from grokscope.llm.memorisation import LossCurves, memorized_online
from grokscope.llm.pairs import Pairs, crossed_pairs, sampled_pairs
from grokscope.llm.panel import Experts, Panel, panel_of
from grokscope.llm.pathway import THRESHOLD, kept
from grokscope.llm.pathways import Weights
from grokscope.llm.per_layer import seen_weights
from grokscope.llm.probe import ProbeSet
from grokscope.llm.reading import Reading, float_mean
from grokscope.llm.sharing import mean_overlap


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
        if self.seed < 0:
            raise SettingError("seed", "at least 0", self.seed)

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


Groups = Mapping[str, Int64[np.ndarray, " _"]]
"""The samples of each group, by name."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Who is measured with whom.

    Attributes:
        groups: the samples of each domain and role.
        pairs: of each group's samples, counted within the group.
        crossed: pairs of seen samples of two domains.
    """

    groups: Groups
    pairs: Mapping[str, Int64[np.ndarray, "_ 2"]]
    crossed: Int64[np.ndarray, "_ 2"]

    @classmethod
    def of(cls, groups: Groups, settings: Measuring) -> "Layout":
        """The same for the same groups."""
        pairs = {
            name: sampled_pairs(len(rows), settings.pairs, settings.seed)
            for name, rows in groups.items()
        }
        return cls(groups=groups, pairs=pairs, crossed=_crossed(groups, settings))


@dataclass(kw_only=True)
class History:
    """The measurements so far, and what of them the next one needs.

    Attributes:
        probes: what is measured; None where each measurement is of other samples.
        settings: how.
        measurements: rising in step.
        losses: of every probe at each of them.
        before: routing weights of the probes at the last of them.
    """

    probes: ProbeSet | None
    settings: Measuring
    measurements: list[Measurement] = field(default_factory=list[Measurement])
    losses: list[Float[np.ndarray, " probe"]] = field(
        default_factory=list[Float[np.ndarray, " probe"]]
    )
    before: Weights | None = None

    def __post_init__(self) -> None:
        self._layout = self.layout(self.probes.groups if self.probes is not None else {})

    def layout(self, groups: Groups) -> Layout:
        """Of groups that are not those of the probes."""
        return Layout.of(groups, self.settings)

    @property
    def steps(self) -> list[int]:
        """Of the measurements."""
        return [measurement.step for measurement in self.measurements]

    def add(
        self,
        step: int,
        reading: Reading,
        experts: Experts,
        tokens: int | None = None,
        groups: Groups | None = None,
    ) -> Measurement:
        """The measurement that a reading makes, kept for those that follow.

        Args:
            step: later than those before.
            reading: of the probes, or of the samples of `groups`.
            experts: at the time of the reading.
            tokens: read so far in training.
            groups: of samples that are measured this once, where there are no probes.
        """
        layout = self._layout if groups is None else self.layout(groups)
        with np.errstate(invalid="ignore", over="ignore"):  # a model that diverged has NaN
            measurement = self._measured(step, reading, experts, tokens, layout)
        self.measurements.append(measurement)
        if self.probes is not None:
            self.losses.append(reading.loss)
            self.before = reading.pathways.weights
        return measurement

    def _measured(
        self, step: int, reading: Reading, experts: Experts, tokens: int | None, layout: Layout
    ) -> Measurement:
        weights = reading.pathways.weights
        memorized = self._memorized(step, reading.loss)
        groups = {
            name: self._panel(name, layout, reading, experts, memorized) for name in layout.groups
        }
        _add_gaps(groups)
        load, dead = load_and_dead(weights, self.settings.threshold)
        return Measurement(
            step=step,
            tokens=tokens,
            groups=groups,
            whole=self._across(weights, layout),
            load=load,
            dead=dead,
            problems=reading.problems,
            seconds=reading.seconds,
        )

    def _panel(
        self,
        name: str,
        layout: Layout,
        reading: Reading,
        experts: Experts,
        memorized: Bool[np.ndarray, " sample"],
    ) -> Panel:
        rows = layout.groups[name]
        weights = reading.pathways.weights[:, rows]
        before = None if self.before is None else self.before[:, rows]
        panel = panel_of(
            weights, layout.pairs[name], experts, before=before, threshold=self.settings.threshold
        )
        own = {}
        if self.probes is not None or np.isfinite(reading.loss[rows]).any():
            own["loss"] = float_mean(reading.loss[rows])
        if np.isfinite(reading.correct[rows]).any():
            own["accuracy"] = float_mean(reading.correct[rows])
        if self._eps_of(name) is not None:
            known = memorized[rows]
            own["memorized"] = float(known.mean())
            own["distance_memorized"] = self._distance_among(weights[:, known])
        return Panel(scalars=own | panel.scalars, layers=panel.layers)

    def _distance_among(self, weights: Weights) -> float:
        """Of the samples alone that the published measure is taken on."""
        pairs = sampled_pairs(weights.shape[1], self.settings.pairs, self.settings.seed)
        found = pair_distances(weights, pairs, self.settings.threshold)
        return float_mean(found.normalized)

    def _eps_of(self, group: str) -> float | None:
        """Only what was seen in training can be memorised."""
        is_seen = self.probes is not None and "/" not in group
        return self.settings.eps_of(group) if is_seen else None

    def _memorized(
        self, step: int, loss: Float[np.ndarray, " sample"]
    ) -> Bool[np.ndarray, " sample"]:
        """Which probes are memorised by the online rule, as far as the measurements go."""
        found = np.zeros(len(loss), dtype=bool)
        if self.probes is None:
            return found
        steps, losses = np.array([*self.steps, step]), np.stack([*self.losses, loss])
        for group, rows in self.probes.groups.items():
            eps = self._eps_of(group)
            if eps is None:
                continue
            rule = memorized_online(
                LossCurves(steps=steps, losses=losses[:, rows]),
                self.probes.exposed[rows],
                eps=eps,
                delta=self.settings.delta,
                window=self.settings.window,
            )
            found[rows] = np.isfinite(rule.known)
        return found

    def _across(self, weights: Weights, layout: Layout) -> dict[str, float]:
        if not len(layout.crossed):
            return {}
        found = pair_distances(weights, layout.crossed, self.settings.threshold)
        own = [seen_weights(weights[:, rows]) for rows in _seen_groups(layout.groups)]
        means = np.stack([one.mean(1) for one in own if one.shape[1]] or [np.zeros((1, 1))])
        return {
            "cross_distance_normalized": float_mean(found.normalized),
            # the mean of `sharing.cross_overlap` over all couples of domains, in one go
            "cross_overlap": mean_overlap(means.swapaxes(0, 1)).mean,
        }


def load_and_dead(
    weights: Weights, threshold: float
) -> tuple[Float[np.ndarray, "layer expert"], Int64[np.ndarray, " layer"]]:
    """Each expert's share of kept places over all samples, and how many experts are dead."""
    load = load_of(weights, kept(weights, threshold))
    return load.share, load.dead().sum(1).astype(np.int64)


def _seen_groups(groups: Groups) -> list[Int64[np.ndarray, " _"]]:
    return [rows for name, rows in groups.items() if "/" not in name]


def _add_gaps(groups: dict[str, Panel]) -> None:
    """Memory of each domain that has twins: how much less its seen samples lose."""
    for name, panel in groups.items():
        twin = groups.get(f"{name}/twin")
        if twin is not None and "/" not in name:
            panel.scalars["gap"] = panel.scalars["loss"] - twin.scalars["loss"]


def _crossed(groups: Groups, settings: Measuring) -> Pairs:
    """Pairs of seen samples of two domains, evenly from every pair of domains."""
    own = _seen_groups(groups)
    couples = [(one, other) for i, one in enumerate(own) for other in own[i + 1 :]]
    found = [
        crossed_pairs(one, other, max(1, settings.pairs // len(couples)), settings.seed)
        for one, other in couples
    ]
    return np.concatenate(found) if found else np.zeros((0, 2), dtype=np.int64)

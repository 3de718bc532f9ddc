"""The result of one case: medians, spreads, ratios, and the roofline from counts and rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks import rates
from benchmarks.cases import Case

Json = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Milliseconds per step of each turn at one case."""

    case: Case
    device: str
    times: Mapping[str, Sequence[float]]
    """By contestant, one entry per turn."""
    steps_per_turn: Mapping[str, int]
    absent: Mapping[str, str]
    """Contestants that could not run, with the reason."""

    def as_json(self) -> Json:
        """All that is known about the case, flat.

        `over_floor` and `over_roofline` say how many times longer our step takes; `over_textbook`
        and its like how many times longer theirs takes.
        """
        medians = {name: median(taken) for name, taken in self.times.items()}
        ours, roof = medians["ours"], self._roofline(medians)
        theirs = [name for name in medians if name in ("textbook", "compiled", "vmap")]
        contestants = ["floor", "ours", *theirs]
        networks = len(self.case.models)
        return {
            "case": self.case.name,
            "device": self.device,
            "networks": networks,
            **{f"{name}_ms": round(medians[name], 4) for name in contestants},
            "over_floor": round(ours / medians["floor"], 3),
            **{f"over_{name}": round(medians[name] / ours, 3) for name in theirs},
            **{f"{name}_ms_spread": spread(self.times[name]) for name in contestants},
            **roof,
            "over_roofline": round(ours / roof["roofline_ms"], 3),
            "run_steps_per_s": round(1e3 * networks / ours, 1),
            "repeats": len(self.times["ours"]),
            "steps_per_turn": dict(self.steps_per_turn),
            "absent": dict(self.absent),
        }

    def _roofline(self, medians: Mapping[str, float]) -> dict[str, float]:
        counts, networks = self.case.counts(), len(self.case.models)
        rate = rates.gflops(medians["product"], self.device)
        bandwidth = rates.gigabytes_per_second(medians["triad"])
        found = {
            "gflop": networks * counts.flops / 1e9,
            "mbyte": networks * counts.bytes_moved / 1e6,
            "matmul_gflops": rate,
            "bandwidth_gbs": bandwidth,
        }
        found["roofline_ms"] = 1e3 * found["gflop"] / rate + found["mbyte"] / bandwidth
        if "product_tf32" in medians:
            found["tf32_gflops"] = rates.gflops(medians["product_tf32"], self.device)
        return {name: round(value, 4) for name, value in found.items()}


def spread(values: Sequence[float], digits: int = 4) -> list[float]:
    """The 10th and the 90th percentile."""
    deciles = quantiles(values, n=10, method="inclusive")
    return [round(deciles[0], digits), round(deciles[-1], digits)]

"""Cumulative incidence in the plainest form."""

from collections.abc import Sequence

from grokscope.statistics import Ending


def slow_incidence(endings: Sequence[Ending], time: float) -> float:
    """Efron's redistribution to the right: every network has the mass 1/n.

    One whose budget ends hands its mass on, in equal parts, to all that are still watched. The
    incidence is the mass of those to which the event has happened.
    """
    ordered = sorted(endings, key=lambda ending: (ending.time, ending.kind == "censored"))
    mass = [1 / len(ordered)] * len(ordered)
    for i, ending in enumerate(ordered):
        later = len(ordered) - i - 1
        if ending.kind == "censored" and later:
            for j in range(i + 1, len(ordered)):
                mass[j] += mass[i] / later
            mass[i] = 0.0
    pairs = zip(ordered, mass, strict=True)
    return sum(m for ending, m in pairs if ending.kind == "event" and ending.time <= time)


def slow_incidence_variance(endings: Sequence[Ending], time: float) -> float:
    """The delta method with numerical derivatives.

    At each time the shares of events and of competing ones are those of a multinomial draw from the
    networks at risk; the draws of different times are uncorrelated.
    """
    times = sorted({e.time for e in endings if e.kind != "censored" and e.time <= time})
    rows = []
    for t in times:
        at_risk = sum(e.time >= t for e in endings)
        counts = [sum(e.time == t and e.kind == k for e in endings) for k in ("event", "competing")]
        rows.append((at_risk, counts[0] / at_risk, counts[1] / at_risk))
    shares = [share for _, *pair in rows for share in pair]
    slopes = []
    for i in range(len(shares)):
        up, down = list(shares), list(shares)
        up[i] += 1e-6
        down[i] -= 1e-6
        slopes.append((_composed(up) - _composed(down)) / 2e-6)
    total = 0.0
    for i, (at_risk, p, q) in enumerate(rows):
        a, b = slopes[2 * i : 2 * i + 2]
        total += (a * a * p * (1 - p) + b * b * q * (1 - q) - 2 * a * b * p * q) / at_risk
    return total


def _composed(shares: Sequence[float]) -> float:
    waiting, incidence = 1.0, 0.0
    for p, q in zip(shares[::2], shares[1::2], strict=True):
        incidence += waiting * p
        waiting *= 1 - p - q
    return incidence

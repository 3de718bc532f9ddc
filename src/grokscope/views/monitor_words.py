"""The words of a monitor's report: what its numbers say, and what they leave open."""

from collections.abc import Callable, Sequence

import numpy as np

from grokscope.llm.alerts import EXPLAINED
from grokscope.store import RunDirectory
from grokscope.views.alert_table import AlertLine
from grokscope.views.domain_style import short_name
from grokscope.views.memory_gap import Gaps
from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.pathway_fall import PathwayFall, falls_of, relative_fall

_MEASUREMENTS = 8
"""Below so many a fall is named with a word of caution."""
_NAMED = 3
"""Domains that a sentence names."""


def headline(curves: MonitorCurves, gaps: Gaps, alerts: Sequence[AlertLine]) -> list[str]:
    """What happened, the main sentence first."""
    if len(curves.steps) < 2:
        one = f"There is one measurement, at step {curves.steps[0]:,}"
        said = [f"{one}: nothing can be said yet of what changes."]
    else:
        falls = falls_of(curves, [curves.main(domain) for domain in curves.domains])
        said = [*_main(falls), *_few(curves), *_control(curves, falls), *_twins(curves, falls)]
    return [*said, *_memory(curves, gaps), *_accuracy(curves), _alerts(alerts)]


def state_sentence(run: RunDirectory) -> str | None:
    """What to know of a run that has not finished, or whose monitor went off."""
    problems = [str(event["message"]) for event in run.events if event.get("kind") == "problem"]
    if problems:
        return problems[-1]
    if run.status.get("state") == "finished":
        return None
    return "The monitor goes on, or was stopped from outside: this page shows what there is so far."


def percent(share: float) -> str:
    """Such as `12 %`; small ones with a digit more."""
    return f"{100 * share:.1f} %" if abs(share) < 0.0995 else f"{100 * share:.0f} %"


def _few(curves: MonitorCurves) -> list[str]:
    """A word of caution where chance alone could make such numbers."""
    if len(curves.steps) >= _MEASUREMENTS:
        return []
    return [f"These are {len(curves.steps)} measurements only: chance moves distances as well."]


def _main(falls: Sequence[PathwayFall]) -> list[str]:
    """How many domains did what, and then by how much."""
    alike, back, sharper, still = (
        _of(falls, kind) for kind in ("alike", "back", "sharper", "still")
    )
    parts = [
        said if len(falls) == 1 else f"{said} in {len(some)} of {len(falls)} domains"
        for some, said in (
            (alike, "pathways came to be more alike"),
            (back, "they parted and came back" if alike else "pathways parted and came back"),
            (sharper, "they only got shorter" if alike else "pathways only got shorter"),
            (still, "not much changed"),
        )
        if some
    ]
    if not parts:
        return ["No distance between pathways was measured twice."]
    text = "; ".join(parts)
    found = [f"{text[0].upper()}{text[1:]}."]
    if alike:
        names = _names(alike, lambda fall: percent(fall.normalized))
        found.append(
            f"More alike: from its highest value, the normalised distance fell by {names}."
        )
    if back:
        names = _names(back, lambda fall: percent(fall.normalized))
        found.append(
            f"Parted and came back: the normalised distance fell by {names} from its highest "
            "value, but not below where it began."
        )
    if sharper:
        names = _names(sharper, _sharper_words)
        found.append(
            f"Only shorter: the raw distance fell by {names}. Routing got sharper; it is not that "
            "samples share more."
        )
    if still:
        names = _listed([short_name(fall.group.partition("/")[0]) for fall in still])
        found.append(f"Not much: the normalised distance fell by less than 3 % in {names}.")
    return found


def _sharper_words(fall: PathwayFall) -> str:
    return (
        f"{percent(fall.raw)} (length by {percent(fall.shorter)}, normalised by "
        f"{percent(max(fall.normalized_meanwhile, 0.0))})"
    )


def _control(curves: MonitorCurves, falls: Sequence[PathwayFall]) -> list[str]:
    """Whether pairs of different domains came to be more alike, too."""
    alike = _of(falls, "alike")
    control = relative_fall(curves.across("cross_distance_normalized"))
    if not alike or np.isnan(control):
        return []
    within = float(np.median([fall.normalized for fall in alike]))
    if control >= EXPLAINED * within:
        so = "routing became more alike everywhere, not only within a domain"
        return [f"Between samples of different domains it fell by {percent(control)}: {so}."]
    so = "samples came to share pathways with their own domain rather than with all"
    fallen = percent(max(control, 0.0))
    return [f"Between samples of different domains it fell by {fallen}: {so}."]


def _twins(curves: MonitorCurves, falls: Sequence[PathwayFall]) -> list[str]:
    """Whether twins, which were never trained on, show the same."""
    groups = {fall.group: f"{fall.group}/twin" for fall in _of(falls, "alike")}
    known = [f for f in falls if groups.get(f.group) in curves.groups]
    pairs = [(f, falls_of(curves, [groups[f.group]])[0]) for f in known]
    same = [twin for f, twin in pairs if twin.normalized >= EXPLAINED * f.normalized]
    other = [twin for f, twin in pairs if twin.normalized < EXPLAINED * f.normalized]
    said: list[str] = []
    if same:
        names = _names(same, lambda fall: percent(fall.normalized))
        said.append(
            f"Twins that were never trained on did much the same ({names}): there, it is not about "
            "the memory of single samples."
        )
    if other:
        names = _names(other, lambda fall: percent(max(fall.normalized, 0.0)))
        said.append(
            f"Twins that were never trained on did not follow ({names}): there, it may be about "
            "the samples that were seen."
        )
    return said


def _memory(curves: MonitorCurves, gaps: Gaps) -> list[str]:
    """Domains whose seen samples lose less than their twins, as far as chance allows to say."""
    sure = [
        (domain, interval)
        for domain, intervals in gaps.items()
        if (interval := intervals[-1]).high is not None
        and interval.high < 0
        and interval.value is not None
    ]
    if not sure:
        return []
    sure.sort(key=lambda pair: pair[1].value or 0.0)
    names = [
        f"{short_name(domain)} by {-(i.value or 0):.2f} nats "
        f"({-(i.high or 0):.2f} to {-(i.low or 0):.2f})"
        for domain, i in sure
    ]
    return [f"Seen samples lose less than their twins at the end: {_listed(names)}."]


def _accuracy(curves: MonitorCurves) -> list[str]:
    tested = [(domain, curves.tested(domain)) for domain in curves.domains]
    found = [(d, curves.latest(group, "accuracy")) for d, group in tested if group is not None]
    if not found:
        return ["No probe has an answer, so nothing is said about accuracy."]
    found.sort(key=lambda pair: -pair[1])
    names = [f"{value:.2f} in {short_name(domain)}" for domain, value in found]
    return [f"Accuracy at the last measurement: {_listed(names)}."]


def _alerts(alerts: Sequence[AlertLine]) -> str:
    if not alerts:
        return "No alert was raised."
    first = min(alerts, key=lambda line: line.first)
    if len(alerts) == 1:
        return f"One alert: {first.words}, raised at step {first.first:,}."
    kinds = list(dict.fromkeys(line.words for line in alerts))
    return (
        f"{len(alerts)} alerts ({', '.join(kinds)}), the first at step {first.first:,}; they are "
        "listed below."
    )


def _of(falls: Sequence[PathwayFall], kind: str) -> list[PathwayFall]:
    return [fall for fall in falls if fall.kind == kind]


def _names(falls: Sequence[PathwayFall], value: Callable[[PathwayFall], str]) -> str:
    ranked = sorted(falls, key=lambda fall: -fall.normalized)
    return _listed([f"{value(f)} in {short_name(f.group.partition('/')[0])}" for f in ranked])


def _listed(words: Sequence[str]) -> str:
    """`a, b and c`; what is beyond the first few is counted."""
    shown, more = list(words[:_NAMED]), len(words) - _NAMED
    if more > 0:
        shown.append(f"{more} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


READING = (
    (
        "Raw distance and length",
        (
            "The published distance counts edits and is not divided by anything. It cannot exceed "
            "the length of a pathway and for unrelated pathways is a fixed share of it, so it "
            "falls whenever routing gets sharper and fewer experts are kept. The three panels span "
            "the same ratio: if raw distance and length fall side by side while the normalised "
            "distance stays level, nothing but sharpening was seen."
        ),
    ),
    (
        "Characters or tokens",
        (
            "The paper compares strings such as “3,1,5-2-9,1”. Counted in characters, expert 33 is "
            "longer than expert 3, and renaming experts changes the distance. Here every (layer, "
            "expert) is one token. The published form is kept as distance_published; levels of the "
            "two cannot be compared, and the paper does not say which one its figures show."
        ),
    ),
    (
        "The sign of consistency",
        (
            "The published C is 1 less a mean of cosines, so larger means more erratic, and the "
            "paper's text says so; its figures and correlations treat larger as better. Both signs "
            "are shown under names that say which is which: path inconsistency is the formula, "
            "path consistency is 1 − C."
        ),
    ),
    (
        "Why plain cosines stand beside it",
        (
            "C divides by the largest cosine of the sample, so it measures how uneven the cosines "
            "are, not how large, and jumps where they are near 0. Adding one vector to all rows of "
            "a router changes no routing, but changes C and the plain cosine; the centred one does "
            "not change. The folded one takes the gain of the norm before the router into account."
        ),
    ),
    (
        "Seen samples, twins and tests",
        (
            "Twins are made as the seen samples were, and were never trained on. What both show is "
            "about the domain; only what differs can be memory. A low loss alone is not memory "
            "either: an easy sample has it before it is ever seen."
        ),
    ),
    (
        "Levels of trends correlate",
        (
            "Whatever rises or falls steadily while a model trains correlates with accuracy, as "
            "the step number does. A correlation of levels over a handful of checkpoints says "
            "next to nothing. Look at what is left once log step is given, and at changes from "
            "one measurement to the next."
        ),
    ),
    (
        "One run",
        (
            "Intervals on this page are about samples like these in this one model. Other seeds, "
            "data orders and sizes may differ by more, and no number here shows what causes what."
        ),
    ),
)
"""How to read the page, by ambiguity."""

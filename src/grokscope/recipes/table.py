"""Published against measured, as a page of Markdown made of stored results alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from grokscope.recipes.replication import TIERS

Document = Mapping[str, Any]

_HEAD = """\
# Replications

What was published, and what the same experiment gives here. Written by `grokscope replicate
--record` from the results in `src/grokscope/recipes/results`, never by hand.

A result counts as *reproduced* if the rule passes with its whole interval and every control arm,
judged by the same rule, fails it. It is *inconclusive* if the interval holds the bound. Intervals
are of 95 %. A network whose budget ended before it generalised is censored and stays in the
figures; so does one that diverged.
"""
_TIER_WORDS = {
    "smoke": "Smoke tier: two cores, five minutes each",
    "cpu": "CPU tier: an hour each",
    "paper": "Paper tier: the published setting",
}
_SUMMARY = ("replication", "source", "verdict", "minutes")
_ARMS = ("arm", "role", "measured", "networks")


def page(documents: Sequence[Document]) -> str:
    """The page: for each tier a table of verdicts, then what was measured, result by result."""
    parts = [_HEAD]
    for tier in TIERS:
        own = [document for document in documents if document["tier"] == tier]
        if own:
            parts.append(_tier(_TIER_WORDS[tier], own))
    return "\n".join(parts)


def measured_text(measured: Mapping[str, Any]) -> str:
    """A number with its interval, such as `median delay ratio 12.3 [8.1, –]`."""
    return f"{measured['what']} {interval_text(measured)}"


def networks_text(arm: Mapping[str, Any]) -> str:
    """Such as `division: 5 of 6 grokked, 1 censored, at step 1,230 [900, –]`, by setting."""
    return f"{arm['name']}: " + "; ".join(_group(group) for group in arm["tally"])


def _group(group: Mapping[str, Any]) -> str:
    settings = [
        f"{name.rpartition('.')[2].replace('_', ' ')} {value}"
        for name, value in group["settings"].items()
    ]
    head = ", ".join(settings) + " – " if settings else ""
    if "grokked" not in group:
        return f"{head}{group['networks']}"
    ends = [f"{group[name]} {name}" for name in ("censored", "diverged") if group[name]]
    text = ", ".join([f"{group['grokked']} of {group['networks']} grokked", *ends])
    step: Mapping[str, Any] = group["grokked_step"]
    when = f", median step {interval_text(step)}" if group["grokked"] else ""
    return f"{head}{text}{when}"


def interval_text(interval: Mapping[str, Any]) -> str:
    """Such as `≥ 12.3 [8.1, –]`."""
    is_plain = interval["sign"] == "=" or interval["value"] is None
    sign = "" if is_plain else f"{interval['sign']} "
    return f"{sign}{_number(interval['value'])} {_ends(interval)}"


def row_of(document: Document) -> dict[str, str]:
    """One line of the table, by column."""
    arms = document["arms"]
    return {
        "replication": document["replication"],
        "published": f"{document['published']} ({document['source']})",
        "rule": document["rule"]["text"],
        "measured": _lines(arm for arm in arms if arm["role"] == "subject"),
        "control": _lines(arm for arm in arms if arm["role"] == "control"),
        "networks": ". ".join(map(networks_text, arms)),
        "verdict": f"{document['verdict']} ({document['reason']})",
    }


def _lines(arms: Any) -> str:  # noqa: ANN401 (stored arms)
    return "; ".join(
        f"{arm['name']}: " + ", ".join(measured_text(each) for each in arm["measured"])
        for arm in arms
    )


def _tier(title: str, documents: Sequence[Document]) -> str:
    total = sum(document["wall_seconds"] for document in documents) / 60
    lines = [f"## {title}", "", *_table(_SUMMARY, [_summary(each) for each in documents]), ""]
    lines += [f"All of them took {total:.0f} minutes.", ""]
    for document in documents:
        lines += _details(document)
    return "\n".join(lines)


def _summary(document: Document) -> Sequence[str]:
    minutes = f"{document['wall_seconds'] / 60:.1f}"
    return document["replication"], document["source"], document["verdict"], minutes


def _details(document: Document) -> list[str]:
    """One result: published, rule, verdict, and every arm with its figures."""
    arms = [
        (
            arm["name"],
            arm["role"],
            "; ".join(measured_text(each) for each in arm["measured"]),
            "; ".join(map(_group, arm["tally"])),
        )
        for arm in document["arms"]
    ]
    lines = [
        f"### {document['replication']}",
        "",
        f"Published ({document['source']}): {document['published']}.",
        "",
        f"Rule: {document['rule']['text']}.",
        "",
        f"Verdict: **{document['verdict']}**; {document['reason']}.",
        "",
        *_table(_ARMS, arms),
        "",
    ]
    if document["verdict"] == "not reproduced":
        lines += [_excluded(document), ""]
    return [*lines, f"Differs: {document['differs']}", ""] if document["differs"] else lines


def _excluded(document: Document) -> str:
    """What was tried, and what the intervals of the subject leave out."""
    (subject,) = (arm for arm in document["arms"] if arm["role"] == "subject")
    base: Mapping[str, Any] = subject["config"].get("base", {})
    budget = f"{base['training']['steps']:,} steps" if base else "what the arm says"
    failed = [each for each in subject["measured"] if each["outcome"] == "fails"]
    ends = "; ".join(f"{each['what']} outside {_ends(each)}" for each in failed)
    return f"Tried: {budget}, {len(subject['seeds'])} seeds. Excluded: {ends or 'nothing'}."


def _ends(interval: Mapping[str, Any]) -> str:
    return f"[{_number(interval['low'])}, {_number(interval['high'])}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_line(head), _line(["---"] * len(head)), *(_line([*map(_cell, row)]) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

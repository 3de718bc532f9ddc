"""From rows to a verdict: the subject must pass the rule, and every control must fail it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from grokscope.recipes.replication import Replication, Tier, digest
from grokscope.recipes.rules import Finding, Results, Rule

Verdict = Literal["reproduced", "not reproduced", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict with the reason for it, and what the rule said of the subject and each control."""

    verdict: Verdict
    reason: str
    findings: Mapping[str, Finding]


def judge(replication: Replication, tier: Tier, results: Results) -> Judgement:
    """Apply the tier's rule to the subject and to each control in its place."""
    stage, rule = replication.stage(tier), replication.rule_of(tier)
    judged = [stage.subject, *stage.controls]
    findings = {arm.name: rule.judge(results, arm.name) for arm in judged}
    outcomes = {name: finding.outcome for name, finding in findings.items()}
    verdict, reason = _verdict(stage.subject.name, outcomes)
    return Judgement(verdict=verdict, reason=reason, findings=findings)


def rule_hash(rule: Rule) -> str:
    """Sixteen digits that change with the rule's words or parameters."""
    return digest({"text": rule.text, "parameters": rule.parameters})[:16]


def _verdict(subject: str, outcomes: Mapping[str, str]) -> tuple[Verdict, str]:
    own = outcomes[subject]
    others = {name: outcome for name, outcome in outcomes.items() if name != subject}
    passing = [name for name, outcome in others.items() if outcome == "passes"]
    unclear = [name for name, outcome in others.items() if outcome == "unclear"]
    if own == "fails":
        return "not reproduced", "the rule fails"
    if passing:
        return "not reproduced", f"the control passes too: {', '.join(passing)}"
    if own == "unclear":
        return "inconclusive", "the interval holds the bound"
    if unclear:
        return "inconclusive", f"the control does not clearly fail: {', '.join(unclear)}"
    return "reproduced", "the rule passes, and every control fails it"

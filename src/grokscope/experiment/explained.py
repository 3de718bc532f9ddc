"""What the networks of a run have learned, as it is stored: one JSON object per network."""

from collections.abc import Callable, Sequence
from typing import Any

from grokscope.core.errors import UsageError
from grokscope.experiment.run import Run
from grokscope.explanation import NetworkSubject, Subject, explain, legacy
from grokscope.explanation.spectrum import component_power
from grokscope.explanation.subject import accuracy
from grokscope.explanation.thresholds import FROZEN, VERSION

Document = dict[str, Any]
Told = Callable[[int, int], None]
"""Is told how many of how many are done."""

PRESENT = 2.0
"""A circle is there while its frequency has this many times the power of an even spectrum."""


def explanation_document(subject: Subject) -> Document:
    """An explanation as JSON, with the published measures beside it under `legacy`."""
    document = explain(subject).to_dict()
    is_cyclic = subject.symmetry.is_cyclic
    return document | {"legacy": legacy(subject).to_dict() if is_cyclic else None}


def explain_network(run: Run, network: int, step: int | None = None) -> Document:
    """One network of a run, at `Run.explained_step` unless a step is given."""
    wanted = run.explained_step(network) if step is None else step
    document = explanation_document(run.subject(network, wanted))
    return {"network": network, "step": wanted} | document


def explain_run(
    run: Run, networks: Sequence[int], step: int | None = None, told: Told | None = None
) -> Document:
    """Several networks of a run; those that left no checkpoint, of the step, are not among them.

    Raises:
        UsageError: the task has no group, or no network was kept at the step.
    """
    kept = [n for n in networks if run.kept_steps(n) and step in (None, *run.kept_steps(n))]
    chosen = kept if step is None else kept or list(networks)
    found: list[Document] = []
    for done, network in enumerate(chosen):
        if told:
            told(done, len(chosen))
        found.append(explain_network(run, network, step))
    return run_document(run, found)


def run_document(run: Run, explanations: Sequence[Document]) -> Document:
    """Explanations of networks of a run as one object."""
    return {
        "run": run.id,
        "version": VERSION,
        "networks": len(run.plan.networks),
        "explanations": list(explanations),
    }


def store_explanations(run: Run, document: Document) -> None:
    """Write `explanation.json` into the run.

    Raises:
        UsageError: somebody else is writing the run.
        DiskError: the disk is full or refuses to be written.
    """
    with run.directory.locked():
        run.directory.write_explanation(document)


def history(run: Run, network: int, told: Told | None = None) -> Document:
    """One network at every kept checkpoint: verdicts where it is accurate, powers everywhere.

    Raises:
        UsageError: the network has no checkpoint, or the task has no group.
    """
    steps = run.kept_steps(network)
    if not steps:
        raise UsageError(f"{run.id} has no checkpoint of network {network}.")
    moments: list[Document] = []
    for done, step in enumerate(steps):
        if told:
            told(done, len(steps))
        moments.append(_moment(run.subject(network, step), step))
    return {
        "run": run.id,
        "network": network,
        "name": run.subject(network, steps[-1]).name,
        "moments": moments,
        "circles": _lives(moments),
    }


def _moment(subject: NetworkSubject, step: int) -> Document:
    right = accuracy(subject, subject.run().logits)
    power = component_power(subject.embeddings, subject.symmetry).tolist()
    keys = [component.key for component in subject.symmetry.components]
    moment: Document = {"step": step, "accuracy": right, "verdict": "not_accurate"}
    moment |= {"label": None, "grade": None, "failed": [], "circles": []}
    if right >= FROZEN.accuracy:
        found = explain(subject)
        moment |= {
            "verdict": found.verdict,
            "label": found.label,
            "grade": found.grade,
            "failed": [test.name for test in found.failed],
            "circles": [
                {"frequency": c.frequency, "label": c.label, "necessary": c.necessary}
                for c in found.circles
            ],
        }
    return moment | {"power": dict(zip(keys, power, strict=True))}


def _lives(moments: Sequence[Document]) -> list[Document]:
    """Birth and death of every frequency that stood out, or was a circle of an accurate network.

    `born` is the first kept step from which it was there without a break until its largest power,
    `gone` the first kept step after that at which it no longer was.
    """
    even = 1 / len(moments[0]["power"])
    lives = [_life(k, moments, PRESENT * even) for k in moments[0]["power"]]
    return sorted((life for life in lives if life), key=lambda life: -life["peak"])


def _life(frequency: int, moments: Sequence[Document], least: float) -> Document | None:
    power = [moment["power"][frequency] for moment in moments]
    roles = {
        moment["step"]: circle
        for moment in moments
        for circle in moment["circles"]
        if circle["frequency"] == frequency
    }
    steps = [moment["step"] for moment in moments]
    is_there = [p >= least or step in roles for p, step in zip(power, steps, strict=True)]
    if not any(is_there):
        return None
    best = max((i for i, there in enumerate(is_there) if there), key=lambda i: power[i])
    first = next((i for i in range(best, 0, -1) if not is_there[i - 1]), 0)
    later = zip(steps[best + 1 :], is_there[best + 1 :], strict=True)
    return {
        "frequency": frequency,
        "born": steps[first],
        "gone": next((step for step, there in later if not there), None),
        "peak": power[best],
        "peak_step": steps[best],
        "labels": list(dict.fromkeys(circle["label"] for circle in roles.values())),
        "necessary_steps": [step for step, circle in roles.items() if circle["necessary"]],
    }

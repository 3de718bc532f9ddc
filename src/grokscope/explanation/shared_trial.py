"""The causal tests that are the same on every group, but for what its components are called."""

import math

from grokscope.explanation.examination import Examination
from grokscope.explanation.keys import only, resampled, without, without_at_full_norm
from grokscope.explanation.subject import cross_entropy
from grokscope.explanation.trial import Trial


def chance(x: Examination) -> float:
    """Accuracy that counts as chance."""
    return x.thresholds.chance / x.subject.order


def accuracy_resampled(x: Examination, draws: int) -> float:
    """Mean accuracy with the key components of other tokens."""
    each = [x.accuracy_of(resampled(x.subject, x.keys, seed)) for seed in range(draws)]
    return sum(each) / len(each)


def key_trials(components: str) -> tuple[Trial[Examination], ...]:
    """What the key components do alone, and what the network is without them."""
    return (
        Trial(
            name="sufficiency",
            about=f"accuracy with the key {components} of the embedding alone",
            measure=lambda x: x.accuracy_of(only(x.subject, x.keys)),
            side="at least",
            limit=lambda x: x.thresholds.grade_b,
        ),
        Trial(
            name="necessity",
            about=f"accuracy without the key {components}: chance",
            measure=lambda x: x.accuracy_of(without(x.subject, x.keys)),
            side="at most",
            limit=chance,
        ),
        Trial(
            name="necessity_loss",
            about=f"cross-entropy without the key {components}, in nats: "
            "at least half that of guessing",
            measure=_loss_without_keys,
            side="at least",
            limit=lambda x: 0.5 * math.log(x.subject.order),
        ),
        Trial(
            name="necessity_norm",
            about="the same with what is left scaled to the embedding's norm: chance",
            measure=lambda x: x.accuracy_of(without_at_full_norm(x.subject, x.keys)),
            side="at most",
            limit=chance,
        ),
    )


def control(components: str) -> Trial[Examination]:
    """What the network is without components that are not key."""
    return Trial(
        name="control",
        about=f"accuracy without as many other {components}, or all there are: unharmed",
        measure=_accuracy_without_others,
        side="at least",
        limit=lambda x: x.thresholds.control,
    )


def mechanism(form: str) -> Trial[Examination]:
    """What the network is with its layers' forms written back."""
    return Trial(
        name="mechanism",
        about=f"accuracy with every layer's pre-activations replaced by {form}",
        measure=lambda x: x.mechanism.accuracy,
        side="at least",
        limit=lambda x: x.thresholds.grade_b,
    )


def mechanism_random(components: str) -> Trial[Examination]:
    """What such forms do that know of other components."""
    return Trial(
        name="mechanism_random",
        about=f"accuracy with the same form over other {components}, best of three draws",
        measure=lambda x: x.mechanism.random,
        side="at most",
        limit=lambda x: x.thresholds.random_form,
    )


MECHANISM_LOSS: Trial[Examination] = Trial(
    name="mechanism_loss",
    about="rise of the cross-entropy under that replacement, in nats",
    measure=lambda x: x.mechanism.cross_entropy_rise,
    side="at most",
    limit=lambda x: x.thresholds.cross_entropy,
)
MECHANISM_PRINCIPAL: Trial[Examination] = Trial(
    name="mechanism_principal",
    about="by what share the replacement leaves less of the logits' variance than principal "
    "components with as many numbers",
    measure=lambda x: x.mechanism.gain,
    side="at least",
    limit=lambda x: x.thresholds.gain,
)


def _loss_without_keys(x: Examination) -> float:
    return cross_entropy(x.subject, x.subject.run(without(x.subject, x.keys)).logits)


def _accuracy_without_others(x: Examination) -> float:
    if not x.free:
        return math.nan
    return x.accuracy_of(without(x.subject, x.free[: len(x.keys)]))

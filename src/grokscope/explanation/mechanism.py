"""Writing hypotheses back into the network: every layer's neurons at once, and its controls."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.explanation.form import Form, fit, principal
from grokscope.explanation.keys import only, others
from grokscope.explanation.subject import Edit, Site, Subject, Trace, accuracy, cross_entropy


@dataclass(frozen=True, kw_only=True)
class Mechanism:
    """What is left of a network whose layers all compute the hypothesised form.

    Attributes:
        accuracy: of the chained replacement.
        cross_entropy_rise: of the chained replacement over the network's own, in nats.
        random: the best accuracy of the same form over as many other components, of three draws.
        variance: share of the logits' variance that the chained replacement keeps.
        principal: the same of principal components with as many numbers.
        n_parameters: fitted numbers of all layers.
        errors_reproduced: see `pruned_errors`; NaN where no pruned copy errs.
    """

    accuracy: float
    cross_entropy_rise: float
    random: float
    variance: float
    principal: float
    n_parameters: int
    errors_reproduced: float


Forms = Mapping[Site, Form]


def write_back(subject: Subject, trace: Trace, forms: Forms) -> Edit:
    """The edit that replaces every layer by its form."""
    symmetry = subject.symmetry
    return Edit(
        pre={site: fit(trace.pre[site], symmetry, form).pre for site, form in forms.items()}
    )


def examine(subject: Subject, trace: Trace, forms: Forms) -> Mechanism:
    """Replace, chain, and compare with forms that know less."""
    fitted = {site: fit(trace.pre[site], subject.symmetry, form) for site, form in forms.items()}
    edit = Edit(pre={site: each.pre for site, each in fitted.items()})
    chained = subject.run(edit).logits
    own = cross_entropy(subject, trace.logits)
    blind = Edit(
        pre={site: principal(trace.pre[site], each.n_parameters) for site, each in fitted.items()}
    )
    return Mechanism(
        accuracy=accuracy(subject, chained),
        cross_entropy_rise=cross_entropy(subject, chained) - own,
        random=max(_random(subject, trace, forms, seed) for seed in range(3)),
        variance=variance_kept(trace.logits, chained),
        principal=variance_kept(trace.logits, subject.run(blind).logits),
        n_parameters=sum(each.n_parameters for each in fitted.values()),
        errors_reproduced=pruned_errors(subject, forms),
    )


def variance_kept(
    logits: Float[Tensor, "row n_outputs"], others: Float[Tensor, "row n_outputs"]
) -> float:
    """1 − Σ (l − l′)² / Σ (l − mean over rows)², of logits centred over the classes."""
    own, left = (each.double() - each.double().mean(1, keepdim=True) for each in (logits, others))
    return float(1 - (own - left).square().sum() / (own - own.mean(0)).square().sum())


def pruned_errors(subject: Subject, forms: Forms) -> float:
    """How far a pruned copy and its written-back copy are wrong on the same rows.

    Circles are taken away from the weakest on until the network is right on 50 to 95 % of the rows,
    closest to 85 %. The same form is fitted on that copy: it must be wrong where the copy is, and
    not right because the answer is. The figure is 2 |both| / (|one| + |other|), NaN where no copy
    errs so.
    """
    keys = list(next(iter(forms.values())).terms)
    best, found = 1.0, float("nan")
    for count in range(1, len(keys)):
        edit = only(subject, keys[:count])
        trace = subject.run(edit, reads=True)
        right = accuracy(subject, trace.logits)
        if 0.5 <= right <= 0.95 and abs(right - 0.85) < best:
            best = abs(right - 0.85)
            written = write_back(subject, trace, forms)
            copy = ~subject.is_right(subject.run(replace(edit, pre=written.pre)).logits)
            wrong = ~subject.is_right(trace.logits)
            found = 2 * float((copy & wrong).sum()) / float(copy.sum() + wrong.sum())
    return found


def _random(subject: Subject, trace: Trace, forms: Forms, seed: int) -> float:
    """Accuracy of the same form over components that are not key, as many as there are."""
    stream = torch.Generator().manual_seed(seed)
    first = next(iter(forms.values()))
    free = others(subject.symmetry, list(first.terms))
    draw = [free[i] for i in torch.randperm(len(free), generator=stream).tolist()]
    moved = {
        site: replace(form, terms=dict(zip(draw, form.terms.values(), strict=False)), offsets={})
        for site, form in forms.items()
    }
    return accuracy(subject, subject.run(write_back(subject, trace, moved)).logits)

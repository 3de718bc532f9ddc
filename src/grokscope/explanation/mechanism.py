"""Writing hypotheses back into the network: every layer's neurons at once, and its controls.

What is replaced are the positions that the read-out can see. The last layer of a transformer writes
at the read-out's position only; what its neurons do elsewhere is no part of the mechanism.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.explanation.form import Fitted, Form, Terms, fit, principal
from grokscope.explanation.keys import others
from grokscope.explanation.subject import (
    Edit,
    PreActivation,
    Site,
    Subject,
    Trace,
    accuracy,
    cross_entropy,
)

Forms = Mapping[Site, Form]
Seen = Mapping[Site, list[int]]
"""Positions of each site on which the logits depend."""


@dataclass(frozen=True, kw_only=True)
class Mechanism:
    """What is left of a network whose layers all compute the hypothesised form.

    Attributes:
        accuracy: of the chained replacement.
        cross_entropy_rise: of the chained replacement over the network's own, in nats.
        random: the best accuracy of the same form over as many other components, of three draws;
            NaN where there are no others.
        variance: share of the logits' variance that the chained replacement keeps.
        principal: the same of principal components with as many numbers.
        n_parameters: fitted numbers of all layers.
    """

    accuracy: float
    cross_entropy_rise: float
    random: float
    variance: float
    principal: float
    n_parameters: int

    @property
    def gain(self) -> float:
        """By how much less it leaves of the logits' variance than principal components do.

        1 − (1 − variance)/(1 − principal): 1 if it leaves nothing, 0 if as much, −∞ … 1.
        """
        return 1 - (1 - self.variance) / max(1 - self.principal, 1e-12)


def seen_positions(subject: Subject, trace: Trace) -> Seen:
    """The positions that matter: those where other rows' pre-activations change any logit."""

    def is_seen(site: Site, position: int) -> bool:
        pre = trace.pre[site].clone()
        pre[:, position] = pre[:, position].flip(0)
        return not torch.equal(subject.run(Edit(pre={site: pre})).logits, trace.logits)

    return {
        site: [i for i in range(pre.shape[1]) if is_seen(site, i)]
        for site, pre in trace.pre.items()
        if pre.ndim == 3
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Chained:
    """A network whose layers are all replaced by their forms, each fitted on the network as it is.

    Attributes:
        forms: of the layers.
        fitted: what is in their place.
        logits: of the network that is left.
    """

    forms: Forms
    fitted: Mapping[Site, Fitted]
    logits: Float[Tensor, "row n_outputs"]


def write_back(subject: Subject, trace: Trace, forms: Forms, seen: Seen) -> Edit:
    """The edit that replaces every layer by its form."""
    return _edit(trace, _fitted(subject, trace, forms, seen), seen)


def chain(subject: Subject, trace: Trace, forms: Forms, seen: Seen) -> Chained:
    """Replace every layer and let the network compute the rest."""
    fitted = _fitted(subject, trace, forms, seen)
    logits = subject.run(_edit(trace, fitted, seen)).logits
    return Chained(forms=forms, fitted=fitted, logits=logits)


def thinner(subject: Subject, trace: Trace, chained: Chained, seen: Seen, share: float) -> Chained:
    """The same without each layer's faintest directions, see `Fitted.without_the_faintest`."""
    fitted = {site: own.without_the_faintest(share) for site, own in chained.fitted.items()}
    return replace(chained, fitted=fitted, logits=subject.run(_edit(trace, fitted, seen)).logits)


def examine(subject: Subject, trace: Trace, chained: Chained, seen: Seen) -> Mechanism:
    """Compare a chained replacement with the network, and with forms that know less."""
    forms = chained.forms
    sizes = {site: own.n_parameters for site, own in chained.fitted.items()}
    blind = {site: principal(_part(trace, site, seen), size) for site, size in sizes.items()}
    own = cross_entropy(subject, trace.logits)
    return Mechanism(
        accuracy=accuracy(subject, chained.logits),
        cross_entropy_rise=cross_entropy(subject, chained.logits) - own,
        random=max(_random(subject, trace, forms, seen, seed) for seed in range(3)),
        variance=variance_kept(trace.logits, chained.logits),
        principal=variance_kept(trace.logits, subject.run(_placed(trace, blind, seen)).logits),
        n_parameters=sum(sizes.values()),
    )


def variance_kept(
    logits: Float[Tensor, "row n_outputs"], others: Float[Tensor, "row n_outputs"]
) -> float:
    """1 − Σ (l − l′)² / Σ (l − mean over rows)², of logits centred over the classes."""
    own, left = (each.double() - each.double().mean(1, keepdim=True) for each in (logits, others))
    return float(1 - (own - left).square().sum() / (own - own.mean(0)).square().sum())


def _fitted(subject: Subject, trace: Trace, forms: Forms, seen: Seen) -> Mapping[Site, Fitted]:
    return {
        site: fit(_part(trace, site, seen), subject.symmetry, form) for site, form in forms.items()
    }


def _edit(trace: Trace, fitted: Mapping[Site, Fitted], seen: Seen) -> Edit:
    return _placed(trace, {site: own.pre for site, own in fitted.items()}, seen)


def _part(trace: Trace, site: Site, seen: Seen) -> PreActivation:
    """A site's pre-activations where the read-out sees them."""
    pre, positions = trace.pre[site], seen.get(site)
    return pre if positions is None else pre[:, positions]


def _placed(trace: Trace, parts: Mapping[Site, PreActivation], seen: Seen) -> Edit:
    """The edit that puts others there."""
    changed = {site: trace.pre[site].clone() for site in parts}
    for site, part in parts.items():
        positions = seen.get(site)
        changed[site][:, slice(None) if positions is None else positions] = part
    return Edit(pre=changed)


def _random(subject: Subject, trace: Trace, forms: Forms, seen: Seen, seed: int) -> float:
    """Accuracy of the same form over components that are not key, as many as there are.

    Without the doubled frequencies of squares, which may be key themselves.
    """
    stream = torch.Generator().manual_seed(seed)
    first = next(iter(forms.values()))
    free = others(subject.symmetry, list(first.terms))
    if not free:
        return math.nan
    draw = [free[i] for i in torch.randperm(len(free), generator=stream).tolist()]
    moved: dict[Site, Form] = {}
    for site, form in forms.items():
        kinds = [min(terms, Terms.SECOND) for terms in form.terms.values()]
        moved[site] = replace(form, terms=dict(zip(draw, kinds, strict=False)), offsets={})
    return accuracy(subject, subject.run(write_back(subject, trace, moved, seen)).logits)

"""Whether the written-back form errs where the network does, once it has to err."""

import math
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from grokscope.explanation.keys import only
from grokscope.explanation.mechanism import Forms, Seen, write_back
from grokscope.explanation.subject import Subject, accuracy

_RIGHT = (0.5, 0.95)
_WANTED = 0.85


def predicted_errors(subject: Subject, forms: Forms, seen: Seen) -> float:
    """How well the margins of a written-back pruned copy tell the rows that the copy gets wrong.

    Circles are taken away from the weakest on until the network is right on 50 to 95 % of the rows,
    closest to 85 %; the same form is fitted on that copy. The figure is the area under the curve:
    the probability that a row that the copy gets wrong has a smaller margin in the form than one
    that it gets right. 1 is perfect, ½ chance, NaN where no copy errs so.
    """
    keys = list(next(iter(forms.values())).terms)
    best, found = 1.0, math.nan
    for count in range(1, len(keys)):
        edit = only(subject, keys[:count])
        trace = subject.run(edit, reads=True)
        right = accuracy(subject, trace.logits)
        if _RIGHT[0] <= right <= _RIGHT[1] and abs(right - _WANTED) < best:
            best = abs(right - _WANTED)
            written = write_back(subject, trace, forms, seen)
            copy = subject.run(replace(edit, pre=written.pre)).logits
            found = area_under_curve(margins(subject, copy), ~subject.is_right(trace.logits))
    return found


def margins(subject: Subject, logits: Float[Tensor, "row n_outputs"]) -> Float[Tensor, " row"]:
    """The right answer's logit above the largest other one."""
    labels = subject.labels.to(logits.device).unsqueeze(1)
    right = logits.gather(1, labels).squeeze(1)
    return right - logits.scatter(1, labels, -math.inf).amax(1)


def area_under_curve(margin: Float[Tensor, " row"], is_wrong: Bool[Tensor, " row"]) -> float:
    """Share of the pairs of a wrong and a right row in which the wrong one's margin is smaller.

    Equal margins count half.
    """
    wrong, right = margin[is_wrong].sort().values, margin[~is_wrong].sort().values
    if not len(wrong) or not len(right):
        return math.nan
    larger = len(right) - torch.searchsorted(right, wrong, right=True)
    equal = torch.searchsorted(right, wrong, right=True) - torch.searchsorted(right, wrong)
    return float((larger + equal / 2).sum()) / (len(wrong) * len(right))

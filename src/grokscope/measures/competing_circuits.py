"""Two circuits that compete for the logits: one generalises, one memorises (arXiv 2309.02390)."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class CompetingCircuits:
    """What makes up the logits of the training rows, one number per network.

    Attributes:
        generalising: share of their variance that is a function of the right answer.
        memorising: share that is on training rows alone.
        neither: share that is neither, the same on rows that were never trained on.
        right_generalising: what the first part gives the training label, above the mean of the
            row's logits; averaged over the training rows.
        right_memorising: the same of the second part. The third gives 0 on average.
    """

    generalising: Float64[Tensor, " model"]
    memorising: Float64[Tensor, " model"]
    neither: Float64[Tensor, " model"]
    right_generalising: Float64[Tensor, " model"]
    right_memorising: Float64[Tensor, " model"]


def competing_circuits(
    logits: Float[Tensor, "model row n_classes"],
    answers: Int[Tensor, " row"],
    shown: Int[Tensor, " row"],
    train: Bool[Tensor, "model row"],
    unseen: Bool[Tensor, "model row"],
) -> CompetingCircuits:
    """Part the logits of the training rows in what generalises, what is memorised, and the rest.

    The symmetries (x, y) → (x∘t, t⁻¹∘y) of a group's table keep the answer; logits that do not
    change under them are functions g(answer, class), one function of the answer for every class,
    as in the restricted logits of arXiv 2301.05217. The projection on them is their mean over all
    rows of an answer. It is taken over rows that were never trained on: a memorised row, too, says
    the right answer, so that a mean over training rows would call a share of it general. With z the
    logits, centred over the classes of each row and then over the unseen rows of each class (a bias
    of the classes is no answer), on training rows:

    - generalising: mean of ⟨g, z⟩,
    - neither: N, the variance of z about g on the unseen rows (unbiased: Σ‖z − g‖² over the number
      of rows less that of answers),
    - memorising: mean of ⟨z − g, z⟩, less N,

    each over the mean of ⟨z, z⟩. They add up to 1; the product with z gives each part its half of
    what the two have in common. An estimate may fall
    below 0, by about one over the number of unseen rows of an answer.

    Unit: 1 (shares), nats (`right_…`). Range: about [0, 1], and any. Source: arXiv 2309.02390 for
    the two circuits, which it does not measure in the logits of one network. NaN where no answer
    has two unseen rows.

    Args:
        logits: on the full table.
        answers: right class of each row.
        shown: what each row says in training.
        train: the training rows of each network.
        unseen: rows that say nothing of what was memorised: not trained on, nor their mirror image.
    """
    centred = logits.double()
    centred = centred - centred.mean(2, keepdim=True)
    each = [_part(z, answers, shown, t, u) for z, t, u in zip(centred, train, unseen, strict=True)]
    names = [field.name for field in fields(CompetingCircuits)]
    return CompetingCircuits(**dict(zip(names, torch.stack(each, 1), strict=True)))


def efficiency(
    logits: Float[Tensor, "model row n_outputs"],
    shown: Int[Tensor, " row"],
    train: Bool[Tensor, "model row"],
    norms: Float64[Tensor, " model"],
) -> Float64[Tensor, " model"]:
    """Mean margin of the training rows, per norm of the parameters.

    Formula: mean over training rows of (logit of the label − largest other logit) / ‖θ‖₂. Varma et
    al. call a circuit efficient that makes large logits with small parameters, and compare networks
    that can only generalise (trained on all data) with those that can only memorise (random
    labels).

    Unit: nats. Range: any; below 0 where labels are not learned. Source: arXiv 2309.02390.
    """
    work = logits.double()
    labels = shown.expand(len(work), -1).unsqueeze(2)
    right = work.gather(2, labels).squeeze(2)
    other = work.scatter(2, labels, -torch.inf).amax(2)
    margins = torch.where(train, right - other, 0.0).sum(1) / train.sum(1)
    return margins / norms


def _part(
    centred: Float64[Tensor, "row n_classes"],
    answers: Int[Tensor, " row"],
    shown: Int[Tensor, " row"],
    train: Bool[Tensor, " row"],
    unseen: Bool[Tensor, " row"],
) -> Float64[Tensor, " number"]:
    """The numbers of one network, in the order of `CompetingCircuits`."""
    centred = centred - centred[unseen].mean(0)
    n_answers = int(answers.max()) + 1
    counts = torch.bincount(answers[unseen], minlength=n_answers)
    sums = centred.new_zeros(n_answers, centred.shape[1])
    sums.index_add_(0, answers[unseen], centred[unseen])
    general = (sums / counts.unsqueeze(1))[answers]
    spare = int(counts.sum() - (counts > 0).sum())
    if not spare:
        return centred.new_full((len(fields(CompetingCircuits)),), torch.nan)
    known = train & (counts > 0)[answers]
    z, g, label = centred[known], general[known], shown[known].unsqueeze(1)
    energy = z.square().sum()
    rest = (centred - general)[unseen].square().sum() / spare
    share, neither = (g * z).sum() / energy, rest * len(z) / energy
    right, of_general = z.gather(1, label).mean(), g.gather(1, label).mean()
    return torch.stack([share, 1 - share - neither, neither, of_general, right - of_general])

"""The published measures of clock and pizza (Zhong et al., arXiv 2306.17844), for comparison.

They are computed as published, and none of them is part of a verdict. As a filter they leave 60 to
65 % of the authors' own one-layer networks without a label (`Legacy.label`), most of which are as
sparse in frequencies as the others. All of it is in the group's coordinates, which are the tokens
themselves for addition.
"""

import functools
import math
import random
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from grokscope.core.errors import UsageError
from grokscope.explanation.subject import Subject

CIRCULAR = 0.995
SYMMETRIC = 0.98
IRRELEVANT = 0.6

N_TRIPLES = 100
N_COMPONENTS = 4

Label = Literal["pizza", "clock", "none"]


@dataclass(frozen=True, kw_only=True)
class Legacy:
    """What the published measures say of one network; `None` where one is undefined.

    Attributes:
        gradient_symmetricity: Definition 4.1 on the published 100 triples, in [−1, 1].
        gradient_symmetricity_full: the mean over all rows, with one random class each.
        gradient_symmetricity_error: standard error of that mean.
        distance_irrelevance: Definition 4.2 on the right answer's logit, as in the text.
        distance_irrelevance_top_wrong: the same on the largest wrong logit, as in the released CSV.
        circularity: Definition B.1 of the first operand's embedding.
    """

    gradient_symmetricity: float | None
    gradient_symmetricity_full: float | None
    gradient_symmetricity_error: float | None
    distance_irrelevance: float | None
    distance_irrelevance_top_wrong: float | None
    circularity: float | None

    @property
    def label(self) -> Label:
        """The published rule on the right answer's distance irrelevance."""
        return _label(self.circularity, self.gradient_symmetricity, self.distance_irrelevance)

    @property
    def label_top_wrong(self) -> Label:
        """The same rule on the largest wrong logit, as the paper's figures over many networks."""
        q = self.distance_irrelevance_top_wrong
        return _label(self.circularity, self.gradient_symmetricity, q)

    def to_dict(self) -> dict[str, float | str | None]:
        """All numbers and both labels, ready for JSON."""
        return asdict(self) | {"label": self.label, "label_top_wrong": self.label_top_wrong}


def legacy(subject: Subject, seed: int = 0) -> Legacy:
    """Compute all published measures of a network on a cyclic group.

    Args:
        subject: the network.
        seed: of the classes in the full form of the gradient symmetricity.

    Raises:
        UsageError: the group is not cyclic.
    """
    if not subject.symmetry.is_cyclic:
        raise UsageError(f"{subject.symmetry.name} is not cyclic: it has no clock and no pizza.")
    logits = subject.run().logits.double()
    full, error = _mean(full_cosines(subject, seed))
    return Legacy(
        gradient_symmetricity=_mean(published_cosines(subject))[0],
        gradient_symmetricity_full=full,
        gradient_symmetricity_error=error,
        distance_irrelevance=distance_irrelevance(right_logits(subject, logits)),
        distance_irrelevance_top_wrong=distance_irrelevance(top_wrong_logits(subject, logits)),
        circularity=circularity(subject),
    )


def published_cosines(subject: Subject) -> Float64[Tensor, " triple"]:
    """Cosine between ∂Q_abc/∂E_a and ∂Q_abc/∂E_b on the published 100 triples (a, b, c).

    Their mean is the gradient symmetricity s_g (Definition 4.1). What it misses: it is 1 for every
    network that adds its embeddings, trained or not, and 0 for one that keeps them apart, whatever
    either computes; and 100 triples leave a standard error of several hundredths where cosines
    differ.
    """
    triples = published_triples(subject.order)
    return _cosines(subject, triples[:, 0] * subject.order + triples[:, 1], triples[:, 2])


def full_cosines(subject: Subject, seed: int = 0) -> Float64[Tensor, " row"]:
    """The same for every row, with one class each, drawn from `seed`: a mean with a small error."""
    n = subject.order
    stream = torch.Generator().manual_seed(seed)
    return _cosines(subject, torch.arange(n * n), torch.randint(n, (n * n,), generator=stream))


def distance_irrelevance(values: Float64[Tensor, "order order"]) -> float | None:
    """Compute q = mean over d of std over the rows with x − y = d, over the std of all, in [0, 1].

    Definition 4.2, with population standard deviations. Low q is meant to say that the logit
    depends on the distance d, as a pizza's does. What it misses: second-harmonic circles cancel
    that dependence, so a network of pizzas can have q = .99, and one with q = .57 can be none.
    `None` where all values are equal.

    Args:
        values: one logit per row, as (x, y).
    """
    n = len(values)
    x = torch.arange(n)
    by_distance = values[x, (x - x.unsqueeze(1)) % n]
    spread = float(values.std(correction=0))
    return float(by_distance.std(1, correction=0).mean()) / spread if spread > 0 else None


def right_logits(
    subject: Subject, logits: Float64[Tensor, "row n_outputs"]
) -> Float64[Tensor, "order order"]:
    """The right answer's logit of each row, as (x, y): the definition in the paper's text."""
    right = logits.gather(1, subject.labels.unsqueeze(1).to(logits.device))
    return right.view(subject.order, subject.order).cpu()


def top_wrong_logits(
    subject: Subject, logits: Float64[Tensor, "row n_outputs"]
) -> Float64[Tensor, "order order"]:
    """The largest other logit of each row: what `distance_irrelevance` of the released CSV is of.

    The released training script overwrites the right answer's logits with these. The two numbers
    must not be compared.
    """
    labels = subject.labels.unsqueeze(1).to(logits.device)
    wrong = logits.scatter(1, labels, -math.inf).amax(1)
    return wrong.view(subject.order, subject.order).cpu()


def circularity(subject: Subject) -> float | None:
    """Mean over the first 4 principal components of their share at one frequency, in [0, 1].

    Definition B.1: c = ¼ Σ_l max_k 2/(p Σ_j v_lj²) |Σ_j v_lj e^{2πi jk/p}|² for the first operand's
    embedding, k = 1 … p − 1, each share at most 1 as in the released code. What it misses:
    principal components mix circles of nearly equal variance, so a network that uses three
    frequencies and nothing else can fall below .995; see `spectrum.effective_number` instead.
    `None` for separate vocabularies, and where there are fewer than 4 components.
    """
    table = subject.embeddings[0].double().cpu()
    if not _is_shared(subject.embeddings) or min(len(table) - 1, table.shape[1]) < N_COMPONENTS:
        return None
    vectors, sizes, _ = torch.linalg.svd(table - table.mean(0), full_matrices=False)
    if not sizes[N_COMPONENTS - 1] > 1e-9 * sizes[0]:
        return None
    waves = torch.fft.fft(vectors[:, :N_COMPONENTS], dim=0)[1:]
    shares = 2 / len(table) * waves.abs().square()
    return float(shares.amax(0).clamp(max=1).mean())


@functools.lru_cache(maxsize=8)
def published_triples(order: int) -> Int[Tensor, "triple 3"]:
    """The first 100 of all triples (a, b, c), shuffled by Python's `random.Random(42)`."""
    # what a shuffle does depends on the list's length alone, and numbers are lighter than tuples
    numbers = list(range(order**3))
    random.Random(42).shuffle(numbers)
    chosen = torch.tensor(numbers[:N_TRIPLES])
    return torch.stack([chosen // order**2, chosen // order % order, chosen % order], 1)


def _cosines(
    subject: Subject, rows: Int[Tensor, " sample"], classes: Int[Tensor, " sample"]
) -> Float64[Tensor, " sample"]:
    first, second = subject.gradients(rows, classes).double().cpu()
    lengths = first.norm(dim=1) * second.norm(dim=1)
    return (first * second).sum(1) / lengths


def _mean(cosines: Float64[Tensor, " sample"]) -> tuple[float | None, float | None]:
    """Mean and standard error over the samples whose gradients are not 0."""
    defined = cosines[cosines.isfinite()]
    if len(defined) < 2:
        return None, None
    return float(defined.mean()), float(defined.std() / len(defined) ** 0.5)


def _is_shared(tables: Float[Tensor, "slot order d_model"]) -> bool:
    """Whether both operands have one embedding, up to the sign of the second's coordinate."""
    first, second = tables
    x = torch.arange(len(first), device=first.device)
    return torch.equal(first, second) or torch.equal(first, second[-x % len(first)])


def _label(circular: float | None, symmetricity: float | None, q: float | None) -> Label:
    """Pizza and clock need circles, and both other measures to agree."""
    if circular is None or symmetricity is None or q is None or circular < CIRCULAR:
        return "none"
    if q < IRRELEVANT and symmetricity > SYMMETRIC:
        return "pizza"
    return "clock" if q >= IRRELEVANT and symmetricity <= SYMMETRIC else "none"

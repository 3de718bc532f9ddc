"""What a planted network is, and what is measured of it while it is built."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.explainer.draws import normal
from grokscope.core.seeds import generator
from grokscope.models import Model, Parameters, Rows
from grokscope.tasks import ModularArithmetic, Table

LOGIT_RMS = 25.0
"""Size of the logits (centred over the classes): cross-entropies as small as after training."""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A network that was built by hand, with the algorithm that it runs."""

    label: str
    """The network's kind."""
    model: Model
    params: Parameters
    """A stack of one, float32."""
    task: ModularArithmetic
    """Which table it solves."""
    circles: dict[int, str]
    """Frequency in the embedding → label of that circle."""
    noise: float = 0.0
    """Gaussian noise on every weight tensor, in units of the tensor's own RMS."""
    fractions: dict[int, float] = field(default_factory=dict[int, float])
    """Of a mixture: frequency → share of its neurons that are aligned, φ_a = φ_b."""
    offsets: dict[int, float] = field(default_factory=dict[int, float])
    """Of separate vocabularies: frequency → d0 in |cos(w_k(a − b − d0)/2)|, in tokens."""


def logits(planted: Planted) -> Float[Tensor, "row n_classes"]:
    """The answers to the whole table."""
    inputs = planted.task.table().inputs.unsqueeze(0)
    return planted.model.readout(planted.params, Rows(inputs))[0]


def margins(answers: Float[Tensor, "row n_classes"], table: Table) -> Float[Tensor, " row"]:
    """Logit of the right class less that of the best wrong one."""
    right: Bool[Tensor, "row n_classes"] = torch.nn.functional.one_hot(
        table.labels, table.n_classes
    ).bool()
    return answers[right] - answers.masked_fill(right, -torch.inf).amax(1)


def relative_margin(planted: Planted) -> float:
    """Smallest margin over the RMS of the centred logits; positive: accuracy 1."""
    answers = logits(planted)
    centred = answers - answers.mean(1, keepdim=True)
    return float(margins(answers, planted.task.table()).min() / centred.square().mean().sqrt())


def scaled(planted: Planted) -> Planted:
    """The same network with centred logits of a given RMS, in float32."""
    answers = logits(planted)
    size = (answers - answers.mean(1, keepdim=True)).square().mean().sqrt()
    params = {**planted.params, "W_U": planted.params["W_U"] * LOGIT_RMS / size}
    kept = {"attention_rate"}
    single = {name: w if name in kept else w.float() for name, w in params.items()}
    return replace(planted, params=single)


def noisy(planted: Planted, noise: float, seed: int) -> Planted:
    """The same network with noise on its weights; all levels scale the same draw."""
    params = dict(planted.params)
    for name in sorted(params.keys() - {"attention_rate"}):
        weight = params[name]
        stream = generator(seed, f"planted/{planted.label}/noise/{name}")
        size = noise * weight.square().mean().sqrt()
        params[name] = weight + size * normal(stream, *weight.shape).to(weight)
    return replace(planted, params=params, noise=noise)


def modular_sum(p: int) -> ModularArithmetic:
    """Addition mod p."""
    return ModularArithmetic(operation="add", p=p)

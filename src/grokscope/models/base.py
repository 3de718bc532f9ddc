"""What a model is: a frozen config with initialisation, a plain forward and a fast read-out.

Parameters are a dict of tensors with TransformerLens's names, each with a leading `model` axis.
Settings that may differ between the networks of one stack (such as the attention rate) travel in
the same dict as untrained constants with one value per network.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from grokscope.core.errors import SettingError
from grokscope.core.patterns import factors_by_pattern, factors_of
from grokscope.core.seeds import generator
from grokscope.core.settings import check_types
from grokscope.models.rows import Rows

Parameters = dict[str, Tensor]
Activation = Literal["relu", "gelu", "square"]
Shape = tuple[int, ...]

Hook = Callable[[str, Tensor], Tensor | None]
"""Called with every activation's name and value; what it returns replaces the value."""


@dataclass(frozen=True, kw_only=True)
class Vocab:
    """The sizes that a task gives to a model."""

    d_vocab: int
    """Number of operand tokens; 0 where inputs are real numbers."""
    n_classes: int
    n_slots: int = 2
    """Operands of a row, or real numbers."""
    is_padded: bool = False
    """Whether some rows are shorter, with −1 behind their end."""

    @property
    def text(self) -> str:
        """What a row is, for messages."""
        most = "up to " if self.is_padded else ""
        return f"rows of {most}{self.n_slots} {'tokens' if self.d_vocab else 'real numbers'}"


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """A network architecture."""

    CONSTANTS: ClassVar[frozenset[str]] = frozenset()
    """Fields that may differ between the networks of one stack and act in every step."""

    init_scale: float = 1.0
    """Factor on every initial parameter (the α of arXiv 2210.01117)."""
    init_factors: str = ""
    """Factors on some initial parameters beside that, such as `W_U=0.5 b_*=0`; of several patterns
    that fit a name, the product."""

    def __post_init__(self) -> None:
        check_types(self)
        if not self.init_scale > 0:
            raise SettingError("init_scale", "greater than 0", self.init_scale)
        factors_by_pattern("init_factors", self.init_factors)

    @property
    @abstractmethod
    def name(self) -> str:
        """A short name for people that tells the networks of a run apart."""

    @property
    def is_symmetric(self) -> bool:
        """Whether (a, b) and (b, a) have the same logits, whatever the weights."""
        return False

    @property
    def needs_noise(self) -> bool:
        """Whether training draws random numbers: a step then gives `noise_key`, one per network.

        It is in the parameters that `readout` gets, for `models.noise`; without it nothing is
        random, as when a network is looked at.
        """
        return False

    def require(self, vocab: Vocab) -> None:
        """Refuse a task that this model has no input for; by default other than two tokens a row.

        Raises:
            SettingError: such a task.
        """
        if vocab.d_vocab == 0 or vocab.n_slots != 2 or vocab.is_padded:
            raise refused("two tokens", vocab)

    @abstractmethod
    def init(self, vocab: Vocab, seeds: Sequence[int]) -> Parameters:
        """Trained parameters of one network per seed, as published, before `init_scale`."""

    @abstractmethod
    def forward(
        self, params: Parameters, inputs: Int[Tensor, "model row slot"], hook: Hook | None = None
    ) -> Float[Tensor, "model row n_outputs"]:
        """Logits at the read-out, computed plainly at every position; calls `hook` on the way."""

    @abstractmethod
    def readout(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row n_outputs"]:
        """The same logits, with everything that depends on one token computed once per token."""

    @abstractmethod
    def neurons(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """Activations after the last hidden layer's nonlinearity, at the read-out."""

    def observe(
        self, params: Parameters, rows: Rows
    ) -> tuple[Float[Tensor, "model row n_outputs"], Float[Tensor, "model row neuron"]]:
        """Read-out and neurons, for a look at both; models share what the two have in common.

        Logits are best laid out with the rows last, as the losses of a look are taken over outputs.
        """
        return self.readout(params, rows), self.neurons(params, rows)

    @abstractmethod
    def neuron_to_logit(self, params: Parameters) -> Float[Tensor, "model neuron n_outputs"]:
        """The linear map from the last hidden layer to the logits (W_L of arXiv 2301.05217)."""

    @abstractmethod
    def operand_embeddings(
        self, params: Parameters, d_vocab: int
    ) -> Float[Tensor, "model slot d_vocab d_model"]:
        """The embedding of every operand token, per slot (the same twice for a shared one)."""

    def constants(self, networks: Sequence["Model"]) -> Parameters:
        """Untrained per-network settings, each of shape (model,)."""
        return {
            name: torch.tensor(
                [getattr(network, name) for network in networks], dtype=torch.float64
            )
            for name in sorted(self.CONSTANTS)
        }

    def initial(
        self, vocab: Vocab, networks: Sequence["Model"], seeds: Sequence[int]
    ) -> Parameters:
        """Trained parameters of some networks of one stack, each multiplied by its own factors.

        Raises:
            SettingError: a pattern of `init_factors` fits no parameter.
        """
        drawn = self.init(vocab, seeds)
        own = [factors_of("init_factors", n.init_factors, drawn) for n in networks]
        return {
            name: value
            * torch.tensor(
                [
                    network.init_scale * each[name]
                    for network, each in zip(networks, own, strict=True)
                ]
            ).view(-1, *[1] * (value.dim() - 1))
            for name, value in drawn.items()
        }

    def stack_key(self) -> "Model":
        """This config with every per-network field at its default: equal keys share a stack."""
        own = self.CONSTANTS | {"init_scale", "init_factors"}
        defaults = {f.name: f.default for f in fields(self) if f.name in own}
        return replace(self, **defaults)


def require_heads(d_model: int, n_heads: int) -> None:
    """Refuse a width that the heads of attention do not share evenly.

    Raises:
        SettingError: such a width.
    """
    if d_model < 1 or n_heads < 1 or d_model % n_heads:
        raise SettingError("d_model", f"a positive multiple of `n_heads` = {n_heads}", d_model)


def refused(takes: str, vocab: Vocab) -> SettingError:
    """The error of a model that has no input for such rows."""
    return SettingError("model", f"one that takes such rows: this takes {takes}", vocab.text)


def normal(name: str, shape: Shape, std: float, seeds: Sequence[int]) -> Float[Tensor, "model ..."]:
    """Gaussian initial values, one independent stream per seed and parameter name."""
    draws = [torch.randn(shape, generator=generator(seed, f"init/{name}")) for seed in seeds]
    return torch.stack(draws) * std


def uniform(
    name: str, shape: Shape, bound: float, seeds: Sequence[int]
) -> Float[Tensor, "model ..."]:
    """Uniform initial values in [−bound, bound], one independent stream per seed and name."""
    draws = [torch.rand(shape, generator=generator(seed, f"init/{name}")) for seed in seeds]
    return (2 * torch.stack(draws) - 1) * bound


def activate(
    pre: Float[Tensor, "..."], activation: Activation | Literal["tanh"]
) -> Float[Tensor, "..."]:
    """The nonlinearity; ReLU works in place, on a tensor that nobody else needs."""
    if activation == "relu":
        return F.relu_(pre)
    if activation == "tanh":
        return pre.tanh()
    return F.gelu(pre) if activation == "gelu" else pre.square()


def observed(hook: Hook | None, name: str, value: Tensor) -> Tensor:
    """Show an activation to the hook and take what it gives back."""
    replaced = hook(name, value) if hook is not None else None
    return value if replaced is None else replaced


def embedded(
    params: Parameters, tokens: Int[Tensor, "model row pos"], hook: Hook | None
) -> Float[Tensor, "model row pos d_model"]:
    """Every row's embeddings as looked up; the hook sees them before anything is added."""
    which = torch.arange(len(tokens), device=tokens.device)[:, None, None]
    return observed(hook, "embed", params["W_E"][which, tokens])

"""The diagonal linear network of arXiv 2311.18817 (Lyu et al.): f(x) = Σᵢ (uᵢ² − vᵢ²) xᵢ.

A linear model by its function, but not by its training: from a large u = v = α it first fits as a
kernel method does, and weight decay makes it sparse later. α is `init_scale`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.models.base import Hook, Model, Parameters, Vocab, observed, refused
from grokscope.models.rows import Rows


@dataclass(frozen=True, kw_only=True)
class DiagonalLinear(Model):
    """One number from real inputs; its hidden neurons are the products uᵢxᵢ and vᵢxᵢ."""

    two_classes: bool = True
    """Give the outputs (−f/2, f/2), so that cross-entropy is the logistic loss; or f alone, for one
    real target."""

    @property
    def name(self) -> str:
        """The architecture has no settings."""
        return "diagonal linear"

    def require(self, vocab: Vocab) -> None:
        """Takes real numbers, with two classes or one target."""
        if vocab.d_vocab > 0:
            raise refused("real numbers", vocab)
        if vocab.n_classes > 2:
            rule = "one for so many outputs: this has two classes or one real target"
            raise SettingError("model", rule, vocab.n_classes)
        if vocab.n_classes != 1 + self.two_classes:
            rule = "true for two classes, false for one real target"
            raise SettingError("two_classes", rule, self.two_classes)

    def init(self, vocab: Vocab, seeds: Sequence[int]) -> Parameters:
        """All 1, whatever the seed: u is W_plus, v is W_minus, and α comes in by `init_scale`."""
        ones = torch.ones(len(seeds), vocab.n_slots)
        return {"W_plus": ones, "W_minus": ones.clone()}

    def forward(
        self,
        params: Parameters,
        inputs: Float[Tensor, "model row slot"],
        hook: Hook | None = None,
    ) -> Float[Tensor, "model row n_outputs"]:
        """Row by row; `post` has the neurons of W_plus, then those of W_minus."""
        post = observed(hook, "post", _neurons(params, inputs))
        logits = torch.einsum("mrn,mnv->mrv", post, self.neuron_to_logit(params))
        return observed(hook, "logits", logits)

    def readout(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row n_outputs"]:
        """One product with the linear map that the network is."""
        linear = params["W_plus"].square() - params["W_minus"].square()
        return torch.bmm(rows.inputs, self._outputs(linear))

    def neurons(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """Every input times u, then every input times v."""
        return _neurons(params, rows.inputs)

    def neuron_to_logit(self, params: Parameters) -> Float[Tensor, "model neuron n_outputs"]:
        """The vectors u and −v, as the outputs take them."""
        return self._outputs(torch.cat([params["W_plus"], -params["W_minus"]], 1))

    def operand_embeddings(
        self, params: Parameters, d_vocab: int
    ) -> Float[Tensor, "model slot d_vocab d_model"]:
        """Of each real number what it is multiplied by."""
        linear = params["W_plus"].square() - params["W_minus"].square()
        return linear[:, :, None, None]

    def _outputs(
        self, linear: Float[Tensor, "model neuron"]
    ) -> Float[Tensor, "model neuron n_outputs"]:
        return torch.stack([-linear / 2, linear / 2] if self.two_classes else [linear], 2)


def _neurons(
    params: Parameters, inputs: Float[Tensor, "model row slot"]
) -> Float[Tensor, "model row neuron"]:
    return torch.cat([inputs * params[name].unsqueeze(1) for name in ("W_plus", "W_minus")], 2)

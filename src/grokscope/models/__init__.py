"""Networks with a leading `model` axis: a stack is the normal case, one network a stack of one."""

from grokscope.models.base import Hook, Model, Parameters, Vocab
from grokscope.models.causal_decoder import CausalDecoder
from grokscope.models.decoder import Decoder
from grokscope.models.deep_transformer import DeepTransformer
from grokscope.models.dense import DenseMLP
from grokscope.models.diagonal_linear import DiagonalLinear
from grokscope.models.mlp import EmbeddingMLP
from grokscope.models.rows import Rows
from grokscope.models.transformer import OneLayerTransformer

MODELS: dict[str, type[Model]] = {
    "causal_decoder": CausalDecoder,
    "decoder": Decoder,
    "deep_transformer": DeepTransformer,
    "dense_mlp": DenseMLP,
    "diagonal_linear": DiagonalLinear,
    "mlp": EmbeddingMLP,
    "transformer": OneLayerTransformer,
}

__all__ = [
    "MODELS",
    "CausalDecoder",
    "Decoder",
    "DeepTransformer",
    "DenseMLP",
    "DiagonalLinear",
    "EmbeddingMLP",
    "Hook",
    "Model",
    "OneLayerTransformer",
    "Parameters",
    "Rows",
    "Vocab",
]

"""What a training step has to do, counted: the products of the reduced algorithm, and bytes.

One function per model class, the place to change when the fast path of that class changes. The
floor runs `row_products`; the roofline counts those and `token_products`, the products whose size
does not depend on the number of rows.

Bytes that must move, once per step: weights, gradients and both moments are read and written, and
the activations of the reduced algorithm are written on the way to the loss and read on the way
back. Gradients of activations, the loss and what is copied on the way are not counted: a step that
keeps them in the cache is possible.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from grokscope.models import EmbeddingMLP, Model, OneLayerTransformer, Vocab

Shape = tuple[int, int, int]
"""Rows, inner width, outer width."""

FLOAT = 4  # bytes
STATE = 8  # weight, gradient and two moments of a parameter, each read and written


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What the task asks of a network."""

    rows: int
    """Rows of one step."""
    d_vocab: int
    n_classes: int


@dataclass(frozen=True, kw_only=True)
class Counts:
    """One step of one network."""

    row_products: Sequence[Shape]
    token_products: Sequence[Shape]
    activations: int
    """Numbers that wait between forward and backward."""
    parameters: int

    @property
    def flops(self) -> float:
        """Additions and multiplications of all products, forward and two backward each."""
        shapes = [*self.row_products, *self.token_products]
        return 3 * 2.0 * sum(rows * inner * outer for rows, inner, outer in shapes)

    @property
    def bytes_moved(self) -> float:
        """Bytes that must move once per step."""
        return FLOAT * (STATE * float(self.parameters) + 2.0 * self.activations)


def count(model: Model, sizes: Sizes) -> Counts:
    """The counts of a model's own class."""
    if type(model) not in COUNTS:
        raise TypeError(f"no counts for {type(model).__name__}; add them to benchmarks/counts.py")
    return COUNTS[type(model)](model, sizes)


def one_layer_transformer(model: Model, sizes: Sizes) -> Counts:
    """Maps are taken as already multiplied where that is less work over the rows.

    Keys, queries and values are computed once per token; the rows see W_O where the stream before
    attention depends on the row, the MLP, and the unembedding.
    """
    m = cast(OneLayerTransformer, model)
    d, hidden, rows = m.d_model, m.d_mlp or 4 * m.d_model, sizes.rows
    tokens = sizes.d_vocab * (2 if m.separate_vocab else 1)
    outputs = tokens + m.equals_token
    own = 1 if m.equals_token else sizes.d_vocab  # tokens at the read-out's position
    token_products = [(own, d, d), *[(2 * sizes.d_vocab, d, d)] * 2, (own, d, d)]
    if not m.equals_token:
        token_products += [(sizes.d_vocab, d, sizes.d_vocab)]  # scores of pairs
    if outputs >= d:
        row_products = [(rows, d, hidden), (rows, hidden, d), (rows, d, outputs), (rows, d, d)]
    else:
        row_products = [(rows, d, hidden), (rows, hidden, outputs), (rows, d, outputs)]
        row_products += [] if m.equals_token else [(rows, d, d)]
        token_products += [(hidden, d, outputs)]
        token_products += [(d, d, hidden), (d, d, outputs)] if m.equals_token else []
    return Counts(
        row_products=row_products,
        token_products=token_products,
        activations=rows * (d + hidden + outputs),
        parameters=_parameters(m, sizes),
    )


def embedding_mlp(model: Model, sizes: Sizes) -> Counts:
    """The first layer is computed once per token, so the floor counts it there."""
    m = cast(EmbeddingMLP, model)
    tables = 2 if m.separate_vocab or m.combine == "concat" else 1
    hidden, rows = m.d_hidden, sizes.rows
    deeper = [(rows, hidden, hidden)] * (m.n_hidden_layers - 1)
    first = [(sizes.d_vocab, m.d_model, hidden)] * tables
    return Counts(
        row_products=[*first, *deeper, (rows, hidden, sizes.n_classes)],
        token_products=[],
        activations=rows * (m.n_hidden_layers * hidden + sizes.n_classes),
        parameters=_parameters(m, sizes),
    )


def _parameters(model: Model, sizes: Sizes) -> int:
    """Trained parameters of one network."""
    vocab = Vocab(d_vocab=sizes.d_vocab, n_classes=sizes.n_classes)
    return sum(value.numel() for value in model.init(vocab, [0]).values())


COUNTS: dict[type[Model], Callable[[Model, Sizes], Counts]] = {
    OneLayerTransformer: one_layer_transformer,
    EmbeddingMLP: embedding_mlp,
}

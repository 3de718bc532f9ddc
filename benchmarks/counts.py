"""What a training step has to do, counted: the products of the reduced algorithm, and bytes.

One function per model class, the place to change when the fast path of that class changes. The
floor runs `floor_products`: all that is left over rows once what depends on one token is computed
per token, and maps are multiplied with each other where that is less work. The roofline counts what
the fast path takes: `row_products`, `token_products` whose size does not depend on the number of
rows, and look-ups, which can take the place of products that the floor has.

Bytes that must move, once per step: weights, gradients and both moments are read and written, and
the activations of the reduced algorithm are written on the way to the loss and read on the way
back. Gradients of activations, the loss and what is copied on the way are not counted: a step that
keeps them in the cache is possible.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch

from grokscope.models import Decoder, EmbeddingMLP, Model, OneLayerTransformer, Vocab
from grokscope.models.columns import LINE, padded
from grokscope.models.decoder_stream import N_CTX

Shape = tuple[int, int, int]
"""Rows, inner width, outer width."""

FLOAT = 4  # bytes
STATE = 8  # weight, gradient and two moments of a parameter, each read and written


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What the task asks of a network."""

    rows: int
    """Rows of one step that have to be computed."""
    d_vocab: int
    n_classes: int


@dataclass(frozen=True, kw_only=True)
class Counts:
    """One step of one network."""

    floor_products: Sequence[Shape]
    row_products: Sequence[Shape]
    token_products: Sequence[Shape]
    activations: int
    """Numbers that wait between forward and backward."""
    parameters: int
    looked_up: int = 0
    """Numbers that rows look up, with a weight each."""

    @property
    def product_flops(self) -> float:
        """Additions and multiplications of all products, forward and two backward each."""
        shapes = [*self.row_products, *self.token_products]
        return 3 * 2.0 * sum(rows * inner * outer for rows, inner, outer in shapes)

    @property
    def flops(self) -> float:
        """The same with the weighted look-ups, which have as many passes."""
        return self.product_flops + 3 * 2.0 * self.looked_up

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

    The floor has products of each row's attended vector: with W_O where the stream before attention
    depends on the row, with W_in, and with the unembedding. The fast path looks these up: a vector
    per head and operand, and one more of the residual stream, in tables made once per token.
    """
    m = cast(OneLayerTransformer, model)
    d, hidden, rows = m.d_model, m.d_mlp or 4 * m.d_model, sizes.rows
    tokens = sizes.d_vocab * (2 if m.separate_vocab else 1)
    outputs = tokens + m.equals_token
    folds = _padded(outputs) < d
    own = 1 if m.equals_token else sizes.d_vocab  # tokens at the read-out's position
    base = _padded(outputs) if folds else d
    width = -(-(hidden + base) // LINE) * LINE
    floor = [(rows, d, hidden), (rows, hidden, outputs if folds else d), (rows, d, outputs)]
    floor += [] if folds and m.equals_token else [(rows, d, d)]
    token_products = [(own, d, d), *[(2 * sizes.d_vocab + m.equals_token, d, d)] * 2]
    token_products += [(own, d, d)] if m.equals_token else [(sizes.d_vocab, d, sizes.d_vocab)]
    token_products += [(d, d, width), (2 * sizes.d_vocab, d, width), (sizes.d_vocab, d, width)]
    token_products += [(hidden, d, base)] if folds else []
    unembedding = [] if folds else [(rows, d, _padded(outputs))]
    return Counts(
        floor_products=floor,
        row_products=[(rows, hidden, base), *unembedding],
        token_products=token_products,
        activations=rows * (width + outputs),
        parameters=_parameters(m, sizes),
        looked_up=rows * (2 * m.n_heads + 1) * width,
    )


def embedding_mlp(model: Model, sizes: Sizes) -> Counts:
    """The first layer is computed once per token, so the floor counts it there."""
    m = cast(EmbeddingMLP, model)
    tables = 2 if m.separate_vocab or m.combine == "concat" else 1
    hidden, rows = m.d_hidden, sizes.rows
    deeper = [(rows, hidden, hidden)] * (m.n_hidden_layers - 1)
    first = [(sizes.d_vocab, m.d_model, hidden)] * tables
    return Counts(
        floor_products=[*first, *deeper, (rows, hidden, sizes.n_classes)],
        row_products=[*deeper, (rows, hidden, _padded(sizes.n_classes))],
        token_products=first,
        activations=rows * (m.n_hidden_layers * hidden + sizes.n_classes),
        parameters=_parameters(m, sizes),
    )


def decoder(model: Model, sizes: Sizes) -> Counts:
    """Every map over the entries of the stream, and over the rows at `=` in the last layer.

    The entries at `a` and `op` are there once per token, but one product takes them with the rows'.
    """
    m = cast(Decoder, model)
    d, hidden, rows = m.d_model, m.d_mlp or 4 * m.d_model, sizes.rows
    outputs = sizes.d_vocab + 2
    entries = 2 * min(sizes.d_vocab, rows) + 2 * rows
    below = m.n_layers - 1
    by_token = [(2 * sizes.d_vocab + 2, d, d)] * 3
    later = [(entries, d, d)] * (3 * below - 1) + [(rows, d, d)] if below else []
    sublayers = [(entries, d, d), (entries, d, hidden), (entries, hidden, d)] * below
    last = [(rows, d, d), (rows, d, hidden), (rows, hidden, d), (rows, d, _padded(outputs))]
    by_row = [*later, *sublayers, *last]
    computed = below * entries + rows
    return Counts(
        floor_products=[*by_token, *by_row],
        row_products=by_row,
        token_products=by_token,
        activations=computed * (6 * d + hidden) + rows * outputs,
        parameters=_parameters(m, sizes),
        looked_up=computed * 2 * N_CTX * d,
    )


def _padded(width: int) -> int:
    """Columns that outputs of so many classes are computed with."""
    return padded(torch.empty(1, 1, width)).shape[2]


def _parameters(model: Model, sizes: Sizes) -> int:
    """Trained parameters of one network."""
    vocab = Vocab(d_vocab=sizes.d_vocab, n_classes=sizes.n_classes)
    return sum(value.numel() for value in model.init(vocab, [0]).values())


COUNTS: dict[type[Model], Callable[[Model, Sizes], Counts]] = {
    OneLayerTransformer: one_layer_transformer,
    EmbeddingMLP: embedding_mlp,
    Decoder: decoder,
}

"""Where the two operands enter a module, and how each gets embeddings of its own.

Both operands may be looked up in one parameter, so the parameter cannot simply be changed. Instead
it is made longer, by a block of rows per operand, and the tokens in the module's inputs give way to
the numbers of rows in these blocks. Which columns of the inputs hold which operand is found by
looking: a column belongs to an operand if it depends on that operand alone, one number per token.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from grokscope.core.errors import SettingError, UsageError
from grokscope.explanation.borrowed_module import named_tensor
from grokscope.explanation.symmetry import Layout

Arguments = tuple[Shaped[Tensor, "row ..."], ...]
"""What the module is called with, one entry per row in each."""
Inputs = Callable[[Int[Tensor, "row 2"]], Tensor | tuple[Tensor, ...]]
"""From the operands' tokens to what the module is called with."""
Rows = Int[Tensor, " row"] | slice
"""Which rows of the table."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One operand's way into the module."""

    columns: tuple[tuple[int, int], ...]
    """Argument and column that hold its token."""
    shift: int
    """What the module itself adds to the token before it looks it up."""
    rows: Int[Tensor, " order"]
    """Row of the embedding parameter for each coordinate."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """An embedding parameter, with the operands that are looked up in it."""

    names: tuple[str, ...]
    values: Float[Tensor, "token d_model"]
    slots: tuple[int, ...]

    def start(self, slot: int, length: int) -> int:
        """First row of an operand's block, where blocks have `length` rows."""
        return len(self.values) + self.slots.index(slot) * length

    def extended(self, blocks: Float[Tensor, "slot own d_model"]) -> dict[str, Tensor]:
        """The parameter under its names, with the operands' blocks behind its own rows."""
        own = [blocks[slot].to(self.values) for slot in self.slots]
        return dict.fromkeys(self.names, torch.cat([self.values, *own]))


class Operands:
    """The table's rows as calls of a module, with embeddings that can be replaced per operand.

    Args:
        module: whose parameters they are.
        layout: of the task's table.
        names: the embedding parameter of each operand.
        arguments: what the module is called with for the rows of the layout.
        operand_rows: rows of the parameters that hold each operand's tokens; what the arguments
            show where none are given.

    Raises:
        UsageError: a parameter is missing or no matrix, or an operand has no column of its own.
        SettingError: `operand_rows` does not fit the task or the module's inputs.
    """

    def __init__(
        self,
        module: nn.Module,
        layout: Layout,
        names: tuple[str, str],
        arguments: Arguments,
        operand_rows: Sequence[Sequence[int]] | None,
    ) -> None:
        tables = [_matrix(module, name) for name in names]
        if tables[0].shape[1] != tables[1].shape[1]:
            widths = f"{tables[0].shape[1]} and {tables[1].shape[1]}"
            raise UsageError(f"`embeddings`: both operands' must have one width, got {widths}.")
        self._arguments, self.sources = arguments, _sources(module, names, tables)
        self._entries = [
            _entry(layout, slot, arguments, None if operand_rows is None else operand_rows[slot])
            for slot in (0, 1)
        ]
        for slot, entry in enumerate(self._entries):
            _require_rows(names[slot], slot, tables[slot], entry.rows)
        pairs = zip(tables, self._entries, strict=True)
        self.embeddings = torch.stack(
            [table[entry.rows.to(table.device)] for table, entry in pairs]
        )
        """A table per operand, in the order of the coordinates."""

    def plain(self, rows: Rows) -> Arguments:
        """The module's inputs for some rows, as they are."""
        return tuple(argument[rows] for argument in self._arguments)

    def replaced(
        self,
        rows: Rows,
        blocks: Float[Tensor, "slot own d_model"],
        which: Sequence[Int[Tensor, " row"]],
    ) -> tuple[dict[str, Tensor], Arguments]:
        """Longer parameters, and inputs in which each row looks up a row of the blocks.

        Args:
            rows: of the table.
            blocks: embeddings per operand.
            which: for each operand, the row of its block that each row of the table looks up.
        """
        arguments = tuple(argument.clone() for argument in self.plain(rows))
        parameters: dict[str, Tensor] = {}
        for source in self.sources:
            parameters |= source.extended(blocks)
            for slot in source.slots:
                entry = self._entries[slot]
                tokens = which[slot] + source.start(slot, blocks.shape[1]) - entry.shift
                for i, column in entry.columns:
                    flat = arguments[i].view(len(arguments[i]), -1)
                    flat[:, column] = tokens.to(flat)
        return parameters, arguments


def as_arguments(given: object, n_rows: int) -> Arguments:
    """What the user's `inputs` returned, as a tuple of tensors.

    Raises:
        UsageError: they are no tensors with one entry per row.
    """
    arguments: list[Tensor] = []
    for argument in given if isinstance(given, tuple) else (given,):
        if not isinstance(argument, Tensor) or not argument.ndim or len(argument) != n_rows:
            shaped = isinstance(argument, Tensor)
            got = tuple(argument.shape) if shaped else type(argument).__name__
            rule = f"a tensor, or a tuple of tensors, with one entry for each of {n_rows} rows"
            raise UsageError(f"`inputs` must return {rule}, got {got}.")
        arguments.append(argument.contiguous())
    return tuple(arguments)


def _entry(
    layout: Layout, slot: int, arguments: Arguments, table_rows: Sequence[int] | None
) -> Entry:
    columns = list(_columns(layout.coordinates(slot), layout.symmetry.order, arguments))
    if not columns:
        raise UsageError(
            f"`inputs`: operand {slot} has no column of its own, with one whole number per token, "
            "so its embedding cannot be replaced alone."
        )
    tokens = columns[0][1]
    if not all(torch.equal(tokens, other) for _, other in columns):
        raise UsageError(f"`inputs`: operand {slot} comes in columns with different numbers.")
    places = tuple(place for place, _ in columns)
    if table_rows is None:
        return Entry(columns=places, shift=0, rows=tokens)
    rows = _chosen(layout, slot, table_rows)
    shift = (rows - tokens).unique()
    if len(shift) != 1:
        rule = f"the tokens of operand {slot} in `inputs`, all moved by one number"
        raise SettingError("operand_rows", rule, list(table_rows))
    return Entry(columns=places, shift=int(shift), rows=rows)


def _columns(
    coordinates: Int[Tensor, " row"], order: int, arguments: Arguments
) -> Iterator[tuple[tuple[int, int], Int[Tensor, " order"]]]:
    """Columns that depend on this operand alone, with their number for each coordinate."""
    for i, argument in enumerate(arguments):
        if argument.is_floating_point() or argument.is_complex() or argument.dtype == torch.bool:
            continue
        for j, column in enumerate(argument.reshape(len(argument), -1).long().cpu().unbind(1)):
            tokens = torch.zeros(order, dtype=torch.long)
            tokens[coordinates] = column
            if torch.equal(tokens[coordinates], column) and len(tokens.unique()) == order:
                yield (i, j), tokens


def _chosen(layout: Layout, slot: int, table_rows: Sequence[int]) -> Int[Tensor, " order"]:
    tokens = layout.tokens[slot]
    if len(table_rows) <= int(tokens.max()):
        rule = f"one row for each token of operand {slot}, 0 … {int(tokens.max())}"
        raise SettingError("operand_rows", rule, list(table_rows))
    return torch.tensor(list(table_rows))[tokens]


def _require_rows(
    name: str, slot: int, table: Float[Tensor, "token d_model"], rows: Int[Tensor, " order"]
) -> None:
    if int(rows.min()) < 0 or int(rows.max()) >= len(table):
        raise UsageError(
            f"`embeddings`: {name!r} has {len(table)} rows, but the tokens of operand {slot} "
            f"are {int(rows.min())} … {int(rows.max())}."
        )


def _matrix(module: nn.Module, name: str) -> Float[Tensor, "token d_model"]:
    table = named_tensor(module, "embeddings", name).detach()
    if table.ndim != 2 or not table.is_floating_point():
        shape = tuple(table.shape)
        raise UsageError(f"`embeddings`: {name!r} must be a (token, d_model) matrix, got {shape}.")
    return table


def _sources(module: nn.Module, names: tuple[str, str], tables: list[Tensor]) -> tuple[Source, ...]:
    first, second = (named_tensor(module, "embeddings", name) for name in names)
    if first is not second:
        return tuple(
            Source(names=(names[slot],), values=tables[slot], slots=(slot,)) for slot in (0, 1)
        )
    # a module that is registered twice must not be given its parameter twice: it would not get its
    # own one back
    held = [name.rpartition(".") for name in names]
    own = {
        (id(module.get_submodule(owner)), leaf): name
        for (owner, _, leaf), name in zip(held, names, strict=True)
    }
    return (Source(names=tuple(own.values()), values=tables[0], slots=(0, 1)),)

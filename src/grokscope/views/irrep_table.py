"""Irreps and cosets that a network off cyclic groups computes with, as rows of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grokscope.views.network_table import percent

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class IrrepLine:
    """One irrep, every cell as text."""

    name: str
    dimension: str
    share: str
    accuracy_without: str
    necessary: str


@dataclass(frozen=True, kw_only=True)
class CosetLine:
    """Neurons that are constant on the cosets of conjugate subgroups, every cell as text."""

    name: str
    order: str
    conjugates: str
    neurons: str
    accuracy_without: str


def irrep_lines(row: Document) -> Sequence[IrrepLine]:
    """A line per irrep of one network; none on a cyclic group."""
    return [
        IrrepLine(
            name=irrep["name"],
            dimension=str(irrep["dimension"]),
            share=percent(irrep["share"]),
            accuracy_without=percent(irrep["accuracy_without"]),
            necessary="yes" if irrep["necessary"] else "redundant",
        )
        for irrep in row["components"]
    ]


def coset_lines(row: Document) -> Sequence[CosetLine]:
    """A line per class of subgroups of one network; none on a cyclic group."""
    return [
        CosetLine(
            name=role["name"],
            order=str(role["order"]),
            conjugates=str(role["n_conjugates"]),
            neurons=str(role["n_neurons"]),
            accuracy_without=percent(role["accuracy_without"]),
        )
        for role in row["subgroups"]
    ]

"""Names of irreps for people: `trivial`, `sign`, `standard`, otherwise dimension and letter."""

import string

import torch
from jaxtyping import Complex128
from torch import Tensor

from grokscope.algebra.group import Group

Character = Complex128[Tensor, " order"]


def irrep_names(group: Group, characters: Complex128[Tensor, "irrep order"]) -> tuple[str, ...]:
    """A name for each character, in the given order.

    `sign` is the only real character of dimension 1 beside the trivial one, where there is just
    one: for permutations, whether they are even. `standard` is how permutations act on the points
    once their mean is left out, and `standard-sign` is its product with the sign. All others have
    their dimension and a letter, such as `2a`, in the order in which they come.
    """
    known = _known(group, characters)
    names: list[str] = []
    counts: dict[int, int] = {}
    for character in characters:
        name = next((n for n, other in known.items() if _equal(character, other)), None)
        if name is None:
            dimension = round(float(character[group.identity].real))
            counts[dimension] = counts.get(dimension, 0) + 1
            name = f"{dimension}{_letters(counts[dimension])}"
        names.append(name)
    return tuple(names)


def _known(group: Group, characters: Complex128[Tensor, "irrep order"]) -> dict[str, Character]:
    """Characters that have a name of their own, whether or not the group has them."""
    ones = torch.ones(group.order, dtype=torch.complex128)
    known = {"trivial": ones}
    lines = [c for c in characters if _equal(c * c, ones) and not _equal(c, ones)]
    sign = lines[0] if len(lines) == 1 else None
    if sign is not None:
        known["sign"] = sign
    if group.permutations is not None:
        points = torch.arange(group.permutations.shape[1])
        fixed = (group.permutations == points).sum(1)
        known["standard"] = fixed.to(torch.complex128) - 1
        if sign is not None:
            known["standard-sign"] = known["standard"] * sign
    return known


def _equal(first: Character, second: Character) -> bool:
    return bool((first - second).abs().max() < 1e-9)


def _letters(number: int) -> str:
    """1 → a, 26 → z, 27 → aa, as spreadsheets count their columns."""
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = string.ascii_lowercase[letter] + letters
    return letters

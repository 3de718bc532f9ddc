"""Slow, obvious groups: explicit elements, explicit products, and everything by trying."""

import itertools
from collections.abc import Callable, Hashable


def slow_table(elements: list, multiply: Callable) -> list[list[int]]:
    """Cayley table by looking every product up."""
    return [[elements.index(multiply(a, b)) for b in elements] for a in elements]


def compose(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """What a does to what b does to each point."""
    result = []
    for point in range(len(b)):
        after_b = b[point]
        after_a = a[after_b]
        result.append(after_a)
    return tuple(result)


def inversions(permutation: tuple[int, ...]) -> int:
    """Number of pairs in the wrong order; even for even permutations."""
    n = len(permutation)
    return sum(permutation[i] > permutation[j] for i in range(n) for j in range(i + 1, n))


def slow_symmetric(n: int) -> list[list[int]]:
    """Table of all permutations in lexicographic order."""
    return slow_table(list(itertools.permutations(range(n))), compose)


def slow_alternating(n: int) -> list[list[int]]:
    """Table of the permutations with an even number of inversions."""
    even = [p for p in itertools.permutations(range(n)) if inversions(p) % 2 == 0]
    return slow_table(even, compose)


def slow_dihedral(n: int) -> list[list[int]]:
    """Table of what turns and flips do to the corners of the n-gon: turns first, then flips."""
    turns = [tuple((corner + k) % n for corner in range(n)) for k in range(n)]
    flip = tuple(-corner % n for corner in range(n))
    return slow_table(turns + [compose(turn, flip) for turn in turns], compose)


def slow_product_of_cyclic(m: int, n: int) -> list[list[int]]:
    """Table of pairs, added side by side."""
    pairs = [(a, b) for a in range(m) for b in range(n)]
    return slow_table(pairs, lambda x, y: ((x[0] + y[0]) % m, (x[1] + y[1]) % n))


def hamilton(x: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, ...]:
    """Product of quaternions a + bi + cj + dk, by the formula of 1843."""
    a, b, c, d = x
    e, f, g, h = y
    return (
        a * e - b * f - c * g - d * h,
        a * f + b * e + c * h - d * g,
        a * g - b * h + c * e + d * f,
        a * h + b * g - c * f + d * e,
    )


def slow_quaternion() -> list[list[int]]:
    """Table of 1, -1, i, -i, j, -j, k, -k."""
    units = [
        tuple(sign if i == place else 0 for i in range(4)) for place in range(4) for sign in (1, -1)
    ]
    return slow_table(units, hamilton)


def slow_affine(p: int) -> list[list[int]]:
    """Table of x → a·x + b by their two numbers: a(cx + d) + b."""
    maps = [(a, b) for a in range(1, p) for b in range(p)]
    return slow_table(maps, lambda f, g: (f[0] * g[0] % p, (f[0] * g[1] + f[1]) % p))


def slow_inverse(table: list[list[int]], a: int) -> int:
    """The element that gives the identity, which is 0."""
    return next(b for b in range(len(table)) if table[a][b] == 0)


def slow_classes(table: list[list[int]]) -> list[frozenset[int]]:
    """Conjugacy classes: everything that some g turns an element into."""
    n = len(table)
    return list(
        dict.fromkeys(
            frozenset(table[table[g][a]][slow_inverse(table, g)] for g in range(n))
            for a in range(n)
        )
    )


def slow_closure(table: list[list[int]], elements: tuple[int, ...]) -> frozenset[int]:
    """Multiply until nothing new comes."""
    members = {0, *elements}
    while True:
        products = {table[a][b] for a in members for b in members}
        if products <= members:
            return frozenset(members)
        members |= products


def slow_subgroups(table: list[list[int]], n_generators: int) -> set[frozenset[int]]:
    """What any so many elements generate; two are enough for the subgroups of small groups."""
    numbers = range(len(table))
    choices = itertools.combinations_with_replacement(numbers, n_generators)
    return {slow_closure(table, choice) for choice in choices}


def slow_subgroup_classes(table: list[list[int]], found: set[frozenset[int]]) -> set[frozenset]:
    """Classes of subgroups that conjugation turns into one another."""
    n = len(table)
    return {
        frozenset(
            frozenset(table[table[g][a]][slow_inverse(table, g)] for a in members) for g in range(n)
        )
        for members in found
    }


def slow_cosets(
    table: list[list[int]], members: frozenset[int], *, left: bool
) -> set[frozenset[Hashable]]:
    """The sets aH, or the sets Ha."""
    return {
        frozenset(table[a][h] if left else table[h][a] for h in members) for a in range(len(table))
    }


def fixed_points(permutation: tuple[int, ...]) -> int:
    """Trace of the matrix that permutes the points."""
    n = len(permutation)
    matrix = [[1 if permutation[column] == row else 0 for column in range(n)] for row in range(n)]
    return sum(matrix[i][i] for i in range(n))


def fixed_pairs(permutation: tuple[int, ...]) -> int:
    """Trace of the matrix that permutes the unordered pairs of points."""
    pairs = list(itertools.combinations(range(len(permutation)), 2))
    return sum({permutation[i], permutation[j]} == {i, j} for i, j in pairs)

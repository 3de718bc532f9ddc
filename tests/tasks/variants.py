"""At least one variant of every registered task, for its laws."""

import atexit
import shutil
import tempfile
from pathlib import Path

from grokscope.tasks import (
    DigitAddition,
    Digits,
    Equations,
    FactComparison,
    FactComposition,
    GroupComposition,
    Induction,
    IntegerAddition,
    LinearClassification,
    LinearRegression,
    Mnist,
    ModularArithmetic,
    SparseParity,
    Table,
    Task,
    TeacherStudent,
)
from tasks.idx_files import write_mnist

_MNIST = Path(tempfile.mkdtemp(prefix="grokscope-mnist-"))
atexit.register(shutil.rmtree, _MNIST)
write_mnist(_MNIST, n_rows=120)

POLYNOMIALS = ("x2+y2", "x2+xy+y2", "x2+xy+y2+x", "x3+xy", "x3+xy2+y")
OPERATIONS = ("add", "subtract", "multiply", "divide", "mixed", *POLYNOMIALS)
MODULAR: dict[str, ModularArithmetic] = {
    f"{operation} mod {p}": ModularArithmetic(operation=operation, p=p, train_fraction=0.4)
    for operation in OPERATIONS
    for p in (7, 11, 12, 59)
    if not (operation in ("divide", "mixed") and p == 12)
}
COMPOSITION: dict[str, GroupComposition] = {
    f"composition in {group}": GroupComposition(group=group, train_fraction=0.4)
    for group in ("S3", "S4", "S5", "A4", "A5", "D7", "Q8", "Z6xZ10", "Z12")
}
WORDS: dict[str, GroupComposition] = {
    f"{word} in {group}": GroupComposition(group=group, word=word, train_fraction=0.4)
    for word in ("xyX", "xyx")
    for group in ("S3", "S5", "Q8", "Z12")
}
SUMS = {"sums to 12": IntegerAddition(p=7, train_fraction=0.4)}
PAIRS: dict[str, Task] = {**MODULAR, **COMPOSITION, **WORDS, **SUMS}
"""Two operands per row."""
EQUATIONS: dict[str, Task] = {
    "equations": Equations(operations="add divide x2+y2", p=11, train_fraction=0.4),
}
DRAWN: dict[str, Task] = {
    "addition": DigitAddition(digits=2, problems=300, train_fraction=0.4),
    "parity of signs": SparseParity(n=12, n_rows=400, train_fraction=0.4),
    "parity of bits": SparseParity(n=12, n_rows=400, bits="bits", train_fraction=0.4),
    "induction": Induction(sequences=60, train_fraction=0.4),
    "fact composition": FactComposition(entities=20, relations=6, out_degree=4, train_fraction=0.4),
    "fact comparison": FactComparison(entities=20, attributes=3, values=5, train_fraction=0.4),
    "teacher": TeacherStudent(train_fraction=0.4),
    "regression": LinearRegression(d=20, n_rows=100, d_out=2, train_fraction=0.4),
    "sparse direction": LinearClassification(d=40, n_rows=200, train_fraction=0.4),
    "dense direction": LinearClassification(
        direction="dense", d=40, n_rows=200, train_fraction=0.4
    ),
}
"""Rows that depend on the task's seed."""
IMAGES: dict[str, Task] = {
    "digits": Digits(train_fraction=0.4),
    "mnist": Mnist(folder=str(_MNIST), n_rows=100, train_fraction=0.4),
}
VARIANTS: dict[str, Task] = {**PAIRS, **EQUATIONS, **DRAWN, **IMAGES}
TABLES: dict[str, Table] = {name: task.table() for name, task in VARIANTS.items()}

_COMMUTATIVE = ("sums ", "add ", "multiply ", "x2+y2 ", "x2+xy+y2 ", "composition in Z")
SYMMETRIC = [name for name in PAIRS if name.startswith(_COMMUTATIVE)]
"""Pairs that have the same answer when they are swapped."""
REGRESSIONS = [name for name, table in TABLES.items() if table.targets is not None]
CLASSIFICATIONS = [name for name in VARIANTS if name not in REGRESSIONS]
BOUND = [
    name
    for name, table in TABLES.items()
    if table.bundle is not None or len(table.free) < len(table.labels)
]
"""Tasks with rows that are bound to a side of the split, or to other rows."""

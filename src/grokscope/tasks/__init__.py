"""Tasks: finite tables that networks can memorise or understand, with their splits."""

from grokscope.tasks.base import Split, Table, Task
from grokscope.tasks.composition import GroupComposition
from grokscope.tasks.integer_addition import IntegerAddition
from grokscope.tasks.modular import ModularArithmetic

TASKS: dict[str, type[Task]] = {
    "modular": ModularArithmetic,
    "composition": GroupComposition,
    "integer_addition": IntegerAddition,
}

__all__ = [
    "TASKS",
    "GroupComposition",
    "IntegerAddition",
    "ModularArithmetic",
    "Split",
    "Table",
    "Task",
]

"""Tasks: finite tables that networks can memorise or understand, with their splits."""

from grokscope.tasks.base import Split, Table, Task
from grokscope.tasks.composition import GroupComposition
from grokscope.tasks.modular import ModularArithmetic

TASKS: dict[str, type[Task]] = {
    "modular": ModularArithmetic,
    "composition": GroupComposition,
}

__all__ = ["TASKS", "GroupComposition", "ModularArithmetic", "Split", "Table", "Task"]

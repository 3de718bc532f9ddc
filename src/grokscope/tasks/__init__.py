"""Tasks: finite tables that networks can memorise or understand, with their splits."""

from grokscope.tasks.base import Split, Table, Task
from grokscope.tasks.modular import ModularArithmetic

TASKS: dict[str, type[Task]] = {
    "modular": ModularArithmetic,
}

__all__ = ["TASKS", "ModularArithmetic", "Split", "Table", "Task"]

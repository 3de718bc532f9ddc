"""Tasks: finite tables that networks can memorise or understand, with their splits."""

from grokscope.tasks.addition import DigitAddition
from grokscope.tasks.base import Split, Table, Task
from grokscope.tasks.composition import GroupComposition
from grokscope.tasks.digits import Digits
from grokscope.tasks.equations import Equations
from grokscope.tasks.fact_comparison import FactComparison
from grokscope.tasks.fact_composition import FactComposition
from grokscope.tasks.induction import Induction
from grokscope.tasks.integer_addition import IntegerAddition
from grokscope.tasks.linear_classification import LinearClassification
from grokscope.tasks.linear_regression import LinearRegression
from grokscope.tasks.mnist import Mnist
from grokscope.tasks.modular import ModularArithmetic
from grokscope.tasks.parity import SparseParity
from grokscope.tasks.teacher_student import TeacherStudent

TASKS: dict[str, type[Task]] = {
    "modular": ModularArithmetic,
    "composition": GroupComposition,
    "integer_addition": IntegerAddition,
    "equations": Equations,
    "addition": DigitAddition,
    "parity": SparseParity,
    "induction": Induction,
    "fact_composition": FactComposition,
    "fact_comparison": FactComparison,
    "digits": Digits,
    "mnist": Mnist,
    "teacher_student": TeacherStudent,
    "linear_regression": LinearRegression,
    "linear_classification": LinearClassification,
}

__all__ = [
    "TASKS",
    "DigitAddition",
    "Digits",
    "Equations",
    "FactComparison",
    "FactComposition",
    "GroupComposition",
    "Induction",
    "IntegerAddition",
    "LinearClassification",
    "LinearRegression",
    "Mnist",
    "ModularArithmetic",
    "SparseParity",
    "Split",
    "Table",
    "Task",
    "TeacherStudent",
]

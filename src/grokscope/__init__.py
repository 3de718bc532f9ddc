"""grokscope: an instrument for grokking.

    import grokscope as gs

    run = gs.run("quick", seeds=3)   # three networks, one population
    print(run)                       # what each one did, and when

Names are imported when they are first used, so that `import grokscope` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grokscope.engine import SGD, AdamW, CrossEntropy, Hinge, MeanSquare, Muon, StableMax
    from grokscope.experiment import Config, Run, Training, fork, load, paired
    from grokscope.explanation import (
        Explanation,
        ModuleSubject,
        NetworkSubject,
        explain,
        from_hooked_transformer,
    )
    from grokscope.measures.curve import Curve
    from grokscope.measures.grokdef import Verdict, judge
    from grokscope.models import (
        CausalDecoder,
        Decoder,
        DeepTransformer,
        DenseMLP,
        DiagonalLinear,
        EmbeddingMLP,
        OneLayerTransformer,
    )
    from grokscope.recipes import RECIPES, run
    from grokscope.sweep import Design, Results, find_sweep, plan_sweep, run_sweep
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
        TeacherStudent,
    )
    from grokscope.views import write_report

__version__ = "0.1.0"

_HOMES = {
    "AdamW": "grokscope.engine",
    "CausalDecoder": "grokscope.models",
    "Config": "grokscope.experiment",
    "CrossEntropy": "grokscope.engine",
    "Curve": "grokscope.measures.curve",
    "Decoder": "grokscope.models",
    "DeepTransformer": "grokscope.models",
    "DenseMLP": "grokscope.models",
    "Design": "grokscope.sweep",
    "DiagonalLinear": "grokscope.models",
    "DigitAddition": "grokscope.tasks",
    "Digits": "grokscope.tasks",
    "EmbeddingMLP": "grokscope.models",
    "Equations": "grokscope.tasks",
    "Explanation": "grokscope.explanation",
    "FactComparison": "grokscope.tasks",
    "FactComposition": "grokscope.tasks",
    "GroupComposition": "grokscope.tasks",
    "Hinge": "grokscope.engine",
    "Induction": "grokscope.tasks",
    "IntegerAddition": "grokscope.tasks",
    "LinearClassification": "grokscope.tasks",
    "LinearRegression": "grokscope.tasks",
    "MeanSquare": "grokscope.engine",
    "Mnist": "grokscope.tasks",
    "ModularArithmetic": "grokscope.tasks",
    "ModuleSubject": "grokscope.explanation",
    "Muon": "grokscope.engine",
    "NetworkSubject": "grokscope.explanation",
    "OneLayerTransformer": "grokscope.models",
    "RECIPES": "grokscope.recipes",
    "Results": "grokscope.sweep",
    "Run": "grokscope.experiment",
    "SGD": "grokscope.engine",
    "SparseParity": "grokscope.tasks",
    "StableMax": "grokscope.engine",
    "TeacherStudent": "grokscope.tasks",
    "Training": "grokscope.experiment",
    "Verdict": "grokscope.measures.grokdef",
    "explain": "grokscope.explanation",
    "find_sweep": "grokscope.sweep",
    "fork": "grokscope.experiment",
    "from_hooked_transformer": "grokscope.explanation",
    "judge": "grokscope.measures.grokdef",
    "load": "grokscope.experiment",
    "paired": "grokscope.experiment",
    "plan_sweep": "grokscope.sweep",
    "run": "grokscope.recipes",
    "run_sweep": "grokscope.sweep",
    "write_report": "grokscope.views",
}

__all__ = [
    "RECIPES",
    "SGD",
    "AdamW",
    "CausalDecoder",
    "Config",
    "CrossEntropy",
    "Curve",
    "Decoder",
    "DeepTransformer",
    "DenseMLP",
    "Design",
    "DiagonalLinear",
    "DigitAddition",
    "Digits",
    "EmbeddingMLP",
    "Equations",
    "Explanation",
    "FactComparison",
    "FactComposition",
    "GroupComposition",
    "Hinge",
    "Induction",
    "IntegerAddition",
    "LinearClassification",
    "LinearRegression",
    "MeanSquare",
    "Mnist",
    "ModularArithmetic",
    "ModuleSubject",
    "Muon",
    "NetworkSubject",
    "OneLayerTransformer",
    "Results",
    "Run",
    "SparseParity",
    "StableMax",
    "TeacherStudent",
    "Training",
    "Verdict",
    "explain",
    "find_sweep",
    "fork",
    "from_hooked_transformer",
    "judge",
    "load",
    "paired",
    "plan_sweep",
    "run",
    "run_sweep",
    "write_report",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module 'grokscope' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

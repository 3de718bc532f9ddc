"""grokscope: an instrument for grokking.

    import grokscope as gs

    run = gs.run("quick", seeds=3)   # three networks, one population
    print(run)                       # what each one did, and when

Names are imported when they are first used, so that `import grokscope` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grokscope.engine import AdamW, CrossEntropy
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
    from grokscope.models import DeepTransformer, EmbeddingMLP, OneLayerTransformer
    from grokscope.recipes import RECIPES, run
    from grokscope.tasks import GroupComposition, ModularArithmetic
    from grokscope.views import write_report

__version__ = "0.1.0"

_HOMES = {
    "AdamW": "grokscope.engine",
    "Config": "grokscope.experiment",
    "CrossEntropy": "grokscope.engine",
    "Curve": "grokscope.measures.curve",
    "DeepTransformer": "grokscope.models",
    "EmbeddingMLP": "grokscope.models",
    "Explanation": "grokscope.explanation",
    "GroupComposition": "grokscope.tasks",
    "ModularArithmetic": "grokscope.tasks",
    "ModuleSubject": "grokscope.explanation",
    "NetworkSubject": "grokscope.explanation",
    "OneLayerTransformer": "grokscope.models",
    "RECIPES": "grokscope.recipes",
    "Run": "grokscope.experiment",
    "Training": "grokscope.experiment",
    "Verdict": "grokscope.measures.grokdef",
    "explain": "grokscope.explanation",
    "fork": "grokscope.experiment",
    "from_hooked_transformer": "grokscope.explanation",
    "judge": "grokscope.measures.grokdef",
    "load": "grokscope.experiment",
    "paired": "grokscope.experiment",
    "run": "grokscope.recipes",
    "write_report": "grokscope.views",
}

__all__ = [
    "RECIPES",
    "AdamW",
    "Config",
    "CrossEntropy",
    "Curve",
    "DeepTransformer",
    "EmbeddingMLP",
    "Explanation",
    "GroupComposition",
    "ModularArithmetic",
    "ModuleSubject",
    "NetworkSubject",
    "OneLayerTransformer",
    "Run",
    "Training",
    "Verdict",
    "explain",
    "fork",
    "from_hooked_transformer",
    "judge",
    "load",
    "paired",
    "run",
    "write_report",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module 'grokscope' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

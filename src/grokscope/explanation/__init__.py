"""What a network learned: hypotheses, causal tests, a verdict.

A `Subject` is a network seen from outside: one of grokscope's own (`NetworkSubject`), or any
`torch.nn.Module` (`ModuleSubject`). `explain` gives an `Explanation`.
"""

from grokscope.explanation.causal_test import CausalTest
from grokscope.explanation.explain import explain
from grokscope.explanation.explanation import Explanation
from grokscope.explanation.hooked_transformer import from_hooked_transformer
from grokscope.explanation.labelled_circle import LabelledCircle
from grokscope.explanation.legacy import Legacy, legacy
from grokscope.explanation.module_subject import ModuleSubject
from grokscope.explanation.network_subject import NetworkSubject
from grokscope.explanation.subject import Edit, Subject, Trace
from grokscope.explanation.thresholds import Bands, Thresholds

__all__ = [
    "Bands",
    "CausalTest",
    "Edit",
    "Explanation",
    "LabelledCircle",
    "Legacy",
    "ModuleSubject",
    "NetworkSubject",
    "Subject",
    "Thresholds",
    "Trace",
    "explain",
    "from_hooked_transformer",
    "legacy",
]

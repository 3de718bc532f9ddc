"""What the measures of pathways can be imported without."""

import subprocess
import sys

MODULES = ("edit_distance", "sharing", "consistency", "balance", "memorisation", "twins", "groups")
LAZY = ("rapidfuzz", "scipy", "transformers", "tokenizers")


def test_no_optional_or_slow_library_is_imported_before_it_is_needed():
    names = ", ".join(f"grokscope.llm.{module}" for module in MODULES)
    program = (
        f"import sys, {names}, grokscope.statistics.lag, grokscope.statistics.trend\n"
        f"print([name for name in {LAZY} if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert process.stdout.strip() == "[]", process.stderr

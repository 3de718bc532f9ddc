"""The tests that a network failed, as they are written down and as they are shown."""

from collections.abc import Mapping, Sequence

from grokscope.explanation import Explanation

Failures = Mapping[str, Sequence[float | None]]
"""Value and limit by the name of a test; no value where it could not be run."""


def failed_tests(found: Explanation) -> Failures:
    """Those of an explanation."""
    return {test.name: [rounded(test.value), rounded(test.threshold)] for test in found.failed}


def rounded(value: float) -> float | None:
    """To five digits, and None for what is not a number, which JSON does not know."""
    return None if value != value else round(value, 5)


def shown(failed: Failures) -> str:
    """Such as `rotation 0.19 (limit 0.7), control could not be run (limit 0.99)`."""
    return ", ".join(
        f"{name} {'could not be run' if value is None else f'{value:.3g}'} (limit {limit:.3g})"
        for name, (value, limit) in failed.items()
    )

"""The optional libraries of this layer, asked for where they are first needed."""

from importlib.util import find_spec

from grokscope.core.errors import MissingExtraError

EXTRA = "llm"


def require_transformers() -> None:
    """Make sure that transformers can be imported.

    Raises:
        MissingExtraError: it is not installed.
    """
    _require("transformers")


def require_rapidfuzz() -> None:
    """Make sure that rapidfuzz can be imported.

    Raises:
        MissingExtraError: it is not installed.
    """
    _require("rapidfuzz")


def _require(package: str) -> None:
    if find_spec(package) is None:
        raise MissingExtraError(package, EXTRA)

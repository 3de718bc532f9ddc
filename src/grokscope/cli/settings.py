"""Settings as text, made into values of the config's types."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from grokscope.core.errors import UsageError
from grokscope.core.settings import flatten, full_name, kinds_of_setting, read_value
from grokscope.experiment import Config
from grokscope.experiment.kinds import KINDS

Pairs = list[tuple[str, str]]


def read_settings(
    config: Config, pairs: Sequence[tuple[str, str]], options: Sequence[str] = ()
) -> dict[str, Any]:
    """Values by full name; text that is not of a setting's type stays text, for its own check.

    Args:
        config: the config whose settings they are.
        pairs: names (full, or short where unique; dashes or underscores) with values as text.
        options: the command's own options, which a misspelt name may have meant.

    Raises:
        UsageError: a name that is no setting's, with the nearest.
    """
    values: dict[str, Any] = {}
    for name, text in pairs:
        full = _full_name(config, name, options)
        values[full] = read_value(text, kinds_of_setting(config, full))
    return values


def read_sections(pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, str], Pairs]:
    """Kinds by section (`--optimizer sgd`), and the pairs that name single settings."""
    sections = {name: text for name, text in pairs if name in KINDS}
    return sections, [pair for pair in pairs if pair[0] not in KINDS]


def refuse_settings_of_variants(
    changes: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]
) -> None:
    """A setting that the recipe varies itself cannot be given one value.

    Raises:
        UsageError: such a change.
    """
    for name in changes:
        varied = [str(variant[name]) for variant in variants if name in variant]
        if varied:
            found = " and ".join(varied)
            raise UsageError(
                f"`{name}` is what this recipe compares ({found}): it cannot be set here."
            )


def _full_name(config: Config, name: str, options: Sequence[str]) -> str:
    try:
        return full_name(config, name)
    except UsageError as error:
        short = {known.rpartition(".")[2]: known for known in flatten(config)}
        own = [*options, *KINDS]
        candidates = [*own, *(known.replace("_", "-") for known in short)]
        near = difflib.get_close_matches(name.replace("_", "-"), candidates, n=1)
        if near and near[0] in own and near[0] != name:
            raise UsageError(
                f"There is no option `--{name}`. Did you mean `--{near[0]}`?"
            ) from None
        raise error

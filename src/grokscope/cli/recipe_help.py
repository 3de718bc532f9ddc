"""`grokscope run RECIPE --help`: the command's options and every setting with its value here."""

from collections.abc import Sequence
from dataclasses import field, make_dataclass
from typing import Annotated, Any

import tyro
from tyro.conf import (
    AvoidSubcommands,
    FlagConversionOff,
    FlagCreatePairsOff,
    HelptextFromCommentsOff,
    arg,
)

from grokscope.cli.commands import Run
from grokscope.cli.settings import read_sections
from grokscope.experiment import Config
from grokscope.experiment.kinds import KINDS, kinds_of
from grokscope.recipes import find_recipe


def recipe_help(name: str, given: Sequence[tuple[str, str]] = ()) -> Any:  # noqa: ANN401
    """Print the help; it never returns: tyro exits.

    Args:
        name: of the recipe.
        given: settings on the command line; kinds among them, such as `--optimizer sgd`, decide
            whose settings are listed.

    Raises:
        UsageError: there is no such recipe or kind.
        SystemExit: with 0, by tyro, when the help has been printed.
    """
    recipe = find_recipe(name).of_kinds(read_sections(given)[0])
    kinds = kinds_of(recipe.config)
    # true and false spelled out: a bare flag would show as its opposite where true is the default
    settings = FlagConversionOff[Annotated[Config, arg(name="")]]
    form: Any = make_dataclass(
        "Form",
        [("config", settings, field(default=recipe.config))],
        bases=(Run,),
        frozen=True,
        kw_only=True,
    )
    words = [
        f"{recipe.name}: {recipe.summary}.",
        f"Source: {recipe.source}.",
        "Each setting also goes by the last part of its name, where that is unique, and as",
        "name=value: `--lr 3e-3`, `optimizer.lr=3e-3`. Another kind takes the place of a whole",
        f"section with its defaults: {'; '.join(_choice(*item) for item in kinds.items())}.",
        "With --help behind it, its settings are listed.",
    ]
    return tyro.cli(
        form,
        prog=f"grokscope run {name}",
        description=" ".join(words),
        args=["--help"],
        config=(AvoidSubcommands, FlagCreatePairsOff, HelptextFromCommentsOff),
    )


def _choice(section: str, own: str) -> str:
    """Such as `--loss cross_entropy (or hinge, mean_square, stablemax)`."""
    return f"--{section} {own} (or {', '.join(sorted(set(KINDS[section]) - {own}))})"

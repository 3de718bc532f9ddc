"""`grokscope run RECIPE --help`: the command's options and every setting with its value here."""

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
from grokscope.experiment import Config
from grokscope.recipes import find_recipe


def recipe_help(name: str) -> Any:  # noqa: ANN401 (never returns: tyro exits)
    """Print the help.

    Raises:
        UsageError: there is no such recipe.
        SystemExit: with 0, by tyro, when the help has been printed.
    """
    recipe = find_recipe(name)
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
        "name=value: `--lr 3e-3`, `optimizer.lr=3e-3`.",
    ]
    return tyro.cli(
        form,
        prog=f"grokscope run {name}",
        description=" ".join(words),
        args=["--help"],
        config=(AvoidSubcommands, FlagCreatePairsOff, HelptextFromCommentsOff),
    )

"""The subcommands and their arguments; what they do is in modules that they import when needed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, Suppress, UseAppendAction, arg

from grokscope.cli.command import ATTEMPTS, RUNS, Command, Folder, Json, RunName, Settings
from grokscope.cli.monitor_command import Monitor
from grokscope.cli.study_command import Study
from grokscope.cli.sweep_commands import Phases, Sweep, Worker


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Watch six small networks memorise, wait, and then generalise.

    Takes about a minute. Any setting of the recipe can be changed: `--steps 5000`,
    `--optimizer.lr 3e-3` or `lr=3e-3`; `grokscope run demo --help` lists them.
    """

    seeds: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Networks per attention rate, with consecutive seeds (3 unless given)."""
    out: Folder = RUNS
    """The folder of all runs."""
    resume: Annotated[str | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """Go on with an interrupted or killed run."""
    json: Json = False
    """Print one JSON object on stdout."""
    settings: Suppress[Settings] = ()
    """Changed settings by name, as text."""

    def execute(self) -> int:
        """Train, show, report."""
        from grokscope.cli.train import TrainRequest, train

        return train(
            TrainRequest(
                command="demo",
                recipe="demo",
                seeds=self.seeds,
                out=self.out,
                resume=self.resume,
                json=self.json,
                settings=self.settings,
            )
        )


@dataclass(frozen=True, kw_only=True)
class Run:
    """Train a recipe and report on it.

    `grokscope list recipes` names them all. Any setting of the recipe can be changed:
    `--weight-decay 2`, `--optimizer.lr 3e-3` or `lr=3e-3`; `grokscope run RECIPE --help` lists
    them. `--task`, `--model`, `--optimizer` and `--loss` take another kind with its defaults:
    `--optimizer sgd --lr 0.1`.
    """

    recipe: Annotated[Positional[str | None], arg(metavar="[RECIPE]", help_behavior_hint="")] = None
    """Name of the recipe; may be left out with `--resume`."""
    seeds: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Networks to train (per variant of the recipe), with consecutive seeds from `--seed` on."""
    out: Folder = RUNS
    """The folder of all runs."""
    resume: Annotated[str | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """Go on with an interrupted or killed run; its settings are on disk."""
    dry_run: Json = False
    """Check the settings and estimate the time, but train nothing."""
    json: Json = False
    """Print one JSON object on stdout."""
    settings: Suppress[Settings] = ()
    """Changed settings by name, as text."""

    def execute(self) -> int:
        """Probe, train, show, report."""
        from grokscope.cli.train import TrainRequest, train

        return train(
            TrainRequest(
                command="run",
                recipe=self.recipe,
                seeds=self.seeds,
                out=self.out,
                resume=self.resume,
                dry_run=self.dry_run,
                json=self.json,
                settings=self.settings,
            )
        )


@dataclass(frozen=True, kw_only=True)
class Fork:
    """Go on from a kept step of a run in several ways at once.

    One branch is left as it is, and the others are compared with it network by network. A branch is
    a name and what it changes: `--branch "no decay: weight_decay=0"`, `"less data:
    train_fraction=0.2"`, `"other data: data_seed=5"`, `"cut: without_circles=5,8"`, `"one circle:
    only_circles=5"`.
    """

    run: RunName = "last"
    """A path, an id, the beginning of an id, or `last`."""
    step: Annotated[int, arg(metavar="N")]
    """A kept step to go on from."""
    branch: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="TEXT")] = ()
    """NAME: SETTING=VALUE …; may be given several times."""
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """The budget of all branches, from the beginning of the run on; the run's own unless given."""
    seeds: Annotated[str | None, arg(metavar="N,N", help_behavior_hint="")] = None
    """Networks to go on with, by seed; all unless given."""
    out: Folder = RUNS
    """The folder of all runs."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Train, compare, print."""
        from grokscope.cli.fork import fork_run

        return fork_run(self)


@dataclass(frozen=True, kw_only=True)
class Label:
    """Events and label for curves that somebody else recorded.

    Gives the reasons, too. Reads a CSV file with the columns step, train_acc and test_acc (other
    names are recognised), an export of Weights & Biases, or TensorBoard's event files; with
    `--train` and `--test` two files of one curve each, such as TensorBoard's CSV downloads.
    """

    curves: Annotated[Positional[Path | None], arg(metavar="[CURVES]", help_behavior_hint="")] = (
        None
    )
    """A CSV file, a TensorBoard event file or a log directory."""
    train: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """CSV file of the train accuracy alone."""
    test: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """CSV file of the test accuracy alone."""
    chance: Annotated[float | None, arg(metavar="X", help_behavior_hint="")] = None
    """Accuracy of guessing, in [0, 1)."""
    classes: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Number of equally likely classes: chance is 1/N."""
    rule: Annotated[str, arg(metavar="RULE")] = "grokdef/1"
    """The definition: grokdef/1, or liu2022 for that of arXiv 2205.10343."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Read, judge, print."""
        from grokscope.cli.label import label

        return label(self)


@dataclass(frozen=True, kw_only=True)
class List:
    """Recipes and runs, or what each recorded metric means."""

    what: Annotated[
        Positional[Literal["recipes", "runs", "metrics"] | None],
        arg(metavar="[recipes|runs|metrics]", help_behavior_hint=""),
    ] = None
    """`recipes`, `runs` or `metrics`; recipes and runs unless given."""
    out: Folder = RUNS
    """The folder of all runs."""
    json: Json = False
    """Print JSON on stdout: a list, or both lists in one object."""

    def execute(self) -> int:
        """Print them."""
        from grokscope.cli.listing import list_all

        return list_all(self.what, self.out, as_json=self.json)


@dataclass(frozen=True, kw_only=True)
class Show:
    """What a run's networks did, why we say so, and where its files are."""

    run: RunName = "last"
    """A path, an id, the beginning of an id, or `last`."""
    out: Folder = RUNS
    """The folder of all runs."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Print it."""
        from grokscope.cli.show import show

        return show(self.run, self.out, as_json=self.json)


@dataclass(frozen=True, kw_only=True)
class Explain:
    """What a run's networks learned: circles, causal tests, a verdict.

    A whole run's answer is kept as `explanation.json` in the run, and its `report.html` is written
    again. Also reads a state dict with TransformerLens's names: grokscope explain FILE.pt --p 113
    --operation add. A network that stays unexplained is an answer too, with exit code 0.
    """

    run: Annotated[Positional[str], arg(metavar="[RUN|CHECKPOINT|FILE.pt]")] = "last"
    """A path, an id, the beginning of an id, or `last`; the folder of a checkpoint; or a file of
    weights."""
    network: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """One network by its number; all of them unless given."""
    step: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """A kept step; unless given the last one, or the last accurate one where the end is noisy."""
    history: Json = False
    """One network at every kept step: birth and death of its circles."""
    p: Annotated[int | None, arg(metavar="P", help_behavior_hint="")] = None
    """The modulus, for a file of weights."""
    operation: Annotated[
        Literal["add", "subtract", "multiply", "divide"] | None,
        arg(metavar="NAME", help_behavior_hint=""),
    ] = None
    """add, subtract, multiply or divide, for a file of weights."""
    out: Folder = RUNS
    """The folder of all runs."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Test, print, keep."""
        from grokscope.cli.explain import explain

        return explain(self)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure of a run's networks at every kept checkpoint.

    There are active_subnetwork, circuits, effective_rank, ipr, llc, rqi, scale and
    softmax_collapse. For example: grokscope measure last effective_rank
    """

    run: Annotated[Positional[str], arg(metavar="RUN")]
    """A path, an id, the beginning of an id, or `last`."""
    measure: Annotated[Positional[str], arg(metavar="NAME")]
    """The measure."""
    network: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """One network by its number; all of them unless given."""
    out: Folder = RUNS
    """The folder of all runs."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Take it, print it."""
        from grokscope.cli.measure import measure

        return measure(self)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write the report of a run: one HTML file that needs no network."""

    run: RunName = "last"
    """A path, an id, the beginning of an id, or `last`."""
    file: Annotated[Path | None, arg(aliases=("-o",), metavar="FILE", help_behavior_hint="")] = None
    """Where to write it; `report.html` in the run's directory unless given."""
    out: Folder = RUNS
    """The folder of all runs."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Write it."""
        from grokscope.cli.report import report

        return report(self.run, self.file, self.out, as_json=self.json)


@dataclass(frozen=True, kw_only=True)
class Query:
    """Ask all runs in SQL, read-only.

    The tables are `runs`, `curves`, `events` and `progress`. For example:
    grokscope query "SELECT run, label, grokked_step FROM runs". Columns with a slash need double
    quotes: "test/acc". Prints a table on a terminal and CSV elsewhere.
    """

    sql: Annotated[Positional[str], arg(metavar="SQL")]
    """One SELECT statement of DuckDB."""
    out: Folder = RUNS
    """The folder of all runs."""
    json: Json = False
    """Print a JSON list of objects on stdout."""

    def execute(self) -> int:
        """Print the answer."""
        from grokscope.cli.query import ask

        return ask(self.sql, self.out, as_json=self.json)


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Compare every file of a run with its checksum."""

    run: RunName = "last"
    """A path, an id, the beginning of an id, or `last`."""
    out: Folder = RUNS
    """The folder of all runs."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Print `ok` or the problems; the exit code is 3 if there are any."""
        from grokscope.cli.verify import verify

        return verify(self.run, self.out, as_json=self.json)


@dataclass(frozen=True, kw_only=True)
class Replicate:
    """Run published experiments and compare what they give with what was published.

    Says first how long it takes. What is done already is not run again, and what was stopped is
    gone on with by the same command. `grokscope list recipes` shows which tiers a recipe has.
    """

    recipes: Annotated[
        Positional[tuple[str, ...]], arg(metavar="[RECIPE ...]", help_behavior_hint="")
    ] = ()
    """Recipes, or single replications; all that have the tier unless given."""
    tier: Annotated[Literal["smoke", "cpu", "paper"], arg(metavar="TIER")] = "smoke"
    """smoke (minutes on two cores), cpu (an hour) or paper (the published setting, on a GPU)."""
    out: Annotated[Path, arg(metavar="DIR")] = ATTEMPTS
    """The folder of runs and results."""
    development: Json = False
    """Use development seeds, to tune a setting; such results are never recorded."""
    record: Json = False
    """Keep the results among the committed ones and write docs/replications.md again."""
    dry_run: Json = False
    """Say how long it takes, but run nothing."""
    json: Json = False
    """Print a JSON list of results on stdout."""

    def execute(self) -> int:
        """Estimate, run, judge, print."""
        from grokscope.cli.replicate import replicate

        return replicate(self)


COMMANDS: dict[str, type[Command]] = {
    "demo": Demo,
    "run": Run,
    "fork": Fork,
    "label": Label,
    "list": List,
    "show": Show,
    "explain": Explain,
    "measure": Measure,
    "report": Report,
    "query": Query,
    "verify": Verify,
    "replicate": Replicate,
    "sweep": Sweep,
    "worker": Worker,
    "phases": Phases,
    "monitor": Monitor,
    "study": Study,
}

TRAINING: dict[str, type[Demo] | type[Run] | type[Sweep]] = {
    "demo": Demo,
    "run": Run,
    "sweep": Sweep,
}
"""Commands that take settings of a recipe."""

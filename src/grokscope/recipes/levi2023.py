"""Grokking in linear estimators (arXiv 2310.16441): a delay that the accuracy makes."""

from collections.abc import Sequence

from grokscope.engine import SGD, MeanSquare
from grokscope.experiment import Config, Run, Training
from grokscope.models import DenseMLP
from grokscope.recipes.base import Recipe
from grokscope.recipes.replication import Replication, Role, Stage, summary_rows, trained
from grokscope.recipes.rules import Row, delay_ratio_at_least
from grokscope.tasks import LinearRegression

FEATURES = 400
_TESTED = 1_000
_RIGHT = 0.95


def levi2023_linear() -> Recipe:
    """A linear student of 400 Gaussian features, gradient descent, features over rows λ = .9."""
    return Recipe(
        name="levi2023-linear",
        summary="linear regression with λ = .9 features per row; the share of small errors groks",
        source="arXiv 2310.16441",
        config=_config(0.9),
    )


def levi2023_ratio() -> Replication:
    """The ratio of the two times grows with λ and is small for many rows."""
    roles: dict[float, Role] = {0.9: "subject", 0.25: "control"}
    arms = tuple(
        trained(
            f"λ = {ratio}",
            _config(ratio),
            role=roles.get(ratio, "reference"),
            seeds=20,
            measure=hits,
        )
        for ratio in (0.9, 0.8, 0.7, 0.5, 0.25)
    )
    return Replication(
        name="levi2023-linear",
        recipe="levi2023-linear",
        source="arXiv 2310.16441, figure 1",
        published="test over train time to 95 % of errors below .001 grows without bound as λ "
        "nears 1; by the exact solution with 400 features 1.2, 1.6, 2.5, 3.5 and 10.6 at λ = .25, "
        ".5, .7, .8 and .9",
        rule=delay_ratio_at_least(3.0),
        tiers={"smoke": Stage(arms=arms, minutes=1)},
    )


def hits(run: Run) -> Sequence[Row]:
    """The summary with the steps at which 95 % of the errors are small in the place of its own."""
    curves = run.curves
    rows: list[Row] = []
    for network, row in enumerate(summary_rows(run)):
        own = curves["network"] == network
        found: dict[str, int | None] = {}
        for name, metric in (("memorized_step", "train/within"), ("grokked_step", "test/within")):
            steps = curves["step"][own][curves[metric][own] >= _RIGHT]
            found[name] = int(steps[0]) if len(steps) else None
        rows.append(row | found)
    return rows


def _config(ratio: float) -> Config:
    n_train = round(FEATURES / ratio)
    n_rows = n_train + _TESTED
    return Config(
        task=LinearRegression(d=FEATURES, n_rows=n_rows, train_fraction=(n_train + 0.5) / n_rows),
        model=DenseMLP(n_hidden_layers=0, bias=False),
        optimizer=SGD(lr=0.1, momentum=0.0, weight_decay=0.0),
        loss=MeanSquare(),
        training=Training(
            steps=8_000 if ratio > 0.85 else 1_500,
            stop_when_grokked=False,
            eval_ratio=1.02,
            checkpoint_ratio=10.0,
        ),
    )

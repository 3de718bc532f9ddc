"""Grokking modular arithmetic (arXiv 2301.02679): a quadratic network without any decay."""

from collections.abc import Sequence

from grokscope.engine import SGD, MeanSquare
from grokscope.experiment import Config, Run, Training
from grokscope.models import DenseMLP
from grokscope.recipes.base import Recipe
from grokscope.recipes.replication import Replication, Stage, summary_rows, trained
from grokscope.recipes.rules import (
    Row,
    all_of,
    delay_ratio_at_least,
    share_at_least,
    share_generalising,
)
from grokscope.tasks import ModularArithmetic


def gromov2023() -> Recipe:
    """Addition mod 97 on half of the rows, 500 neurons, full-batch gradient descent.

    The paper's f(x) = W_U (W_in x / √D)² / N makes gradients small, so that learning rates are
    large; its own schedule we could not read.
    """
    return Recipe(
        name="gromov2023",
        summary="a quadratic network on addition mod 97, gradient descent without any decay",
        source="arXiv 2301.02679",
        config=_config(p=97, n_neurons=500, fraction=0.5, lr=1e6),
    )


def gromov2023_descent() -> Replication:
    """Generalisation after memorisation without regularisation; random labels stay memorised."""
    small = _config(p=31, n_neurons=300, fraction=0.6, lr=3e4)
    smoke = Stage(
        arms=(
            trained("addition", small, seeds=8, measure=with_participation),
            trained(
                "random labels",
                small,
                {"task.label_noise": 1.0},
                role="control",
                seeds=8,
                measure=with_participation,
            ),
        ),
        minutes=1,
        differs="At p = 31 and 60 % of the rows the delay is a factor of two, and test accuracy "
        "leaves chance before half of it is over: `grokdef/1` calls that comprehension.",
    )
    return Replication(
        name="gromov2023",
        recipe="gromov2023",
        source="arXiv 2301.02679, figures 1 and 3",
        published="addition mod 97, half of the rows, gradient descent and no regularisation: test "
        "accuracy reaches 100 % after train accuracy, and rows of W_in become single frequencies "
        "(their inverse participation ratio rises)",
        rule=all_of(
            share_generalising(0.5),
            delay_ratio_at_least(1.5),
            share_at_least(0.5, _is_periodic, "networks whose participation ratio doubles"),
        ),
        tiers={"smoke": smoke, "paper": _published()},
    )


def _published() -> Stage:
    """The published setting, where the delay is a few per cent."""
    published = gromov2023().config
    return Stage(
        arms=(
            trained("addition mod 97", published, seeds=8, measure=with_participation),
            trained(
                "random labels",
                published,
                {"task.label_noise": 1.0},
                role="control",
                seeds=8,
                measure=with_participation,
            ),
        ),
        minutes=5,
        rule=all_of(
            share_generalising(0.5),
            share_at_least(0.5, _is_periodic, "networks whose participation ratio doubles"),
        ),
    )


def with_participation(run: Run) -> Sequence[Row]:
    """The summary with the inverse participation ratio at the first and the last checkpoint."""
    found = run.measure("ipr")
    rows: list[Row] = []
    for network, row in enumerate(summary_rows(run)):
        own = found["measure/ipr"][found["network"] == network]
        rows.append(row | {"ipr_before": float(own[0]), "ipr_after": float(own[-1])})
    return rows


def _config(*, p: int, n_neurons: int, fraction: float, lr: float) -> Config:
    return Config(
        task=ModularArithmetic(operation="add", p=p, train_fraction=fraction),
        model=DenseMLP(
            d_hidden=n_neurons,
            n_hidden_layers=1,
            activation="square",
            bias=False,
            init_like="normal",
            output_factor=1 / (n_neurons * 2 * p),
        ),
        optimizer=SGD(lr=lr, momentum=0.0, weight_decay=0.0),
        loss=MeanSquare(),
        training=Training(steps=10_000),
    )


def _is_periodic(row: Row) -> bool:
    return row["ipr_after"] >= 2 * row["ipr_before"]

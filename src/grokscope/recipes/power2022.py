"""Grokking: generalization beyond overfitting on small algorithmic datasets (arXiv 2201.02177)."""

from grokscope.engine import AdamW
from grokscope.experiment import Config, Training
from grokscope.models import Decoder
from grokscope.recipes.base import Recipe
from grokscope.recipes.replication import Replication, Stage, trained
from grokscope.recipes.rules import all_of, delay_ratio_at_least, share_labelled
from grokscope.tasks import GroupComposition, ModularArithmetic, Task


def power2022() -> Recipe:
    """Division mod 97 on half of the rows: the paper's decoder and its AdamW with decay 1.

    Its best-known picture (figure 1, left) is of this task, but with Adam, no weight decay and a
    budget of 10^6 steps: there test accuracy rises after 10^5 steps. Batches are of 512 rows, or of
    half the training rows where that is less.
    """
    return Recipe(
        name="power2022",
        summary="the decoder in which grokking was found, on division mod 97, 100,000 steps",
        source="arXiv 2201.02177",
        config=_config(ModularArithmetic(operation="divide", p=97, train_fraction=0.5)),
    )


def power2022_s5() -> Recipe:
    """The same decoder on permutations of five things, half of the rows.

    The paper follows x∘y down to 25 to 30 % of the rows, where a percent less takes half as long
    again.
    """
    return Recipe(
        name="power2022-s5",
        summary="the same decoder on composition in S5, or x∘y∘x⁻¹ or x∘y∘x, 100,000 steps",
        source="arXiv 2201.02177",
        config=_config(GroupComposition(group="S5", train_fraction=0.5)),
    )


def power2022_delay() -> Replication:
    """Generalisation long after memorisation, on division; random labels must not show it."""
    small = Config(
        task=ModularArithmetic(operation="divide", p=31, train_fraction=0.7),
        model=Decoder(d_model=32),
        optimizer=AdamW(lr=1e-3, weight_decay=1.0, beta1=0.9, beta2=0.98, warmup_steps=10),
        training=Training(steps=8_000, batch_size=320),
    )
    random = {"task.label_noise": 1.0}
    smoke = Stage(
        arms=(
            trained("division", small),
            trained("random labels", small, random, role="control"),
        ),
        minutes=4,
    )
    return Replication(
        name="power2022",
        recipe="power2022",
        source="arXiv 2201.02177, figure 1",
        published="division mod 97, half of the rows: training accuracy near 1 before 1,000 steps, "
        "validation accuracy at chance for 10⁵ steps and near 1 after 10⁶ (Adam without decay)",
        rule=all_of(share_labelled(0.5), delay_ratio_at_least(3.0)),
        tiers={"smoke": smoke},
    )


def _config(task: Task) -> Config:
    return Config(
        task=task,
        model=Decoder(),
        optimizer=AdamW(lr=1e-3, weight_decay=1.0, beta1=0.9, beta2=0.98, warmup_steps=10),
        training=Training(steps=100_000, batch_size=512),
    )

"""Every recipe, and every replication, by name."""

from collections.abc import Callable

from grokscope.recipes.base import Recipe
from grokscope.recipes.demo import demo
from grokscope.recipes.nanda2023 import nanda2023, nanda2023_order
from grokscope.recipes.power2022 import power2022, power2022_delay, power2022_s5
from grokscope.recipes.quick import quick, quick_mlp
from grokscope.recipes.replication import Replication
from grokscope.recipes.survey_zhong2023 import survey_zhong2023
from grokscope.recipes.zhong2023 import (
    zhong2023_a,
    zhong2023_a_pizza,
    zhong2023_b,
    zhong2023_b_clock,
)

RECIPES: dict[str, Callable[[], Recipe]] = {
    "demo": demo,
    "nanda2023": nanda2023,
    "power2022": power2022,
    "power2022-s5": power2022_s5,
    "quick": quick,
    "quick-mlp": quick_mlp,
    "survey-zhong2023": survey_zhong2023,
    "zhong2023-a": zhong2023_a,
    "zhong2023-b": zhong2023_b,
}

REPLICATIONS: dict[str, Callable[[], Replication]] = {
    "nanda2023": nanda2023_order,
    "power2022": power2022_delay,
    "zhong2023-a": zhong2023_a_pizza,
    "zhong2023-b": zhong2023_b_clock,
}

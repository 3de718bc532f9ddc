"""Published experiments, and two small ones, by name."""

from grokscope.recipes.base import Recipe
from grokscope.recipes.demo import demo
from grokscope.recipes.launch import find_recipe, run
from grokscope.recipes.nanda2023 import nanda2023
from grokscope.recipes.power2022 import power2022
from grokscope.recipes.quick import quick, quick_mlp
from grokscope.recipes.registry import RECIPES
from grokscope.recipes.survey_zhong2023 import survey_zhong2023
from grokscope.recipes.zhong2023 import zhong2023_a, zhong2023_b

__all__ = [
    "RECIPES",
    "Recipe",
    "demo",
    "find_recipe",
    "nanda2023",
    "power2022",
    "quick",
    "quick_mlp",
    "run",
    "survey_zhong2023",
    "zhong2023_a",
    "zhong2023_b",
]

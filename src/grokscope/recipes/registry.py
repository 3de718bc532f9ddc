"""Every recipe, and every replication, by name."""

from collections.abc import Callable

from grokscope.recipes.base import Recipe
from grokscope.recipes.demo import demo
from grokscope.recipes.grokfast2024 import grokfast2024, grokfast2024_matched
from grokscope.recipes.gromov2023 import gromov2023, gromov2023_descent
from grokscope.recipes.levi2023 import levi2023_linear, levi2023_ratio
from grokscope.recipes.liu2022 import liu2022_four_phases, liu2022_phases
from grokscope.recipes.lyu2023 import lyu2023_diagonal, lyu2023_misgrokking, lyu2023_time
from grokscope.recipes.muon2025 import muon2025, muon2025_speed
from grokscope.recipes.nanda2023 import nanda2023, nanda2023_fraction, nanda2023_order
from grokscope.recipes.omnigrok import (
    omnigrok_digits,
    omnigrok_digits_delay,
    omnigrok_teacher_student,
    omnigrok_teacher_student_delay,
)
from grokscope.recipes.parity import (
    barak2022_exponent,
    barak2022_parity,
    merrill2023,
    merrill2023_sparse,
)
from grokscope.recipes.power2022 import (
    power2022,
    power2022_delay,
    power2022_fraction,
    power2022_regularisers,
    power2022_s5,
)
from grokscope.recipes.prieto2025 import (
    prieto2025,
    prieto2025_collapse,
    prieto2025_orthogonal,
    prieto2025_stablemax,
)
from grokscope.recipes.quick import quick, quick_mlp
from grokscope.recipes.replication import Replication
from grokscope.recipes.survey_zhong2023 import survey_zhong2023
from grokscope.recipes.varma2023 import (
    varma2023,
    varma2023_efficiency,
    varma2023_semi,
    varma2023_ungrokking,
)
from grokscope.recipes.wang2024 import wang2024_composition, wang2024_composition_gap
from grokscope.recipes.zhong2023 import (
    zhong2023_a,
    zhong2023_a_pizza,
    zhong2023_b,
    zhong2023_b_clock,
)

RECIPES: dict[str, Callable[[], Recipe]] = {
    "demo": demo,
    "quick": quick,
    "quick-mlp": quick_mlp,
    "power2022": power2022,
    "power2022-s5": power2022_s5,
    "liu2022-phases": liu2022_phases,
    "omnigrok-digits": omnigrok_digits,
    "omnigrok-teacher-student": omnigrok_teacher_student,
    "barak2022-parity": barak2022_parity,
    "nanda2023": nanda2023,
    "gromov2023": gromov2023,
    "merrill2023": merrill2023,
    "zhong2023-a": zhong2023_a,
    "zhong2023-b": zhong2023_b,
    "survey-zhong2023": survey_zhong2023,
    "varma2023": varma2023,
    "levi2023-linear": levi2023_linear,
    "lyu2023-diagonal": lyu2023_diagonal,
    "grokfast2024": grokfast2024,
    "wang2024-composition": wang2024_composition,
    "prieto2025": prieto2025,
    "muon2025": muon2025,
}

REPLICATIONS: dict[str, Callable[[], Replication]] = {
    "power2022": power2022_delay,
    "power2022-fraction": power2022_fraction,
    "power2022-regularisers": power2022_regularisers,
    "liu2022-phases": liu2022_four_phases,
    "omnigrok-digits": omnigrok_digits_delay,
    "omnigrok-teacher-student": omnigrok_teacher_student_delay,
    "barak2022-parity": barak2022_exponent,
    "nanda2023": nanda2023_order,
    "nanda2023-fraction": nanda2023_fraction,
    "gromov2023": gromov2023_descent,
    "merrill2023": merrill2023_sparse,
    "zhong2023-a": zhong2023_a_pizza,
    "zhong2023-b": zhong2023_b_clock,
    "varma2023-ungrokking": varma2023_ungrokking,
    "varma2023-semi": varma2023_semi,
    "varma2023-efficiency": varma2023_efficiency,
    "levi2023-linear": levi2023_ratio,
    "lyu2023-diagonal": lyu2023_time,
    "lyu2023-misgrokking": lyu2023_misgrokking,
    "grokfast2024": grokfast2024_matched,
    "wang2024-composition": wang2024_composition_gap,
    "prieto2025": prieto2025_orthogonal,
    "prieto2025-collapse": prieto2025_collapse,
    "prieto2025-stablemax": prieto2025_stablemax,
    "muon2025": muon2025_speed,
}

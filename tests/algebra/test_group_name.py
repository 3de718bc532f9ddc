"""Groups by name."""

import pytest

from grokscope.algebra.group_name import group_named
from grokscope.core.errors import SettingError

ORDERS = {
    "Z2": 2,
    "Z240": 240,
    "D3": 6,
    "D120": 240,
    "S5": 120,
    "A3": 3,
    "A5": 60,
    "Q8": 8,
    "F156": 156,
    "Z6xZ10": 60,
    "Z2xA5": 120,
    "Z2xZ2xZ2": 8,
}


@pytest.mark.parametrize("name", ORDERS)
def test_names_lead_to_their_groups(name: str):
    group = group_named(name)
    assert group.name == name
    assert group.order == ORDERS[name]


def test_a_name_always_gives_the_same_object():
    assert group_named("S4") is group_named("S4")


@pytest.mark.parametrize(
    "name",
    ["", "S6", "Z1", "Z0", "Z241", "D2", "D121", "s5", "Z6xZ50", "Z6x", "xZ6", "Z06", "Q16", "F21"],
)
def test_other_names_are_refused_with_what_exists(name: str):
    with pytest.raises(SettingError) as error:
        group_named(name)
    assert str(error.value) == (
        "`group` must be one of Z2 … Z240, D3 … D120, S3, S4, S5, A3, A4, A5, Q8, F20, F42, F110, "
        f"F156 or a product such as Z6xZ10, of order at most 240, got {name!r}."
    )

"""Composition in a group: its settings and its name."""

from dataclasses import replace

import pytest

from grokscope.core.errors import SettingError
from grokscope.tasks import GroupComposition


def test_it_is_named_after_its_group():
    assert GroupComposition().name == "composition in S5"
    assert GroupComposition(group="Z6xZ10").name == "composition in Z6xZ10"
    assert GroupComposition(word="xyX").name == "conjugation x∘y∘x⁻¹ in S5"
    assert GroupComposition(word="xyx").name == "x∘y∘x in S5"


def test_the_table_carries_its_group_and_no_cyclic_coordinates():
    table = GroupComposition(group="D7").table()
    assert table.group is not None
    assert table.group.name == "D7"
    assert table.cyclic is None


@pytest.mark.parametrize("group", ["S6", "M11", "Z6xZ50", "", "d7"])
def test_groups_that_do_not_exist_here_are_refused_in_one_line(group: str):
    with pytest.raises(SettingError) as error:
        replace(GroupComposition(), group=group)
    message = str(error.value)
    assert message.startswith("`group` must be one of Z2 … Z240, D3 … D120, S3, S4, S5")
    assert message.endswith(f"got {group!r}.")
    assert "\n" not in message


def test_a_group_that_is_no_text_is_refused():
    task = GroupComposition()
    object.__setattr__(task, "group", 5)
    with pytest.raises(SettingError, match="`group` must be text, got 5"):
        task.__post_init__()

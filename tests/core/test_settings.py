"""Settings: types are checked, names are dotted paths with short forms."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from grokscope.core.errors import SettingError, UsageError
from grokscope.core.settings import check_types, flatten, full_name, with_settings


@dataclass(frozen=True, kw_only=True)
class Oven:
    """One of every type of setting."""

    heat: float = 1.0
    mode: Literal["fan", "grill"] = "fan"
    timer: int | None = None
    light: bool = False

    def __post_init__(self) -> None:
        check_types(self)


@dataclass(frozen=True, kw_only=True)
class Hob:
    """Shares a name with the oven."""

    heat: float = 2.0
    rings: int = 4


@dataclass(frozen=True, kw_only=True)
class Kitchen:
    """Nests both."""

    oven: Oven = field(default_factory=Oven)
    hob: Hob = field(default_factory=Hob)
    name: str = "small"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"heat": "hot"}, "`heat` must be a number, got 'hot'."),
        ({"heat": True}, "`heat` must be a number, got True."),
        ({"mode": "micro"}, "`mode` must be one of `fan`, `grill`, got 'micro'."),
        ({"timer": 1.5}, "`timer` must be a whole number or unset, got 1.5."),
        ({"light": 1}, "`light` must be true or false, got 1."),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(settings: dict[str, object], message: str):
    with pytest.raises(SettingError) as caught:
        Oven(**settings)
    assert str(caught.value) == message


def test_whole_numbers_pass_as_numbers():
    assert Oven(heat=3, timer=5, light=True).heat == 3


def test_leaves_have_dotted_names():
    assert flatten(Kitchen()) == {
        "oven.heat": 1.0,
        "oven.mode": "fan",
        "oven.timer": None,
        "oven.light": False,
        "hob.heat": 2.0,
        "hob.rings": 4,
        "name": "small",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rings", "hob.rings"), ("hob.heat", "hob.heat"), ("name", "name")],
)
def test_a_short_name_stands_for_the_only_setting_called_so(name: str, expected: str):
    assert full_name(Kitchen(), name) == expected


def test_an_ambiguous_name_lists_its_candidates():
    with pytest.raises(UsageError, match=r"`heat` could be `oven.heat` or `hob.heat`"):
        full_name(Kitchen(), "heat")


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match=r"no setting `ringz`\. Did you mean `hob.rings`"):
        full_name(Kitchen(), "ringz")


def test_a_group_of_settings_is_no_setting():
    with pytest.raises(UsageError, match=r"`hob` is no single setting: name one of it, such as `h"):
        full_name(Kitchen(), "hob")


def test_changes_reach_nested_settings_and_leave_the_original_alone():
    original = Kitchen()
    changed = with_settings(original, {"rings": 5, "oven.heat": 9.0, "name": "big"})
    assert flatten(changed) == flatten(original) | {
        "hob.rings": 5,
        "oven.heat": 9.0,
        "name": "big",
    }
    assert original == Kitchen()


def test_a_change_is_checked_like_a_first_value():
    with pytest.raises(SettingError, match="`mode` must be one of"):
        with_settings(Kitchen(), {"mode": "micro"})

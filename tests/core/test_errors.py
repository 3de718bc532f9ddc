"""Errors: one line for people, one exit code for scripts."""

import pytest

from grokscope.core import errors

CODES = {
    errors.GrokscopeError: 1,
    errors.UsageError: 2,
    errors.VerificationError: 3,
    errors.DivergedError: 4,
    errors.MemoryExceededError: 5,
    errors.DiskError: 6,
    errors.InterruptedRunError: 75,
}


@pytest.mark.parametrize(("error", "code"), CODES.items())
def test_every_error_has_its_exit_code_and_one_base(error: type[Exception], code: int):
    assert error("one line").exit_code == code
    assert issubclass(error, errors.GrokscopeError)


def test_a_setting_error_names_setting_rule_and_value_and_is_a_value_error():
    error = errors.SettingError("weight_decay", "at least 0", -1.0)
    assert str(error) == "`weight_decay` must be at least 0, got -1.0."
    assert (error.setting, error.rule, error.value) == ("weight_decay", "at least 0", -1.0)
    assert isinstance(error, ValueError)
    assert error.exit_code == 2


def test_a_missing_extra_names_the_command_that_installs_it():
    error = errors.MissingExtraError("ray", "sweep")
    assert str(error) == "`ray` is not installed: pip install 'grokscope[sweep]'"
    assert error.exit_code == 1

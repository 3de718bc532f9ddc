"""Every error that grokscope raises on purpose, with the exit code of the command line.

GrokscopeError (1)
├── SettingError (2)           a setting breaks its rule; also a ValueError
├── UsageError (2)             the command cannot be meant
├── VerificationError (3)      a file is not what it was when it was written
├── DivergedError (4)          every network of a run went NaN
├── MemoryExceededError (5)
├── DiskError (6)              the disk is full or cannot be written
├── InterruptedRunError (75)   stopped on request, resumable
└── MissingExtraError (1)      an optional dependency is not installed
"""

from typing import ClassVar


class GrokscopeError(Exception):
    """Base class: one clear line for people, one exit code for scripts."""

    exit_code: ClassVar[int] = 1


class SettingError(GrokscopeError, ValueError):
    """A setting whose value breaks its rule.

    >>> str(SettingError("weight_decay", "at least 0", -1.0))
    '`weight_decay` must be at least 0, got -1.0.'
    """

    exit_code = 2

    def __init__(self, setting: str, rule: str, value: object) -> None:
        self.setting = setting
        self.rule = rule
        self.value = value
        super().__init__(f"`{setting}` must be {rule}, got {value!r}.")


class UsageError(GrokscopeError):
    """A request that cannot be carried out as it was written."""

    exit_code = 2


class VerificationError(GrokscopeError):
    """A stored file is missing, truncated or changed."""

    exit_code = 3


class DivergedError(GrokscopeError):
    """Every network of a run went NaN or infinite."""

    exit_code = 4


class MemoryExceededError(GrokscopeError):
    """The machine's or the device's memory does not suffice."""

    exit_code = 5


class DiskError(GrokscopeError):
    """The disk is full or refuses to be written."""

    exit_code = 6


class InterruptedRunError(GrokscopeError):
    """The run was stopped on request; what is on disk is valid and resumable."""

    exit_code = 75

    def __init__(self, message: str, run_id: str = "") -> None:
        self.message = message
        self.run_id = run_id
        hint = f" Go on with `--resume {run_id}`." if run_id else ""
        super().__init__(message + hint)


class MissingExtraError(GrokscopeError):
    """An optional dependency is missing; the message names the pip command."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"`{package}` is not installed: pip install 'grokscope[{extra}]'")

"""The entry point: reads the command, runs it, and turns every error into a line and a code."""

import os
import signal
import sys
from collections.abc import Sequence

from grokscope.core.errors import GrokscopeError

INTERRUPTED = 128 + signal.SIGINT
DISK = 6

WELCOME = """\
grokscope: an instrument for grokking.

Type first:
  grokscope demo                 watch six small networks grok, in about a minute
  grokscope run quick            one small network, in seconds
  grokscope show                 what the last run's networks did, and why we say so
  grokscope explain              what they learned: circles, causal tests, a verdict
  grokscope label CURVES.csv     events and label for curves of your own

  grokscope list                 recipes and runs
  grokscope --help               every command
  grokscope run RECIPE --help    every setting of a recipe
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code (0 done, 2 usage, 75 interrupted; see the README)."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except GrokscopeError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("stopped at once, nothing more was saved", INTERRUPTED)
    except BrokenPipeError:
        # whoever read our output has seen enough; the interpreter must not flush it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", DISK)


def _dispatch(words: list[str]) -> int:
    if not words:
        sys.stdout.write(WELCOME)
        return 0
    if "--version" in words[:2]:
        return _version(as_json="--json" in words)
    from grokscope.cli.parse import parse

    command = parse(words)
    return 0 if command is None else command.execute()


def _version(*, as_json: bool) -> int:
    import platform
    from importlib import metadata

    from grokscope import __version__
    from grokscope.cli.screen import write_json

    # from the installed package's metadata: importing torch would take seconds
    torch, python = metadata.version("torch"), platform.python_version()
    if as_json:
        write_json({"grokscope": __version__, "torch": torch, "python": python})
    else:
        sys.stdout.write(f"grokscope {__version__} (torch {torch}, Python {python})\n")
    return 0


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"grokscope: {line}\n")
    return code

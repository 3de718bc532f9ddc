"""The command line of the benchmarks; a bad argument gets one line and exit code 2."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

import torch

from benchmarks.cases import CASES
from benchmarks.contestants import OPTIONAL


class Parser(argparse.ArgumentParser):
    """One line for a bad argument."""

    def error(self, message: str) -> NoReturn:
        """The message alone, without the usage."""
        print(f"{self.prog}: {message} (see --help)", file=sys.stderr)
        raise SystemExit(2)


def parse(words: list[str]) -> argparse.Namespace:
    """The options; ends the program where they make no sense."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch finds no CUDA device here")
    if options.append and (options.growth or options.draw):
        parser.error("--append goes with the cases, not with --growth or --draw")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m benchmarks",
        description="Times one training step beside its bare matrix products, a roofline from "
        "counts, the textbook, the textbook compiled, and a stack made with torch.func.vmap.",
    )
    add = parser.add_argument
    add("--json", action="store_true", help="print a JSON list of cases")
    add("--case", action="append", choices=list(CASES), help="repeatable; all by default")
    add("--contestants", nargs="*", choices=OPTIONAL, default=list(OPTIONAL), metavar="NAME",
        help=f"beside floor, ours and textbook: {', '.join(OPTIONAL)}; all by default")  # fmt: skip
    add("--device", choices=["cpu", "cuda"], default="cpu")
    add("--threads", type=whole(1), help="torch's own choice by default")
    add("--repeats", type=whole(2), default=25, help="timed rounds (25)")
    add("--seconds", type=whole(1), default=60, help="no new round after so many, per case (60)")
    add("--append", action="store_true", help="add the results to benchmarks/RESULTS.md")
    add("--growth", action="store_true", help="time against p, networks and width, and draw it")
    add("--draw", action="store_true", help="draw benchmarks/growth.json again")
    return parser


def whole(least: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number of at least so much."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number of at least {least}, got {text}"
            )
        return int(text)

    return number

"""The explainer on networks whose algorithm is known, on such as have none, and on other tables.

    python -m benchmarks.explainer planted    # a confusion matrix over labels
    python -m benchmarks.explainer nulls      # the false-positive rate
    python -m benchmarks.explainer tables     # operations and groups; keeps its runs

Each writes a JSON file and a table to `benchmarks/explainer/results/`.
"""

import argparse
from pathlib import Path

from benchmarks.explainer.tables import judge_tables
from benchmarks.explainer.trust import judge_nulls, judge_planted


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explainer")
    parser.add_argument("what", choices=("planted", "nulls", "tables"))
    parser.add_argument("--seeds", type=int, default=20, help="networks of each kind")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="for `tables`")
    given = parser.parse_args()
    if given.what == "tables":
        print(judge_tables(given.runs))
    else:
        judge = judge_planted if given.what == "planted" else judge_nulls
        print(judge(given.seeds))


if __name__ == "__main__":
    main()

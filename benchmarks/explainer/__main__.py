"""The explainer on networks whose algorithm is known, and on such as have none.

    python -m benchmarks.explainer planted    # a confusion matrix over labels
    python -m benchmarks.explainer nulls      # the false-positive rate

Both write a JSON file and a table to `benchmarks/explainer/results/`.
"""

import argparse

from benchmarks.explainer.trust import judge_nulls, judge_planted


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explainer")
    parser.add_argument("what", choices=("planted", "nulls"))
    parser.add_argument("--seeds", type=int, default=20, help="networks of each kind")
    arguments = parser.parse_args()
    judge = judge_planted if arguments.what == "planted" else judge_nulls
    print(judge(arguments.seeds))


if __name__ == "__main__":
    main()

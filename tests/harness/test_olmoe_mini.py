"""The study of language models: a page that is what its kept series give."""

import numpy as np
from benchmarks.olmoe_mini import __main__ as study
from benchmarks.olmoe_mini import tables

from grokscope.recipes.olmoe_mini.arm import MAIN
from grokscope.recipes.olmoe_mini.form import CPU
from grokscope.recipes.olmoe_mini.questions import answers
from recipes.olmoe_mini.planted import DOMAINS, record


def test_the_page_is_what_the_series_give():
    assert study.PAGE.read_text(encoding="utf-8") == study.page()
    assert "<!--" not in study.page()


def test_the_kept_series_are_those_of_the_whole_form():
    records = study.recorded("cpu")
    assert [(one.arm, one.seed) for one in records] == CPU.runs
    for one in records:
        assert one.steps.tolist() == [float(step) for step in CPU.measured]
        assert np.isfinite(one.series("arithmetic/test", "accuracy")).all()


def test_every_domain_and_arm_is_in_the_tables():
    records = [record(seed, arm=arm) for arm in (MAIN, "frozen-router") for seed in (1, 2)]
    found = tables.of_cpu(records, answers(records, 128), [])
    assert all(
        f"| {MAIN} | {seed} | {name} |" in found["dates"] for seed in (1, 2) for name in DOMAINS
    )
    assert "frozen-router: distance_normalized" in found["controls"]
    assert found["arms"].count("not run in this form") == 4

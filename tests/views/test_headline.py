"""The verdict of a run in sentences."""

import pytest

from grokscope.views.headline import ratio_words, verdict
from grokscope.views.network_table import interval_words, percent
from views.summaries import censored, diverged, summary


def test_a_run_in_which_all_grokked_gives_the_median_and_the_spread():
    rows = [summary(i, delay_ratio=ratio) for i, ratio in enumerate((5.0, 6.0, 9.0))]
    assert verdict(rows) == ["3 of 3 networks grokked: median delay ratio 6.0 (5.0 to 9.0)."]


def test_censored_networks_are_said_and_counted():
    main, late = verdict([summary(0), summary(1), censored(2)])
    assert "2 of 3 networks grokked" in main
    assert "over all 3" in main
    assert late.startswith("1 of 3 had memorised but not generalised by step 3,000")
    assert "censored" in late


def test_a_median_that_was_not_reached_is_not_made_up():
    main, *_ = verdict([summary(0), censored(1), censored(2)])
    assert "not reached" in main


def test_a_divergence_is_told():
    assert any("diverged" in sentence for sentence in verdict([summary(0), diverged(1)]))


def test_without_test_rows_nothing_is_said_of_generalisation():
    alone = censored(0, test_acc=None, test_acc_novel=None)
    assert "without test rows" in " ".join(verdict([alone]))


@pytest.mark.parametrize("label", ["confusion", "semi_grokking", "collapse", "anti_grokking"])
def test_every_label_has_a_sentence(label: str):
    assert len(verdict([censored(0, label=label), summary(1)])) == 2


def test_no_summary_gives_no_verdict():
    assert verdict([]) == []


def test_numbers_are_written_for_people():
    assert (ratio_words(None), ratio_words(5.55), ratio_words(1234.5)) == (
        "not reached",
        "5.5",
        "1,234",
    )
    assert interval_words(None, None) == "not reached"
    assert interval_words(1200, 1100) == "(1,100, 1,200]"
    assert interval_words(0, None) == "0"
    assert (percent(None), percent(1.0), percent(0.99999), percent(0.5)) == (
        "–",
        "100 %",
        "> 99.9 %",
        "50.0 %",
    )

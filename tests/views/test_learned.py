"""What the networks learned: shown as it is stored, and only where it is."""

import html
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grokscope.engine import AdamW
from grokscope.experiment import Run, Training
from grokscope.experiment.explained import explain_run, store_explanations
from grokscope.models import EmbeddingMLP
from grokscope.tasks import GroupComposition
from grokscope.views import profile_figure, render_report
from grokscope.views.learned import learned, verdict_sentence
from grokscope.views.profile_figure import fitted_forms
from views.explanations import explanation, failed
from views.test_report import HOSTILE, page_without_scripts

ROOT = Path(__file__).parents[2]


def row(verdict: str = "explained", label: str = "pizza") -> dict[str, Any]:
    return {"verdict": verdict, "label": label, "sentence": f"{verdict}: {label}."}


def test_the_section_shows_every_network_with_its_circles_and_tests(explained: Run):
    section = learned(explained)
    assert section is not None
    stored: Any = explained.directory.explanation
    for network, found in zip(section.networks, stored["explanations"], strict=True):
        assert network.sentence.replace("_", " ") == found["sentence"].replace("_", " ")
        assert [c.frequency for c in network.circles] == [
            str(c["frequency"]) for c in found["circles"]
        ]
        assert len(network.tests) == len(found["tests"])
        assert len(network.left) == sum(not test["passed"] for test in found["tests"])
        assert len(network.profiles) == len(found["circles"])
    assert [network.is_open for network in section.drawn] == [True, False]


def test_the_report_has_the_section_and_its_pictures(explained: Run):
    page = render_report(explained)
    text = html.unescape(page_without_scripts(page))
    assert '<section id="learned">' in text
    assert 'href="#learned"' in text
    assert "sufficiency" in text
    assert "of 2 accurate networks" in text
    assert "Strength of the circle at frequency" in text


def test_without_explanations_there_is_no_section(two_kinds: Run):
    assert learned(two_kinds) is None
    assert 'id="learned"' not in page_without_scripts(render_report(two_kinds))


def test_networks_that_are_not_accurate_have_a_line_and_no_circles(train: Any):
    run = train(seeds=2)
    store_explanations(run, explain_run(run, [1]))
    text = html.unescape(page_without_scripts(render_report(run)))
    assert "Not accurate (right on" in text
    assert f"1 of 2 networks were looked at; `grokscope explain {run.id}` looks at all" in text
    assert '<details class="network"' not in text


@pytest.fixture(scope="module")
def on_a_group(train: Any) -> Run:
    """Two networks that know the whole table of S3, explained."""
    run = train(
        seeds=2,
        name="s3",
        task=GroupComposition(group="S3", train_fraction=1.0),
        model=EmbeddingMLP(d_model=32, d_hidden=64, separate_vocab=True),
        optimizer=AdamW(lr=3e-3),
        training=Training(steps=300),
    )
    store_explanations(run, explain_run(run, range(2)))
    return run


def test_irreps_and_cosets_stand_in_for_circles_off_cyclic_groups(on_a_group: Run):
    section = learned(on_a_group)
    assert section is not None
    stored: Any = on_a_group.directory.explanation
    for network, found in zip(section.networks, stored["explanations"], strict=True):
        assert [irrep.name for irrep in network.irreps] == [i["name"] for i in found["components"]]
        assert len(network.irreps) > 0
        assert [role.name for role in network.cosets] == [r["name"] for r in found["subgroups"]]
        assert "c⁻¹∘x∘y" in network.parts
    text = html.unescape(page_without_scripts(render_report(on_a_group)))
    assert "Networks on S3, whose elements stand in a table" in text
    assert 'class="pair planes"' not in text
    assert "all accurate networks" in text
    assert "composition in the group S3" in text
    assert "tested above" in text
    assert "no cyclic group" not in text


def test_failed_tests_have_one_name_on_the_page(explained: Run):
    stored: Any = explained.directory.explanation
    words = {"sentence": "Unexplained: looks like a clock, but failed form_variance, control."}
    tests = [failed("form_variance", 0.5), failed("control", 0.5)]
    rows = [row | {"tests": tests} | words for row in stored["explanations"]]
    run = Run(explained.directory)
    run.directory = _WithExplanation(explained, stored | {"explanations": rows})
    text = page_without_scripts(render_report(run))
    assert "but failed form variance, control." in text
    assert "form_variance" not in text


def test_kinds_are_those_of_the_networks_that_were_explained(two_kinds: Run):
    run = Run(two_kinds.directory)
    said = "kinds, all counted together"
    for networks, n_kinds in (((0, 1), 1), ((0, 2), 2)):
        rows = [explanation(network, circles=[]) for network in networks]
        run.directory = _WithExplanation(two_kinds, {"explanations": rows})
        section = learned(run)
        assert section is not None
        assert section.population is not None
        assert section.population.n_kinds == n_kinds
        assert (said in page_without_scripts(render_report(run))) is (n_kinds > 1)


def test_the_page_says_where_the_false_positive_rate_is(explained: Run):
    text = page_without_scripts(render_report(explained))
    (path,) = re.findall(r"benchmarks/explainer/results/\S+?\.md", text)
    assert (ROOT / path).is_file()


def test_a_composition_that_nobody_explained_says_how(on_a_group: Run):
    run = Run(on_a_group.directory)
    run.directory = _WithExplanation(on_a_group, {})
    text = html.unescape(page_without_scripts(render_report(run)))
    assert f"grokscope explain {run.id}" in text
    assert "tested above" not in text


def test_hostile_labels_stay_text(explained: Run):
    stored: Any = explained.directory.explanation
    (first, *others) = stored["explanations"]
    (circle, *_) = first["circles"]
    first = first | {"name": HOSTILE, "circles": [circle | {"label": HOSTILE}]}
    run = Run(explained.directory)
    run.directory = _WithExplanation(explained, stored | {"explanations": [first, *others]})
    page = render_report(run)
    assert HOSTILE not in page
    assert "<img" not in page_without_scripts(page)


class _WithExplanation:
    """A run directory that says something else of what was learned."""

    def __init__(self, run: Run, explanation: Any) -> None:
        self._directory, self.explanation = run.directory, explanation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)


def test_counts_are_over_the_accurate_networks():
    rows = [row(), row(), row("unexplained", "clock"), row("not_accurate", "not accurate")]
    assert verdict_sentence(rows) == "Explained 2 of 3 accurate networks. 1 more is not accurate."
    assert verdict_sentence(rows[:1]) == "explained: pizza."
    alone = row() | {"sentence": "failed form_gap.", "tests": [failed("form_gap", 0.5)]}
    assert verdict_sentence([alone]) == "failed form gap."


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("flat", lambda x: np.full_like(x, 0.7)),
        ("|cos|", lambda x: np.abs(np.cos(math.pi * (x - 0.1)))),
        ("harmonic", lambda x: np.cos(2 * math.pi * (x - 0.3))),
    ],
)
def test_each_form_fits_its_own_profile_exactly(name: str, shape: Any):
    turns = np.arange(31) / 31
    values = shape(turns)
    forms = fitted_forms(values, turns, 0.1)
    errors = {form: float(np.abs(fit - values).max()) for form, fit in forms.items()}
    assert min(errors, key=errors.__getitem__) == name
    assert errors[name] < 1e-12


def test_a_profile_is_drawn_in_the_order_of_its_angle():
    n, k = 11, 3
    profile = [math.cos(2 * math.pi * k * d / n) * 5 for d in range(n)]
    *forms, dots = profile_figure(profile, k, 0.0, "3: companion", "companion").data
    assert list(dots.x) == pytest.approx([i / n for i in range(n)])
    assert list(dots.y) == pytest.approx([math.cos(2 * math.pi * i / n) for i in range(n)])
    assert [form.name for form in forms] == ["flat", "|cos|", "harmonic"]
    assert [form.line.width > 2 for form in forms] == [False, False, True]
    assert profile_figure([0.0] * n, k, 0.0, "none").data[-1].y[0] == 0

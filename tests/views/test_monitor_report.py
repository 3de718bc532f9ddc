"""The report of a monitor: one file, nothing fetched, every odd run has one."""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from grokscope.core.errors import UsageError
from grokscope.llm.panel_dictionary import DICTIONARY
from grokscope.llm.reading import Reading
from grokscope.store import RunDirectory
from grokscope.views import MonitorCurves, render_monitor_report, write_monitor_report
from grokscope.views.alert_table import alert_lines
from grokscope.views.monitor_tables import number
from grokscope.views.pathway_fall import PathwayFall, falls_of
from views.planted_monitor import DOMAINS, Domain, planted

SECTIONS = (
    *("alerts", "loss", "distance", "twins", "likeness", "balance", "layers", "accuracy"),
    *("numbers", "reading", "configuration", "terms"),
)
HOSTILE = "</script><img src=x onerror=alert(1)><b>%{x}"


@pytest.fixture(scope="module")
def page_file(monitored: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the planted run."""
    return write_monitor_report(monitored, tmp_path_factory.mktemp("page") / "report.html")


def words(page: str) -> str:
    """What is read, without scripts, as text."""
    page = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def shown(page: str) -> str:
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def verdict(page: str) -> str:
    found = re.search(r'<div class="verdict">(.*?)</div>', page, flags=re.DOTALL)
    assert found is not None
    return words(found.group(1))


def test_the_page_is_in_the_run_and_alone(tmp_path: Path):
    run = planted(tmp_path, (0, 10), domains=(Domain(name="sums"),))
    path = write_monitor_report(run)
    assert path == run.path / "report.html"
    assert not list(run.path.glob(".*tmp"))
    assert path.stat().st_size < 7e6


def test_the_page_fetches_nothing(page_file: Path):
    text = shown(page_file.read_text(encoding="utf-8"))
    assert not re.findall(r"\b(?:src|srcset|action)=", text)
    assert all(link.startswith(("#", "data:,")) for link in re.findall(r'href="([^"]*)"', text))
    assert "default-src 'none'" in html.unescape(text)


def test_every_section_is_there_and_the_contents_lead_to_it(page_file: Path):
    text = shown(page_file.read_text(encoding="utf-8"))
    assert re.findall(r'<section id="(\w+)">', text) == list(SECTIONS)
    assert re.findall(r'href="#(\w+)"', text.split("</nav>")[0]) == list(SECTIONS)


def test_the_heading_says_what_was_watched(page_file: Path):
    said = words(page_file.read_text(encoding="utf-8"))
    assert "planted-moe Routing of 8 layers × 16 experts, of 88 probes in 4 domains" in said
    assert "measured 16 times from step 0 to 30,000." in said
    assert "goes on" not in said


def test_the_verdict_tells_sharing_from_sharpening_and_memory_from_domain(page_file: Path):
    said = verdict(page_file.read_text(encoding="utf-8"))
    main = "Pathways came to be more alike in 3 of 4 domains; they only got shorter in 1 of 4"
    assert said.startswith(main)
    assert re.search(
        r"Only shorter: the raw distance fell by \d+ % \(length by .*\) in prose", said
    )
    assert re.search(r"did much the same \([^)]*sums[^)]*\)", said)
    assert re.search(r"did not follow \([^)]*canaries[^)]*\)", said)
    assert re.search(r"Seen samples lose less than their twins at the end: canaries by 0\.\d", said)
    assert "Accuracy at the last measurement: 1.00 in sums" in said
    assert "own domain rather than with all" in said


def test_falls_are_judged_as_they_were_planted(monitored: RunDirectory):
    curves = MonitorCurves.of(monitored)
    kinds = {fall.group: fall.kind for fall in falls_of(curves, curves.groups)}
    assert kinds["sums"] == kinds["sums/twin"] == kinds["facts"] == "alike"
    assert kinds["prose"] == kinds["prose/test"] == "sharper"
    assert kinds["canaries"] == "alike"
    assert kinds["canaries/twin"] != "alike"


@pytest.mark.parametrize(
    ("normalized", "raw", "shorter", "meanwhile", "kind"),
    [
        (0.01, 0.3, 0.3, 0.01, "sharper"),
        (0.2, 0.3, 0.25, 0.2, "alike"),
        (0.2, 0.02, -0.2, 0.0, "alike"),
        (0.02, 0.02, 0.02, 0.0, "still"),
        (0.01, 0.3, 0.05, 0.01, "still"),
        (float("nan"), 0.3, 0.3, 0.0, "unknown"),
    ],
)
def test_a_fall_is_sharpening_where_length_explains_it(
    normalized: float, raw: float, shorter: float, meanwhile: float, kind: str
):
    fall = PathwayFall(
        group="a",
        normalized=normalized,
        net=normalized,
        raw=raw,
        shorter=shorter,
        normalized_meanwhile=meanwhile,
    )
    assert fall.kind == kind
    above = replace(fall, net=-0.1)  # higher at the end than at the beginning
    assert above.kind == ("back" if kind == "alike" else kind)


def test_what_rises_and_comes_back_is_not_called_more_alike(tmp_path: Path):
    """Two domains that part in the middle of the run, measured a few times."""

    def part(step: int, reading: Reading) -> None:
        if step < 2_000:
            reading.pathways.weights[:] = 1 / reading.pathways.weights.shape[-1]

    run = planted(tmp_path, tuple(range(0, 6_000, 1_000)), domains=DOMAINS[:2], spoil=part)
    said = words(render_monitor_report(run))
    assert "came to be more alike in" not in said
    assert "These are 6 measurements only" in said


def test_alerts_are_listed_with_steps_the_gravest_first(page_file: Path, monitored: RunDirectory):
    lines = alert_lines(monitored.events)
    kinds = [line.kind for line in lines]
    assert kinds == sorted(kinds)  # dead experts before sharpening
    assert {line.kind for line in lines} == {"dead_experts", "sharpening"}
    section = page_file.read_text(encoding="utf-8").split('<section id="alerts">')[1]
    said = words(section.split("</section>")[0])
    for line in lines:
        assert f"{line.first:,} {line.message.replace('`', '')}" in said


def test_an_alert_that_comes_and_goes_is_one_line():
    events = [
        {"step": step, "kind": "collapse", "where": "a", "message": f"at {step}"}
        for step in (5, 9, 20)
    ]
    (line,) = alert_lines([*events, {"step": 3, "kind": "problem", "message": "off"}])
    assert (line.first, line.last, line.times, line.message) == (5, 20, 3, "at 20")


def test_every_figure_has_words_and_every_term_its_meaning(page_file: Path):
    text = page_file.read_text(encoding="utf-8")
    alts = [html.unescape(alt) for alt in re.findall(r'role="img" aria-label="([^"]*)"', text)]
    assert len(alts) == text.count('class="plot"') == 25
    assert all(len(alt) > 20 for alt in alts)
    assert len(set(alts)) == len(alts)
    assert re.search(r"normalised distance: sums 0\.\d\d to 0\.\d\d, facts", " ".join(alts))
    said = words(text)
    assert all(
        f"{term} {' '.join(meaning.split())}" in said for term, meaning in DICTIONARY.items()
    )


def test_ambiguities_of_the_published_measures_are_told(page_file: Path):
    said = words(page_file.read_text(encoding="utf-8"))
    for part in (
        "larger means more erratic",
        "falls whenever routing gets sharper",
        "expert 33 is longer than expert 3",
        "correlate trivially",
        "Other seeds, data orders and sizes may differ",
        "over 15 measurements after step 0",
        "nothing to do with each other have a median |r| of 0.99 over 15 points",
    ):
        assert part in said


def test_tables_have_the_numbers_of_the_run(page_file: Path, monitored: RunDirectory):
    section = page_file.read_text(encoding="utf-8").split('<section id="numbers">')[1]
    said = words(section.split("</section>")[0])
    curves = MonitorCurves.of(monitored)
    for group in curves.groups:
        values = [number(float(curves.series(group, n)[-1])) for n in ("distance", "jaccard")]
        assert all(value in said for value in values)
    for value in curves.series("facts", "distance_normalized"):
        assert number(float(value)) in said


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.25, "−0.25"), (1234.56, "1235"), (0.00012, "1.2e-04"), (float("nan"), "–")],
)
def test_numbers_read_well(value: float, text: str):
    assert number(value) == text


def test_the_page_can_be_made_again(page_file: Path, monitored: RunDirectory):
    said = words(page_file.read_text(encoding="utf-8"))
    assert f'run = RunDirectory.open(Path("runs") / "{monitored.id}")' in said
    assert "pathways = MonitorRun(run).pathways(step=30000)" in said
    assert "measuring.threshold 0.7" in said
    assert "scoring softmax (all layers)" in said


def test_no_measurement_is_a_line_and_no_page(tmp_path: Path):
    run = planted(tmp_path, ())
    with pytest.raises(UsageError, match=r"has no measurements yet\."):
        write_monitor_report(run)
    assert not (run.path / "report.html").exists()


def test_hostile_names_stay_text(tmp_path: Path):
    name = HOSTILE.replace("/", "∕")
    domains = (Domain(name=name, is_remembered=True), Domain(name="<i>x</i>".replace("/", "∕")))
    header = {"model": HOSTILE, "layers": [f"{HOSTILE}.{i}" for i in range(8)]}
    run = planted(tmp_path, (0, 10), domains=domains, header=header, samples=3)
    run.append_events([{"step": 1, "kind": HOSTILE, "where": HOSTILE, "message": HOSTILE}])
    run.append_events([{"step": 1, "kind": "problem", "message": HOSTILE}])
    page = render_monitor_report(run)
    assert HOSTILE not in page
    assert "<img" not in shown(page)
    data = re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    assert len(data) == page.count('class="plot"')
    assert not any("<" in text for text in data)


def nan_reading(step: int, reading: object) -> None:
    """From step 20 on, one domain's routing and all losses are lost."""
    if step >= 20:
        reading.loss[:] = np.nan
        reading.pathways.weights[:, :3] = np.nan


ODD: dict[str, tuple[Callable[[Path], RunDirectory], str]] = {
    "one domain": (
        lambda out: planted(out, (0, 10), domains=(Domain(name="all", roles=("seen",)),)),
        "in 1 domain, measured 2 times",
    ),
    "one measurement": (
        lambda out: planted(out, (500,), samples=3),
        "There is one measurement, at step 500: nothing can be said yet of what changes.",
    ),
    "streaming": (
        lambda out: planted(
            out, (0, 10), domains=(Domain(name="train", roles=("seen",)),), streaming=True
        ),
        "No fixed probes were given",
    ),
    "lost numbers": (
        lambda out: planted(
            out, (0, 10, 20), domains=(Domain(name="a"), Domain(name="b", roles=("seen",))),
            samples=3, spoil=nan_reading,
        ),
        "planted-moe",
    ),
    "nothing but lost numbers": (
        lambda out: planted(
            out, (20, 30), domains=(Domain(name="a", roles=("seen",)),), samples=3,
            spoil=nan_reading,
        ),
        "No distance between pathways was measured twice.",
    ),
    "thirty domains": (
        lambda out: planted(
            out, (0, 10), domains=tuple(Domain(name=f"d{i}", roles=("seen",)) for i in range(30)),
            samples=2,
        ),
        "The first 6 of 30 domains are drawn.",
    ),
    "still running": (
        lambda out: planted(out, (0,), domains=(Domain(name="a"),), samples=3, finish=False),
        "The monitor goes on, or was stopped from outside",
    ),
    "early steps": (
        lambda out: planted(
            out, (0, 1, 2, 4, 8, 16, 64), domains=(Domain(name="a"),), samples=3
        ),
        "optimizer step, log scale",
    ),
}  # fmt: skip


DRAWN = ("one measurement", "nothing but lost numbers", "thirty domains", "early steps")


@pytest.fixture(scope="module")
def odd_pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each odd run."""
    folder = tmp_path_factory.mktemp("odd")
    return {
        name: write_monitor_report(make(folder / "runs"), folder / f"{name}.html")
        for name, (make, _) in ODD.items()
    }


@pytest.mark.parametrize("name", ODD)
def test_an_odd_run_has_a_page_that_says_what_is_odd(name: str, odd_pages: dict[str, Path]):
    text = odd_pages[name].read_text(encoding="utf-8")
    assert ODD[name][1] in (text if name == "early steps" else words(text))
    assert "nan" not in words(text).split()


def test_sections_without_data_are_left_out(odd_pages: dict[str, Path]):
    text = shown(odd_pages["one domain"].read_text(encoding="utf-8"))
    found = re.findall(r'<section id="(\w+)">', text)
    assert "twins" not in found
    assert "accuracy" not in found
    assert "No probe has an answer" in text
    assert re.findall(r'href="#(\w+)"', text.split("</nav>")[0]) == found


def test_all_domains_are_in_the_table_of_the_last_measurement(odd_pages: dict[str, Path]):
    said = words(odd_pages["thirty domains"].read_text(encoding="utf-8"))
    assert all(f" d{i} " in said for i in range(30))


def test_the_pages_are_drawn_offline_without_complaint(
    page_file: Path, odd_pages: dict[str, Path], chromium_path: Path
):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        for path in (page_file, *(odd_pages[name] for name in DRAWN)):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            requests: list[str] = []
            complaints: list[str] = []
            page.on("request", lambda request, seen=requests: seen.append(request.url))
            page.on("console", lambda message, seen=complaints: seen.append(message.text))
            page.on("pageerror", lambda error, seen=complaints: seen.append(str(error)))
            page.goto(path.as_uri())
            page.locator("body[data-ready=yes]").wait_for(timeout=60_000)
            closed = page.locator("details:not([open]) .plot").count()
            drawn = page.locator(".js-plotly-plot").count()
            assert drawn == page.locator(".plot").count() - closed >= 1
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280
            if path == page_file:
                page.locator("#layers summary").first.click()
                page.locator("#layers details .js-plotly-plot").first.wait_for()
            page.set_viewport_size({"width": 400, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
            assert requests == [path.as_uri()]
            assert complaints == []
            page.close()
        browser.close()

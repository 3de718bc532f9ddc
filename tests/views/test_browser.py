"""The report in a browser: every figure is drawn, nothing is asked of the network."""

from pathlib import Path

from playwright.sync_api import sync_playwright

from grokscope.experiment import Run
from grokscope.views import write_report


def test_the_report_draws_its_figures_offline_without_complaint(report: Path, chromium_path: Path):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        requests: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(report.as_uri())
        page.locator("body[data-ready=yes]").wait_for(timeout=60_000)
        drawn = page.locator(".plot.js-plotly-plot .main-svg").first
        assert drawn.is_visible()
        shown = page.locator(".plot").count() - page.locator("details:not([open]) .plot").count()
        assert page.locator(".plot.js-plotly-plot").count() == shown > 10
        page.locator("#spectrum summary").click()
        page.locator("#spectrum details .js-plotly-plot").first.wait_for()
        page.set_viewport_size({"width": 480, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 480
        browser.close()
    assert requests == [report.as_uri()]
    assert complaints == []


def test_the_planes_of_a_population_are_drawn_and_fit_a_narrow_window(
    explained: Run, chromium_path: Path, tmp_path: Path
):
    page_file = write_report(explained, tmp_path / "report.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(page_file.as_uri())
        page.locator("body[data-ready=yes]").wait_for(timeout=60_000)
        planes = page.locator(".planes .js-plotly-plot")
        assert planes.count() == 2
        left, right = (planes.nth(i).bounding_box() for i in range(2))
        assert left is not None
        assert right is not None
        assert left["y"] == right["y"]
        assert page.locator(".planes .shapelayer path").count() == 4
        page.set_viewport_size({"width": 480, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 480
        browser.close()
    assert complaints == []

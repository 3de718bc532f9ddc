"""Photographs a figure's page where playwright and Chromium are at hand."""

import os
import shutil
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def photograph(page: Path, picture: Path, width: int, height: int) -> str:
    """A PNG at twice the size, or why there is none; width and height in pixels of the page."""
    named = os.environ.get("GROKSCOPE_CHROMIUM")
    found = [named] if named is not None else [shutil.which(name) for name in BROWSERS]
    browser_path = next((path for path in found if path), None)
    if browser_path is None:
        return "no PNG: chromium not found (scripts/setup-browser installs it)"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "no PNG: playwright is not installed (scripts/setup --dev)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(
            viewport={"width": width + 16, "height": height + 16}, device_scale_factor=2
        )
        tab.goto(page.as_uri())
        tab.locator(".js-plotly-plot .main-svg").first.wait_for()
        tab.locator(".js-plotly-plot").screenshot(path=picture)
        browser.close()
    return f"wrote {picture}"

"""Settings of the whole test session: generated examples and the browser.

Types and array shapes are checked at run time too: pyproject.toml passes
`--jaxtyping-packages=grokscope,beartype.beartype` to pytest, which instruments every import of
grokscope, so a signature that lies about a shape fails the test that calls it.
"""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Timing out single examples says more about the machine's load than about the code.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The browser that GROKSCOPE_CHROMIUM names, or the one on PATH; skips where there is none."""
    named = os.environ.get("GROKSCOPE_CHROMIUM")
    found = [named] if named is not None else [shutil.which(name) for name in BROWSERS]
    for path in found:
        if path:
            return Path(path)
    pytest.skip("chromium not found: browser tests are skipped")

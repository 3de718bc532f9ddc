"""What the pages for readers promise exists: linked files, scripts, subcommands, imports."""

import ast
import importlib
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from grokscope.core.settings import with_settings
from grokscope.experiment import Config, plan_seeds
from grokscope.experiment.kinds import KINDS
from grokscope.experiment.trainer import make_population, make_splits
from grokscope.explanation.cyclic_trial import CYCLIC_TRIALS
from grokscope.explanation.group_trial import GROUP_TRIALS
from grokscope.explanation.trial import Trial

ROOT = Path(__file__).resolve().parent.parent
HISTORY = ROOT / "LOG.md"  # tells what was, so it may name what is gone
PAGES = [*sorted({*ROOT.glob("*.md")} - {HISTORY}), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)|(?:src|href)=\"([^\"#]+)")
SHELLS = {"console", "bash", "sh", "shell"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def blocks(page: Path, languages: set[str]) -> list[str]:
    """The fenced blocks of a page in one of the languages."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [text for language, text in found if language in languages]


def commands(page: Path) -> list[list[str]]:
    """The words of each command of the page's console blocks: `$ ` lines, or all without any."""
    found: list[list[str]] = []
    for text in blocks(page, SHELLS):
        lines = [line.strip() for line in text.splitlines()]
        typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")] or lines
        found += [line.split() for line in typed if line and not line.startswith("#")]
    return found


@pytest.fixture(scope="session")
def help_text() -> str:
    program = "from grokscope.cli.main import main; main()"
    process = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@every_page
def test_every_relative_link_leads_to_a_file(page: Path):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [markdown or html for markdown, html in LINK.findall(prose)]
    relative = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in relative if not (page.parent / target).exists()] == []


@every_page
def test_every_script_it_names_can_be_run(page: Path):
    named = re.findall(r"(?<![\w/.])scripts/[\w-]+", page.read_text(encoding="utf-8"))
    assert [name for name in named if not os.access(ROOT / name, os.X_OK)] == []


@every_page
def test_every_subcommand_it_shows_exists(page: Path, help_text: str):
    lines = [[Path(words[0]).name, *words[1:]] for words in commands(page)]
    shown = {words[1] for words in lines if words[0] == "grokscope" and len(words) > 1}
    names = {name for name in shown if not name.startswith("-")}
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", help_text)} == set()


@every_page
def test_every_python_block_parses_and_its_grokscope_imports_exist(page: Path):
    for text in blocks(page, {"python"}):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("grokscope"):
                module = importlib.import_module(node.module or "")
                assert [a.name for a in node.names if not hasattr(module, a.name)] == []
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.startswith("grokscope"):
                        importlib.import_module(alias.name)


def text_of(value: object) -> str:
    """A default as the page on the zoo spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return "unset" if value is None else str(value) or "none"


@pytest.mark.parametrize("section", KINDS)
def test_the_page_on_the_zoo_has_every_kind_with_its_defaults(section: str):
    page = (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8")
    for name, kind in KINDS[section].items():
        (line,) = [each for each in page.splitlines() if each.startswith(f"| `{name}` | ")]
        assert line.startswith(f"| `{name}` | `{kind.__name__}` |")
        heading = {"loss": "Losses"}.get(section, f"{section.title()}s")
        chapter = page.split(f"## {heading}\n")[1].split("\n## ")[0]
        shared = " ".join(each for each in chapter.splitlines() if each.startswith("All have"))
        for field in fields(kind):
            assert f"`{field.name}={text_of(field.default)}`" in line + shared


def test_the_published_networks_of_the_zoo_can_be_made():
    published = blocks(ROOT / "docs" / "zoo.md", {"python"})[-1]
    names: dict[str, Any] = {}
    exec(published, names)
    configs = {name: own for name, own in names.items() if isinstance(own, Config)}
    assert len(configs) >= 6
    small = {"entities": 50, "phi": 1.0, "d_model": 24, "n_layers": 1, "device": "cpu"}
    configs["wang"] = with_settings(configs["wang"], small)  # its own size is for a GPU
    del configs["mnist"]  # needs the files
    for own in configs.values():
        plan = plan_seeds("published", own, (), 1)
        whole = plan.base.task.table()
        assert len(make_population(plan, whole, make_splits(plan, whole)).lanes) == 1


@pytest.mark.parametrize("trial", [*CYCLIC_TRIALS, *GROUP_TRIALS], ids=lambda trial: trial.name)
def test_the_page_on_explanations_has_every_test(trial: Trial[Any]):
    """The applicability table for people is the one in the code."""
    words = trial.about.replace("|", "\\|")
    line = f"| `{trial.name}` | {trial.applies_to} | {words} |"
    assert line in (ROOT / "docs" / "explanations.md").read_text(encoding="utf-8")

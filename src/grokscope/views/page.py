"""A page of a run or a sweep: one HTML file that needs nothing else and asks nothing of others."""

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from grokscope.core.errors import DiskError


def render_page(template: str, content: Mapping[str, Any]) -> str:
    """A template with its content, and with the scripts and the style that every page brings."""
    loader = PackageLoader("grokscope.views")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    scripts = [get_plotlyjs(), _asset("report.js")]
    return environment.get_template(template).render(
        **content,
        scripts=[Markup(script) for script in scripts],
        style=Markup(_asset("report.css")),
        policy=content_policy(scripts),
    )


def write_page(page: str, path: Path) -> Path:
    """Write a page so that it appears complete or not at all; an existing one is replaced.

    Raises:
        DiskError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DiskError(f"{path}: {error.strerror or error}") from error
    return path


def content_policy(scripts: Sequence[str]) -> str:
    """A content security policy under which only these scripts run and nothing is fetched."""
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return (files("grokscope.views") / "templates" / name).read_text(encoding="utf-8")

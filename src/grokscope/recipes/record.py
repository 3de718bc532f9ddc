"""The committed results: one JSON file for each replication and tier, packaged with the code.

They are written by `grokscope replicate --record` from evaluation seeds alone, and the page of the
documentation is rendered from them.
"""

from pathlib import Path
from typing import Any

from grokscope.core.errors import UsageError
from grokscope.recipes.replication import Replication, Tier
from grokscope.recipes.table import page
from grokscope.recipes.verdict import rule_hash
from grokscope.store.documents import encode_json, read_json
from grokscope.store.durable import make_directory, replace_file

Document = dict[str, Any]

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[3] / "docs" / "replications.md"


def recorded(folder: Path = RESULTS) -> list[Document]:
    """Every committed result, in the order of the file names."""
    return [dict(read_json(path)) for path in sorted(folder.glob("*.json"))]


def record(document: Document, folder: Path = RESULTS, target: Path = PAGE) -> Path:
    """Keep a result among the committed ones and render the page again.

    Raises:
        UsageError: it is of development seeds, or there is no documentation to write to.
    """
    if document["development"]:
        raise UsageError("A result of development seeds is not recorded.")
    if not target.parent.is_dir():
        raise UsageError(f"`--record` needs a checkout of grokscope: no folder {target.parent}.")
    make_directory(folder)
    path = folder / f"{document['replication']}-{document['tier']}.json"
    replace_file(path, encode_json(document))
    replace_file(target, page(recorded(folder)).encode())
    return path


def status_of(replication: Replication, tier: Tier, folder: Path = RESULTS) -> Document:
    """What is known of a tier: `status` in words, and the minutes that it took, or is said to."""
    stage = replication.stage(tier)
    path = folder / f"{replication.name}-{tier}.json"
    if not path.is_file():
        return {"status": "not run", "minutes": stage.minutes, "measured": False}
    stored: Any = read_json(path)
    is_same = stored["rule"]["hash"] == rule_hash(replication.rule_of(tier))
    return {
        "status": stored["verdict"] if is_same else "judged by another rule",
        "minutes": round(stored["wall_seconds"] / 60, 1),
        "measured": True,
    }

"""Finding the run that is meant, and nothing outside the folder of runs."""

import shutil

import pytest

from grokscope.core.errors import UsageError
from grokscope.store import RunDirectory, find_runs, resolve_run


@pytest.fixture
def root(prepared, tmp_path):
    root = tmp_path / "runs"
    for name in (
        "2026-01-01-nanda-aaaa1111",
        "2026-01-02-nanda-aaab2222",
        "2026-01-02-ring-群-bbbb3333",
    ):
        shutil.copytree(prepared, root / name)
    return root


def test_runs_are_found_by_name_and_nothing_else_is(root):
    (root / "notes").mkdir()
    (root / "file").touch()
    (root / ".tmp-x").mkdir()
    (root / ".tmp-x" / "config.toml").touch()
    (root / "last").symlink_to("2026-01-01-nanda-aaaa1111")
    assert [run.id[-8:] for run in find_runs(root)] == ["aaaa1111", "aaab2222", "bbbb3333"]
    assert find_runs(root / "missing") == []


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("2026-01-01-nanda-aaaa1111", "aaaa1111"),
        ("2026-01-01-nanda-aaaa1111/0", "aaaa1111"),
        ("2026-01-02-r", "bbbb3333"),
        ("2026-01-02-r/17", "bbbb3333"),
        ("aaab", "aaab2222"),
        (" aaab2222/ ", "aaab2222"),
        ("2026-01-02-ring-群", "bbbb3333"),
    ],
)
def test_ids_beginnings_and_networks_are_resolved(root, name, end):
    assert resolve_run(name, root).id.endswith(end)


def test_paths_are_resolved(root, monkeypatch):
    path = root / "2026-01-02-nanda-aaab2222"
    assert resolve_run(str(path), root / "elsewhere").path == path
    assert resolve_run(f"{path}/3", root).path == path
    monkeypatch.chdir(root.parent)
    assert resolve_run("runs/2026-01-02-nanda-aaab2222/0", root).path == path
    monkeypatch.chdir(path)
    assert resolve_run(".", root).path == path


def test_last_is_the_link_or_else_the_newest(root):
    newest = RunDirectory.open(root / "2026-01-01-nanda-aaaa1111")
    text = (newest.path / "status.json").read_text()
    created = str(newest.status["created"])
    (newest.path / "status.json").write_text(text.replace(created, "2999-01-01T00:00:00.000Z"))
    assert resolve_run("last", root).id == newest.id
    (root / "last").symlink_to("2026-01-02-nanda-aaab2222")
    assert resolve_run("last", root).id == "2026-01-02-nanda-aaab2222"
    assert resolve_run("last/4", root).id == "2026-01-02-nanda-aaab2222"
    shutil.rmtree(root / "2026-01-02-nanda-aaab2222")
    assert resolve_run("last", root).id == newest.id


def test_an_ambiguous_beginning_names_the_candidates(root):
    with pytest.raises(
        UsageError, match=r"several runs: 2026-01-01-nanda-aaaa1111, 2026-01-02-nanda"
    ):
        resolve_run("aaa", root)


def test_an_unknown_name_names_the_nearest(root):
    with pytest.raises(
        UsageError, match=r"no run '2026-01-01-nanta-aaaa1111' in .*; nearest: 2026-01-01-nanda"
    ):
        resolve_run("2026-01-01-nanta-aaaa1111", root)
    with pytest.raises(UsageError, match="there are no runs in"):
        resolve_run("last", root / "missing")


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "..", "../..", "../secret", "2026-01-01-nanda-aaaa1111/../../secret", "a\x00b"),
        *(
            "%2e%2e/secret",
            "..\\secret",
            "C:\\runs",
            "x" * 5000,
            "*",
            "~nobody-of-that-name/x",
            "/0",
        ),
        *("2026-01-01-nanda-aaaa1111/0/0", "2026-01-01-nanda-aaaa1111/-1", ".tmp-x"),
    ],
)
def test_names_that_lead_elsewhere_find_nothing(root, name, monkeypatch):
    monkeypatch.chdir(root)
    (root.parent / "secret").mkdir()
    with pytest.raises(UsageError):
        resolve_run(name, root)


def test_a_link_among_the_runs_is_not_followed(root, prepared):
    (root / "elsewhere").symlink_to(prepared)
    assert "elsewhere" not in [run.id for run in find_runs(root)]
    with pytest.raises(UsageError):
        resolve_run("elsew", root)

"""What names of checkpoints mean, here and on the hub, which is never asked in these tests."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from grokscope.core.errors import GrokscopeError, UsageError
from grokscope.llm.checkpoint_model import config_of, load_model, shape_of, tokenizer_of
from grokscope.llm.checkpoint_name import (
    Checkpoint,
    find_checkpoints,
    find_place,
    is_pickled,
    model_name,
    step_of,
    tokens_of,
)
from grokscope.llm.hub_file import file_of
from llm.small_checkpoints import word_tokenizer
from llm.small_olmoe import olmoe


def directory(path: Path, weights: str = "model.safetensors") -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}", encoding="utf-8")
    (path / weights).touch()
    return path


@pytest.mark.parametrize(
    ("label", "step", "tokens"),
    [
        ("step5000-tokens20B", 5000, 20 * 10**9),
        ("step1220000-tokens5117B", 1_220_000, 5117 * 10**9),
        ("stage2-ingredient1-step23000-tokens49B", 23_000, 49 * 10**9),
        ("step250-tokens1.5M", 250, 1_500_000),
        ("checkpoint-500", 500, None),
        ("step-00000100", 100, None),
        ("iter_0002000", 2000, None),
        ("global_step40", 40, None),
        ("epoch=3-step=700.ckpt", 700, None),
        ("00000300", 300, None),
        ("olmoe-7b", None, None),
        ("final", None, None),
        ("footstep5", None, None),
    ],
)
def test_step_and_tokens_are_read_from_the_name(label, step, tokens):
    assert (step_of(label), tokens_of(label)) == (step, tokens)


def test_checkpoints_are_sorted_by_step(tmp_path):
    names = [str(directory(tmp_path / f"checkpoint-{step}")) for step in (1000, 50, 200)]
    found = find_checkpoints(names)
    assert [one.step for one in found] == [50, 200, 1000]
    assert [one.place.name for one in found] == [names[1], names[2], names[0]]
    assert model_name(found) == str(tmp_path)


def test_without_steps_the_order_given_counts(tmp_path):
    names = [str(directory(tmp_path / name)) for name in ("late", "early")]
    assert [(one.place.name, one.step) for one in find_checkpoints(names)] == [
        (names[0], 0),
        (names[1], 1),
    ]


def test_a_hub_model_may_have_a_revision(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (found,) = find_checkpoints(["allenai/OLMoE-1B-7B-0924@step5000-tokens20B"])
    assert (found.step, found.tokens) == (5000, 20 * 10**9)
    assert found.place.arguments == {
        "pretrained_model_name_or_path": "allenai/OLMoE-1B-7B-0924",
        "revision": "step5000-tokens20B",
    }
    assert find_place("org/name").arguments == {"pretrained_model_name_or_path": "org/name"}
    assert model_name([found]) == "allenai/OLMoE-1B-7B-0924"


def test_a_misspelt_path_is_never_taken_for_a_hub_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    directory(tmp_path / "out" / "checkpoint-5")
    for name in ("out/checkpoint-6", "./checkpoint-6", "/nowhere/else", "a/b/c", "checkpoint-6"):
        with pytest.raises(UsageError, match=rf"^There is no directory {name}\.$"):
            find_place(name)


def test_what_is_no_model_is_refused_in_one_line(tmp_path):
    def complaint(*names: Path | str) -> str:
        with pytest.raises(UsageError) as caught:
            find_checkpoints([str(name) for name in names])
        return str(caught.value)

    bare = tmp_path / "bare"
    bare.mkdir()
    assert complaint(bare) == f"{bare} is no model: it has no config.json."
    (bare / "config.json").touch()
    assert complaint(bare) == (
        f"{bare} has no weights: neither model.safetensors nor pytorch_model.bin."
    )
    assert complaint(bare / "config.json").endswith("is a file: name the directory of a model.")
    index = directory(tmp_path / "parts", "model.safetensors.index.json")
    assert complaint(index).endswith("model.safetensors.index.json is no index of weights.")
    document = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (index / "model.safetensors.index.json").write_text(json.dumps(document), encoding="utf-8")
    (index / "one.safetensors").touch()
    assert complaint(index).endswith("names two.safetensors, which is gone.")
    one, other = directory(tmp_path / "step-5"), directory(tmp_path / "x" / "step5")
    assert complaint(other, one) == f"{other} and {one} are both of step 5."
    assert complaint(one, one) == f"{one} and {one} are both of step 5."
    final = directory(tmp_path / "final")
    assert complaint(one, final).startswith(f"{final} names no step, but others do: all must")
    assert complaint().startswith("Which checkpoints?")
    assert complaint("") == "'' is no name of a checkpoint."


def test_pickled_weights_are_told_from_safetensors(tmp_path):
    assert is_pickled(directory(tmp_path / "old", "pytorch_model.bin"))
    assert not is_pickled(directory(tmp_path / "new"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub with one revision of one model, and no way to the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    repository = tmp_path / "hub" / "models--org--small"
    snapshot = repository / "snapshots" / ("c" * 40)
    olmoe().save_pretrained(snapshot)
    word_tokenizer().save_pretrained(snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "step7-tokens2B").write_text("c" * 40, encoding="utf-8")
    return snapshot


def test_a_cached_revision_is_loaded_without_the_hub(cache):
    (found,) = find_checkpoints(["org/small@step7-tokens2B"])
    assert (found.step, found.tokens) == (7, 2 * 10**9)
    assert config_of(found.place).num_experts == 8
    assert len(shape_of([found]).routers) == 3
    loaded = load_model(found)
    assert all(
        left.equal(right)
        for left, right in zip(loaded.parameters(), olmoe().parameters(), strict=True)
    )
    assert len(tokenizer_of(found.place)) == len(word_tokenizer())
    assert file_of(found.place, "nothing.json") is None


def test_what_is_not_cached_while_offline_is_one_line_with_exit_code_1(cache):
    def complaint(name: str) -> str:
        with pytest.raises(GrokscopeError) as caught:
            shape_of(find_checkpoints([name]))
        assert caught.value.exit_code == 1
        return str(caught.value)

    offline = "in the cache of the hub, and HF_HUB_OFFLINE is set."
    assert complaint("org/other") == f"org/other is no directory, and not {offline}"
    assert complaint("org/small@step8") == f"org/small@step8 is no directory, and not {offline}"
    (cache / "model.safetensors").unlink()
    name = "org/small@step7-tokens2B"
    assert complaint(name) == f"The weights of {name} are not {offline}"


@pytest.mark.parametrize(
    ("kind", "code", "complaint"),
    [
        ("RepositoryNotFoundError", 2, "There is no org/small here or on the hub, or it is privat"),
        ("RevisionNotFoundError", 2, "org/small has no revision 'step9' on the hub."),
        ("GatedRepoError", 1, "org/small is gated: ask for access on the hub, log in."),
        ("LocalEntryNotFoundError", 1, "org/small@step9 cannot be had from the hub: no way"),
        ("RemoteEntryNotFoundError", 2, "org/small@step9 is no model: it has no config.json."),
    ],
)
def test_what_the_hub_answers_is_one_line(tmp_path, monkeypatch, kind, code, complaint):
    from huggingface_hub import errors

    def refuse(*_: object, **__: object) -> None:
        kind_of = getattr(errors, kind)
        if kind.startswith("Local"):
            raise kind_of("no way\nto the hub")
        raise kind_of("no", response=SimpleNamespace(headers={}, request=None))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    place = find_place("org/small@step9")
    with pytest.raises(GrokscopeError) as caught:
        shape_of([Checkpoint(place=place, step=9)])
    assert caught.value.exit_code == code
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)

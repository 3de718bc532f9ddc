"""Checkpoints monitored offline: the same numbers as online, whatever happens in between."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from grokscope.core.errors import (
    GrokscopeError,
    InterruptedRunError,
    SettingError,
    UsageError,
    VerificationError,
)
from grokscope.experiment import load
from grokscope.llm.checkpoint_model import (
    load_model,
    require_one_tokenizer,
    require_tokenizer_fits,
    shape_of,
    tokenizer_of,
)
from grokscope.llm.checkpoint_name import Checkpoint, find_checkpoints, find_place
from grokscope.llm.measurement import Measuring
from grokscope.llm.monitor import Monitor
from grokscope.llm.monitor_run import MonitorRun
from grokscope.llm.offline import Looked, OfflineSettings, Watching, monitor_checkpoints
from grokscope.llm.probe import Probe, ProbeSet
from grokscope.store import RunDirectory, query
from llm.small_checkpoints import WORDS, train, word_tokenizer
from llm.small_olmoe import olmoe, probes

STEPS = (0, 1, 3)
PROBES = ProbeSet(tuple(probes(roles=("seen", "twin", "test"))))
MEASURING = Measuring(eps=5.2, delta=0.6, pairs=50, window=2)


@pytest.fixture(scope="module")
def online(tmp_path_factory: pytest.TempPathFactory) -> MonitorRun:
    """The run of a monitor beside training; its checkpoints are in the folder above `runs`."""
    folder = tmp_path_factory.mktemp("online")

    def monitor_of(model: Any) -> Monitor:
        return Monitor(
            model, PROBES, every=STEPS, out=folder / "runs", measuring=MEASURING, batch=5
        )

    monitor = train(folder, STEPS, monitor_of)
    assert monitor is not None
    assert monitor.run is not None
    return monitor.run


@pytest.fixture
def checkpoints(online: MonitorRun) -> list[Checkpoint]:
    folder = online.path.parent.parent
    return find_checkpoints([str(path) for path in folder.glob("checkpoint-*")])


def settings(out: Path, **changes: Any) -> OfflineSettings:
    return OfflineSettings(out=out, measuring=MEASURING, batch=5, **changes)


def different_columns(one: MonitorRun, other: MonitorRun) -> list[str]:
    """Of all but the time that it took."""
    left, right = one.directory.curves(), other.directory.curves()
    assert list(left) == list(right)
    left.pop("moe/seconds")
    return [name for name in left if not np.array_equal(left[name], right[name], equal_nan=True)]


def assert_same(one: MonitorRun, other: MonitorRun) -> None:
    assert one.steps == other.steps
    assert different_columns(one, other) == []
    assert one.directory.events == other.directory.events
    for step in one.steps:
        assert np.array_equal(one.pathways(step).weights, other.pathways(step).weights)
    assert np.array_equal(one.losses(), other.losses())
    assert other.directory.verify() == []


def stop_after(count: int) -> Watching:
    seen: list[Looked] = []
    return Watching(told=seen.append, stops=lambda: len(seen) >= count)


def test_saved_checkpoints_give_exactly_what_the_monitor_saw_in_training(
    online, checkpoints, tmp_path
):
    seen: list[Looked] = []
    run = monitor_checkpoints(checkpoints, PROBES, settings(tmp_path), Watching(told=seen.append))
    assert_same(online, run)
    own = {name: value for name, value in run.header.items() if name not in ("model", "read")}
    assert own == {name: value for name, value in online.header.items() if name != "model"}
    assert run.directory.status["state"] == "finished"
    assert [(one.checkpoint.step, one.done, one.total) for one in seen] == [
        (step, done, 3) for done, step in enumerate(STEPS, start=1)
    ]
    memorized = run.directory.curves(["step", "network", "moe/sums/memorized"])
    assert memorized["moe/sums/memorized"].max() > 0  # else eps would test nothing


@pytest.mark.parametrize("count", [1, 2])
def test_a_stopped_run_goes_on_to_exactly_the_same(online, checkpoints, tmp_path, count):
    with pytest.raises(InterruptedRunError, match=rf"^Stopped after {count} of 3 checkpoints\.$"):
        monitor_checkpoints(checkpoints, PROBES, settings(tmp_path), stop_after(count))
    (path,) = tmp_path.glob("2*")
    assert json.loads((path / "status.json").read_bytes())["state"] == "interrupted"
    seen: list[Looked] = []
    run = monitor_checkpoints(checkpoints, PROBES, settings(tmp_path), Watching(told=seen.append))
    assert run.path == path.resolve()
    assert [one.checkpoint.step for one in seen] == list(STEPS[count:])
    assert_same(online, run)


def test_tokens_of_the_name_are_kept(checkpoints, tmp_path):
    folder = tmp_path / "step5-tokens2M"
    shutil.copytree(checkpoints[0].place.path or "", folder)
    run = monitor_checkpoints(find_checkpoints([str(folder)]), PROBES, settings(tmp_path / "runs"))
    table = run.directory.curves(["network", "step", "tokens"])
    assert (table["step"].tolist(), table["tokens"].tolist()) == ([5], [2e6])


def test_it_stops_between_two_batches_too(checkpoints, tmp_path):
    asked: list[int] = []

    def stops() -> bool:
        asked.append(1)
        return len(asked) > 3  # before the model, and before its first batches

    with pytest.raises(InterruptedRunError, match="after 0 of 3"):
        monitor_checkpoints(checkpoints, PROBES, settings(tmp_path), Watching(stops=stops))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("part", "killed_at"),
    [
        ("add_segment", 2),
        pytest.param("save_checkpoint", 1, marks=pytest.mark.slow),
        pytest.param("append_events", 2, marks=pytest.mark.slow),
    ],
)
def test_a_run_killed_in_the_middle_of_storing_goes_on_to_exactly_the_same(
    online, checkpoints, tmp_path, monkeypatch, part, killed_at
):
    """Killed just before a part of a measurement is stored."""
    calls: list[str] = []
    original = getattr(RunDirectory, part)

    def die(self: RunDirectory, *arguments: Any) -> Any:
        calls.append(part)
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, part, die)
        with pytest.raises(KeyboardInterrupt):
            monitor_checkpoints(checkpoints, PROBES, settings(tmp_path))
    assert_same(online, monitor_checkpoints(checkpoints, PROBES, settings(tmp_path)))
    assert len(list(tmp_path.glob("2*"))) == 1


def test_checkpoints_that_came_since_are_added_and_nothing_is_measured_twice(
    online, checkpoints, tmp_path
):
    first = monitor_checkpoints(checkpoints[:2], PROBES, settings(tmp_path))
    seen: list[Looked] = []
    watching = Watching(told=seen.append)
    run = monitor_checkpoints(checkpoints, PROBES, settings(tmp_path), watching)
    assert run.path == first.path
    assert_same(online, run)
    monitor_checkpoints(checkpoints, PROBES, settings(tmp_path), watching)
    assert len(seen) == 1


@pytest.mark.slow
def test_other_measurements_make_another_run(checkpoints, tmp_path):
    few = checkpoints[1:2]
    first = monitor_checkpoints(few, PROBES, settings(tmp_path))

    def is_new(run: MonitorRun) -> bool:
        return run.path != first.path

    other = ProbeSet(tuple(probes(roles=("seen", "twin", "test"), seed=1)))
    assert not is_new(monitor_checkpoints(few, PROBES, settings(tmp_path)))
    assert is_new(monitor_checkpoints(few, other, settings(tmp_path)))
    assert is_new(monitor_checkpoints(few, PROBES, settings(tmp_path, name="again")))
    assert is_new(monitor_checkpoints(few, PROBES, OfflineSettings(out=tmp_path)))
    # one that comes before what has been measured: the next would be compared with another
    assert is_new(monitor_checkpoints(checkpoints[:2], PROBES, settings(tmp_path)))


def test_weights_that_have_changed_since_are_noticed(checkpoints, tmp_path):
    for one in checkpoints:
        shutil.copytree(one.place.path or "", tmp_path / f"checkpoint-{one.step}")
    names = [str(tmp_path / f"checkpoint-{one.step}") for one in checkpoints]
    run = monitor_checkpoints(find_checkpoints(names[:2]), PROBES, settings(tmp_path / "runs"))
    olmoe(seed=5).save_pretrained(names[1])
    said = rf"checkpoint-1 has other weights than those that {run.directory.id} measured: give an"
    with pytest.raises(UsageError, match=said):
        monitor_checkpoints(find_checkpoints(names), PROBES, settings(tmp_path / "runs"))
    assert run.steps == [0, 1]
    assert run.directory.status["state"] == "finished"  # nothing was done to it


def test_its_rows_join_with_those_of_the_run(checkpoints, tmp_path):
    run = monitor_checkpoints(checkpoints[:2], PROBES, settings(tmp_path))
    found = query(tmp_path, "select recipe, step from runs join curves using (run) order by step")
    assert [row[1] for row in found.rows] == [0, 1]
    with pytest.raises(UsageError, match=r"run of a monitor, .*`grokscope\.llm\.MonitorRun`"):
        load(run.path)


def test_a_checkpoint_that_fails_leaves_the_others_and_is_done_again(online, checkpoints, tmp_path):
    for one in checkpoints:
        shutil.copytree(one.place.path or "", tmp_path / f"checkpoint-{one.step}")
    found = find_checkpoints([str(path) for path in tmp_path.glob("checkpoint-*")])
    weights = tmp_path / "checkpoint-3" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    with pytest.raises(VerificationError, match=r"checkpoint-3: its weights are damaged: "):
        monitor_checkpoints(found, PROBES, settings(tmp_path / "runs"))
    (path,) = (tmp_path / "runs").glob("2*")
    assert MonitorRun(RunDirectory.open(path)).steps == [0, 1]
    assert json.loads((path / "status.json").read_bytes())["state"] == "failed"
    weights.write_bytes(whole)
    run = monitor_checkpoints(found, PROBES, settings(tmp_path / "runs"))
    assert run.path == path.resolve()
    assert run.directory.status["error"] is None
    assert_same(online, run)


def test_a_run_that_another_process_writes_is_left_alone(checkpoints, tmp_path):
    run = monitor_checkpoints(checkpoints[:1], PROBES, settings(tmp_path))
    with run.directory.locked(), pytest.raises(UsageError, match="is being written by process"):
        monitor_checkpoints(checkpoints, PROBES, settings(tmp_path))


def save(folder: Path, **changes: Any) -> str:
    olmoe(**changes).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"num_hidden_layers": 2}, "{one} has 3 router layers, but {other} 2: checkpoints must be"),
        (
            {"num_experts": 4},
            "{one} has 8 experts, but {other} 4: checkpoints must be of one model",
        ),
        ({"vocab_size": 49}, "{one} has 48 tokens of vocabulary, but {other} 49: checkpoints must"),
    ],
)
def test_checkpoints_of_different_models_are_refused(tmp_path, changes, complaint):
    one, other = save(tmp_path / "step1"), save(tmp_path / "step2", **changes)
    with pytest.raises(UsageError) as caught:
        monitor_checkpoints(find_checkpoints([one, other]), PROBES, settings(tmp_path / "runs"))
    assert str(caught.value).startswith(complaint.format(one=one, other=other))
    assert not (tmp_path / "runs").exists()


def of_config(folder: Path, document: dict[str, Any]) -> Callable[[], None]:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(document), encoding="utf-8")
    save_file({"a": torch.zeros(1)}, folder / "model.safetensors")
    return lambda: shape_of(find_checkpoints([str(folder)])) and None


def test_what_is_no_expert_model_of_transformers_is_refused(tmp_path):
    dense = {
        "model_type": "llama",
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "vocab_size": 9,
        "intermediate_size": 8,
    }
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "config.json does not say its `model_type`."),
        ({"model_type": "nonsense"}, "a configuration of 'nonsense': "),
        (dense, "LlamaForCausalLM has no router: no module that transformers records as"),
        ({"model_type": "vit"}, "is a model of 'vit': no causal language model"),
        (dense | {"hidden_size": "x"}, "of 'llama': "),
        (
            {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}},
            "needs code of its own, which is not run.",
        ),
    ]
    for number, (document, complaint) in enumerate(cases):
        with pytest.raises(UsageError) as caught:
            of_config(tmp_path / str(number), document)()
        assert complaint in str(caught.value)
        assert str(caught.value).startswith(str(tmp_path / str(number)))
        assert "\n" not in str(caught.value)


def test_weights_that_are_missing_or_of_other_shapes_are_never_made_up(tmp_path):
    def loaded(folder: Path) -> None:
        load_model(find_checkpoints([str(folder)])[0])

    file = Path(save(tmp_path / "model")) / "model.safetensors"
    weights = load_file(file)
    gate = weights.pop("model.layers.1.mlp.gate.weight")
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(UsageError, match=r"lacks weights: `model\.layers\.1\.mlp\.gate\.weight`\."):
        loaded(tmp_path / "model")
    weights["model.layers.1.mlp.gate.weight"] = gate[:4].clone()
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(UsageError, match=r"weights are of other shapes than config\.json says"):
        loaded(tmp_path / "model")


def test_pickled_weights_are_loaded_without_running_code(tmp_path):
    model = olmoe()
    model.config.save_pretrained(tmp_path / "old")
    torch.save(model.state_dict(), tmp_path / "old" / "pytorch_model.bin")
    (found,) = find_checkpoints([str(tmp_path / "old")])
    pairs = zip(load_model(found).parameters(), model.parameters(), strict=True)
    assert all(left.equal(right) for left, right in pairs)

    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "made"),)

    torch.save({"a": Evil()}, tmp_path / "old" / "pytorch_model.bin")
    with pytest.raises(GrokscopeError, match="cannot be loaded"):
        load_model(found)
    assert not (tmp_path / "made").exists()


def test_the_precision_is_that_of_the_file(tmp_path):
    train(tmp_path, [0], dtype=torch.bfloat16)
    model = load_model(find_checkpoints([str(tmp_path / "checkpoint-0")])[0])
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_tokens_and_settings_that_do_not_fit_are_refused_before_a_model_is_loaded(
    checkpoints, tmp_path, monkeypatch
):
    monkeypatch.setattr("grokscope.llm.offline.load_model", lambda _: pytest.fail("loaded"))
    foreign = ProbeSet((Probe(domain="a", tokens=(1, 48)),))
    with pytest.raises(UsageError, match=r"The probes have token 48, but the model's vocabulary"):
        monitor_checkpoints(checkpoints, foreign, settings(tmp_path))
    with pytest.raises(UsageError, match="`modules` must name routers, got 'rooter'"):
        monitor_checkpoints(checkpoints, PROBES, settings(tmp_path, modules="rooter"))
    with pytest.raises(SettingError, match="`batch` must be at least 1, got 0"):
        OfflineSettings(batch=0)
    assert list(tmp_path.iterdir()) == []


def test_tokenizers_must_fit_the_model_and_each_other(tmp_path):
    names = [save(tmp_path / f"step{step}") for step in range(3)]
    found = find_checkpoints(names)
    with pytest.raises(UsageError, match=r"has no tokenizer that transformers can read: name an"):
        tokenizer_of(found[0].place)
    own = word_tokenizer()
    own.save_pretrained(names[0])
    own(["the cat", "sat"], padding=True, truncation=True, max_length=5)  # leaves its traces
    own.save_pretrained(names[2])
    require_one_tokenizer(found)  # the second has none
    require_tokenizer_fits(tokenizer_of(find_place(names[0])), shape_of(found))
    word_tokenizer([*WORDS[:-1], "rug"]).save_pretrained(names[1])
    with pytest.raises(UsageError, match=r"step0 and .*step1 have different tokenizers: name one"):
        require_one_tokenizer(found)
    large = word_tokenizer([*WORDS, *map(str, range(100, 140))])
    with pytest.raises(UsageError, match=r"^The tokenizer has 60 tokens, but the model has rows f"):
        require_tokenizer_fits(large, shape_of(found))


MEMORY = """
import gc, sys, threading
from grokscope.llm.checkpoint_model import load_model
from grokscope.llm.checkpoint_name import find_checkpoints

load_model(find_checkpoints([sys.argv[1]])[0])  # imports, and whatever is made once

def own():
    with open("/proc/self/status") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

start, peak, done = own(), [0.0], threading.Event()

def watch():
    while not done.wait(0.001):
        peak[0] = max(peak[0], own())

threading.Thread(target=watch, daemon=True).start()
for name in sys.argv[2:]:
    model = load_model(find_checkpoints([name])[0])
    size = sum(p.numel() * p.element_size() for p in model.parameters()) / 2**20
    del model
    gc.collect()
done.set()
print((peak[0] - start) / size, size)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_loading_needs_little_more_memory_than_the_model_and_gives_it_back(tmp_path):
    save(tmp_path / "tiny")
    large = {"hidden_size": 512, "intermediate_size": 256, "num_experts": 64}
    with torch.device("meta"):
        model = olmoe(**large, vocab_size=4096, num_hidden_layers=4).to(torch.bfloat16)
    model = model.to_empty(device="cpu")
    model.save_pretrained(tmp_path / "large")
    del model
    words = [str(tmp_path / "tiny"), *[str(tmp_path / "large")] * 2]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *words], capture_output=True, text=True, check=True
    )
    ratio, size = map(float, done.stdout.split())
    assert size > 190
    assert ratio < 1.5

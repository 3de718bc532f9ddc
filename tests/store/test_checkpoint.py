"""Checkpoints: exact round trips, visible damage, replacement."""

import shutil

import pytest
import torch
from safetensors.torch import load_file

from grokscope.core.errors import UsageError, VerificationError


def equal(left, right) -> bool:
    return left.keys() == right.keys() and all(
        left[group].keys() == right[group].keys()
        and all(
            t.dtype == right[group][n].dtype and t.equal(right[group][n]) for n, t in ts.items()
        )
        for group, ts in left.items()
    )


def test_a_checkpoint_comes_back_exactly(run, make):
    facts = make.facts(20) | {"best": float("inf"), "none": None, "nested": {"a": [1, 0.1]}}
    run.save_checkpoint("step-00000020", make.groups(3.0), facts)
    loaded = run.load_checkpoint("step-00000020")
    assert equal(loaded.groups, make.groups(3.0))
    assert (loaded.name, loaded.step, loaded.networks) == ("step-00000020", 20, [0, 1, 2])
    assert loaded.facts == facts


def test_some_groups_are_read_and_compared_without_the_others(run, make):
    run.save_checkpoint("step-00000020", make.groups(3.0), make.facts(20))
    folder = run.path / "checkpoints" / "step-00000020"
    (folder / "optim.safetensors").write_bytes(b"damaged")
    loaded = run.load_checkpoint("step-00000020", ["model"])
    assert equal(loaded.groups, {"model": make.groups(3.0)["model"]})
    assert loaded.facts == make.facts(20)
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(VerificationError, match=r"model\.safetensors"):
        run.load_checkpoint("step-00000020", ["model"])


def test_views_tied_and_special_tensors_are_stored_by_value(run, make):
    base = torch.arange(12.0).reshape(3, 4)
    tensors = {
        "transposed": base.T,
        "part": base[1:],
        "tied": base,
        "expanded": torch.ones(1).expand(5),
        "scalar": torch.tensor(float("nan")),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "leaf": torch.ones(2, requires_grad=True),
        "rng": torch.get_rng_state(),
        "ü/'": torch.tensor([True]),
    }
    run.save_checkpoint("odd", {"model": tensors, "rng": {}}, make.facts(1))
    loaded = run.load_checkpoint("odd").groups
    assert loaded["rng"] == {}
    for name, tensor in tensors.items():
        assert loaded["model"][name].dtype == tensor.dtype
        assert torch.equal(loaded["model"][name].nan_to_num(9), tensor.detach().nan_to_num(9))


def test_checkpoints_are_listed_by_step_from_their_manifests(run, make):
    run.save_checkpoint("a-late-one", make.groups(), make.facts(5))
    for folder in (run.path / "checkpoints").iterdir():
        (folder / "model.safetensors").unlink()
    assert [(e.name, e.step, e.networks) for e in run.checkpoints()] == [
        ("step-00000000", 0, [0, 1, 2]),
        ("a-late-one", 5, [0, 1, 2]),
        ("step-00000010", 10, [0, 1, 2]),
    ]


def test_a_checkpoint_of_the_same_name_is_replaced(run, make):
    run.save_checkpoint("step-00000010", make.groups(9.0), make.facts(11))
    assert run.load_checkpoint("step-00000010").step == 11
    assert len(list((run.path / "checkpoints").iterdir())) == 2


def test_other_users_may_read_a_checkpoint(run):
    modes = {
        p.name: p.stat().st_mode & 0o044 for p in (run.path / "checkpoints/step-00000010").iterdir()
    }
    assert set(modes.values()) == {0o044}


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", ".tmp-1", ".hidden", "a\x00", "x" * 200, "a b"]
)
def test_names_that_lead_elsewhere_are_refused(run, make, name):
    for call in (
        lambda: run.load_checkpoint(name),
        lambda: run.save_checkpoint(name, {}, make.facts(0)),
    ):
        with pytest.raises(UsageError, match="is not a checkpoint name"):
            call()


def test_groups_and_facts_are_checked(run):
    with pytest.raises(UsageError, match="needs the facts `step`"):
        run.save_checkpoint("x", {}, {"step": 1})
    with pytest.raises(UsageError, match="not a name for a group"):
        run.save_checkpoint("x", {"../model": {}}, {"step": 1, "networks": []})
    with pytest.raises(UsageError, match=r"has no checkpoint 'x'; it has step-00000000, step-"):
        run.load_checkpoint("x")


@pytest.mark.parametrize(
    "name", ["model.safetensors", "optim.safetensors", "rng.safetensors", "MANIFEST.json"]
)
def test_every_flipped_bit_and_truncation_is_detected(run, name):
    folder = run.path / "checkpoints" / "step-00000010"
    original = (folder / name).read_bytes()
    damaged = [original[:-2], b"", original + b"x"]
    damaged += [
        original[:i] + bytes([original[i] ^ (1 << (i % 8))]) + original[i + 1 :]
        for i in range(0, len(original) - 1, 5)
    ]
    for data in damaged:
        (folder / name).write_bytes(data)
        with pytest.raises((VerificationError, UsageError), match=name):
            run.load_checkpoint("step-00000010")


def test_a_lost_file_and_a_strange_file_are_detected(run):
    folder = run.path / "checkpoints" / "step-00000010"
    (folder / "extra.bin").write_bytes(b"")
    with pytest.raises(VerificationError, match=r"extra\.bin: not in the manifest"):
        run.load_checkpoint("step-00000010")
    (folder / "extra.bin").unlink()
    (folder / "optim.safetensors").unlink()
    with pytest.raises(VerificationError, match=r"optim\.safetensors: missing"):
        run.load_checkpoint("step-00000010")


def test_a_file_of_another_checkpoint_does_not_pass(run):
    folder = run.path / "checkpoints"
    shutil.copy(folder / "step-00000000/model.safetensors", folder / "step-00000010")
    with pytest.raises(VerificationError, match=r"model\.safetensors: its SHA-256"):
        run.load_checkpoint("step-00000010")


def test_tensors_can_be_read_without_grokscope(run, make):
    loaded = load_file(run.path / "checkpoints/step-00000010/model.safetensors")
    assert loaded["W_E"].equal(make.groups(1.0)["model"]["W_E"])

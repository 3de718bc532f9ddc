"""Reading curves that other tools wrote."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from grokscope.core.errors import MissingExtraError, UsageError
from grokscope.store.column_names import role_of
from grokscope.store.foreign import ForeignCurve, read_curves, read_pair


def written(folder: Path, text: str, name: str = "run.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def one(folder: Path, text: str) -> ForeignCurve:
    (curve,) = read_curves(written(folder, text))
    return curve


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("train_acc", "train_acc"),
        ("train/acc", "train_acc"),
        ("Train Accuracy", "train_acc"),
        ("trainAccuracy", "train_acc"),
        ("training.accuracy", "train_acc"),
        ("test/accuracy", "test_acc"),
        ("val_acc", "test_acc"),
        ("eval/acc", "test_acc"),
        ("testacc", "test_acc"),
        ("train/loss", "train_loss"),
        ("test/loss", None),
        ("train/acc_std", None),
        ("accuracy", None),
        ("lr", None),
    ],
)
def test_a_column_is_known_by_the_words_in_its_name(name, role):
    assert role_of(name) == role


@pytest.mark.parametrize("step", ["step", "Step", "_step", "global_step", "trainer/global_step"])
def test_columns_come_in_any_order_beside_others(tmp_path, step):
    curve = one(tmp_path, f"lr,test_acc,{step},train_acc\n1,0,0,.5\n1,.1,3,1\n")
    assert curve.name == "run"
    assert curve.step.tolist() == [0, 3]
    assert curve.train_acc.tolist() == [0.5, 1]
    assert curve.test_acc.tolist() == [0, 0.1]
    assert curve.notes == []


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_a_byte_order_mark_and_blank_lines_are_read(tmp_path, delimiter):
    text = "\ufeffstep,train_acc,test_acc\n\n0,0,0\n1,1,0\n".replace(",", delimiter)
    assert one(tmp_path, text).step.tolist() == [0, 1]


def test_percent_is_recognised_and_said(tmp_path):
    curve = one(tmp_path, "epoch,train_acc,test_acc\n0,1.5,1\n1,100%,50\n")
    assert curve.train_acc.tolist() == [0.015, 1.0]
    assert curve.test_acc.tolist() == [0.01, 0.5]
    assert curve.notes == [
        "steps are counted in epochs",
        "accuracies are above 1: they were read as percent",
    ]


def test_unsorted_and_repeated_steps_are_sorted_and_the_last_value_counts(tmp_path):
    curve = one(tmp_path, "step,train_acc,test_acc\n5,.5,0\n2,.2,0\n5,.6,.1\n")
    assert curve.step.tolist() == [2, 5]
    assert curve.train_acc.tolist() == [0.2, 0.6]
    assert len(curve.notes) == 2


def test_a_panel_of_weights_and_biases_holds_several_runs(tmp_path):
    header = '"Step"'
    for run in ("calm-sea-1", "red - fox-2"):
        for metric in ("train/acc", "test/acc"):
            header += "".join(f',"{run} - {metric}{tail}"' for tail in ("", "__MIN", "__MAX"))
    rows = "0,.1,.1,.1,0,0,0,.2,.2,.2,0,0,0\n9,1,1,1,.5,.5,.5,1,1,1,,,\n"
    first, second = read_curves(written(tmp_path, f"{header}\n{rows}"))
    assert (first.name, second.name) == ("calm-sea-1", "red - fox-2")
    assert first.test_acc.tolist() == [0, 0.5]
    assert second.step.tolist() == [0]


def test_a_history_with_gaps_is_aligned_at_the_sparser_steps(tmp_path):
    rows = "".join(f"{s},{s / 10},{'' if s % 4 != 1 else s / 100}\n" for s in range(10))
    together = one(tmp_path, "_step,train/acc,val/acc\n" + rows)
    assert together.step.tolist() == [1, 5, 9]
    assert "steps in common" in together.notes[0]
    apart = "0,.1,\n1,,.0\n4,.4,\n5,,.2\n8,.8,\n9,,.3\n"
    carried = one(tmp_path, "_step,train/acc,val/acc\n" + apart)
    assert carried.step.tolist() == [1, 5, 9]
    assert carried.train_acc.tolist() == [0.1, 0.4, 0.8]
    assert "latest train accuracy logged by then" in carried.notes[0]


def test_test_goes_before_validation_and_keras_has_no_word_for_train(tmp_path):
    curve = one(tmp_path, "step,train_acc,val_acc,test_acc\n0,0,.1,.2\n")
    assert curve.test_acc.tolist() == [0.2]
    assert curve.notes == ["`test_acc` was taken for test_acc, not `val_acc`"]
    keras = one(tmp_path, "epoch,accuracy,val_accuracy\n0,.5,.1\n")
    assert keras.train_acc.tolist() == [0.5]


def test_a_loss_that_stays_nan_is_kept_and_a_gap_is_not(tmp_path):
    head = "step,train_acc,test_acc,train_loss\n"
    broken = one(tmp_path, head + "0,0,0,4\n1,0,0,nan\n2,0,0,nan\n")
    assert broken.train_loss is not None
    assert np.isnan(broken.train_loss).tolist() == [False, True, True]
    assert one(tmp_path, head + "0,0,0,4\n1,0,0,nan\n2,0,0,3\n").train_loss is None
    assert one(tmp_path, head + "0,0,0,4\n1,0,0,\n").train_loss is None


def test_two_downloads_of_tensorboard_make_one_curve(tmp_path):
    head = "Wall time,Step,Value\n"
    train = written(tmp_path, head + "1e9,0,.5\n1e9,2,1\n", "train.csv")
    test = written(tmp_path, head + "1e9,0,0\n1e9,2,.1\n", "test.csv")
    (curve,) = read_pair(train, test)
    assert curve.train_acc.tolist() == [0.5, 1]
    assert curve.test_acc.tolist() == [0, 0.1]
    with pytest.raises(UsageError, match="one file each, `--train FILE --test FILE`"):
        read_curves(train)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no rows"),
        ("step,train_acc,test_acc\n", "has no rows"),
        ("step,train_acc,test_acc\n0,0,0\n1,x,0\n", "line 3, column `train_acc`: 'x' is not a n"),
        ("step,train_acc,test_acc\n0,0,0\n1,0\n", "line 3: 2 values under 3 columns"),
        ("step,train_acc,test_acc\n0.5,0,0\n", "line 2, column `step`: a step must be a whole"),
        ("step,train_acc,test_acc\n-1,0,0\n", "line 2, column `step`: a step must be a whole"),
        ("step,train_acc,test_acc\ninf,0,0\n", "line 2, column `step`: a step must be a whole"),
        ("step,train_acc,test_acc\n0,-1,0\n", "line 2, column `train_acc`: an accuracy is"),
        ("step,train_acc,test_acc\n0,101,0\n", "line 2, column `train_acc`: an accuracy is"),
        ("step,train_acc,test_acc\n0,inf,0\n", "line 2, column `train_acc`: an accuracy is"),
        ("step,train_acc,test_acc\n0,0,\n", "run has no values of test_acc"),
        ("step,train_acc\n0,0\n", "has no column of test accuracy"),
        ("step,lr\n0,0\n", "has no column of train accuracy and no column of test accuracy"),
        ("train_acc,test_acc\n0,0\n", "has no column of steps"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path, text, complaint):
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as refused:
        read_curves(path)
    assert complaint in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_curves(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_curves(tmp_path / "x.csv")
    with pytest.raises(UsageError, match="no TensorBoard event files"):
        read_curves(tmp_path)


def test_event_files_without_the_extra_name_the_pip_command(tmp_path, monkeypatch):
    (tmp_path / "events.out.tfevents.1").touch()
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'grokscope\[tensorboard\]'"):
        read_curves(tmp_path)


class FakeLog:
    """Stands in for TensorBoard's reader: a folder's scalars by its name."""

    SCALARS: ClassVar = {
        "train": {"epoch_accuracy": [(0, 0.1), (5, 1.0)]},
        "validation": {"epoch_accuracy": [(0, 0.0), (5, 0.3)]},
        "b": {"train/acc": [(1, 0.5)], "test/acc": [(1, 0.25)], "lr": [(1, 1.0)]},
    }

    def __init__(self, folder: str, size_guidance: object) -> None:
        self.tags = self.SCALARS[Path(folder).name]

    def Reload(self) -> None:  # noqa: D102, N802 (TensorBoard's name)
        return

    def Tags(self) -> dict[str, list[str]]:  # noqa: D102, N802 (TensorBoard's name)
        return {"scalars": list(self.tags), "tensors": []}

    def Scalars(self, tag: str) -> list[SimpleNamespace]:  # noqa: D102, N802 (TensorBoard's name)
        return [SimpleNamespace(step=step, value=value) for step, value in self.tags[tag]]


def test_folders_of_event_files_are_runs_and_train_beside_validation_is_one(tmp_path, monkeypatch):
    for folder in ("a/train", "a/validation", "b"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "events.out.tfevents.1").touch()
    base = "tensorboard.backend.event_processing"
    for name in ("tensorboard", "tensorboard.backend", base, "tensorboard.util"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    reader = ModuleType("event_accumulator")
    monkeypatch.setattr(reader, "EventAccumulator", FakeLog, raising=False)
    monkeypatch.setitem(sys.modules, f"{base}.event_accumulator", reader)
    monkeypatch.setitem(sys.modules, "tensorboard.util.tensor_util", ModuleType("tensor_util"))
    first, second = read_curves(tmp_path)
    assert (first.name, second.name) == ("a", "b")
    assert first.train_acc.tolist() == [0.1, 1.0]
    assert first.test_acc.tolist() == [0.0, 0.3]
    assert second.test_acc.tolist() == [0.25]


def test_accuracies_that_end_in_nan_are_a_divergence_and_gaps_are_not(tmp_path):
    text = "step,train_acc,test_acc\n0,.1,.1\n1,nan,.1\n2,.5,.1\n3,nan,nan\n4,nan,nan\n"
    assert one(tmp_path, text).diverged_step == 3
    assert one(tmp_path, text + "5,.6,.1\n").diverged_step is None
    assert one(tmp_path, text.replace("nan,nan", ",")).diverged_step is None

"""Images: the digits of the package, and MNIST from files in its own format."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from grokscope.core.errors import SettingError, VerificationError
from grokscope.tasks import Digits, Mnist
from tasks.idx_files import IMAGES, LABELS, idx_bytes, pixel, write_mnist


def test_the_digits_are_the_known_ones():
    table = Digits().table()
    assert table.inputs.shape == (1797, 64)
    assert table.labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    first = [int(16 * value) for value in table.inputs[0].tolist()]
    assert first[:16] == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    assert table.labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert (float(table.inputs.min()), float(table.inputs.max())) == (0.0, 1.0)
    assert int(16 * table.inputs.double().sum()) == 561718


def test_a_nearest_neighbour_tells_digits_apart():
    table, task = Digits().table(), Digits()
    split = task.make_split(table, seed=0)
    nearest = (table.inputs[split.novel] @ table.inputs[split.train].T * 2).sub(
        table.inputs[split.train].square().sum(1)
    )
    guessed = table.labels[split.train][nearest.argmax(1)]
    assert float((guessed == table.labels[split.novel]).double().mean()) > 0.95


@pytest.mark.parametrize("packed", [False, True])
def test_mnist_reads_the_first_rows_of_its_files(tmp_path: Path, packed: bool):
    write_mnist(tmp_path, n_rows=30, packed=packed)
    table = Mnist(folder=str(tmp_path), n_rows=20).table()
    expected = [[pixel(row, i) for i in range(784)] for row in range(20)]
    assert (255 * table.inputs.double()).round().long().tolist() == expected
    assert table.labels.tolist() == [3 * row % 10 for row in range(20)]


def test_files_are_not_looked_for_before_they_are_needed():
    task = Mnist(folder="/nowhere")
    assert task.name == "MNIST"
    with pytest.raises(SettingError) as caught:
        task.table()
    assert str(caught.value) == (
        "`folder` must be a folder with train-images-idx3-ubyte or train-images-idx3-ubyte.gz, "
        "got '/nowhere'."
    )


def spoil(folder: Path, name: str, content: bytes, *, packed: bool = False) -> Mnist:
    """Good files but for one."""
    write_mnist(folder, n_rows=30, packed=packed)
    (folder / (f"{name}.gz" if packed else name)).write_bytes(content)
    return Mnist(folder=str(folder), n_rows=20)


WHOLE = idx_bytes([30, 28, 28], bytes(30 * 784))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES, b"", "is not an IDX file of bytes with 3 axes."),
        (IMAGES, b"\x89PNG\r\n\x1a\n" + bytes(90), "is not an IDX file of bytes with 3 axes."),
        (IMAGES, idx_bytes([30], bytes(30)), "is not an IDX file of bytes with 3 axes."),
        (
            IMAGES,
            idx_bytes([30, 28, 28], bytes(30 * 784 * 4), kind=0x0D),
            "is not an IDX file of bytes with 3 axes.",
        ),
        (IMAGES, WHOLE[:10], "is cut off."),
        (IMAGES, WHOLE[:-1], "is cut off."),
        (IMAGES, WHOLE + b"\0", "goes on after the 23,520 bytes that it announces."),
        (
            IMAGES,
            idx_bytes([30, 8, 8], bytes(30 * 64)),
            "does not hold images of 28 × 28 pixels.",
        ),
        (LABELS, idx_bytes([29], bytes(29)), "has 29 labels for 30 images."),
        (LABELS, idx_bytes([30], bytes([10] * 30)), "holds labels above 9."),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_file_is_named_with_what_is_wrong(
    tmp_path: Path, name: str, content: bytes, message: str, packed: bool
):
    task = spoil(
        tmp_path, name, gzip.compress(content, mtime=0) if packed else content, packed=packed
    )
    with pytest.raises(VerificationError) as caught:
        task.table()
    path = tmp_path / (f"{name}.gz" if packed else name)
    assert str(caught.value) == f"{path} {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(WHOLE, mtime=0)[:-20], "is cut off."),
        (b"no gzip at all", "cannot be read: Not a gzipped file (b'no')."),
        (gzip.compress(WHOLE, mtime=0)[:30] + b"\xff" * 40, "cannot be read: "),
    ],
)
def test_a_bad_packed_file_is_named(tmp_path: Path, content: bytes, message: str):
    with pytest.raises(VerificationError) as caught:
        spoil(tmp_path, IMAGES, content, packed=True).table()
    assert str(caught.value).startswith(f"{tmp_path / IMAGES}.gz {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("n_rows", "message"),
    [
        (31, "`n_rows` must be at most 30, as in the files, got 31."),
        (0, "`n_rows` must be at least 1, got 0."),
    ],
)
def test_more_rows_than_there_are_are_refused(tmp_path: Path, n_rows: Any, message: str):
    write_mnist(tmp_path, n_rows=30)
    with pytest.raises(SettingError) as caught:
        Mnist(folder=str(tmp_path), n_rows=n_rows).table()
    assert str(caught.value) == message

"""MNIST, from files that the user has."""

from dataclasses import dataclass

import torch

from grokscope.core.errors import SettingError, VerificationError
from grokscope.core.settings import require_at_least
from grokscope.tasks.base import Table, Task
from grokscope.tasks.idx import find_idx, read_idx

_SIDE, _N_CLASSES, _BRIGHTEST = 28, 10, 255
_IMAGES, _LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@dataclass(frozen=True, kw_only=True)
class Mnist(Task):
    """784 pixels in [0, 1] per row, ten classes: the first rows of MNIST's training files.

    Nothing is downloaded. Of the 3,000 rows by default a third is trained on, which makes the 1,000
    images of arXiv 2210.01117; the test rows are training images too, not those of `t10k`.
    """

    train_fraction: float = 1 / 3
    folder: str = "mnist"
    """Where `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` are, as they are or with
    `.gz` behind their names."""
    n_rows: int = 3000
    """Rows for training and test together; the files have 60,000."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "n_rows")

    @property
    def exact_name(self) -> str:
        """The name of the data."""
        return "MNIST"

    @property
    def ceiling(self) -> float:
        """0.88, about what three layers reach with 1,000 images.

        From reports, not measured: the files are the user's.
        """
        return 0.88

    def exact_table(self) -> Table:
        """The first images, row by row.

        Raises:
            SettingError: a file is missing or has fewer rows.
            VerificationError: a file is cut off or holds something else.
        """
        images_file, labels_file = (find_idx(self.folder, name) for name in (_IMAGES, _LABELS))
        images, labels = read_idx(images_file, 3), read_idx(labels_file, 1)
        if images.shape[1:] != (_SIDE, _SIDE):
            raise VerificationError(f"{images_file} does not hold images of 28 × 28 pixels.")
        if len(labels) != len(images):
            counts = f"{len(labels):,} labels for {len(images):,} images"
            raise VerificationError(f"{labels_file} has {counts}.")
        if self.n_rows > len(images):
            raise SettingError("n_rows", f"at most {len(images):,}, as in the files", self.n_rows)
        if labels.max() >= _N_CLASSES:
            raise VerificationError(f"{labels_file} holds labels above 9.")
        return Table(
            inputs=torch.tensor(images[: self.n_rows]).flatten(1).float() / _BRIGHTEST,
            labels=torch.tensor(labels[: self.n_rows]).long(),
            d_vocab=0,
            n_classes=_N_CLASSES,
            mirror=torch.arange(self.n_rows),
        )

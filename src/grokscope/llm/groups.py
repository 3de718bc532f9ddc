"""Groups of samples that were memorised together, each with the test items most like it.

As in arXiv 2506.21551 (App. B.1): a group is what has the same date, and train and test groups are
paired one to one so that the mean cosine between the members' embeddings, summed over pairs, is as
large as it can be. Pair groups within one domain; groups that are over stay without a partner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from grokscope.core.errors import SettingError

Groups = Mapping[float, Int[np.ndarray, " _"]]
"""Indices of the members, by the date that they share, rising."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """A train group and its test group.

    Attributes:
        train: date since when the one is memorised.
        test: date since when the other is answered.
        cosine: mean over all pairs of members, in [−1, 1].
    """

    train: float
    test: float
    cosine: float


def groups_of(
    since: Float[np.ndarray, " sample"], edges: Sequence[float | int] | None = None
) -> dict[float, Int[np.ndarray, " _"]]:
    """Indices of the samples of each date; those without a date (infinite or NaN) are in none.

    Args:
        since: date of each sample, from `memorisation`.
        edges: of bins, rising. A bin is named by its lower edge, which belongs to it; the last one
            has no end, and dates before the first edge are in none.

    Raises:
        SettingError: the edges do not rise.
    """
    dates = since.astype(np.float64)
    if edges is not None:
        bounds = np.array(edges, dtype=np.float64)
        if not (len(bounds) and (np.diff(bounds) > 0).all()):
            raise SettingError("edges", "rising, and at least one", list(edges))
        places = np.searchsorted(bounds, dates, side="right") - 1
        within = np.isfinite(dates) & (places >= 0)
        dates = np.where(within, bounds[places], np.nan)
    found = np.unique(dates[np.isfinite(dates)])
    return {float(date): np.flatnonzero(dates == date) for date in found}


def match_groups(
    train: Groups,
    test: Groups,
    train_embeddings: Float[np.ndarray, "train d"],
    test_embeddings: Float[np.ndarray, "test d_test"],
) -> list[Match]:
    """The pairs of groups, by date of the train group; as many as the fewer groups of both.

    Any embedding will do; a vector of 0 is at cosine 0 from all. The paper's is all-MiniLM-L6-v2,
    which needs `transformers` alone::

        tokenizer = AutoTokenizer.from_pretrained("sentence-transformers/all-MiniLM-L6-v2")
        model = AutoModel.from_pretrained("sentence-transformers/all-MiniLM-L6-v2").eval()
        batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            states = model(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        embeddings = ((states * mask).sum(1) / mask.sum(1)).numpy()

    `embedding.character_embeddings` needs no model.

    Args:
        train: groups of train samples.
        test: groups of test items.
        train_embeddings: of every train sample.
        test_embeddings: of every test item, by the same model.

    Raises:
        SettingError: the embeddings differ in width, a group is empty, or one of its members has
            an embedding that is not finite.
    """
    from scipy.optimize import linear_sum_assignment  # training needs no scipy

    if train_embeddings.shape[1] != test_embeddings.shape[1]:
        raise SettingError(
            "test_embeddings", f"of width {train_embeddings.shape[1]}", test_embeddings.shape[1]
        )
    if not (train and test):
        return []
    cosines = _centres(train, train_embeddings) @ _centres(test, test_embeddings).T
    rows, columns = linear_sum_assignment(cosines, maximize=True)
    names = list(train), list(test)
    found = [
        Match(train=names[0][row], test=names[1][column], cosine=float(cosines[row, column]))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    return sorted(found, key=lambda match: match.train)


def _centres(
    groups: Groups, embeddings: Float[np.ndarray, "sample d"]
) -> Float64[np.ndarray, "group d"]:
    """Mean unit vector of each group: products of these are means of all pairwise cosines."""
    return np.stack([_centre(embeddings[members]) for members in groups.values()])


def _centre(embeddings: Float[np.ndarray, "member d"]) -> Float64[np.ndarray, " d"]:
    own = embeddings.astype(np.float64)
    finite = int(np.isfinite(own).all(1).sum())
    if not len(own) or finite < len(own):
        rule = "finite, for all of at least one member of each group"
        raise SettingError("embeddings", rule, f"{finite} of {len(own)}")
    norms = np.linalg.norm(own, axis=1, keepdims=True)
    return (own / np.where(norms > 0, norms, 1)).mean(0)

"""The published analysis of one monitored run: groups of samples, their test groups, and the lag.

As in arXiv 2506.21551 (§3, App. B.1): samples of a domain are grouped by the date since when they
are memorised, test items by the date since when they are answered; groups are paired one to one by
the similarity of their embeddings, and the lag is the time between both dates. The paper gives
neither the number of pairs nor an interval, and does not ask whether a sample had been read: here
samples that had not are never memorised, and every lag has an interval over samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from grokscope.core.errors import UsageError
from grokscope.llm.embedding import character_embeddings
from grokscope.llm.groups import groups_of, match_groups
from grokscope.llm.memorisation import (
    ChosenEps,
    LossCurves,
    choose_eps,
    generalized_since,
    memorized_since,
)
from grokscope.llm.monitor_run import MonitorRun
from grokscope.statistics.lag import Lag, group_lag

DELTA = 0.05
BINS = 6
"""Groups of a domain, at most: dates are binned evenly in their logarithm."""

Rows = Int64[np.ndarray, " probe"]


@dataclass(frozen=True, kw_only=True)
class PairedLag:
    """A group of memorised samples with the test items most like it.

    Attributes:
        memorized: from when on samples of the group became memorised: the lower edge of its bin.
        answered: likewise of the test group.
        cosine: mean similarity of their members.
        samples, items: members.
        lag: date of the test items less that of the samples.
    """

    memorized: float
    answered: float
    cosine: float
    samples: int
    items: int
    lag: Lag


@dataclass(frozen=True, kw_only=True)
class LocalGrokking:
    """Of one domain of a run.

    Attributes:
        eps: the bound on the loss that was scanned for, and what it gives.
        unread: samples that the published rule, which does not ask for exposure, calls memorised
            before they were read.
        samples: of the domain.
        unanswered: test items that are not answered by the end; they are in no pair.
        pairs: by date.
    """

    eps: ChosenEps
    unread: int
    samples: int
    unanswered: int
    pairs: tuple[PairedLag, ...]


def local_grokking(run: MonitorRun, domain: str, texts: Sequence[str]) -> LocalGrokking:
    """The analysis of a domain that has seen samples and tests.

    Args:
        run: finished, or as far as it is.
        domain: of its probes.
        texts: of all probes in their order, for the embeddings (hashed character n-grams).

    Raises:
        UsageError: the run has no seen samples or no tests of that domain.
    """
    seen, test = run.members(domain), run.members(f"{domain}/test")
    if not (len(seen) and len(test)):
        raise UsageError(f"{run.directory.id} has no seen samples or no tests of {domain!r}.")
    steps, exposed = np.array(run.steps), run.exposed()[seen]
    curves = LossCurves(steps=steps, losses=run.losses()[:, seen])
    eps = choose_eps(curves, exposed, delta=DELTA)
    since = memorized_since(curves, exposed, eps=eps.eps, delta=DELTA)
    published = memorized_since(curves, None, eps=eps.eps, delta=DELTA)
    answered = generalized_since(run.correct()[:, test] == 1, steps)
    embeddings = [character_embeddings([texts[int(i)] for i in rows]) for rows in (seen, test)]
    return LocalGrokking(
        eps=eps,
        unread=int((published < exposed).sum()),
        samples=len(seen),
        unanswered=int(np.isinf(answered).sum()),
        pairs=_pairs(np.maximum(since, 1), np.maximum(answered, 1), embeddings, float(steps[-1])),
    )


def _pairs(
    since: Float[np.ndarray, " sample"],
    answered: Float[np.ndarray, " item"],
    embeddings: list[Float[np.ndarray, "_ d"]],
    last: float,
) -> tuple[PairedLag, ...]:
    train = groups_of(since, _edges(since))
    test = groups_of(answered, _edges(answered))
    return tuple(
        PairedLag(
            memorized=match.train,
            answered=match.test,
            cosine=match.cosine,
            samples=len(train[match.train]),
            items=len(test[match.test]),
            lag=group_lag(since[train[match.train]], answered[test[match.test]], last),
        )
        for match in match_groups(train, test, *embeddings)
    )


def _edges(dates: Float[np.ndarray, " date"]) -> list[float]:
    """Lower edges of the bins."""
    known = dates[np.isfinite(dates)]
    if not len(known):
        return [1.0]
    first, last = float(known.min()), float(known.max())
    return [float(edge) for edge in np.unique(np.geomspace(first, last, BINS + 1)[:-1])]

"""The likelihood of a regression of ln T on covariates, with or without a cured share.

Everything inside is standardised: ln T by its mean and spread, covariates too. Results are brought
back by one affine map. Without this the maximum would depend on the unit of time in its last
digits, and a covariate of small spread would be taken for one that decides nothing.

The share that ever groks is logistic in its covariates (Farewell, Biometrics 38, 1982). A run
beyond its budget contributes (1 − π) + π S(budget), one that diverged 1 − π, and all others π
times their density or share. Where all runs or none would be cured, or a covariate separates the
cured from the others, π's coefficients have no finite maximum; Jeffreys's prior on them alone
(Firth, Biometrika 80, 1993), ½ ln det Zᵀ π(1 − π) Z, keeps them finite and vanishes as runs grow.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from grokscope.statistics.latency import Family, log_likelihoods
from grokscope.statistics.wait import NEVER, Wait

Rows = Float[np.ndarray, " run"]
Terms = Float[np.ndarray, " term"]
Square = Float[np.ndarray, "term term"]
Table = Float[np.ndarray, "run column"]


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """A function of (η's coefficients, ln σ, coefficients of π's log odds), all standardised.

    Attributes:
        family: distribution of T.
        low: ln of the least that a time can be, standardised.
        high: and of the most.
        was_seen: whether both are the same.
        never: whether the run diverged.
        design: of ln T, with a first column of ones.
        odds: of the log odds of π, likewise; with no columns where all runs grok at last.
        offset: part of η that is given.
        constant: what standardisation took from the log-likelihood.
        back: coefficients in the units of the input are `back` · θ + `shift`.
        shift: see `back`.
    """

    family: Family
    low: Rows
    high: Rows
    was_seen: Bool[np.ndarray, " run"]
    never: Bool[np.ndarray, " run"]
    design: Table
    odds: Float[np.ndarray, "run other"]
    offset: Rows
    constant: float
    back: Square
    shift: Terms

    def each(self, theta: Terms) -> tuple[Rows, Float[np.ndarray, "run term"]]:
        """Each run's log-likelihood, less the constant, and its derivatives."""
        wide = self.design.shape[1]
        location = self.offset + self.design @ theta[:wide]
        bounds = self.low, self.high
        value, by_location, by_scale = log_likelihoods(
            self.family, bounds, self.was_seen, location, float(theta[wide])
        )
        if not self.odds.shape[1]:
            return value, np.column_stack([by_location[:, None] * self.design, by_scale])
        logit = self.odds @ theta[wide + 1 :]
        groks = -np.logaddexp(0.0, -logit)
        groks_and_shows = np.where(self.never, -np.inf, groks + value)
        is_open = self.never | np.isposinf(self.high)  # may be cured
        cured = np.where(is_open, -np.logaddexp(0.0, logit), -np.inf)
        total = np.logaddexp(groks_and_shows, cured)
        share = np.exp(groks_and_shows - total)  # probability that this run is not cured
        parts = (
            np.where(self.never, 0.0, share * by_location)[:, None] * self.design,
            np.where(self.never, 0.0, share * by_scale),
            (share - np.exp(groks))[:, None] * self.odds,
        )
        return total, np.column_stack(parts)

    def prior(self, theta: Terms) -> tuple[float, Terms]:
        """Jeffreys's log prior of the coefficients of π, and its derivatives."""
        gradient = np.zeros_like(theta)
        if not self.odds.shape[1]:
            return 0.0, gradient
        first = self.design.shape[1] + 1
        share = 1 / (1 + np.exp(-(self.odds @ theta[first:])))
        weighted = self.odds * (share * (1 - share))[:, None]
        information = self.odds.T @ weighted
        leverage = np.sum(weighted * np.linalg.solve(information, self.odds.T).T, axis=1)
        gradient[first:] = self.odds.T @ (leverage * (0.5 - share))
        return 0.5 * float(np.linalg.slogdet(information)[1]), gradient

    def penalised(self, theta: Terms) -> tuple[float, Terms]:
        """What is maximised: all runs' log-likelihood and the prior; and its derivatives."""
        value, scores = self.each(theta)
        prior, by_prior = self.prior(theta)
        return float(value.sum()) + prior, scores.sum(axis=0) + by_prior

    def information(self, theta: Terms) -> Square:
        """Minus the second derivatives, by central differences of the exact first ones."""
        step = 1e-5
        moves = step * np.eye(len(theta))
        pairs = [(self.penalised(theta + m)[1], self.penalised(theta - m)[1]) for m in moves]
        found = -np.array([ahead - behind for ahead, behind in pairs]) / (2 * step)
        return (found + found.T) / 2


def likelihood_of(
    family: Family,
    waits: list[Wait],
    columns: Table,
    odds: Float[np.ndarray, "run other"] | None,
    offset: Rows,
) -> Likelihood:
    """The likelihood of waits, given covariates side by side; `odds` None is no cured share."""
    never = np.array([wait == NEVER for wait in waits])
    # any time would do for a run that diverged: what it says of ln T is not used
    known = [Wait.beyond(1.0) if wait == NEVER else wait for wait in waits]
    with np.errstate(divide="ignore"):  # ln 0 is meant
        low, high = np.log([w.least for w in known]), np.log([w.most for w in known])
    middle = np.where(np.isfinite(high), high, low)[~never]
    middle = middle[np.isfinite(middle)]
    centre = float(middle.mean()) if len(middle) else 0.0
    spread = float(middle.std()) or 1.0 if len(middle) else 1.0
    was_seen = low == high
    design, back = _standardised(columns)
    other, other_back = (np.zeros((len(waits), 0)), np.zeros((0, 0)))
    if odds is not None:
        other, other_back = _standardised(odds)
    wide, terms = len(back), len(back) + 1 + len(other_back)
    whole, shift = np.eye(terms), np.zeros(terms)
    whole[:wide, :wide] = spread * back
    whole[wide + 1 :, wide + 1 :] = other_back
    shift[0], shift[wide] = centre, np.log(spread)
    return Likelihood(
        family=family,
        low=(low - centre) / spread,
        high=(high - centre) / spread,
        was_seen=was_seen,
        never=never,
        design=design,
        odds=other,
        offset=offset / spread,
        constant=-float(np.sum(np.log(spread) + low[was_seen])),
        back=whole,
        shift=shift,
    )


def _standardised(columns: Table) -> tuple[Float[np.ndarray, "run wider"], Square]:
    """Columns of mean 0 and spread 1 after one of ones, and the map of coefficients back."""
    mean, spread = columns.mean(axis=0), columns.std(axis=0)
    back = np.diag([1.0, *(1 / spread)])
    back[0, 1:] = -mean / spread
    ones = np.ones(len(columns))
    return np.column_stack([ones, (columns - mean) / spread]), back

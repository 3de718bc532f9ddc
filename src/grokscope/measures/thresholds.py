"""The numbers in the definition of grokking, stored beside every label that they decide.

`grokdef/1` is grokscope's own definition. `liu2022` is the rule of Liu et al. (arXiv 2205.10343):
accuracies of 90 % and a delay of at least 1000 steps.
"""

from dataclasses import dataclass, replace

from grokscope.core.errors import SettingError

HYSTERESIS = 0.05
"""How far an accuracy may dip below a threshold that has no holding value of its own."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Parameters of the definition; accuracies q are normalised, (accuracy - chance)/(ceiling - c).

    Attributes:
        version: name of the definition.
        memorized: train q that memorisation reaches.
        memorized_hold: train q that it keeps over the next `held` evaluations.
        grokked: test q that generalisation reaches.
        grokked_hold: test q that it keeps over the next `held` evaluations.
        held: number of evaluations m over which an event must hold.
        onset: test q of the onset, above which `onset_errors` standard errors of chance are added.
        onset_errors: number of standard errors.
        delay_ratio: least grokked step / memorized step of grokking.
        delay_evaluations: least number of evaluations from the one event to the other.
        delay_steps: least number of steps between them.
        plateau_band: greatest distance of test q from its value at memorisation on the plateau.
        plateau_share: least share of the delay, in log-steps, that the plateau covers.
        fall: q at or below which a network that had it has lost it.
        semi_low: least final test q of semi-grokking.
        semi_high: greatest final test q of semi-grokking.
        semi_rise: least rise of test q after memorisation in semi-grokking.
        semi_slope: greatest |dq / dlog10 step| of its final plateau.
        semi_decades: length of the final plateau in decades of steps.
        diverged_loss: train loss, as a multiple of the larger of L0 and the first loss, above which
            a network that stays there has diverged.
        linger: training that may stop early goes on for this share of the grokked step.
    """

    version: str = "grokdef/1"
    memorized: float = 0.99
    memorized_hold: float = 0.97
    grokked: float = 0.95
    grokked_hold: float = 0.90
    held: int = 3
    onset: float = 0.05
    onset_errors: float = 3.0
    delay_ratio: float = 3.0
    delay_evaluations: int = 10
    delay_steps: int = 0
    plateau_band: float = 0.1
    plateau_share: float = 0.4
    fall: float = 0.5
    semi_low: float = 0.1
    semi_high: float = 0.9
    semi_rise: float = 0.1
    semi_slope: float = 0.05
    semi_decades: float = 0.3
    diverged_loss: float = 10.0
    linger: float = 0.5

    def __post_init__(self) -> None:
        if self.held < 0:
            raise SettingError("held", "at least 0", self.held)
        for reach, hold in (("memorized", "memorized_hold"), ("grokked", "grokked_hold")):
            if getattr(self, hold) > getattr(self, reach):
                raise SettingError(hold, f"at most `{reach}`", getattr(self, hold))

    def with_grokked(self, grokked: float) -> "Thresholds":
        """The same definition with another threshold of test accuracy."""
        return replace(self, grokked=grokked, grokked_hold=grokked - HYSTERESIS)


GROKDEF_1 = Thresholds()

LIU_2022 = Thresholds(
    version="liu2022",
    memorized=0.9,
    memorized_hold=0.9,
    grokked=0.9,
    grokked_hold=0.9,
    held=0,
    delay_ratio=0.0,
    delay_evaluations=0,
    delay_steps=1000,
    plateau_share=0.0,
)

ROBUST_GROKKED = (0.9, 0.95, 0.99)
"""A label is robust when it is the same at each of these thresholds of test accuracy."""

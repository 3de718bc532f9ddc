"""The arms of the study: the subject, and controls that differ from it in one thing each."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Arm:
    """How a model is trained.

    Attributes:
        about: what it is there for.
        shuffled: answers are dealt out anew: they can be learned by heart only.
        frozen_router: the routers keep their initial weights.
        balance: coefficient of the load-balancing loss.
        schedule: of the learning rate after its warm-up.
        sharpening: by what the routers' inputs are multiplied at the end; it grows from 1 in a
            straight line, so that routing sharpens whatever is learned.
    """

    about: str
    shuffled: bool = False
    frozen_router: bool = False
    balance: float = 0.01
    schedule: Literal["cosine", "constant"] = "cosine"
    sharpening: float = 1.0


MAIN = "main"
ARMS: dict[str, Arm] = {
    MAIN: Arm(about="the subject: as OLMoE was trained"),
    "shuffled-labels": Arm(about="nothing can be generalised", shuffled=True),
    "frozen-router": Arm(about="pathways cannot be learned", frozen_router=True),
    "no-balancing": Arm(about="experts may be left unused", balance=0.0),
    "constant-rate": Arm(about="the learning rate does not decay", schedule="constant"),
    "sharpened": Arm(about="routing sharpens whatever is learned", sharpening=3.0),
}

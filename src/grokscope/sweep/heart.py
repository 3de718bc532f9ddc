"""The heartbeat of a lease, and the end of training when the lease is lost."""

import threading
from types import TracebackType

from grokscope.core.errors import GrokscopeError, InterruptedRunError
from grokscope.experiment import Listener, TrainingProgress
from grokscope.sweep.lease import BEAT_SECONDS, Lease, LeaseLostError, Ledger


class Heart:
    """Beats from a thread of its own while a cohort is trained; used as a context.

    It is the training's listener, too: the news after the lease was lost stops the training.
    """

    def __init__(
        self, ledger: Ledger, lease: Lease, listener: Listener, seconds: float = BEAT_SECONDS
    ) -> None:
        self._ledger, self._lease, self._listener = ledger, lease, listener
        self._seconds = seconds
        self._over = threading.Event()
        self.is_lost = False
        """Whether another worker has the cohort now."""
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    def __enter__(self) -> "Heart":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def update(self, progress: TrainingProgress) -> None:
        """Pass the news on.

        Raises:
            InterruptedRunError: the lease is lost.
        """
        if self.is_lost:
            raise InterruptedRunError("Another worker has taken the cohort over.")
        self._listener.update(progress)

    def _beat(self) -> None:
        while not self._over.wait(self._seconds):
            try:
                self._ledger.beat(self._lease)
            except LeaseLostError:
                self.is_lost = True
                return
            except GrokscopeError:
                continue  # whoever trains will meet the full disk or the damage, and says so

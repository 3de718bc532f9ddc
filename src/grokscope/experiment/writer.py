"""Writing beside training: one thread does, in order, what would keep the next step waiting.

Order is what makes a run on disk consistent: a resume point counts on the segments and checkpoints
before it. So there is one thread and one queue; what fails stops everything behind it, and training
hears of it the next time it hands something over.
"""

from collections.abc import Callable
from queue import Queue
from threading import Thread
from types import TracebackType

_LONGEST_QUEUE = 8
"""Jobs that may wait. Behind a slow disk training waits too, instead of filling the memory."""


class Writer:
    """A thread that runs what it is given, in order; used as a context.

    Leaving the context waits until everything is written, unless an exception leaves with it: then
    what is being written is finished and the rest dropped.
    """

    def __init__(self) -> None:
        self._queue: Queue[Callable[[], object] | None] = Queue(_LONGEST_QUEUE)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name="writer", daemon=True)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._error = self._error or error
        self._queue.put(None)
        self._thread.join()
        if error is None:
            self._raise()

    def submit(self, job: Callable[[], object]) -> None:
        """Run a job after those before it.

        Raises:
            Exception: what an earlier job raised.
        """
        self._raise()
        self._queue.put(job)

    def wait(self) -> None:
        """Return when everything so far is done; errors as in `submit`."""
        self._queue.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            try:
                if job is None:
                    return
                if self._error is None:
                    job()
            except BaseException as error:  # raised again where training hears it
                self._error = error
            finally:
                self._queue.task_done()

"""A first Ctrl-C or SIGTERM asks training to stop at a safe place; a second one does not ask.

Where one who can be asked works for another, both are: a signal that comes when the inner one has
just finished must not be lost.
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_open: list["StopRequest"] = []


class StopRequest:
    """Whether somebody has asked to stop."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def stop_on_signal() -> Generator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a request; outside the main thread, change nothing."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        for each in _open:
            each.requested = True
        for each in previous:
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    _open.append(request)
    for number in previous:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        _open.remove(request)
        if not (request.requested and _open):  # whoever asks again is not asked back
            for number, handler in previous.items():
                signal.signal(number, handler)

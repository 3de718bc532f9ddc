"""The writer keeps the order, hands errors back, and drops nothing that was accepted."""

import threading

import pytest

from grokscope.experiment.writer import Writer


def test_jobs_run_in_order_on_another_thread_and_are_done_at_the_end():
    done: list[tuple[int, int]] = []
    with Writer() as writer:
        for i in range(100):
            writer.submit(lambda i=i: done.append((i, threading.get_ident())))
    assert [i for i, _ in done] == list(range(100))
    assert {thread for _, thread in done} != {threading.get_ident()}


def test_handing_over_does_not_wait_for_the_disk():
    slow, handed_over = threading.Event(), False
    with Writer() as writer:
        writer.submit(slow.wait)
        writer.submit(lambda: None)
        handed_over = True
        slow.set()
    assert handed_over


def test_an_error_stops_what_is_behind_it_and_is_raised_once_training_comes_back():
    done: list[int] = []

    def fail() -> None:
        raise OSError("disk full")

    def train() -> None:
        with Writer() as writer:
            writer.submit(fail)
            writer.submit(lambda: done.append(1))
            writer.wait()

    with pytest.raises(OSError, match="disk full"):
        train()
    assert done == []


def test_an_error_in_the_last_job_is_not_lost():
    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), Writer() as writer:
        writer.submit(fail)


def test_when_training_breaks_off_its_own_error_is_the_one_that_is_seen():
    def train() -> None:
        with Writer() as writer:
            writer.submit(lambda: None)
            raise KeyError

    with pytest.raises(KeyError):
        train()


def test_wait_returns_when_everything_is_done():
    done: list[int] = []
    with Writer() as writer:
        writer.submit(lambda: done.append(1))
        writer.wait()
        assert done == [1]

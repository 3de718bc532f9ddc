"""Tiny numbers are zeros while networks are trained, and only then."""

from concurrent.futures import ThreadPoolExecutor

import torch

from grokscope.engine.denormals import flushed_denormals
from grokscope.engine.population import _workers


def product_of_tiny_numbers() -> float:
    return float(torch.tensor(1e-39) * 1)


def test_denormals_are_zeros_inside_and_on_new_threads():
    assert product_of_tiny_numbers() > 0
    with flushed_denormals():
        assert product_of_tiny_numbers() == 0
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(product_of_tiny_numbers).result() == 0
    assert product_of_tiny_numbers() > 0


def test_what_the_caller_had_chosen_is_left_alone():
    torch.set_flush_denormal(True)
    try:
        with flushed_denormals():
            pass
        assert product_of_tiny_numbers() == 0
    finally:
        torch.set_flush_denormal(False)


def test_they_are_zeros_on_the_threads_that_step_stacks_however_old_these_are():
    workers = _workers(3)  # of a number that nobody else asks for
    assert workers.submit(product_of_tiny_numbers).result() == 0
    assert product_of_tiny_numbers() > 0
    with flushed_denormals():
        assert workers.submit(product_of_tiny_numbers).result() == 0

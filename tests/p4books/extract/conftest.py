"""A sandbox that many tests share, since stopping one takes a while; sizes of property tests."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from p4books_sandbox import Sandbox

_SOAK_EXAMPLES = os.environ.get("P4BOOKS_EXAMPLES")  # set by `make soak`


def count_examples(usual: int) -> int:
    """Return how often to try what is proved by volume: `usual` in `make test`, more in a soak."""
    return int(_SOAK_EXAMPLES or usual)


def property_settings(usual: int) -> hypothesis.settings:
    """Return settings for a property test: the same examples in each `make test`, else others."""
    return hypothesis.settings(
        max_examples=count_examples(usual), derandomize=_SOAK_EXAMPLES is None, deadline=None
    )


@pytest.fixture(scope="session")
def _running() -> Iterator[Sandbox]:
    with Sandbox(invoices=30, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def shared_sandbox(_running: Sandbox) -> Iterator[Sandbox]:
    """A small P4 Books without a limit, whose rows no test changes."""
    _running.forget()
    yield _running
    _running.faults.clear()
    _running.permit(*_running.books)

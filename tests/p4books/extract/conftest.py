"""A sandbox that stands for many tests: one takes a while to stop."""

from collections.abc import Iterator

import pytest

from p4books_sandbox import Sandbox


@pytest.fixture(scope="session")
def _running() -> Iterator[Sandbox]:
    with Sandbox(invoices=30, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def standing(_running: Sandbox) -> Iterator[Sandbox]:
    """A small P4 Books without limit, whose rows no test changes."""
    _running.forget()
    yield _running
    _running.faults.clear()
    _running.permit(*_running.books)

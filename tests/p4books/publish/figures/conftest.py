"""Fixtures: connections to published files of hand-written rows."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from p4books.publish.query import open_published


@pytest.fixture(scope="module")
def books(fixed_file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A small distributor's books, in two currencies."""
    with open_published(fixed_file) as con:
        yield con


@pytest.fixture(scope="module")
def nothing(empty_file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The books of a tenant of whom nothing was copied yet."""
    with open_published(empty_file) as con:
        yield con

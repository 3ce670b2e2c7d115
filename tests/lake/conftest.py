"""A Postgres server, and a catalog in it."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from tests.postgres import PostgresServer, run_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests of a process."""
    with run_postgres() as server:
        yield server


@pytest.fixture
def catalog(postgres: PostgresServer) -> SecretStr:
    """The words by which libpq finds an empty database of the test's own."""
    return postgres.make_catalog()

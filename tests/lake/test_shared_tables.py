"""Tables that all machines share: made once, and left alone if they are of a newer version."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from p4books.storage.postgres import connect_postgres
from p4books.storage.shared_tables import SCHEMA, SharedTablesTooNew, create_shared_tables


def create(catalog: SecretStr) -> None:
    """Create the tables as a machine does that uses them for the first time."""
    with connect_postgres(catalog, "") as connection:
        create_shared_tables(connection)


def test_many_at_once(catalog: SecretStr) -> None:
    """Machines that create the tables at the same time do not disturb each other."""
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(create, [catalog] * 16)) == [None] * 16


def test_newer(catalog: SecretStr) -> None:
    """Tables of a newer version are an error that says so."""
    create(catalog)
    with connect_postgres(catalog, "") as connection:
        connection.execute(f"update {SCHEMA}.format set format = 99".encode())

    with pytest.raises(SharedTablesTooNew, match="Install the newer"):
        create(catalog)

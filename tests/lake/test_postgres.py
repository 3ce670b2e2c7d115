"""Connections to Postgres: what they raise, and what is in no message."""

import socket
import time
from collections.abc import Callable

import pytest
from psycopg.pq import Conninfo
from pydantic import SecretStr
from tests.postgres import PASSWORD, PostgresServer

from p4books.errors import SettingsError
from p4books.storage.postgres import (
    SECRET_WORDS,
    PostgresTrouble,
    connect_postgres,
    describe_server,
    hide_secrets,
)

LEFT = "Nothing else was changed."


def test_transaction(catalog: SecretStr) -> None:
    """What a transaction did is there after its end, and nothing of one that failed."""
    with connect_postgres(catalog, LEFT) as connection:
        connection.execute("create table t (n int)")
    _insert(catalog, 1, lambda: None)
    with pytest.raises(ValueError, match="none"):
        _insert(catalog, 2, lambda: int("none"))

    with connect_postgres(catalog, LEFT) as connection:
        assert connection.execute("select n from t").fetchall() == [(1,), (0,)]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (PASSWORD, "another-password", "password authentication failed"),
        ("dbname=", "dbname=no_", "does not exist"),
        ("127.0.0.1", "nowhere.invalid", "nowhere.invalid"),
    ],
)
def test_refused(catalog: SecretStr, old: str, new: str, why: str) -> None:
    """What the server refuses is one sentence, without the password."""
    wrong = SecretStr(catalog.get_secret_value().replace(old, new))

    with pytest.raises(PostgresTrouble, match=why) as failure, connect_postgres(wrong, LEFT):
        pass
    assert LEFT in str(failure.value)
    assert "password=" not in str(failure.value)
    assert not {PASSWORD, "another-password"} & set(str(failure.value).split())


def test_nobody_answers() -> None:
    """A server that is away is an error at once."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        catalog = SecretStr(f"postgresql://p4books:{PASSWORD}@127.0.0.1:{port}/lake")
        with pytest.raises(PostgresTrouble, match=f"127.0.0.1:{port}, database lake") as failure:
            connect_postgres(catalog, LEFT).__enter__()
    assert PASSWORD not in str(failure.value)


def test_server_that_says_nothing() -> None:
    """A server that accepts and then says nothing is given up after a while."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        catalog = SecretStr(f"host=127.0.0.1 port={server.getsockname()[1]} connect_timeout=2")
        started = time.monotonic()
        with pytest.raises(PostgresTrouble, match="timeout"), connect_postgres(catalog, LEFT):
            pass
    assert time.monotonic() - started < 8


def test_killed(postgres: PostgresServer, catalog: SecretStr) -> None:
    """A server that dies in a transaction is an error, and the next one finds nothing of it."""
    with connect_postgres(catalog, LEFT) as connection:
        connection.execute("create table t (n int)")
    with pytest.raises(PostgresTrouble):
        _insert(catalog, 1, postgres.restart)

    with connect_postgres(catalog, LEFT) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (0,)


@pytest.mark.parametrize(
    "words", [f"host=db {PASSWORD}", f"postgresql://u:%{PASSWORD}@db/lake", "host=db nonsense=1"]
)
def test_malformed(words: str) -> None:
    """What libpq does not understand is an error of the settings, which does not repeat it."""
    with pytest.raises(SettingsError, match="catalog must be like") as failure:
        describe_server(SecretStr(words))
    assert PASSWORD not in str(failure.value)


def test_secret_words() -> None:
    """What libpq itself marks as a password is in no output, and no more than that is hidden."""
    marked = {each.keyword.decode() for each in Conninfo.get_defaults() if each.dispchar == b"*"}
    assert marked <= SECRET_WORDS

    for secret in ("12345", "5", "a+(b", "phrase of the key"):
        for word in marked:
            catalog = SecretStr(f"host=db port=5432 {word}='{secret}'")
            shown = hide_secrets(f'server "db", port 5432: {secret} ({secret})', catalog)
            assert shown == 'server "db", port 5432: … (…)'


def test_secret_in_a_secret() -> None:
    """A secret that another one begins with leaves none of that."""
    for one, two in (("walnut", "walnut-tree"), ("walnut-tree", "walnut")):
        catalog = SecretStr(f"host=db password={one} sslpassword={two}")
        assert hide_secrets("walnut-tree, walnut", catalog) == "…, …"


def _insert(catalog: SecretStr, number: int, then: Callable[[], object]) -> None:
    """Insert a number in a transaction in which something else happens, too."""
    with connect_postgres(catalog, LEFT, autocommit=False) as connection:
        connection.execute("insert into t values (%s)", (number,))
        then()
        connection.execute("insert into t values (0)")

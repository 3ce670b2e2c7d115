"""Connections to Postgres, which holds what several machines share.

Importing this module does not import psycopg, which takes 0.15 s.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from p4books.errors import P4BooksError, SettingsError, UsageError, end_sentence

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10
LOCK_SECONDS = 10
STATEMENT_SECONDS = 60

# Words of libpq whose values are in no output
SECRET_WORDS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
_SHORT = 3  # letters of a secret that is replaced only if it is a whole word, not part of a number

# What the setting says itself takes precedence. TCP notices within a minute that a server is gone.
_DEFAULTS = {
    "application_name": "p4books",
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": STATEMENT_SECONDS * 1000,
}
# The default of a role or database may be another one, under which the rate limiter does not see
# what others did while it waited for its lock.
_ISOLATION = r"-c default_transaction_isolation=read\ committed"
_TIMEOUTS = (
    f"-c lock_timeout={LOCK_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s"
    f" -c idle_in_transaction_session_timeout={STATEMENT_SECONDS}s"
)


class PostgresTrouble(P4BooksError):
    """Postgres cannot be reached or refuses; `left` says what is unchanged."""

    is_transient = True

    def __init__(self, server: str, why: str, left: str) -> None:
        super().__init__(
            f"Postgres at {server} cannot be used: {end_sentence(why)} {left} Fix that, and run it "
            "again."
        )


@contextmanager
def connect_postgres(
    catalog: SecretStr, left: str, *, autocommit: bool = True
) -> "Iterator[psycopg.Connection]":
    """Open a connection to the Postgres of a setting `catalog`, and close it at the end.

    Without `autocommit` it is one transaction, which an error rolls back. `left` says what is
    unchanged if it fails. Raises PostgresTrouble, also for what fails within it, and SettingsError
    and UsageError before anything is requested.
    """
    connection = open_connection(catalog, left)
    connection.autocommit = autocommit
    from psycopg import Error  # noqa: PLC0415 - 0.15 s

    try:
        with connection:
            yield connection
    except Error as error:
        raise describe_trouble(error, catalog, left) from None


def open_connection(catalog: SecretStr, left: str) -> "psycopg.Connection":
    """Open a connection that the caller keeps and closes; each statement is a transaction.

    Raises what `connect_postgres` raises; what fails later is a psycopg.Error.
    """
    words = parse_catalog(catalog)
    import psycopg  # noqa: PLC0415 - 0.15 s

    try:
        # without statements that stay in the server, so that a pool of connections may be between
        return psycopg.connect(**words, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise describe_trouble(error, catalog, left) from None


def describe_trouble(error: Exception, catalog: SecretStr, left: str) -> PostgresTrouble:
    """Turn an error of psycopg into ours, without a secret."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    why = hide_secrets((lines or [type(error).__name__])[0], catalog)[:300]
    return PostgresTrouble(describe_server(catalog), why, left)


def hide_secrets(text: str, catalog: SecretStr) -> str:
    """Return a text without the secrets of a setting `catalog`. Raises as `parse_catalog`."""
    words = parse_catalog(catalog)
    secrets = {str(words.get(word) or "") for word in SECRET_WORDS} - {""}
    for secret in sorted(secrets, key=len, reverse=True):  # one may be a part of another
        pattern = re.escape(secret)
        if len(secret) <= _SHORT:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        text = re.sub(pattern, "…", text)
    return text


def require_driver() -> None:
    """Raise UsageError if the package is missing by which Postgres is used."""
    try:
        import psycopg  # noqa: F401, PLC0415 - 0.15 s
    except ImportError:
        raise UsageError(
            "Postgres cannot be used without another package. Nothing was done. Install the extra: "
            "`pip install 'p4books[lake]'`."
        ) from None


def parse_catalog(catalog: SecretStr) -> dict[str, Any]:
    """Return the parameters of a connection, with the password, if any.

    Raises SettingsError if libpq does not understand the setting, and UsageError without psycopg.
    """
    require_driver()
    from psycopg import ProgrammingError  # noqa: PLC0415 - 0.15 s
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - 0.15 s

    try:
        words = conninfo_to_dict(catalog.get_secret_value())
    except ProgrammingError:  # its message may have the password
        raise SettingsError(
            "The setting lake is invalid: catalog must be like "
            "postgres:host=db.example.com dbname=lake user=p4books, as libpq takes it, with values "
            "that have spaces between quotes. Nothing was done."
        ) from None
    options = f"{_TIMEOUTS} {words.get('options') or ''} {_ISOLATION}"
    return {**_DEFAULTS, **words, "options": options}


def describe_server(catalog: SecretStr) -> str:
    """Return host, port and database of a setting `catalog`, as a person writes them."""
    words = parse_catalog(catalog)
    host = words.get("host") or words.get("hostaddr") or "the local socket"
    port = f":{words['port']}" if words.get("port") else ""
    database = f", database {words['dbname']}" if words.get("dbname") else ""
    return f"{host}{port}{database}"

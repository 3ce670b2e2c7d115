"""Shared options, messages on stderr, and exit codes of the commands."""

import contextlib
import json
import logging
import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NoReturn

import click

from p4books.endpoints import get_endpoint
from p4books.errors import P4BooksError, UsageError

_LOG = logging.getLogger("p4books")
_STOPPED = "Stopped. The published file is unchanged; the next run continues from here."

tenant_option = click.option(
    "--tenant", metavar="NAME", help="The tenant, if several are configured."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
as_of_option = click.option(
    "--as-of", metavar="DAY", help="Use the file that `report --as-of DAY` published."
)


def parse_endpoint(word: str) -> str:
    """Return the name of an endpoint, given in any case, with hyphens or underscores.

    Raises UsageError if there is no such endpoint.
    """
    return get_endpoint(word.lower().replace("-", "_")).name


def parse_day(word: str | None) -> date | None:
    """Parse a day such as 2026-10-31; None stays None. Raises UsageError."""
    if word is None:
        return None
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise UsageError(f"{word} is not a valid day; write it as 2026-10-31.") from None


def enable_json_log() -> None:
    """Write log records and messages as lines of JSON to stderr: at, level, from, said."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter())
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False


def log_error(message: str) -> None:
    """Write an error message to stderr, as plain text or as a line of JSON."""
    _write_message(logging.ERROR, message)


def log_progress(message: str) -> None:
    """Write a progress message to stderr, as plain text or as a line of JSON."""
    _write_message(logging.INFO, message)


def run_app(command: click.Command) -> NoReturn:
    """Run the command and end the process, even if threads are still running.

    Stopping at once is always safe: files are replaced as a whole or not at all.
    """
    signal.signal(signal.SIGTERM, _handle_sigterm)
    code = run_command(command)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run_command(command: click.Command, words: Sequence[str] | None = None) -> int:
    """Run the command on words (None: those of this process) and return its exit code.

    Every error becomes a message on stderr.
    """
    code = 1
    try:
        code = command.main(words, prog_name="p4books", standalone_mode=False) or 0
    except P4BooksError as error:
        log_error(str(error))
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except (KeyboardInterrupt, click.Abort) as stop:
        log_error(str(stop) or _STOPPED)
        code = 130
    except BrokenPipeError:
        code = 0
    except Exception as error:  # noqa: BLE001 - the last place that can turn it into a sentence
        log_error(_describe_unexpected(error))
    return code


def exit_for_errors(*errors: P4BooksError) -> None:
    """Write each error message once and exit with 1; do nothing without errors."""
    for message in dict.fromkeys(str(error) for error in errors):
        log_error(message)
    if errors:
        raise SystemExit(1)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Format a log record as one line of JSON."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps(
            {
                "at": at.replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "from": record.name,
                "said": record.getMessage(),
            },
            ensure_ascii=False,
        )


def _write_message(level: int, message: str) -> None:
    if _LOG.handlers:
        _LOG.log(level, "%s", message)
    else:
        sys.stderr.write(f"{message}\n")


def _handle_sigterm(*_: object) -> None:
    raise KeyboardInterrupt


def _describe_unexpected(error: Exception) -> str:
    if os.environ.get("P4BOOKS_DEBUG"):
        return traceback.format_exc()
    if isinstance(error, OSError | sqlite3.Error):
        return f"A disk operation failed ({error}). The published file is unchanged; run again."
    return (
        f"Unexpected error ({type(error).__name__}). The published file is unchanged. Run again; "
        "with P4BOOKS_DEBUG=1 in the environment the traceback is shown, for a bug report."
    )

"""Shared options, logging to stderr and exit codes."""

import contextlib
import json
import logging
import os
import signal
import sqlite3
import sys
import traceback
from datetime import UTC, date, datetime
from typing import NoReturn

import click

from p4books.errors import P4BooksError, UsageError

_LOG = logging.getLogger("p4books")


def enable_json_log() -> None:
    """Write what happens from now on as lines of JSON: at, level, from, said."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter())
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False


def log_error(sentence: str) -> None:
    """Say what went wrong, as plain text or in a line of JSON."""
    if _LOG.handlers:
        _LOG.error("%s", sentence)
    else:
        sys.stderr.write(f"{sentence}\n")


def log_progress(sentence: str) -> None:
    """Tell how things go, as plain text or in a line of JSON."""
    if _LOG.handlers:
        _LOG.info("%s", sentence)
    else:
        sys.stderr.write(f"{sentence}\n")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Make one line of a record."""
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


tenant_option = click.option("--tenant", metavar="NAME", help="The tenant, where several are set.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
as_of_option = click.option(
    "--as-of", metavar="DAY", help="Of the file that `report --as-of DAY` made."
)


def parse_day(word: str | None) -> date | None:
    """Read a day as it is written, 2026-10-31. Raises UsageError."""
    if word is None:
        return None
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise UsageError(f"{word} is no day; write it as in 2026-10-31.") from None


def run_app(command: click.Command) -> NoReturn:
    """Run the command and end the process, whatever else still runs in it.

    To stop at once is always safe: what is not yet in its place has never happened.
    """
    signal.signal(signal.SIGTERM, _handle_signal)
    code = 1
    try:
        code = command.main(prog_name="p4books", standalone_mode=False) or 0
    except P4BooksError as fault:
        log_error(str(fault))
        code = fault.exit_code
    except click.ClickException as fault:
        fault.show()
        code = fault.exit_code
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except (KeyboardInterrupt, click.Abort) as stop:
        log_error(
            str(stop) or "Stopped. What was published stands; the next run goes on from here."
        )
        code = 130
    except BrokenPipeError:
        code = 0
    except Exception as error:  # noqa: BLE001 - the last place that can say it in a sentence
        log_error(_describe_unexpected(error))
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def exit_for_faults(*faults: P4BooksError) -> None:
    """Say what could not be done, each thing once, and end with the code for it."""
    for sentence in dict.fromkeys(str(fault) for fault in faults):
        log_error(sentence)
    if faults:
        raise SystemExit(1)


def _handle_signal(*_: object) -> None:
    raise KeyboardInterrupt


def _describe_unexpected(error: Exception) -> str:
    if os.environ.get("P4BOOKS_DEBUG"):
        return traceback.format_exc()
    if isinstance(error, OSError | sqlite3.Error):
        return (
            f"The disk did not do what was asked ({error}). What was published stands; run again."
        )
    return (
        f"Something unforeseen happened ({type(error).__name__}). What was published stands. "
        "Run again; with P4BOOKS_DEBUG=1 in the environment it shows where, to report it."
    )

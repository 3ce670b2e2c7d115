"""Shared options, messages on stderr, and exit codes of the commands."""

import contextlib
import json
import logging
import os
import select
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextvars import ContextVar, copy_context
from datetime import date, timedelta
from pathlib import Path
from typing import NoReturn

import click

from p4books.cli.streams import prepare_streams
from p4books.cli.suggestions import complete_suggestions, forget_words, remember_tenant
from p4books.endpoints import get_endpoint
from p4books.errors import (
    MAX_LISTED,
    NotPublished,
    P4BooksError,
    StopRequested,
    UsageError,
    fold_errors,
    list_some,
)
from p4books.storage.interrupt import is_stop_requested, request_stop

_LOG = logging.getLogger("p4books")
STOPPED_CODE = 130
_UNWIND_SECONDS = 5.0  # that a command has to clean up after the signal to stop
_STOPPED = {
    "sync": "Stopped. Any published file is unchanged; the next run continues from here.",
    "push": "Stopped. `p4books pushes` shows what was sent; push the same file again to continue.",
    "query": "Stopped. An output file is written completely or not at all.",
    "page": "Stopped. The file is the old one or the complete new one.",
    "export": "Stopped. Each file is the old one or the complete new one.",
    "statement": "Stopped. Each file is the old one or the complete new one.",
    "backup": "Stopped. Backups that were complete are unchanged; the next one removes the rest.",
    "restore": "Stopped. Nothing is lost; `p4books restore` finishes what was begun, if anything.",
    "report": "Stopped. The published file is the last one or the complete new one.",
}
_NOTHING_CHANGED = "Stopped. Nothing was changed."

# Of the command in progress, or of the thread in which it works for one of several tenants.
_prefix: ContextVar[Callable[[], str] | None] = ContextVar("prefix", default=None)
_tenant: ContextVar[str | None] = ContextVar("tenant", default=None)
_line_lock = threading.RLock()  # a signal handler may run while its own thread holds it

tenant_option = click.option(
    "--tenant",
    metavar="NAME",
    callback=remember_tenant,
    help="The tenant, if several are configured.",
)
lang_option = click.option(
    "--lang",
    type=click.Choice(["es", "en"]),
    help="Spanish or English.  [default: the setting `language`]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
as_of_option = click.option(
    "--as-of", metavar="DAY", help="Use the file that `report --as-of DAY` published."
)


def prefix_messages(prefix: Callable[[], str]) -> None:
    """Begin every message of this command with a text, such as when and whose it is."""
    _prefix.set(prefix)


def name_tenant(tenant: str | None) -> None:
    """Name the tenant, if any, in events of a JSON log, from now on and in this thread."""
    _tenant.set(tenant)


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


def parse_length(word: str | None, option: str) -> timedelta | None:
    """Parse the duration that an option has, such as 90m, 2h or 1d; None stays None.

    Raises UsageError.
    """
    from p4books.settings.duration import parse_duration

    try:
        return None if word is None else parse_duration(word)
    except ValueError as error:
        raise UsageError(f"{option}: {error}.") from None


def enable_json_log() -> None:
    """Write log records and messages as lines of JSON to stderr: at, level, from, tenant, said.

    The tenant is there if it is known.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter())
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False


def enable_text_log() -> None:
    """Write warnings of all modules to stderr as messages, with the prefix of this command."""
    if not _writes_text():
        _LOG.addHandler(_TextHandler(logging.WARNING))


def is_json_log() -> bool:
    """Return whether messages are lines of JSON."""
    return bool(_LOG.handlers) and not _writes_text()


def log_error(message: str) -> None:
    """Write an error message to stderr, as plain text or as a line of JSON."""
    _write_message(logging.ERROR, message)


def log_note(message: str) -> None:
    """Write to stderr what needs attention but is no error, as plain text or a line of JSON."""
    _write_message(logging.WARNING, message)


def log_progress(message: str) -> None:
    """Write a progress message to stderr, as plain text or as a line of JSON."""
    _write_message(logging.INFO, message)


def ignore_pandas() -> None:
    """Make pandas look as if it were not installed, for the rest of this process.

    DuckDB imports it, which takes half a second, for the first value that a query is given, only to
    see whether the value is one of pandas. Nor do results depend then on what else is installed.
    """
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type] # what import takes for missing


def run_app(command: click.Command) -> NoReturn:
    """Run the command and end the process.

    Stopping at once is always safe: files are replaced as a whole or not at all.
    """
    prepare_streams()
    ignore_pandas()
    _watch_signals()
    _exit_process(run_command(command))


def run_command(command: click.Command, words: Sequence[str] | None = None) -> int:
    """Run the command on words (None: those of this process) and return its exit code.

    Every error becomes a message on stderr.
    """
    words = sys.argv[1:] if words is None else list(words)
    return copy_context().run(_run_command, command, words)


def exit_for_errors(*errors: P4BooksError) -> None:
    """Write the error messages, folded, and exit with 1; do nothing without errors."""
    for message in fold_errors(errors):
        log_error(message)
    if errors:
        raise SystemExit(1)


def describe_others(published: Path) -> str:
    """Say of which other tenants there are published files beside this one; empty if of none."""
    from p4books.settings import list_published_tenants

    others = list_published_tenants(published.parent)
    options = " | ".join(others[:MAX_LISTED])
    return f"There is {list_some(others)}: --tenant {options}." if others else ""


def describe_unexpected(error: BaseException) -> str:
    """Describe an error that is not one of ours, in sentences, without what it says of data."""
    if os.environ.get("P4BOOKS_DEBUG"):
        return "".join(traceback.format_exception(error))
    if isinstance(error, OSError | sqlite3.Error):
        return f"A disk operation failed ({error}). Any published file is unchanged; run again."
    return (
        f"Unexpected error ({type(error).__name__}). Any published file is unchanged. Run again; "
        "with P4BOOKS_DEBUG=1 in the environment the traceback is shown, for a bug report."
    )


class _TextHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Write a log record as a line of text."""
        _write_line(record.getMessage())


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Format a log record as one line of JSON."""
        from p4books.cli.console import format_instant

        tenant = _tenant.get()
        event = {
            "at": format_instant(record.created),
            "level": record.levelname.lower(),
            "from": record.name,
            **({"tenant": tenant} if tenant else {}),
            "said": record.getMessage(),
        }
        return json.dumps(event, ensure_ascii=False)


def _write_message(level: int, message: str) -> None:
    message = complete_suggestions(message)
    if is_json_log():
        _LOG.log(level, "%s", message)
    else:
        _write_line(message)


def _writes_text() -> bool:
    return any(isinstance(handler, _TextHandler) for handler in _LOG.handlers)


def _write_line(message: str) -> None:
    make_prefix = _prefix.get()
    line = f"{make_prefix() if make_prefix else ''}{message}\n"
    with _line_lock:
        sys.stderr.write(line)


def _run_command(command: click.Command, words: list[str]) -> int:
    forget_words()
    _prefix.set(None)
    _tenant.set(None)
    try:
        return _invoke(command, words)
    except (KeyboardInterrupt, click.Abort) as stop:
        return _report_stop(stop, words)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the last place to make it a sentence
        if is_stop_requested():  # what was interrupted fails in its own way
            return _report_stop(error, words)
        return _report_error(error)


def _invoke(command: click.Command, words: list[str]) -> int:
    """Run the command as `click.Command.main` would, which hides by whom it was stopped."""
    if "_P4BOOKS_COMPLETE" in os.environ:  # the shell asks for completions
        command.main(words, prog_name="p4books")
    try:
        with command.make_context("p4books", words) as context:
            command.invoke(context)
            code = 0
    except click.exceptions.Exit as end:
        code = end.exit_code
    sys.stdout.flush()  # raises if it cannot be written
    return code


def _report_error(error: Exception | SystemExit) -> int:
    """Write the message of an error and return the exit code."""
    match error:
        case NotPublished() if error.is_new:
            log_error(f"{error} {describe_others(error.path)}".rstrip())
            return error.exit_code
        case P4BooksError():
            log_error(str(error))
            return error.exit_code
        case click.ClickException():
            error.show()
            return error.exit_code
        case SystemExit():
            return error.code if isinstance(error.code, int) else 1
        case BrokenPipeError():
            return 0
    log_error(describe_unexpected(error))
    return 1


def _report_stop(stop: BaseException, words: Sequence[str]) -> int:
    """Write what a stopped command leaves behind and return the exit code."""
    names = [word for word in words if word in _STOPPED]
    message = _STOPPED[names[0]] if names else _NOTHING_CHANGED
    log_error(str(stop) if isinstance(stop, StopRequested) else message)
    return STOPPED_CODE


def _watch_signals() -> None:
    """End at the first signal to stop, even inside a query; at the second without cleaning up.

    Python's own handlers wait for the end of a query, so a thread is woken up, too.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _raise_interrupt)
    threading.Thread(target=_await_signal, args=(reader,), daemon=True).start()


def _raise_interrupt(*_: object) -> None:
    request_stop()  # before a connection is closed, which waits for the end of its query
    raise KeyboardInterrupt


def _await_signal(reader: int) -> None:
    os.read(reader, 1)
    ends_at = time.monotonic() + _UNWIND_SECONDS
    while time.monotonic() < ends_at:
        request_stop()  # again and again: a query that has only just begun forgets it
        if select.select([reader], [], [], 0.1)[0]:
            break
    _exit_process(_report_stop(KeyboardInterrupt(), sys.argv[1:]))


def _exit_process(code: int) -> NoReturn:
    """End the process, even if threads are still running."""
    with contextlib.suppress(OSError, P4BooksError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)

"""Tests of messages on stderr and of exit codes."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click
import pytest

from p4books.cli.runtime import (
    enable_json_log,
    enable_text_log,
    log_error,
    log_progress,
    parse_endpoint,
    prefix_messages,
    run_command,
)
from p4books.errors import AlreadyRunning, DiskTrouble, SettingsError, UsageError
from p4books.push.errors import Stopped

LOG = logging.getLogger("p4books")


@pytest.fixture(autouse=True)
def _restored_log() -> Iterator[None]:
    handlers, level, propagate = LOG.handlers[:], LOG.level, LOG.propagate
    LOG.handlers.clear()
    yield
    LOG.handlers[:], LOG.propagate = handlers, propagate
    LOG.setLevel(level)


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    """As text, stderr has the message and no log records."""
    LOG.info("page 2: try 2")
    log_error("invoices: there is nothing at …")

    assert capsys.readouterr().err == "invoices: there is nothing at …\n"


def test_text_log(capsys: pytest.CaptureFixture[str]) -> None:
    """In a log, a warning of any module begins as a message does; lesser records are left out."""

    @click.command
    def wait() -> None:
        prefix_messages(lambda: "02:15:04 acme: ")
        enable_text_log()
        enable_text_log()
        logging.getLogger("p4books.extract.rate_limiter").warning("Waiting about %.0f s.", 51)
        logging.getLogger("p4books.extract.client").info("page 2: try 2")
        log_progress("invoices: page 3.")

    run_command(wait, [])

    lines = capsys.readouterr().err.splitlines()
    assert lines == ["02:15:04 acme: Waiting about 51 s.", "02:15:04 acme: invoices: page 3."]


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, stderr has a line per log record and per message."""
    enable_json_log()

    logging.getLogger("p4books.extract.client").info("%s: waiting %.0f s", "ñ", 7.2)
    log_error('two\n"lines"')

    record, message = map(json.loads, capsys.readouterr().err.splitlines())
    assert record == {
        "at": record["at"],
        "level": "info",
        "from": "p4books.extract.client",
        "said": "ñ: waiting 7 s",
    }
    assert (message["level"], message["said"]) == ("error", 'two\n"lines"')
    age = datetime.now(UTC) - datetime.fromisoformat(record["at"])
    assert timedelta() <= age < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SettingsError("No tenant."), 2, "No tenant.\n"),
        (DiskTrouble("data", "No space left"), 1, "data cannot be written (No space left)"),
        (AlreadyRunning("shop"), 75, "shop"),
        (click.UsageError("No such option"), 2, "No such option"),
        (SystemExit(1), 1, ""),
        (SystemExit("odd"), 1, ""),
        (KeyboardInterrupt(), 130, "Stopped. Nothing was changed.\n"),
        (Stopped(7), 130, "Stopped. `p4books pushes 7` shows"),
        (click.Abort(), 130, "Stopped. "),
        (BrokenPipeError(), 0, ""),
        (OSError(5, "Input/output error"), 1, "A disk operation failed ([Errno 5]"),
        (RuntimeError("the cause"), 1, "Unexpected error (RuntimeError). "),
    ],
)
def test_exit_codes(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each way to end has its exit code and its message, without a traceback."""

    @click.command()
    def fail() -> None:
        raise error

    assert run_command(fail, []) == code
    stderr = capsys.readouterr().err
    assert message in stderr
    assert bool(message) == bool(stderr)
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sync", "--full"], "the next run continues from here"),
        (["push"], "`p4books pushes` shows what was sent"),
        (["query"], "completely or not at all"),
        (["--verbose", "export"], "the old one or the complete new one"),
        (["status"], "Nothing was changed."),
    ],
)
def test_stopped(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is stopped says in one line what it leaves behind."""

    def stop(**_: object) -> None:
        raise KeyboardInterrupt

    app = click.Group(params=[click.Option(["--verbose"], is_flag=True)], callback=lambda **_: None)
    options: list[click.Parameter] = [click.Option(["--full"], is_flag=True)]
    name = next(word for word in words if word[0] != "-")
    app.add_command(click.Command(name, callback=stop, params=options))

    assert run_command(app, words) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Stopped. ")
    assert message in line


def test_debug(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With P4BOOKS_DEBUG an unexpected error shows its traceback."""
    monkeypatch.setenv("P4BOOKS_DEBUG", "1")

    @click.command()
    def fail() -> None:
        raise RuntimeError("the cause")

    assert run_command(fail, []) == 1
    assert "RuntimeError: the cause" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["sales_orders", "sales-orders", "Sales-Orders"])
def test_endpoint_spelling(word: str) -> None:
    """An endpoint is recognised in any case, with hyphens or underscores."""
    assert parse_endpoint(word) == "sales_orders"


def test_unknown_endpoint() -> None:
    """An unknown endpoint is an error that names it and suggests the nearest one."""
    with pytest.raises(UsageError, match=r"Unknown endpoint 'invoice'\. Did you mean 'invoices'\?"):
        parse_endpoint("invoice")

"""Command line of the sandbox."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import date

import pytest
import requests

from p4books_sandbox import Fault, Options, Sandbox
from p4books_sandbox.cli import parse_arguments
from p4books_sandbox.options import Behaviour
from p4books_sandbox.server import open_listener

SendRequest = Callable[..., requests.Response]
COMMAND = [sys.executable, "-m", "p4books_sandbox"]


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the command; yield it with the five lines it prints when it is ready."""
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield process, [process.stdout.readline().rstrip("\n") for _ in range(5)]
        finally:
            process.kill()


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=30)  # noqa: PLW1510


def test_output_when_ready(send: SendRequest) -> None:
    """The first line is the address; then come the settings to paste, and the documentation. The
    books are those of a sandbox in a test, byte by byte."""
    with (
        running("--invoices", "20", "--key", "ours", "--total", "missing") as (_, lines),
        Sandbox(invoices=20, key="ours", total="missing") as sandbox,
    ):
        url = lines[0].removeprefix("P4 Books sandbox: ")
        docs = requests.get(lines[4].removeprefix("Described at "), timeout=10)
        for path in sandbox.books:
            assert send(sandbox, f"{url}/{path}").content == send(sandbox, path).content

    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/api/v1")
    assert lines[1:4] == [
        "SOURCES__P4BOOKS__TENANT=sandbox",
        "SOURCES__P4BOOKS__API_KEY=ours",
        f"SOURCES__P4BOOKS__BASE_URL={url}",
    ]
    assert docs.status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_by_a_signal(number: signal.Signals) -> None:
    """A signal stops it at once, quietly and with exit code 0, with or without connections."""
    with running("--invoices", "0") as (process, lines), requests.Session() as session:
        session.get(lines[4].removeprefix("Described at "), timeout=10)
        began = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out, err) == (0, "", "")
    assert time.monotonic() - began < 2


def test_faults_are_staged() -> None:
    """Faults of the command line are applied, those with `done` after the record is created."""
    words = ["--invoices", "3", "--codes", "own", "--fault", "html method=POST done=true",
             "--fault", "value field=total text=1e400"]  # fmt: skip
    with running(*words) as (_, lines):
        url = lines[0].removeprefix("P4 Books sandbox: ") + "/invoices"
        key = {"Authorization": "Bearer sandbox-key"}
        created = requests.post(url, json={"code": "A"}, headers=key, timeout=10)
        corrupted = requests.get(url, headers=key, timeout=10)
        rows = requests.get(url, headers=key, timeout=10).json()["data"]

    assert created.text.startswith("<!doctype html>")
    assert '"total":1e400,' in corrupted.text
    assert rows[-1]["code"] == "INV-000004"


def test_options() -> None:
    """Every kind of flag sets the option of the same name."""
    arguments = parse_arguments(
        ["--invoices", "9", "--lines", "2", "--page-size", "4", "--page-size-cap", "6",
         "--limit", "3", "--window", "5", "--last-day", "2026-12-31", "--seed", "8",
         "--past-end", "last", "--page-parameter", "p", "--ignores-page-size",
         "--leave-out", "code,lines", "--blocked-for", "1.5", "--foreign", "2",
         "--host", "::1", "--port", "8080"]
    )  # fmt: skip

    assert (arguments.host, arguments.port) == ("::1", 8080)
    assert arguments.options == Options(
        invoices=9,
        lines=2,
        page_size=4,
        page_size_cap=6,
        limit=3,
        window=5.0,
        last_day=date(2026, 12, 31),
        seed=8,
        past_end="last",
        page_parameter="p",
        ignores_page_size=True,
        leave_out=("code", "lines"),
        blocked_for=1.5,
        foreign=2,
    )


def test_default_options() -> None:
    """Without flags the options are the defaults, on a free port of this machine."""
    arguments = parse_arguments([])

    assert arguments.options == Options()
    assert (arguments.host, arguments.port, arguments.faults) == ("127.0.0.1", 0, ())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("status status=503 page=7 text='Not now'", Fault("status", status=503, page=7,
                                                          text="Not now")),
        ("reset times=null", Fault("reset", times=None)),
        ("value field=total text=1e400", Fault("value", field="total", text="1e400")),
        ("value field=total text=12", Fault("value", field="total", text="12")),
    ],
)  # fmt: skip
def test_fault_in_words(text: str, fault: Fault) -> None:
    """A fault is its kind and name=value words; the text for a response is not parsed as JSON."""
    assert parse_arguments(["--fault", "html", "--fault", text]).faults == (Fault("html"), fault)


def test_help_names_every_behaviour(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` explains each option of Behaviour."""
    with pytest.raises(SystemExit, match="0"):
        parse_arguments(["--help"])

    printed = capsys.readouterr().out
    assert all(f"--{option.name.replace('_', '-')}" in printed for option in fields(Behaviour))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--limit", "-3"], "limit must be 0 or more, not -3."),
        (["--invoices", "many"], "argument --invoices: invalid int value: 'many'."),
        (["--port", "99999"], "argument --port: '99999' is not a port from 0 to 65535."),
        (["--fault", "reset=now"], "argument --fault: 'reset=now' is not a fault: Unknown fault"),
        (["--fault", "reset now"], "argument --fault: 'reset now' is not a fault: 'now' is not"),
        (["--fault", "'"], 'argument --fault: "\'" is not a fault: No closing quotation.'),
        (["--total", "all"], "argument --total: invalid choice: 'all' (choose from "),
        (["--page-parameter", ""], "page_parameter must not be empty."),
        (["--last-day", "soon"], "argument --last-day: 'soon' is not a date like 2026-12-31."),
        (["--loud"], "unrecognized arguments: --loud."),
    ],
)
def test_wrong_option(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    """A wrong option prints one sentence and exits with code 2."""
    with pytest.raises(SystemExit, match="2"):
        parse_arguments(words)

    printed = capsys.readouterr()
    assert printed.err.startswith(f"python -m p4books_sandbox: {message}")
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_exit_code_of_a_wrong_option() -> None:
    """The command exits with code 2 before it serves anything."""
    done = _run("--limit", "-3")

    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == "python -m p4books_sandbox: limit must be 0 or more, not -3. See --help.\n"
    )


def test_busy_port() -> None:
    """A port that is in use prints one sentence and exits with code 1."""
    with open_listener("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        done = _run("--port", str(port), "--invoices", "0")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "python -m p4books_sandbox: "
        f"Can't listen on 127.0.0.1, port {port}: Address already in use.\n"
    )

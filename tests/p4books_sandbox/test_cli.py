"""Which words does the command line take, and what does it say?"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields

import pytest
import requests

from p4books_sandbox import Sandbox
from p4books_sandbox.options import Ways
from p4books_sandbox.server import listen

Ask = Callable[..., requests.Response]
COMMAND = [sys.executable, "-m", "p4books_sandbox"]


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the command; give it with the five lines it says when it is ready."""
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


def test_what_it_says_when_ready() -> None:
    """Its first line is its address; then come the settings to paste, and where it is described."""
    with running("--invoices", "3", "--key", "ours") as (_, lines):
        url = lines[0].removeprefix("P4 Books sandbox: ")
        listed = requests.get(
            f"{url}/invoices", headers={"Authorization": "Bearer ours"}, timeout=10
        )
        docs = requests.get(lines[4].removeprefix("Described at "), timeout=10)

    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/api/v1")
    assert lines[1:4] == [
        "SOURCES__P4BOOKS__TENANT=sandbox",
        "SOURCES__P4BOOKS__API_KEY=ours",
        f"SOURCES__P4BOOKS__BASE_URL={url}",
    ]
    assert listed.json()["total"] == 3
    assert docs.status_code == 200


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(sign: signal.Signals) -> None:
    """A signal ends it at once, quietly and with exit code 0, kept connections or not."""
    with running("--invoices", "0") as (process, lines), requests.Session() as session:
        session.get(lines[4].removeprefix("Described at "), timeout=10)
        began = time.monotonic()
        process.send_signal(sign)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out, err) == (0, "", "")
    assert time.monotonic() - began < 2


def test_settings_and_faults() -> None:
    """Its options reach the sandbox."""
    words = ["--invoices", "9", "--lines", "2", "--page-size", "4", "--page-size-cap", "6",
             "--limit", "3", "--window", "5",
             "--fault", "status status=503 page=7 text='Not now'"]  # fmt: skip
    with running(*words) as (_, lines):
        url = lines[0].removeprefix("P4 Books sandbox: ") + "/invoices"
        answers = [
            requests.get(url + query, headers={"Authorization": "Bearer sandbox-key"}, timeout=10)
            for query in ("", "?page_size=99", "?page=7", "")
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 503, 429]
    assert [len(answer.json()["data"]) for answer in answers[:2]] == [4, 6]
    assert {len(row["lines"]) for row in answers[1].json()["data"]} == {2}
    assert answers[2].text == "Not now"
    assert int(answers[3].headers["retry-after"]) <= 5


def test_ways() -> None:
    """Each way of the server is a word of the command's, named as the option is."""
    words = ["--invoices", "9", "--page-size", "4", "--past-end", "last", "--total", "missing",
             "--page-parameter", "p", "--ignores-page-size",
             "--leave-out", "code,lines"]  # fmt: skip
    with running(*words) as (_, lines):
        url = lines[0].removeprefix("P4 Books sandbox: ") + "/invoices?p=7&page_size=2"
        answer = requests.get(url, headers={"Authorization": "Bearer sandbox-key"}, timeout=10)

    assert (list(answer.json()), answer.json()["page"]) == (["data", "page"], 3)
    (last,) = answer.json()["data"]
    assert last["id"] == 9
    assert not {"code", "lines"} & set(last)


def test_a_fault_s_text_is_taken_as_written() -> None:
    """What is to stand in an answer is not read as JSON first."""
    with running("--invoices", "3", "--fault", "value field=total text=1e400") as (_, lines):
        url = lines[0].removeprefix("P4 Books sandbox: ") + "/invoices"
        answer = requests.get(url, headers={"Authorization": "Bearer sandbox-key"}, timeout=10)

    assert '"total":1e400,' in answer.text


def test_a_fault_may_come_when_all_is_done() -> None:
    """A record can be made and a web page answer, and its code be the server's."""
    fault = "html method=POST done=true"
    with running("--invoices", "0", "--codes", "own", "--fault", fault) as (_, lines):
        url = lines[0].removeprefix("P4 Books sandbox: ") + "/invoices"
        key = {"Authorization": "Bearer sandbox-key"}
        answer = requests.post(url, json={"code": "A"}, headers=key, timeout=10)
        (made,) = requests.get(url, headers=key, timeout=10).json()["data"]

    assert answer.text.startswith("<!doctype html>")
    assert made["code"] == "INV-000001"


def test_help_names_every_way() -> None:
    """`--help` explains each way."""
    said = _run("--help").stdout

    assert all(f"--{each.name.replace('_', '-')}" in said for each in fields(Ways))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--limit", "-3"], "limit must be 0 or more, not -3."),
        (["--invoices", "many"], "argument --invoices: invalid int value: 'many'."),
        (["--port", "99999"], "argument --port: '99999' is no port from 0 to 65535."),
        (["--fault", "reset=now"], "argument --fault: 'reset=now' is no fault: There is no"),
        (["--fault", "reset now"], "argument --fault: 'reset now' is no fault: 'now' is not"),
        (["--fault", "'"], 'argument --fault: "\'" is no fault: No closing quotation.'),
        (["--total", "all"], "argument --total: invalid choice: 'all' (choose from "),
        (["--page-parameter", ""], "page_parameter must not be empty."),
        (["--last-day", "soon"], "argument --last-day: 'soon' is no day like 2026-12-31."),
        (["--loud"], "unrecognized arguments: --loud."),
    ],
)
def test_bad_options(words: list[str], sentence: str) -> None:
    """An option that can't be is answered with one sentence and exit code 2."""
    done = _run(*words)

    assert done.returncode == 2
    assert done.stderr.startswith(f"p4books_sandbox: {sentence}")
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


def test_a_busy_port() -> None:
    """A port in use is answered with one sentence and exit code 1."""
    with listen("127.0.0.1", 0) as plug:
        port = plug.getsockname()[1]
        done = _run("--port", str(port), "--invoices", "0")

    assert done.returncode == 1
    assert done.stderr == (
        f"p4books_sandbox: Can't listen on 127.0.0.1, port {port}: Address already in use.\n"
    )


def test_its_books_are_the_thread_s(ask: Ask) -> None:
    """The command gives the same books as a sandbox in a test, byte by byte."""
    with running("--invoices", "20") as (_, lines), Sandbox(invoices=20) as sandbox:
        url = lines[0].removeprefix("P4 Books sandbox: ")
        for path in sandbox.books:
            assert ask(sandbox, f"{url}/{path}").content == ask(sandbox, path).content

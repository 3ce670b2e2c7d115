"""The command with standard streams that are closed, full, narrow or not UTF-8."""

import os
import pty
import subprocess
from pathlib import Path

import pytest
from tests.command import P4BOOKS

from p4books.settings import ENV_PREFIX

TABLE = "push customers --fields"  # prints a table, and needs no settings
FAULT = "runs --tenant no/name"  # ends with 2, and with a message on stderr


def _run(line: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a line of shell in which `p4books` is the command, with these variables and no others."""
    return subprocess.run(
        ["/bin/sh", "-c", f'p4books() {{ "{P4BOOKS}" "$@"; }}\n{line}'],
        cwd=folder,
        env={"PATH": os.environ["PATH"], f"{ENV_PREFIX}TENANT": "acme", **variables},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"p4books {TABLE} >&-", 0),
        (f"p4books {TABLE} <&- >&- 2>&-", 0),
        (f"p4books {FAULT} 2>&-", 2),
        (f"p4books {FAULT} 2>/dev/full", 2),
        (f"p4books {TABLE} | head -n 0; exit 0", 0),
    ],
)
def test_closed(line: str, code: int, tmp_path: Path) -> None:
    """A command does what it is to do, and ends as usual, whoever reads what it prints."""
    done = _run(line, tmp_path)

    assert (done.returncode, done.stderr) == (code, b"")


def test_closed_numbers(tmp_path: Path) -> None:
    """A file that is opened never takes the number of a closed stream, and what is printed."""
    done = _run("p4books runs --json <&- >&- 2>&-; wc -c < data/.private/acme/run.lock", tmp_path)

    assert done.stdout.strip() in {b"0", b""}
    assert done.returncode in {0, 2}


@pytest.mark.parametrize("words", [TABLE, "--help"])
def test_full(words: str, tmp_path: Path) -> None:
    """Output that cannot be written is an error that does not blame the books."""
    done = _run(f"p4books {words} > /dev/full", tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith(b"The output cannot be written (No space left on device).")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=["ascii", "POSIX"],
)
def test_encoding(variables: dict[str, str], tmp_path: Path) -> None:
    """Words are read as UTF-8, and what goes to files and pipes is UTF-8, whatever the locale."""
    done = _run("p4books push Ñandú😀 new.csv", tmp_path, **variables)
    shown = _run("p4books push Ñandú😀 new.csv 2>&1 | cat", tmp_path, **variables)

    assert done.returncode == 2
    assert "ñandú😀" in done.stderr.decode() == shown.stdout.decode()


def test_terminal(tmp_path: Path) -> None:
    """A narrow terminal of the kind `dumb` shows whole cells."""
    main, side = pty.openpty()
    with subprocess.Popen(
        [P4BOOKS, *TABLE.split()],
        env={"PATH": os.environ["PATH"], "TERM": "dumb", "COLUMNS": "10"},
        stdin=side,
        stdout=side,
        stderr=side,
    ) as command:
        os.close(side)
        shown = b""
        try:
            while chunk := os.read(main, 65536):
                shown += chunk
        except OSError:  # Linux, at its end
            pass
    os.close(main)

    assert command.returncode == 0
    piped = _run(f"p4books {TABLE}", tmp_path).stdout
    assert [line.rstrip() for line in shown.splitlines()] == [
        line.rstrip() for line in piped.splitlines()
    ]

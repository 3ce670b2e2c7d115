"""Standard streams and encodings of the process: closed, full, or not UTF-8."""

import io
import os
import sys
from typing import Any, TextIO

from p4books.errors import OutputLost


def prepare_streams() -> None:
    """Give the process three standard streams and UTF-8, whatever it was started with.

    A stream that is closed leads nowhere: otherwise the next file that is opened would take its
    number, and get what is printed. Files and pipes get UTF-8; a terminal has its own encoding,
    and gets escapes for the characters that it lacks.
    """
    _ensure_utf8()
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole process
    sys.stdout = _open_text(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _open_text(_Messages(2, "w", closefd=False), sys.stderr, is_line_buffered=True)


def print_text(text: str) -> None:
    """Print a text with the file names in it as they are."""
    sys.stdout.write(text)


def is_same_output() -> bool:
    """Return whether stdout and stderr lead to the same terminal or file."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):  # neither is a file
        return False


def _ensure_utf8() -> None:
    """Start the process again in Python's UTF-8 mode if file names and words are not UTF-8.

    DuckDB and SQLite take every name as UTF-8, so a file could not be found by its name.
    """
    if sys.getfilesystemencoding().lower() == "utf-8":
        return
    encoding = sys.stdout.encoding if sys.stdout is not None else "utf-8"
    variables = {"PYTHONUTF8": "1", "PYTHONIOENCODING": encoding}
    words = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, words, {**os.environ, **variables})  # noqa: S606 - this very command


class _Output(io.FileIO):
    """Standard output, which raises OutputLost if it cannot be written."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputLost(error.strerror or str(error)) from None


class _Messages(io.FileIO):
    """Standard error; that it cannot be written does not change what a command does."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _open_text(
    raw: io.FileIO, before: TextIO | None, *, is_line_buffered: bool = False
) -> io.TextIOWrapper:
    is_terminal = raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=before.encoding if is_terminal and before is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=is_line_buffered or is_terminal,
    )

"""How does the command end?"""

import contextlib
import os
import signal
import sqlite3
import sys
import traceback
from typing import NoReturn

import click

from p4books.errors import P4BooksError
from p4books.eventlog import say


def end_with(command: click.Command) -> NoReturn:
    """Run the command and end the process, whatever else still runs in it.

    To stop at once is always safe: what is not yet in its place has never happened.
    """
    signal.signal(signal.SIGTERM, _stop)
    code = 1
    try:
        code = command.main(prog_name="p4books", standalone_mode=False) or 0
    except P4BooksError as fault:
        say(str(fault))
        code = fault.exit_code
    except click.ClickException as fault:
        fault.show()
        code = fault.exit_code
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except (KeyboardInterrupt, click.Abort) as stop:
        say(str(stop) or "Stopped. What was published stands; the next run goes on from here.")
        code = 130
    except BrokenPipeError:
        code = 0
    except Exception as error:  # noqa: BLE001 - the last place that can say it in a sentence
        say(_unexpected(error))
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def finish(*faults: P4BooksError) -> None:
    """Say what could not be done, each thing once, and end with the code for it."""
    for sentence in dict.fromkeys(str(fault) for fault in faults):
        say(sentence)
    if faults:
        raise SystemExit(1)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _unexpected(error: Exception) -> str:
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

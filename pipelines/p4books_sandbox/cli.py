"""Command line of the sandbox."""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, NoReturn

from p4books_sandbox.app import ServerState, make_app
from p4books_sandbox.faults import Fault, parse_fault
from p4books_sandbox.options import Behaviour, Options
from p4books_sandbox.sample_data import generate_books
from p4books_sandbox.sample_data.vocabulary import LAST_DAY
from p4books_sandbox.server import Server, format_base_url, open_listener


def main(words: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return the exit code."""
    signal.signal(signal.SIGINT, _exit_quietly)
    signal.signal(signal.SIGTERM, _exit_quietly)
    arguments = parse_arguments(words)
    options = arguments.options
    try:
        listener = open_listener(arguments.host, arguments.port)
    except OSError as error:
        return _fail(f"Can't listen on {arguments.host}, port {arguments.port}: {error.strerror}.")
    state = ServerState(options, generate_books(options))
    state.faults.stage(*arguments.faults)
    url = format_base_url(listener)
    Server(make_app(state), lambda: _print_settings(url, options)).run(sockets=[listener])
    return 0


@dataclass(frozen=True)
class Arguments:
    """The parsed command line."""

    host: str
    port: int
    options: Options
    faults: tuple[Fault, ...]


def parse_arguments(words: Sequence[str] | None = None) -> Arguments:
    """Parse the command line (None: this process's); exit with code 2 if it is wrong."""
    parser = _make_parser()
    parsed = parser.parse_args(words)
    try:
        options = Options(**{field.name: getattr(parsed, field.name) for field in fields(Options)})
    except ValueError as error:
        parser.error(str(error))
    return Arguments(parsed.host, parsed.port, options, tuple(parsed.fault))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message.rstrip('.')}. See --help.\n")
        sys.exit(2)


def _make_parser() -> argparse.ArgumentParser:
    default = Options()
    parser = _Parser(
        prog=_command_name(),
        description="P4 Books on this machine, made from its contract.",
        epilog="Example: p4books sandbox --invoices 500 --port 8080",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_parse_port, default=0, help="port to listen on; 0: any free (%(default)s)")
    add(
        "--invoices",
        type=int,
        default=default.invoices,
        help="number of invoices; the other lists are in proportion (%(default)s)",
    )
    add("--lines", type=int, default=None, help="lines on every document (one to eight)")
    add(
        "--long-every",
        type=int,
        default=0,
        metavar="N",
        help="each Nth document has 1,000 lines; 0: none has (0)",
    )
    add(
        "--last-day",
        type=_parse_date,
        metavar="DAY",
        help=f"last day of the books, like 2026-12-31 ({LAST_DAY})",
    )
    add("--seed", type=int, default=default.seed, help="seed of the sample data (%(default)s)")
    add(
        "--limit",
        type=int,
        default=default.limit,
        help="requests per window; 0: no limit (%(default)s)",
    )
    add(
        "--window",
        type=float,
        default=default.window,
        help="window of the limit, in seconds (%(default)s)",
    )
    add(
        "--page-size",
        type=int,
        default=default.page_size,
        help="default rows per page (%(default)s)",
    )
    add(
        "--page-size-cap",
        type=int,
        default=default.page_size_cap,
        help="maximum rows per page (%(default)s)",
    )
    add("--key", default=default.key, help="the API key that is accepted (%(default)s)")
    add("--fault", type=_parse_fault, action="append", default=[], metavar="FAULT",
        help="what goes wrong, like 'status status=503 endpoint=invoices times=2'")  # fmt: skip
    _add_behaviour(parser)
    return parser


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each option of Behaviour."""
    group = parser.add_argument_group("what the contract leaves open")
    for option in fields(Behaviour):
        flag, text = "--" + option.name.replace("_", "-"), option.metadata["help"]
        if isinstance(option.default, bool):
            group.add_argument(flag, action="store_true", help=text)
        elif isinstance(option.default, tuple):
            group.add_argument(flag, type=_parse_names, default=(), metavar="NAMES", help=text)
        else:
            choices, kind = option.metadata.get("choices"), type(option.default)
            text += " (%(default)s)"
            group.add_argument(flag, type=kind, default=option.default, choices=choices, help=text)


def _parse_names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _parse_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-12-31") from None


def _parse_fault(text: str) -> Fault:
    """Read a fault: its kind, then name=value words; `times=null` affects all requests."""
    try:
        kind, *words = shlex.split(text) or [""]
        return parse_fault({"kind": kind, **dict(_parse_word(word) for word in words)})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a fault: {error}") from None


def _parse_word(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ValueError(f"{word!r} is not in the form name=value")
    if name in {"text", "field"}:
        return name, value
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _print_settings(url: str, options: Options) -> None:
    sys.stdout.write(
        f"P4 Books sandbox: {url}\n"
        "SOURCES__P4BOOKS__TENANT=sandbox\n"
        f"SOURCES__P4BOOKS__API_KEY={options.key}\n"
        f"SOURCES__P4BOOKS__BASE_URL={url}\n"
        f"Described at {url.removesuffix('/api/v1')}/docs\n"
    )
    sys.stdout.flush()


def _fail(message: str) -> int:
    sys.stderr.write(f"{_command_name()}: {message}\n")
    return 1


def _command_name() -> str:
    """Return how the sandbox was started, as whoever started it says."""
    return os.environ.get("P4BOOKS_SANDBOX_COMMAND", "python -m p4books_sandbox")


def _exit_quietly(_: int, __: object) -> NoReturn:
    sys.exit(0)

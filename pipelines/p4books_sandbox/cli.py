"""Which words does the command line take, and what does it say?"""

import argparse
import json
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Any, NoReturn

from p4books_sandbox.app import Desk, make_app
from p4books_sandbox.faults import Fault, fault_of
from p4books_sandbox.options import Options, Ways
from p4books_sandbox.sample_data import generate, vocabulary
from p4books_sandbox.server import Server, base_url, listen


def main(words: Sequence[str] | None = None) -> int:
    """Serve until told to stop; give the exit code."""
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    asked = _parser().parse_args(words)
    try:
        options = Options(**{name: getattr(asked, name) for name in Options.__dataclass_fields__})
    except ValueError as error:
        _parser().error(str(error))
    try:
        plug = listen(asked.host, asked.port)
    except OSError as error:
        return _fail(f"Can't listen on {asked.host}, port {asked.port}: {error.strerror}.")
    desk = Desk(options, generate(options))
    desk.faults.stage(*asked.fault)
    url = base_url(plug)
    Server(make_app(desk), lambda: _say(url, options)).run(sockets=[plug])
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"p4books_sandbox: {message.rstrip('.')}. See --help.\n")
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    default = Options()
    parser = _Parser(
        prog="python -m p4books_sandbox",
        description="P4 Books on this machine, made from its contract.",
        epilog="Example: p4books sandbox --invoices 500 --port 8080",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_port, default=0, help="port to listen on; 0 takes a free one (%(default)s)")
    add(
        "--invoices",
        type=int,
        default=default.invoices,
        help="how many; other lists follow (%(default)s)",
    )
    add("--lines", type=int, default=None, help="lines on every document (one to eight)")
    add(
        "--last-day",
        type=_day,
        metavar="DAY",
        help=f"when the books end, like 2026-12-31 ({vocabulary.LAST_DAY})",
    )
    add("--seed", type=int, default=default.seed, help="another seed, other books (%(default)s)")
    add(
        "--limit",
        type=int,
        default=default.limit,
        help="requests a window; 0 is no limit (%(default)s)",
    )
    add(
        "--window",
        type=float,
        default=default.window,
        help="seconds the limit counts over (%(default)s)",
    )
    add(
        "--page-size",
        type=int,
        default=default.page_size,
        help="rows when none is asked for (%(default)s)",
    )
    add(
        "--page-size-cap",
        type=int,
        default=default.page_size_cap,
        help="most rows on a page (%(default)s)",
    )
    add("--key", default=default.key, help="the API key that is let in (%(default)s)")
    add("--fault", type=_fault, action="append", default=[], metavar="FAULT",
        help="what goes wrong, like 'status status=503 endpoint=invoices times=2'")  # fmt: skip
    _add_ways(parser)
    return parser


def _add_ways(parser: argparse.ArgumentParser) -> None:
    """Add a word for each way of the server, as it is declared."""
    group = parser.add_argument_group("what the contract leaves open")
    for each in fields(Ways):
        flag, said = "--" + each.name.replace("_", "-"), each.metadata["help"]
        if isinstance(each.default, bool):
            group.add_argument(flag, action="store_true", help=said)
        elif isinstance(each.default, tuple):
            group.add_argument(flag, type=_names, default=(), metavar="NAMES", help=said)
        else:
            choices, kind = each.metadata.get("choices"), type(each.default)
            said += " (%(default)s)"
            group.add_argument(flag, type=kind, default=each.default, choices=choices, help=said)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day like 2026-12-31") from None


def _fault(text: str) -> Fault:
    """Read a fault: its kind, then name=value words; `times=null` is for ever."""
    try:
        kind, *words = shlex.split(text) or [""]
        return fault_of({"kind": kind, **dict(_pair(word) for word in words)})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no fault: {error}") from None


def _pair(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ValueError(f"{word!r} is not written as name=value")
    if name in {"text", "field"}:
        return name, value
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _say(url: str, options: Options) -> None:
    sys.stdout.write(
        f"P4 Books sandbox: {url}\n"
        "SOURCES__P4BOOKS__TENANT=sandbox\n"
        f"SOURCES__P4BOOKS__API_KEY={options.key}\n"
        f"SOURCES__P4BOOKS__BASE_URL={url}\n"
        f"Described at {url.removesuffix('/api/v1')}/docs\n"
    )
    sys.stdout.flush()


def _fail(sentence: str) -> int:
    sys.stderr.write(f"p4books_sandbox: {sentence}\n")
    return 1


def _leave(_: int, __: object) -> NoReturn:
    sys.exit(0)

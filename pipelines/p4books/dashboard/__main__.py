"""Program that `p4books dashboard` becomes: `python -m p4books.dashboard TENANT HOST PORT`."""

import sys

from p4books.dashboard.server import serve
from p4books.errors import P4BooksError
from p4books.settings import load_settings


def main(words: list[str]) -> int:
    """Serve the dashboard until it is stopped; return the exit code."""
    tenant, host, port = words
    try:
        return serve(load_settings(tenant, need_key=False), host, int(port))
    except P4BooksError as error:
        print(error, file=sys.stderr)  # noqa: T201 - this program is part of the command line
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""How does what happens reach the standard error?"""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from p4books.cli.runtime import enable_json_log, log_error

LOG = logging.getLogger("p4books")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    handlers, level, propagate = LOG.handlers[:], LOG.level, LOG.propagate
    LOG.handlers.clear()
    yield
    LOG.handlers[:], LOG.propagate = handlers, propagate
    LOG.setLevel(level)


def test_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """A person reads the sentence, and nothing of what else happens."""
    LOG.info("page 2: try 2")
    log_error("invoices: there is nothing at …")

    assert capsys.readouterr().err == "invoices: there is nothing at …\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A program reads a line of JSON for each thing that happens, and for what went wrong."""
    enable_json_log()

    logging.getLogger("p4books.extract.client").info("%s: waiting %.0f s", "ñ", 7.2)
    log_error('two\n"lines"')

    happened, wrong = map(json.loads, capsys.readouterr().err.splitlines())
    assert happened == {
        "at": happened["at"],
        "level": "info",
        "from": "p4books.extract.client",
        "said": "ñ: waiting 7 s",
    }
    assert (wrong["level"], wrong["said"]) == ("error", 'two\n"lines"')
    age = datetime.now(UTC) - datetime.fromisoformat(happened["at"])
    assert timedelta() <= age < timedelta(minutes=1)

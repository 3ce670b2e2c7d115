"""A ledger, and rows in it, for tests of pushes."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from p4books.push.ledger import Ledger
from p4books.push.types import Draft, Entry

MakeDraft = Callable[..., Draft]
Enter = Callable[..., Entry]


def draft(code: str, row: int = 2, stands_as: str | None = None, **values: Any) -> Draft:
    """Make a draft of a vendor with this code."""
    body = json.dumps({"code": code, "name": f"Vendor {code}", **values}, sort_keys=True).encode()
    return Draft(row, code, body, hashlib.sha256(b"vendors\n" + body).hexdigest(), stands_as)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


@pytest.fixture
def enter(ledger: Ledger) -> Enter:
    """Take a vendor into the ledger, ready to be sent by push 1, and return its entry."""
    push = ledger.begin("vendors", "vendors.csv", "here")

    def take(code: str, **values: Any) -> Entry:
        made = draft(code, **values)
        ledger.take(push, "vendors", made)
        entry = ledger.find("vendors", made.hash)
        assert entry is not None
        return entry

    return take

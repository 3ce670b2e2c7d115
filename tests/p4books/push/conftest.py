"""A ledger, and entries in it, for tests of pushes."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from p4books.push.ledger import Ledger
from p4books.push.types import READY, Draft, Entry

AddEntry = Callable[..., Entry]


def make_draft(code: str, row: int = 2, existing_id: str | None = None, **values: Any) -> Draft:
    """Make a draft of a vendor with this code."""
    body = json.dumps({"code": code, "name": f"Vendor {code}", **values}, sort_keys=True).encode()
    hash_ = hashlib.sha256(b"vendors\n" + body).hexdigest()
    return Draft(row, code, body, hash_, existing_id)


@pytest.fixture
def ledger_path(tmp_path: Path) -> Path:
    """The file of the ledger."""
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(ledger_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    with Ledger(ledger_path) as ledger:
        yield ledger


@pytest.fixture
def add_entry(ledger: Ledger, ledger_path: Path) -> AddEntry:
    """Add a vendor to push 1, in any state, and return its entry."""
    push = ledger.begin_push("vendors", "vendors.csv", "here")

    def add(
        code: str, *, state: str = READY, first_lost_at: str | None = None, **values: Any
    ) -> Entry:
        draft = make_draft(code, **values)
        ledger.add(push, "vendors", draft)
        with closing(sqlite3.connect(ledger_path, isolation_level=None)) as other:
            other.execute(
                "update record set state = ?, left_at = ? where hash = ?",
                (state, first_lost_at, draft.hash),
            )
        entry = ledger.find_by_hash("vendors", draft.hash)
        assert entry is not None
        return entry

    return add

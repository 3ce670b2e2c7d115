"""Folders whose names mean something to a program: quotes, patterns, percent and question marks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Tenant

from p4books.storage.files import is_plain

ODD = '¿Qué\'s [1] 100%s; "a=b" {x} #~ *?'


@pytest.fixture
def books(tenant: Callable[..., Tenant], tmp_path: Path) -> Tenant:
    """A tenant whose files are in such a folder, beside one that it matches as a pattern."""
    near = tenant(data_dir=tmp_path / ODD.replace("[1]", "1").replace("?", "x"))
    near.extract()
    return tenant(data_dir=tmp_path / ODD)


def test_odd_folder(books: Tenant) -> None:
    """A sync publishes exactly what P4 Books has, twice, and leaves nothing elsewhere."""
    books.sync()
    books.sandbox.books["invoices"].insert({"code": "NEW"})
    second = books.sync()

    assert books.published() == books.expected()
    assert second.readings[0].new == 1
    assert not is_plain(books.settings.published)
    assert not books.settings.work.exists()

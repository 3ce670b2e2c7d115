"""Which models does the published file hold?"""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from p4books.errors import QueryFailed
from p4books.publish.query import (
    CatalogColumn,
    CatalogEntry,
    choose_models,
    find_model,
    list_columns,
    list_models,
    open_published,
)

Files = Callable[..., Path]

VENDORS = """-- One row per vendor.
-- key: vendor_id
-- order: balance desc
-- question: Who are they?
-- query: from staging.vendors
select id as vendor_id, balance, name as "the name" from raw.vendors where _dlt_valid_to is null"""


@pytest.fixture
def con(publish_models: Files) -> Iterator[duckdb.DuckDBPyConnection]:
    """A published file with four models; `odd` is in two layers."""
    file = publish_models(
        'balance,What we owe.\nstaging.vendors.vendor_id,"Its id, as text."\n',
        staging__vendors=VENDORS,
        staging__odd="-- One row.\nselect 1 as one",
        custom__odd="-- One row.\nselect 2 as one union all select 1",
        reporting__top_vendors="-- One row per vendor.\nfrom staging.vendors",
    )
    with open_published(file) as con:
        yield con


def test_listed(con: duckdb.DuckDBPyConnection) -> None:
    """Each model is listed with all that its file says, layer by layer as they are made."""
    found = list_models(con)

    assert [each.full for each in found] == [
        "staging.odd",
        "staging.vendors",
        "reporting.top_vendors",
        "custom.odd",
    ]
    assert found[1] == CatalogEntry(
        layer="staging",
        model="vendors",
        grain="One row per vendor.",
        key="vendor_id",
        sorted_by="balance desc",
        question="Who are they?",
        query="from staging.vendors",
        reads="raw.vendors",
        rows=2,
    )


def test_columns(con: duckdb.DuckDBPyConnection) -> None:
    """Columns come in their order, each with its type and what it means, if that is known."""
    assert list_columns(con, find_model(list_models(con), "vendors")) == [
        CatalogColumn("vendor_id", "VARCHAR", "Its id, as text."),
        CatalogColumn("balance", "DECIMAL(18,2)", "What we owe."),
        CatalogColumn("the name", "VARCHAR", ""),
    ]


@pytest.mark.parametrize(
    ("words", "models"),
    [
        (["vendors"], ["staging.vendors"]),
        (["Staging.Vendors", "top-vendors"], ["staging.vendors", "reporting.top_vendors"]),
        (["staging"], ["staging.odd", "staging.vendors"]),
        (["vendors", "staging", "vendors"], ["staging.vendors", "staging.odd"]),
        (["custom.odd"], ["custom.odd"]),
    ],
)
def test_choose(con: duckdb.DuckDBPyConnection, words: list[str], models: list[str]) -> None:
    """A word names a model, with or without its layer, or a layer; each is chosen once."""
    assert [each.full for each in choose_models(list_models(con), words)] == models


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("vendor", "Unknown model 'vendor'. Did you mean 'vendors'?"),
        ("staging.vendor", "Unknown model 'staging.vendor'. Did you mean 'staging.vendors'?"),
        ("xyz", "Unknown model 'xyz'. `p4books models` lists them."),
        ("odd", "odd is in two layers; say staging.odd or custom.odd."),
    ],
)
def test_wrong_words(con: duckdb.DuckDBPyConnection, word: str, says: str) -> None:
    """A word that names no model, or two, is answered with what could be meant."""
    with pytest.raises(QueryFailed) as caught:
        choose_models(list_models(con), [word])

    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        ("vendors", [("2", "0.20"), ("1", "12.30")][::-1]),
        ("custom.odd", [("1",), ("2",)]),
    ],
)
def test_select(con: duckdb.DuckDBPyConnection, model: str, rows: list[tuple[str, ...]]) -> None:
    """All rows come as people want them sorted; where nobody said how, in the same order still."""
    select = find_model(list_models(con), model).select()

    found = con.execute(select).fetchall()

    assert [tuple(map(str, row[: len(rows[0])])) for row in found] == rows


def test_ties_are_sorted_too() -> None:
    """What stands equal in the order people want is sorted by the key."""
    model = CatalogEntry("custom", 'my "model', "", "a b, c", "balance desc", "", "", "", 0)

    assert model.select() == ('select * from custom."my ""model" order by balance desc, "a b", "c"')


def test_a_file_without_a_catalogue(tmp_path: Path) -> None:
    """A file of an older p4books is told so, with what to do."""
    duckdb.connect(tmp_path / "old.duckdb").close()

    with (
        open_published(tmp_path / "old.duckdb") as con,
        pytest.raises(QueryFailed, match=r"older p4books .* Run `p4books report`"),
    ):
        list_models(con)

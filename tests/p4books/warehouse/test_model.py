"""What does one SQL file say?"""

from pathlib import Path

import pytest

from p4books.warehouse.errors import BrokenSql
from p4books.warehouse.model import Model, line_of, line_of_header, parse

FULL = """-- One row per customer and currency.
-- key: customer_id, currency
-- order: balance desc, customer_id
-- question: Who owes us, and how late?
-- query: select customer_name, balance
--   from reporting.receivables
--   where balance > 0
with

open as (
    select * from core.fct_invoice
),

named as (
    select * from open join "core"."dim_customer" using (customer_id)
)

select * from named;
"""


class Read:
    """Writes and reads models in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, text: str | bytes, name: str = "receivables", **meanings: str) -> Model:
        """Write a model and read it."""
        file = self.folder / f"{name}.sql"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return parse("reporting", file, {key.replace("__", "."): m for key, m in meanings.items()})


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a file of some text, and read it as a model of the layer reporting."""
    return Read(tmp_path)


def test_a_whole_header(read: Read) -> None:
    """The header gives grain, key, order, question and query, which goes on over its lines."""
    model = read(FULL)

    assert (model.full, model.grain) == (
        "reporting.receivables",
        "One row per customer and currency.",
    )
    assert model.key == ("customer_id", "currency")
    assert model.sorted_by == "balance desc, customer_id"
    assert model.question == "Who owes us, and how late?"
    assert model.query == (
        "select customer_name, balance from reporting.receivables where balance > 0"
    )
    assert model.reads == {"core.fct_invoice", "core.dim_customer"}


def test_grain_only(read: Read) -> None:
    """A file needs its grain only; all else is empty then, and it is sorted by nothing."""
    model = read("-- One row.\nselect 1 as one")

    assert (model.key, model.sorted_by, model.question, model.query) == ((), "", "", "")
    assert model.reads == frozenset()


def test_sorted_by_its_key(read: Read) -> None:
    """Where nothing is said of the order, it is the key's."""
    assert read("-- One row.\n-- key: a, b\nselect 1 as a, 2 as b").sorted_by == "a, b"


def test_other_comments(read: Read) -> None:
    """A remark between the words ends a text; a comment below the header is none of it."""
    model = read(
        "-- One row.\n-- question: Who\n--   is it?\n-- A remark.\n--   going on\n-- query:\n"
        "--   select 1\nselect 1 as one\n-- key: one"
    )

    assert (model.question, model.query, model.key) == ("Who is it?", "select 1", ())


@pytest.mark.parametrize(
    "text",
    [FULL.replace("\n", "\r\n"), b"\xef\xbb\xbf" + FULL.encode()],
    ids=["windows", "byte order mark"],
)
def test_editors(read: Read, text: str | bytes) -> None:
    """What an editor of another system makes of a file says the same."""
    model, plain = read(text), read(FULL, "plain")

    assert (model.sql, model.key, model.query) == (plain.sql, plain.key, plain.query)


@pytest.mark.parametrize("ending", ["", ";", ";\n\n", "\n-- the end", " ; \n"])
def test_endings(read: Read, ending: str) -> None:
    """A file may end as it likes."""
    assert read(f"-- One row.\nselect 1 as one{ending}").sql.startswith("-- One row.\nselect 1")


READS = {
    "from staging.a, STAGING.B": {"staging.a", "staging.b"},
    "select (select max(x) from core.a) as x": {"core.a"},
    "with a as (from raw.a), b as (from a) from b join c.d on true": {"raw.a", "c.d"},
    "select 1 as x union all select x from core.u": {"core.u"},
    "with recursive r as (select 1 as x union all select x + 1 from r) from r": set(),
    "select * from range(3), unnest([1, 2]) as u(x), 'some.csv', read_csv('o.csv')": set(),
    "select x.y from core.a as x where y in (from core.b)": {"core.a", "core.b"},
}


@pytest.mark.parametrize("text", READS)
def test_reads(read: Read, text: str) -> None:
    """What a file reads is found wherever it is named; its own parts and functions are not."""
    assert read(f"-- One row.\n{text}").reads == READS[text]


BROKEN: dict[str, tuple[str | bytes, int, str]] = {
    "empty": ("", 1, "the first line is not the grain"),
    "no grain": ("select 1 as one", 1, "the first line is not the grain"),
    "two statements": ("-- One row.\nselect 1; select 2", 1, "the file is not one select"),
    "no statement": ("-- One row.\n", 1, "the file is not one select"),
    "no select": ("-- One row.\ndrop table raw.vendors", 1, "the file is not one select"),
    "a copy": ("-- One row.\ncopy raw.vendors to 'x.csv'", 1, "the file is not one select"),
    "not sql": ("-- One row.\nselect 1 as one\nfrom (select 2", 3, "near"),
    "open quote": ("-- One row.\nselect 'one", 1, ""),
    "no layer": (
        "-- One row.\nselect *\nfrom staging.a\njoin vendors on true",
        4,
        "vendors names no layer: write it before, as in staging.invoices",
    ),
    "not text": (b"-- \xff\xfe", 1, "utf-8"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(read: Read, case: str) -> None:
    """A file that is no model is named, with the line and the reason."""
    text, line, why = BROKEN[case]

    with pytest.raises(BrokenSql) as caught:
        read(text)

    assert str(caught.value).startswith(f"{read.folder / 'receivables.sql'}, line {line}: ")
    assert why in str(caught.value)


@pytest.mark.parametrize("name", ["Receivables", "2026", "my report", "a-b", "ñ"])
def test_a_name_that_needs_quotes(read: Read, name: str) -> None:
    """A model has a name that no query needs to quote."""
    with pytest.raises(BrokenSql, match=rf"{name}\.sql, line 1: a model's name has small letters"):
        read("-- One row.\nselect 1 as one", name)


def test_a_folder_in_its_place(read: Read) -> None:
    """What can't be read is named."""
    (read.folder / "a.sql").mkdir()

    with pytest.raises(BrokenSql, match=r"a\.sql, line 1: .*directory"):
        parse("reporting", read.folder / "a.sql", {})


def test_columns(read: Read) -> None:
    """A column means what its name does everywhere, but where a model says otherwise."""
    model = read(
        FULL, balance="open amount", customer_id="who", reporting__receivables__balance="owed"
    )

    assert (model.columns["balance"], model.columns["customer_id"]) == ("owed", "who")


def test_lines(read: Read) -> None:
    """A word's line is that of the query, not of the header; the header's words have their own."""
    model = read(FULL)

    assert line_of(model, "core.fct_invoice") == 11
    assert line_of(model, "reporting.receivables") == 1
    assert (line_of_header(model, "query"), line_of_header(model, "nothing")) == (5, 1)


def test_section(read: Read) -> None:
    """A report names the section of the documentation to which it belongs."""
    assert read("-- One row.\n-- section: Sales\nselect 1 as one").section == "Sales"


def test_intermediate(read: Read) -> None:
    """A model is published, unless its header says no."""
    assert read("-- One row.\nselect 1 as one").published
    assert not read("-- One row.\n-- published: no\nselect 1 as one").published


HEADERS = {
    "unknown section": ("-- section: Sale", 3, "no section of reporting is 'Sale'; those of"),
    "published": ("-- published: never", 3, "published is `yes` or `no`"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_wrong_header(read: Read, case: str) -> None:
    """A word of the header that is not one of the known ones is named with its line."""
    header, line, why = HEADERS[case]

    with pytest.raises(BrokenSql, match=rf"receivables\.sql, line {line}: {why}"):
        read(f"-- One row.\n-- key: one\n{header}\nselect 1 as one")


def test_a_section_of_another_layer(read: Read) -> None:
    """Only reports have a section."""
    file = read.folder / "a.sql"
    file.write_text("-- One row.\n-- section: Sales\nselect 1 as one")

    with pytest.raises(BrokenSql, match=r"a\.sql, line 2: no section of core is 'Sales'"):
        parse("core", file, {})

"""Which values does an answer hold?"""

import json
import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint, Fields, FieldType
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.line import LINE
from p4books.endpoints.products import PRODUCTS
from p4books.extract.page import parse_page
from p4books.load.normalize import select_typed_rows

Rows = list[dict[str, Any]]
Read = Callable[..., Rows]


def read_lines(
    folder: Path, endpoint: Endpoint, lines: Sequence[str], unknown: Sequence[str]
) -> Rows:
    path = folder / "000000-p1-t1-n1-d1-1.ndjson"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(select_typed_rows(endpoint, [path], unknown, path.stat().st_size))
        names = [column[0] for column in con.description or ()]
        return [dict(zip(names, row, strict=True)) for row in con.fetchall()]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read lines of a spool, each a record as JSON text, into typed rows."""

    def read(endpoint: Endpoint, *lines: str, unknown: Sequence[str] = ()) -> Rows:
        return read_lines(tmp_path, endpoint, lines, unknown)

    return read


def misfits(row: dict[str, Any]) -> dict[str, str]:
    """Give the misfits of a row: value by field."""
    found = json.loads(row["misfits"] or "[]")
    return {each["field"]: each["value"] for each in found}


MONEY = [
    ("127.47", "127.47"),
    ("25", "25.00"),
    ("-3.1", "-3.10"),
    ('"25.00"', "25.00"),
    ('" 5 "', "5.00"),
    ('"+5"', "5.00"),
    ("1e3", "1000.00"),
    ("0", "0.00"),
    ('"9999999999999999.99"', "9999999999999999.99"),
    ("123456789012.25", "123456789012.25"),
]


@pytest.mark.parametrize(("told", "held"), MONEY)
def test_money(read: Read, told: str, held: str) -> None:
    """An amount is held to the cent, however the number is written."""
    (row,) = read(INVOICES, f'{{"id":1,"total":{told}}}')

    assert row["total"] == Decimal(held)
    assert (row["extra"], row["misfits"]) == (None, None)


@pytest.mark.parametrize("told", ["12.345", '"12.345"', "1e-19", '"12.3400000000000000000001"'])
def test_money_with_too_many_decimals(read: Read, told: str) -> None:
    """Half cents are rounded in the column, kept whole in `extra`, and told as a misfit."""
    (row,) = read(INVOICES, f'{{"id":1,"total":{told}}}')

    raw = told.strip('"')
    assert row["total"] == Decimal(raw).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert json.loads(row["extra"]) == {"total": raw}
    assert misfits(row) == {"total": raw}


NO_MONEY = {
    '"N/A"': "N/A",
    '"1,000.00"': "1,000.00",
    '"$5"': "$5",
    '" - "': " - ",
    '"infinity"': "infinity",
    '"nan"': "nan",
    "12345678901234567890": "12345678901234567890",
    '"1e400"': "1e400",
    "true": "true",
    "false": "false",
    '{"amount":5}': '{"amount":5}',
    "[5]": "[5]",
    '"\uff15"': "\uff15",
}


@pytest.mark.parametrize("told", NO_MONEY)
def test_no_money(read: Read, told: str) -> None:
    """What is no amount, or too large a one, is null in its column and a misfit as it came."""
    (row,) = read(INVOICES, f'{{"id":1,"total":{told}}}')

    assert row["total"] is None
    assert misfits(row) == {"total": NO_MONEY[told]}


@pytest.mark.parametrize("told", ['""', '"  "', "null"])
def test_blank(read: Read, told: str) -> None:
    """Nothing is nothing, in every kind of column, and no misfit."""
    names = [name for name, kind in INVOICES.fields.items() if kind is not FieldType.TEXT]
    (row,) = read(INVOICES, "{" + ",".join(f'"{name}":{told}' for name in names) + ',"id":1}')

    assert [row[name] for name in names] == [None] * len(names)
    assert (row["extra"], row["misfits"]) == (None, None)


@pytest.mark.parametrize(
    ("told", "held", "exact"),
    [("3.141593", "3.141593", True), ("0.0000005", "0.000001", False), ("33", "33", True)],
)
def test_measure(read: Read, told: str, held: str, exact: bool) -> None:
    """A unit price has six decimals; a finer one is rounded, kept in `extra`, and told."""
    (row,) = read(PRODUCTS, f'{{"id":1,"price":{told}}}')

    assert row["price"] == Decimal(held)
    assert ([*misfits(row)], row["extra"] is None) == ([] if exact else ["price"], exact)


DAYS = [
    ("2026-03-31", date(2026, 3, 31)),
    ("2026-03-31T00:00:00Z", date(2026, 3, 31)),
    ("2026-03-31T23:30:00-05:00", date(2026, 3, 31)),
    ("2026-03-31 10:00", date(2026, 3, 31)),
    (" 2026-03-31 ", date(2026, 3, 31)),
    ("2024-02-29", date(2024, 2, 29)),
    ("9999-12-31", date(9999, 12, 31)),
]


@pytest.mark.parametrize(("told", "held"), DAYS)
def test_day(read: Read, told: str, held: date) -> None:
    """A day with a time is that day, whatever its zone."""
    (row,) = read(INVOICES, json.dumps({"id": 1, "document_date": told}))

    assert (row["document_date"], row["misfits"]) == (held, None)


INSTANTS = [
    ("2026-03-31T10:00:00Z", datetime(2026, 3, 31, 10, tzinfo=UTC)),
    ("2026-03-31T10:00:00", datetime(2026, 3, 31, 10, tzinfo=UTC)),
    ("2026-03-31T10:00:00-05:00", datetime(2026, 3, 31, 15, tzinfo=UTC)),
    ("2026-03-31T10:00:00.123456Z", datetime(2026, 3, 31, 10, 0, 0, 123456, tzinfo=UTC)),
    ("2026-03-31", datetime(2026, 3, 31, tzinfo=UTC)),
]


@pytest.mark.parametrize(("told", "held"), INSTANTS)
def test_instant(read: Read, told: str, held: datetime) -> None:
    """An instant with a zone is that instant; one without is UTC."""
    (row,) = read(INVOICES, json.dumps({"id": 1, "date_created": told}))

    assert (row["date_created"], row["misfits"]) == (held, None)


NO_DAYS = ["0000-00-00", "2026-02-30", "infinity", "31/03/2026", "20260331", "today", "2026-03-31x"]


@pytest.mark.parametrize(
    "told", [*NO_DAYS, "epoch", "2026-13-01T00:00:00Z", "/Date(1774915200000)/"]
)
def test_no_day(read: Read, told: str) -> None:
    """What is no day of the calendar is null and a misfit, as a day and as an instant."""
    (row,) = read(INVOICES, json.dumps({"id": 1, "due_date": told, "date_created": told}))

    assert (row["due_date"], row["date_created"]) == (None, None)
    assert misfits(row) == {"due_date": told, "date_created": told}


def test_text(read: Read) -> None:
    """Text is held byte for byte, and a scalar of another type as it is written."""
    odd = "=SUM(A1)\t'ñ' \"☃\" 😀 \\ \u0000 \u202e"
    told = {"id": "a'b\"c", "name": odd, "code": 7, "status": True, "description": {"a": [1]}}

    (row,) = read(PRODUCTS, json.dumps(told, separators=(",", ":")))

    held = [row[key] for key in ("id", "name", "code", "status", "description")]
    assert held == ["a'b\"c", odd, "7", "true", '{"a":[1]}']
    assert row["misfits"] is None


ODD_NAMES = [
    "margin",
    'a "quoted" name',
    "it's",
    "con espacio",
    "año_😀",
    "a.b",
    "$",
    "x" * 300,
    "filename",
    "extra",
    "misfits",
    "row_hash",
    "gone",
    "json",
    "rowid",
    "select",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_unknown_field(read: Read, name: str) -> None:
    """A field that nobody knows is kept in `extra`, whatever its name and whatever is in it."""
    values: list[Any] = ["", 1.5, 10**17, True, [None, {"b": "ñ"}], {"a": {"c": 1}}]
    lines = [json.dumps({"id": 1, name: value}) for value in values]

    rows = read(PRODUCTS, *lines, unknown=[name])

    assert [json.loads(row["extra"]) for row in rows] == [{name: value} for value in values]


def test_unknown_fields_of_some(read: Read) -> None:
    """`extra` holds what one record has, not what others have; null where there is nothing."""
    rows = read(PRODUCTS, '{"id":1,"a":1}', '{"b":"2","id":2}', '{"id":3}', unknown=["a", "b"])

    assert [row["extra"] for row in rows] == ['{"a":1}', '{"b":"2"}', None]


def test_lines(read: Read) -> None:
    """Lines that all fit are kept as they came, without a misfit."""
    told = '[{"line_number":1,"price":3.8,"product_id":"x","quantity":33.0},{"hazard":"flammable"}]'

    (row,) = read(INVOICES, f'{{"id":1,"lines":{told}}}')

    assert (json.loads(row["lines"]), row["misfits"]) == (json.loads(told), None)


def test_lines_with_misfits(read: Read) -> None:
    """A misfit within a line is named by the line's place and the field."""
    told = '[{"price":1},{"price":"N/A","quantity":1.23456789},{"line_number":1.5,"subtotal":true}]'

    (row,) = read(INVOICES, f'{{"id":1,"total":"?","lines":{told}}}')

    assert misfits(row) == {
        "total": "?",
        "lines[2].price": "N/A",
        "lines[2].quantity": "1.23456789",
        "lines[3].line_number": "1.5",
        "lines[3].subtotal": "true",
    }
    assert json.loads(row["lines"]) == json.loads(told)


@pytest.mark.parametrize("told", ['{"price":1}', '"none"', "5", "true"])
def test_lines_that_are_no_list(read: Read, told: str) -> None:
    """Lines that are no list are null and a misfit, whole."""
    (row,) = read(INVOICES, f'{{"id":1,"lines":{told}}}')

    assert row["lines"] is None
    assert misfits(row) == {"lines": told}


@pytest.mark.parametrize(("told", "held"), [("null", None), ("[]", "[]")])
def test_no_lines(read: Read, told: str, held: str | None) -> None:
    """No lines and an empty list of lines are no misfit."""
    (row,) = read(INVOICES, f'{{"id":1,"lines":{told}}}')

    assert (row["lines"], row["misfits"]) == (held, None)


def test_lines_that_are_no_objects(read: Read) -> None:
    """Strange items among the lines are kept where they stand and shift no other's place."""
    told = '[5,null,"a",[],{"price":"N/A"}]'

    (row,) = read(INVOICES, f'{{"id":1,"lines":{told}}}')

    assert row["lines"] == told
    assert misfits(row) == {"lines[5].price": "N/A"}


def test_addresses(read: Read) -> None:
    """Items without a number among their fields are kept as they are."""
    told = '[{"city":"Colón","line1":5}]'

    (row,) = read(CUSTOMERS, f'{{"id":1,"addresses":{told}}}')

    assert (row["addresses"], row["misfits"]) == (told, None)


def test_a_large_record(read: Read) -> None:
    """A record larger than what DuckDB reads at a time is read all the same."""
    text = "ñ" * 20_000_000

    (row,) = read(PRODUCTS, f'{{"id":1,"name":"{text}"}}')

    assert row["name"] == text


# What follows is held against Python's own reading of the answer, which knows no quick check.

QUICKLY = hypothesis_settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate],  # a value that fails is short enough as it is
)
DIGITS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,21})(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,2})?", fullmatch=True
)
WORDS = st.one_of(
    DIGITS,
    st.from_regex(r"\s?[+-]?[0-9]{0,20}\.?[0-9]{0,9}\s?", fullmatch=True),
    st.sampled_from(["N/A", "", " ", "infinity", "nan", "-", ".", "1,5", "true", "\uff11"]),
    st.text(max_size=5).filter(lambda text: "_" not in text),
)
TOLD = st.one_of(
    DIGITS,
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**22), 10**22).map(str),
    WORDS.map(lambda word: json.dumps(word, ensure_ascii=False)),
    st.sampled_from(["true", "false", "null", "[]", "{}", '{"price":1}']),
)


def numbers_of(fields: Fields) -> dict[str, FieldType]:
    return {name: kind for name, kind in fields.items() if kind.decimals is not None}


PLAIN = re.compile(r"[+-]?[0-9]*\.?[0-9]{0,18}")  # what is spelled oddly may be told though it fits


def raw_of(told: str) -> str | None:
    """Give what a JSON value says, as text; None where it says nothing."""
    value = json.loads(told, parse_float=str, parse_int=str)
    if isinstance(value, str):
        return value if value.strip(" ") else None
    return None if value is None else told


def number_of(raw: str | None) -> Decimal | None:
    """Give the number that a text exactly is."""
    text = (raw or "").strip()
    if not text.isascii() or not set(text) <= set("0123456789+-.eE"):
        return None
    try:
        return Decimal(text)
    except ArithmeticError:
        return None


def check(told: str, held: Decimal | int | None, misfit: str | None) -> None:
    """Compare what was told with what became of it: all of it in the column, or a misfit."""
    raw = raw_of(told)
    if misfit is None:
        assert held == number_of(raw), f"{told} became {held} and nothing was said"
    else:
        assert raw is not None, f"{told} says nothing, and was called a misfit"
        if PLAIN.fullmatch(raw):
            assert held is None or held != number_of(raw), f"{told} fits, and was called a misfit"
        assert number_of(misfit) == number_of(raw)
        if number_of(raw) is None:
            assert misfit == raw


def spooled(endpoint: Endpoint, records: Sequence[str]) -> list[str]:
    """Give the lines that the spool keeps of an answer."""
    body = f'{{"data":[{",".join(records)}],"total":{len(records)},"page":1}}'
    found = parse_page(body.encode(), endpoint, 1).records
    return [line.decode() for line in found.values()]


@pytest.mark.parametrize("name", ["products", "invoices"])
@QUICKLY
@given(told=st.lists(TOLD, min_size=1, max_size=40))
def test_no_number_is_lost(name: str, told: list[str]) -> None:
    """Whatever stands where a number should, the column holds it exactly or a misfit tells it."""
    endpoint = ENDPOINTS[name]
    names = [*numbers_of(endpoint.fields)]
    each = [(place, names[place % len(names)], text) for place, text in enumerate(told)]
    lines = spooled(endpoint, [f'{{"id":{place},"{field}":{text}}}' for place, field, text in each])

    with tempfile.TemporaryDirectory() as folder:
        rows = {int(row["id"]): row for row in read_lines(Path(folder), endpoint, lines, [])}

    for place, field, text in each:
        check(text, rows[place][field], misfits(rows[place]).get(field))
        if rows[place][field] is not None and field in misfits(rows[place]):
            assert field in json.loads(rows[place]["extra"])


@QUICKLY
@given(told=st.lists(TOLD, min_size=1, max_size=30))
def test_no_number_of_a_line_is_lost(told: list[str]) -> None:
    """The same holds in lines: what a line's column could not hold exactly is a misfit."""
    kinds = numbers_of(LINE)
    names = [*kinds]
    each = [(place, names[place % len(names)], text) for place, text in enumerate(told)]
    records = [f'{{"id":{place},"lines":[{{"{field}":{text}}}]}}' for place, field, text in each]

    with tempfile.TemporaryDirectory() as folder:
        found = read_lines(Path(folder), INVOICES, spooled(INVOICES, records), [])

    rows = {int(row["id"]): row for row in found}
    with duckdb.connect() as con:
        for place, field, text in each:
            held = cast(con, rows[place]["lines"], field, kinds[field])
            check(text, held, misfits(rows[place]).get(f"lines[1].{field}"))


def cast(
    con: duckdb.DuckDBPyConnection, lines: str, field: str, kind: FieldType
) -> Decimal | int | None:
    """Give what a column of this kind holds of the first line, as the views on lines read it."""
    item = f"""from_json(?, '[{{"{field}":"VARCHAR"}}]')[1].{field}"""
    row = con.execute(f"select try_cast({item} as {kind.value})", [lines]).fetchone()
    return row[0] if row else None

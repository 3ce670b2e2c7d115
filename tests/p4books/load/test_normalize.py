"""Typed rows from the raw pages in the spool."""

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
Normalize = Callable[..., Rows]


def normalize_lines(
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
def normalize(tmp_path: Path) -> Normalize:
    """Turn lines of a spool, each a record as JSON text, into typed rows."""

    def normalize(endpoint: Endpoint, *lines: str, unknown: Sequence[str] = ()) -> Rows:
        return normalize_lines(tmp_path, endpoint, lines, unknown)

    return normalize


def misfits(row: dict[str, Any]) -> dict[str, str]:
    """Return the misfits of a row: value by field."""
    items = json.loads(row["misfits"] or "[]")
    return {item["field"]: item["value"] for item in items}


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


@pytest.mark.parametrize(("written", "value"), MONEY)
def test_money(normalize: Normalize, written: str, value: str) -> None:
    """An amount is exact to the cent, however the number is written."""
    (row,) = normalize(INVOICES, f'{{"id":1,"total":{written}}}')

    assert row["total"] == Decimal(value)
    assert (row["extra"], row["misfits"]) == (None, None)


@pytest.mark.parametrize("written", ["12.345", '"12.345"', "1e-19", '"12.3400000000000000000001"'])
def test_money_with_too_many_decimals(normalize: Normalize, written: str) -> None:
    """A half cent is rounded in the column, kept whole in `extra`, and reported as a misfit."""
    (row,) = normalize(INVOICES, f'{{"id":1,"total":{written}}}')

    raw = written.strip('"')
    assert row["total"] == Decimal(raw).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert json.loads(row["extra"]) == {"total": raw}
    assert misfits(row) == {"total": raw}


NOT_MONEY = {
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
    '"1_000"': "1_000",
    '"0x10"': "0x10",
    '"1.234,56"': "1.234,56",
    '"1 234.56"': "1 234.56",
    '"B/. 5.00"': "B/. 5.00",
    '"(5.00)"': "(5.00)",
    '"5%"': "5%",
    '"--5"': "--5",
    '"1\\u0000"': "1\u0000",
}


@pytest.mark.parametrize("written", NOT_MONEY)
def test_not_money(normalize: Normalize, written: str) -> None:
    """A value that is not an amount, or too large, is null in its column, and a misfit."""
    (row,) = normalize(INVOICES, f'{{"id":1,"total":{written}}}')

    assert row["total"] is None
    assert misfits(row) == {"total": NOT_MONEY[written]}


@pytest.mark.parametrize("written", ['""', '"  "', "null"])
def test_blank(normalize: Normalize, written: str) -> None:
    """A blank value is null in every type of column, and not a misfit."""
    names = [name for name, kind in INVOICES.fields.items() if kind is not FieldType.TEXT]
    (row,) = normalize(
        INVOICES, "{" + ",".join(f'"{name}":{written}' for name in names) + ',"id":1}'
    )

    assert [row[name] for name in names] == [None] * len(names)
    assert (row["extra"], row["misfits"]) == (None, None)


@pytest.mark.parametrize(
    ("written", "value", "exact"),
    [("3.141593", "3.141593", True), ("0.0000005", "0.000001", False), ("33", "33", True)],
)
def test_measure(normalize: Normalize, written: str, value: str, exact: bool) -> None:
    """A unit price has six decimals; a finer one is rounded, kept in `extra`, and a misfit."""
    (row,) = normalize(PRODUCTS, f'{{"id":1,"price":{written}}}')

    assert row["price"] == Decimal(value)
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


@pytest.mark.parametrize(("written", "value"), DAYS)
def test_day(normalize: Normalize, written: str, value: date) -> None:
    """A date with a time is that date, whatever its zone."""
    (row,) = normalize(INVOICES, json.dumps({"id": 1, "document_date": written}))

    assert (row["document_date"], row["misfits"]) == (value, None)


INSTANTS = [
    ("2026-03-31T10:00:00Z", datetime(2026, 3, 31, 10, tzinfo=UTC)),
    ("2026-03-31T10:00:00", datetime(2026, 3, 31, 10, tzinfo=UTC)),
    ("2026-03-31T10:00:00-05:00", datetime(2026, 3, 31, 15, tzinfo=UTC)),
    ("2026-03-31T10:00:00.123456Z", datetime(2026, 3, 31, 10, 0, 0, 123456, tzinfo=UTC)),
    ("2026-03-31", datetime(2026, 3, 31, tzinfo=UTC)),
]


@pytest.mark.parametrize(("written", "value"), INSTANTS)
def test_instant(normalize: Normalize, written: str, value: datetime) -> None:
    """A timestamp with a zone is converted; one without is UTC."""
    (row,) = normalize(INVOICES, json.dumps({"id": 1, "date_created": written}))

    assert (row["date_created"], row["misfits"]) == (value, None)


NOT_DAYS = [
    "0000-00-00",
    "12-03-26",
    "26-03-12",
    "2026-3-1",
    "2026/03/31",
    "12026-03-31",
    "2026-03-31 (BC)",
    "March 31, 2026",
    "46112",
    "2026-02-30",
    "infinity",
    "31/03/2026",
    "20260331",
    "today",
    "2026-03-31x",
]


@pytest.mark.parametrize(
    "written", [*NOT_DAYS, "epoch", "2026-13-01T00:00:00Z", "/Date(1774915200000)/"]
)
def test_not_a_day(normalize: Normalize, written: str) -> None:
    """A value that is not a calendar day is null and a misfit, as a date and as a timestamp."""
    (row,) = normalize(
        INVOICES, json.dumps({"id": 1, "due_date": written, "date_created": written})
    )

    assert (row["due_date"], row["date_created"]) == (None, None)
    assert misfits(row) == {"due_date": written, "date_created": written}


# What the API sends for values of another kind than the contract's: the record, the values of its
# columns, and its misfits.
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "name is an object": ('"code":{"first":"Ana"}', {"code": None}, {"code": '{"first":"Ana"}'}),
    "code is a list": ('"code":["A"]', {"code": None}, {"code": '["A"]'}),
    "status is true": ('"status":true', {"status": None}, {"status": "true"}),
    "status is a text": ('"status":"true"', {"status": "true"}, {}),
    "status is blank": ('"status":""', {"status": ""}, {}),
    "status is a number": ('"status":1', {"status": "1"}, {}),
    "code is a number": ('"code":1.0', {"code": "1.0"}, {}),
    "text is NaN": ('"currency":NaN', {"currency": None}, {"currency": "NaN"}),
    "amount is NaN": ('"total":NaN', {"total": None}, {"total": "NaN"}),
    "amount is Infinity": ('"total":-Infinity', {"total": None}, {"total": "-Infinity"}),
    "amount is true": ('"total":true', {"total": None}, {"total": "true"}),
    "amount is yes": ('"total":"yes"', {"total": None}, {"total": "yes"}),
    "day is an epoch": ('"due_date":1774915200', {"due_date": None}, {"due_date": "1774915200"}),
    "day is true": ('"due_date":true', {"due_date": None}, {"due_date": "true"}),
    "instant is an epoch": (
        '"date_created":1774915200.5',
        {"date_created": None},
        {"date_created": "1774915200.5"},
    ),
    "two codes": ('"code":"A","code":"B"', {"code": None}, {"code": '["A","B"]'}),
    "two totals": ('"total":1,"total":2', {"total": None}, {"total": "[1,2]"}),
    "two equal totals": ('"total":1,"total":1', {"total": Decimal("1.00")}, {}),
    "unpaired surrogate": (r'"code":"A\ud800"', {"code": r"A\ud800"}, {}),
    "NUL": (r'"code":"A\u0000B"', {"code": "A\0B"}, {}),
    "huge whole number": (
        '"total":98765432109876543210',
        {"total": None},
        {"total": "98765432109876543210"},
    ),
    "huge reference": ('"customer_id":9007199254740993', {"customer_id": "9007199254740993"}, {}),
    "huger reference": (
        '"customer_id":98765432109876543210',
        {"customer_id": "98765432109876543210"},
        {},
    ),
    "lines is an object": ('"lines":{"price":1}', {"lines": None}, {"lines": '{"price":1}'}),
    "lines is a text": ('"lines":"none"', {"lines": None}, {"lines": '"none"'}),
    "lines are no objects": (
        '"lines":["see note",[1],{"price":5}]',
        {"lines": '[null,null,{"price":5}]'},
        {"lines[1]": '"see note"', "lines[2]": "[1]"},
    ),
    "two lists of lines": (
        '"lines":[{"price":1}],"lines":[]',
        {"lines": "[null,null]"},
        {"lines[1]": '[{"price":1}]', "lines[2]": "[]"},
    ),
    "values of lines": (
        '"lines":[{"description":{"es":"Arroz"},"product_id":true,"price":false,"quantity":[1]}]',
        {"lines": '[{"price":false,"quantity":[1]}]'},
        {
            "lines[1].description": '{"es":"Arroz"}',
            "lines[1].product_id": "true",
            "lines[1].price": "false",
            "lines[1].quantity": "[1]",
        },
    ),
    "numbers of lines": (
        '"lines":[{"line_number":"0x10","quantity":"1_000","subtotal":"$5"}]',
        {"lines": '[{"line_number":"0x10","quantity":"1_000","subtotal":"$5"}]'},
        {"lines[1].line_number": "0x10", "lines[1].quantity": "1_000", "lines[1].subtotal": "$5"},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_another_kind(tmp_path: Path, kind: str) -> None:
    """A value of another kind is null in its column, and a misfit with its place and raw value; it
    means the same whatever its neighbours are."""
    written, columns, odd = KINDS[kind]
    alone = spool_records(INVOICES, [f'{{"id":1,{written}}}'])
    among = spool_records(
        INVOICES, ['{"id":0,"code":"true","total":5}', f'{{"id":1,{written}}}', '{"id":2,"new":{}}']
    )

    (row,) = normalize_lines(tmp_path, INVOICES, alone, [])

    assert {name: row[name] for name in columns} == columns
    assert misfits(row) == odd
    assert normalize_lines(tmp_path, INVOICES, among, [])[1] == row


def test_text(normalize: Normalize) -> None:
    """Text is kept byte for byte, and a scalar of another type as it is written."""
    odd = "=SUM(A1)\t'ñ' \"☃\" 😀 \\ \u0000 \u202e"
    written = {"id": "a'b\"c", "name": odd, "code": 7, "status": True, "description": {"a": [1]}}

    (row,) = normalize(PRODUCTS, json.dumps(written, separators=(",", ":")))

    values = [row[key] for key in ("id", "name", "code", "status", "description")]
    assert values == ["a'b\"c", odd, "7", "true", '{"a":[1]}']
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
def test_unknown_field(normalize: Normalize, name: str) -> None:
    """An unknown field is kept in `extra`, whatever its name and value."""
    values: list[Any] = ["", 1.5, 10**17, True, [None, {"b": "ñ"}], {"a": {"c": 1}}]
    lines = [json.dumps({"id": 1, name: value}) for value in values]

    rows = normalize(PRODUCTS, *lines, unknown=[name])

    assert [json.loads(row["extra"]) for row in rows] == [{name: value} for value in values]


def test_unknown_fields_of_some(normalize: Normalize) -> None:
    """`extra` has the fields of its own record only; it is null if there are none."""
    rows = normalize(PRODUCTS, '{"id":1,"a":1}', '{"b":"2","id":2}', '{"id":3}', unknown=["a", "b"])

    assert [row["extra"] for row in rows] == ['{"a":1}', '{"b":"2"}', None]


def test_lines(normalize: Normalize) -> None:
    """Lines that all fit are kept as they came, without a misfit."""
    written = (
        '[{"line_number":1,"price":3.8,"product_id":"x","quantity":33.0},{"hazard":"flammable"}]'
    )

    (row,) = normalize(INVOICES, f'{{"id":1,"lines":{written}}}')

    assert (json.loads(row["lines"]), row["misfits"]) == (json.loads(written), None)


def test_lines_with_misfits(normalize: Normalize) -> None:
    """A misfit in a line is named by the number of the line and the field."""
    written = (
        '[{"price":1},{"price":"N/A","quantity":1.23456789},{"line_number":1.5,"subtotal":true}]'
    )

    (row,) = normalize(INVOICES, f'{{"id":1,"total":"?","lines":{written}}}')

    assert misfits(row) == {
        "total": "?",
        "lines[2].price": "N/A",
        "lines[2].quantity": "1.23456789",
        "lines[3].line_number": "1.5",
        "lines[3].subtotal": "true",
    }
    assert json.loads(row["lines"]) == json.loads(written)


@pytest.mark.parametrize("written", ['{"price":1}', '"none"', "5", "true"])
def test_lines_are_not_a_list(normalize: Normalize, written: str) -> None:
    """Lines that are not a list are null and a misfit as a whole."""
    (row,) = normalize(INVOICES, f'{{"id":1,"lines":{written}}}')

    assert row["lines"] is None
    assert misfits(row) == {"lines": written}


@pytest.mark.parametrize(("written", "value"), [("null", None), ("[]", "[]")])
def test_no_lines(normalize: Normalize, written: str, value: str | None) -> None:
    """Missing lines and an empty list of lines are not misfits."""
    (row,) = normalize(INVOICES, f'{{"id":1,"lines":{written}}}')

    assert (row["lines"], row["misfits"]) == (value, None)


def test_lines_are_not_objects(normalize: Normalize) -> None:
    """Items that are not objects are kept in place, and do not change the number of other lines."""
    written = '[5,null,"a",[],{"price":"N/A"}]'

    (row,) = normalize(INVOICES, f'{{"id":1,"lines":{written}}}')

    assert row["lines"] == written
    assert misfits(row) == {"lines[5].price": "N/A"}


def test_addresses(normalize: Normalize) -> None:
    """Items without a numeric field are kept as they are."""
    written = '[{"city":"Colón","line1":5}]'

    (row,) = normalize(CUSTOMERS, f'{{"id":1,"addresses":{written}}}')

    assert (row["addresses"], row["misfits"]) == (written, None)


def test_a_large_record(normalize: Normalize) -> None:
    """A record larger than DuckDB's read buffer is read, too."""
    text = "ñ" * 20_000_000

    (row,) = normalize(PRODUCTS, f'{{"id":1,"name":"{text}"}}')

    assert row["name"] == text


# The following tests compare with values parsed by Python, without the quick checks of the SQL.

FEW_EXAMPLES = hypothesis_settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate],  # a failing value is short enough without shrinking
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
VALUES = st.one_of(
    DIGITS,
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**22), 10**22).map(str),
    WORDS.map(lambda word: json.dumps(word, ensure_ascii=False)),
    st.sampled_from(["true", "false", "null", "[]", "{}", '{"price":1}']),
)


def select_numbers(fields: Fields) -> dict[str, FieldType]:
    return {name: kind for name, kind in fields.items() if kind.decimals is not None}


PLAIN = re.compile(r"[+-]?[0-9]*\.?[0-9]{0,18}")  # an odd spelling may be a misfit although it fits


def parse_raw(written: str) -> str | None:
    """Return a JSON value as text; None if it is blank."""
    value = json.loads(written, parse_float=str, parse_int=str)
    if isinstance(value, str):
        return value if value.strip(" ") else None
    return None if value is None else written


def parse_number(raw: str | None) -> Decimal | None:
    """Return the exact number in a text; None if it is not a number."""
    text = (raw or "").strip()
    if not text.isascii() or not set(text) <= set("0123456789+-.eE"):
        return None
    try:
        return Decimal(text)
    except ArithmeticError:
        return None


def check(written: str, value: Decimal | int | None, misfit: str | None) -> None:
    """Compare a value with its column: the column has it exactly, or there is a misfit."""
    raw = parse_raw(written)
    if misfit is None:
        assert value == parse_number(raw), f"{written} became {value} without a misfit"
    else:
        assert raw is not None, f"{written} is blank, but a misfit"
        if PLAIN.fullmatch(raw):
            assert value is None or value != parse_number(raw), f"{written} fits, but is a misfit"
        assert parse_number(misfit) == parse_number(raw)
        if parse_number(raw) is None:
            assert misfit == raw


def spool_records(endpoint: Endpoint, records: Sequence[str]) -> list[str]:
    """Return the lines that the spool keeps of a page."""
    body = f'{{"data":[{",".join(records)}],"total":{len(records)},"page":1}}'
    found = parse_page(body.encode(), endpoint, 1).records
    return [line.decode() for line in found.values()]


@pytest.mark.parametrize("name", ["products", "invoices"])
@FEW_EXAMPLES
@given(values=st.lists(VALUES, min_size=1, max_size=40))
def test_no_number_is_lost(name: str, values: list[str]) -> None:
    """Whatever the API sends for a number, the column has it exactly or there is a misfit."""
    endpoint = ENDPOINTS[name]
    names = [*select_numbers(endpoint.fields)]
    each = [(place, names[place % len(names)], text) for place, text in enumerate(values)]
    lines = spool_records(
        endpoint, [f'{{"id":{place},"{field}":{text}}}' for place, field, text in each]
    )

    with tempfile.TemporaryDirectory() as folder:
        rows = {int(row["id"]): row for row in normalize_lines(Path(folder), endpoint, lines, [])}

    for place, field, text in each:
        check(text, rows[place][field], misfits(rows[place]).get(field))
        if rows[place][field] is not None and field in misfits(rows[place]):
            assert field in json.loads(rows[place]["extra"])


@FEW_EXAMPLES
@given(values=st.lists(VALUES, min_size=1, max_size=30))
def test_no_number_of_a_line_is_lost(values: list[str]) -> None:
    """In lines, too, a value that its column would not have exactly is a misfit."""
    kinds = select_numbers(LINE)
    names = [*kinds]
    each = [(place, names[place % len(names)], text) for place, text in enumerate(values)]
    records = [f'{{"id":{place},"lines":[{{"{field}":{text}}}]}}' for place, field, text in each]

    with tempfile.TemporaryDirectory() as folder:
        found = normalize_lines(Path(folder), INVOICES, spool_records(INVOICES, records), [])

    rows = {int(row["id"]): row for row in found}
    with duckdb.connect() as con:
        for place, field, text in each:
            value = cast(con, rows[place]["lines"], field, kinds[field])
            check(text, value, misfits(rows[place]).get(f"lines[1].{field}"))


def cast(
    con: duckdb.DuckDBPyConnection, lines: str, field: str, kind: FieldType
) -> Decimal | int | None:
    """Return the value of the first line in a column of this type, as the line models read it."""
    item = f"""from_json(?, '[{{"{field}":"VARCHAR"}}]')[1].{field}"""
    row = con.execute(f"select try_cast({item} as {kind.value})", [lines]).fetchone()
    return row[0] if row else None

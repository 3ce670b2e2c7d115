"""Validation of records before anything is sent."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.endpoints.purchase_orders import PURCHASE_ORDERS
from p4books.endpoints.vendors import VENDORS
from p4books.push.documents import Document, FieldValue, RowReader, read_documents
from p4books.push.lookups import Lookups, RecordIndex, TaxRate
from p4books.push.mapping import field_checker
from p4books.push.readers.text import read_csv
from p4books.push.types import Draft, FaultyRecord, FileFormat, RowFault, SourceRow, TableLayout
from p4books.push.validate import (
    Contradiction,
    find_contradictions,
    find_missing,
    validate_documents,
)
from p4books.spelling import clean_name

# Whole records

Values = Mapping[str, Any]

LOOKUPS = Lookups(
    own=RecordIndex({"OLD": "7"}, {"7"}),
    lists={
        "customers": RecordIndex({"C-1": "1"}, {"1"}),
        "products": RecordIndex({"P-1": "10"}, {"10"}),
    },
    tax_codes={"itbms": "ITBMS"},
    rates={"itbms": [TaxRate(Decimal("0.07"))]},
)
LINE = {"quantity": 3, "price": Decimal("35.31"), "product": "P-1", "tax_code": "ITBMS"}
INVOICE = {"code": "F-1", "customer": "C-1", "lines": [LINE]}


def _validate(endpoint: Endpoint, *rows: Values, **column_map: str) -> list[Draft | RowFault]:
    numbered = (SourceRow(number, values) for number, values in enumerate(rows, 2))
    documents = read_documents(numbered, RowReader(endpoint, LOOKUPS, column_map))
    found = validate_documents(documents, endpoint, LOOKUPS)
    return [each for each in found if not isinstance(each, FaultyRecord)]


def _drafts(endpoint: Endpoint, *rows: Values) -> list[Draft]:
    found = _validate(endpoint, *rows)
    assert all(isinstance(each, Draft) for each in found), found
    return [each for each in found if isinstance(each, Draft)]


def _faults(endpoint: Endpoint, *rows: Values) -> list[tuple[int, str]]:
    found = _validate(endpoint, *rows)
    assert all(isinstance(each, RowFault) for each in found), found
    return [(each.row, each.column) for each in found if isinstance(each, RowFault)]


def test_draft() -> None:
    """A record becomes the JSON that is sent: sorted names, no nulls, exact numbers."""
    values = {
        "Name": " Tía ",
        "code": 1001,
        "price": "25.50",
        "cost": Decimal("1E+2"),
        "status": "",
    }

    (draft,) = _drafts(PRODUCTS, values)

    body = '{"code":"1001","cost":100,"name":"Tía","price":25.5}'.encode()
    hash_ = hashlib.sha256(b"products\n" + body).hexdigest()
    assert draft == Draft(2, "1001", body, hash_)


def test_document() -> None:
    """A document has its lines as a list, and ids as references."""
    (draft,) = _drafts(
        INVOICES, {**INVOICE, "document_date": date(2026, 3, 31), "tax_total": "7.42"}
    )

    assert json.loads(draft.body) == {
        "code": "F-1",
        "customer_id": 1,
        "document_date": "2026-03-31",
        "tax_total": 7.42,
        "lines": [{"quantity": 3, "price": 35.31, "product_id": 10, "tax_code": "ITBMS"}],
    }


def test_document_in_rows() -> None:
    """Consecutive rows with the same code are one document, equal to a nested one."""
    second = {**LINE, "quantity": "1.0"}
    flat = [
        {"code": "F-1", "customer": "C-1", **LINE},
        {"code": "F-1", "customer": "", **second},
        {"code": "F-2", "customer": "C-1", **LINE},
    ]

    found = _drafts(INVOICES, *flat)

    nested = _drafts(INVOICES, {**INVOICE, "lines": [LINE, second]}, {**INVOICE, "code": "F-2"})
    assert [(each.row, each.code) for each in found] == [(2, "F-1"), (4, "F-2")]
    assert [each.hash for each in found] == [each.hash for each in nested]


def test_existing_code() -> None:
    """If a code is in the books already, the draft has the id of that record."""
    found = _drafts(PRODUCTS, {"code": "OLD", "name": "x"}, {"code": "NEW", "name": "x"})

    assert [each.existing_id for each in found] == ["7", None]


@pytest.mark.parametrize(
    ("rows", "again"),
    [
        ([{**INVOICE}, {**INVOICE, "code": "F-2"}, {**INVOICE, "code": " F-1 "}], 4),
        ([{"code": c, "customer": "C-1", **LINE} for c in ("F-1", "F-2", "F-1")], 4),
        ([INVOICE, INVOICE], 3),
    ],
    ids=["nested", "in rows", "one after the other"],
)
def test_repeated_code(rows: Sequence[Values], again: int) -> None:
    """A code that is in the file twice is a fault in both places: neither is to be sent."""
    *sent, fault, first = _validate(INVOICES, *rows)

    assert all(isinstance(each, Draft) for each in sent)
    assert isinstance(fault, RowFault)
    assert isinstance(first, RowFault)
    assert (fault.record, fault.what) == (again, "Row 2 already has this code.")
    assert (first.record, first.what) == (2, f"Row {again} has this code again.")
    assert "sort the file by code" in fault.remedy


def test_code_repeated_twice() -> None:
    """The first of several rows with the same code is reported once."""
    found = _validate(PRODUCTS, *[{"code": "a", "name": "x"}] * 3)

    assert [each.row for each in found if isinstance(each, RowFault)] == [3, 2, 4]


@pytest.mark.parametrize("again", ["f-1", "F-1\u200b", "\ufeffF-1", "\uff26-1"])
def test_code_in_another_spelling(again: str) -> None:
    """Two spellings of a code are one code: it is in the file twice."""
    rows = [{"code": code, "name": "x"} for code in ("F-1", again)]

    _, *faults = _validate(PRODUCTS, *rows)

    assert [each.row for each in faults] == [3, 2]
    assert all(isinstance(each, RowFault) for each in faults)


def test_rows_in_another_spelling() -> None:
    """Rows whose codes are spellings of one code are one record, which must have one spelling."""
    rows = [{"code": code, "customer": "C-1", **LINE} for code in ("F-1", "f-1")]

    assert _faults(INVOICES, *rows) == [(3, "code")]


@pytest.mark.parametrize("code", ["old", "OLD\u200b", "\u00a0Old"])
def test_existing_code_in_another_spelling(code: str) -> None:
    """If a code is in the books in another spelling, the draft has the id of that record."""
    (draft,) = _drafts(PRODUCTS, {"code": code, "name": "x"})

    assert (draft.existing_id, draft.existing_code) == ("7", "OLD")


def test_invisible_code() -> None:
    """A code of invisible characters is none; what is seen of any other one is sent."""
    assert _faults(PRODUCTS, {"code": "\u200b\ufeff", "name": "x"}) == [(2, "code")]
    assert _drafts(PRODUCTS, {"code": "\u200bC-9\n", "name": "x"})[0].code == "C-9"


def test_repeated_code_without_items() -> None:
    """Two rows without items are never one record."""
    row = {"code": "C-1", "name": "x"}

    assert isinstance(_validate(CUSTOMERS, row, row)[1], RowFault)
    assert isinstance(_validate(CUSTOMERS, {**row, "city": ""}, {**row, "city": ""})[1], RowFault)


def test_all_faults() -> None:
    """Everything that is wrong with a document is reported, in the order of rows and columns."""
    rows = [
        {"quantity": "x", "code": "F-1", "price": 1, "customer": "C-9"},
        {"quantity": 1, "code": "F-1", "price": "1,5", "customer": "C-1"},
        {"quantity": 1, "code": "", "price": "", "customer": ""},
    ]

    assert _faults(INVOICES, *rows) == [
        (2, "quantity"),
        (2, "customer"),
        (3, "price"),
        (4, "code"),
        (4, "price"),
    ]


def test_fault_stops_only_its_record() -> None:
    """A faulty record is reported, and the others are drafts."""
    row = {"code": "a", "name": "x"}
    found = _validate(PRODUCTS, row, {"code": "b", "name": ""}, {**row, "code": "c"})

    assert [type(each) for each in found] == [Draft, RowFault, Draft]


def test_unknown_column() -> None:
    """An unknown column is one fault, and no record with a value there is sent without it."""
    rows = [{"code": str(n), "name": "x", "colour": colour} for n, colour in enumerate(["", "red"])]

    fault, draft = _validate(PRODUCTS, *rows)

    assert isinstance(fault, RowFault)
    assert (fault.row, fault.column) == (0, "colour")
    assert isinstance(draft, Draft)
    assert draft.code == "0"


def test_unknown_column_of_a_required_field() -> None:
    """What an unknown column may contain is not missing from each row; other fields are."""
    rows = [{"code": code, "título": "x"} for code in ("A", "B", "")]

    assert _faults(PRODUCTS, *rows) == [(0, "título"), (4, "code")]


def test_contradictions() -> None:
    """Amounts that do not agree are reported with their own columns and both figures."""
    lines = [LINE, {**LINE, "subtotal": "105.92"}, {**LINE, "Subtotal": 5}]
    (fault,) = _validate(INVOICES, {**INVOICE, "Lines": lines, "lines": None}, lines="")

    assert isinstance(fault, RowFault)
    assert (fault.row, fault.column, fault.value) == (2, "Lines[3].Subtotal", "5")
    assert fault.what == "The line adds up to 105.93, but its subtotal is 5.00."

    header = {"code": "F-1", "customer": "C-1", "Subtotal": 1, "line_subtotal": 2}
    found = _faults(INVOICES, {**header, **LINE}, {**header, **LINE, "line_subtotal": 105})
    assert found == [(2, "Subtotal"), (2, "line_subtotal"), (3, "line_subtotal")]


def test_all_faults_at_once() -> None:
    """Sums are compared although other values cannot be sent, if no amount is among these."""
    lines = [{**LINE, "subtotal": 5, "tax_code": "IVA"}]
    found = _faults(INVOICES, {**INVOICE, "customer": "C-9", "due_date": "x", "lines": lines})
    assert found == [
        (2, "customer"),
        (2, "lines[1].tax_code"),
        (2, "lines[1].subtotal"),
        (2, "due_date"),
    ]

    lines = [{**LINE, "subtotal": 5, "price": "x"}]
    assert _faults(INVOICES, {**INVOICE, "lines": lines}) == [(2, "lines[1].price")]
    assert _faults(INVOICES, {**INVOICE, "lines": [{"subtotal": 5, "price": 1}]}) == [
        (2, "lines[1].quantity")
    ]


def test_code_of_a_record_with_faults() -> None:
    """What is known of the code of a record with faults comes after these."""
    layout = TableLayout(1, "S", {"code": "A", "name": "B"})
    rows = [
        SourceRow(2, {"code": "old", "name": None}, layout=layout),
        SourceRow(3, {"name": None}),
    ]
    documents = read_documents(rows, RowReader(PRODUCTS, LOOKUPS))

    found = list(validate_documents(documents, PRODUCTS, LOOKUPS))

    faulty = [each for each in found if isinstance(each, FaultyRecord)]
    assert faulty == [FaultyRecord(2, "old", "7", "OLD", "code", "S!A2")]
    assert found.index(faulty[0]) == 1


def test_place_of_the_code() -> None:
    """A draft knows where its code is in the file."""
    layout = TableLayout(1, "S", {"Código": "C", "name": "B"})
    rows = [SourceRow(2, {"Código": "N-1", "name": "x"}, layout=layout)]

    (draft,) = validate_documents(
        read_documents(rows, RowReader(PRODUCTS, LOOKUPS)), PRODUCTS, LOOKUPS
    )

    assert isinstance(draft, Draft)
    assert (draft.column, draft.cell) == ("Código", "S!C2")


def test_file_of_a_spanish_office(tmp_path: Path) -> None:
    """A file as an office writes it becomes the documents that are sent."""
    file = tmp_path / "facturas.csv"
    file.write_bytes(
        (
            "Facturas de marzo;;;;;;;;\n"
            "Nº Factura;Código de cliente;Fecha;Vence;Producto;Cant.;P. Unitario;ITBMS;Total\n"
            "F-1;C-1;31/03/2026;30/04/26;P-1;3;35,31;;\n"
            "F-1;;;;P-1;1.000;0,5;;\n"
        ).encode("cp1252")
    )
    file_format = FileFormat(decimal=",", dates="dmy", encoding="cp1252")
    reader = RowReader(INVOICES, LOOKUPS, file_format=file_format)
    rows = read_csv(file, file_format, field_checker(INVOICES))

    (draft,) = validate_documents(read_documents(rows, reader), INVOICES, LOOKUPS)

    assert isinstance(draft, Draft)
    assert json.loads(draft.body) == {
        "code": "F-1",
        "customer_id": 1,
        "document_date": "2026-03-31",
        "due_date": "2026-04-30",
        "lines": [
            {"price": 35.31, "product_id": 10, "quantity": 3},
            {"price": 0.5, "product_id": 10, "quantity": 1000},
        ],
    }
    assert (draft.row, reader.header_row) == (3, 2)


def test_streams() -> None:
    """A record is yielded as soon as the next one begins, before the file is read to its end."""
    read: list[int] = []

    def rows() -> Any:
        for number in range(2, 1_000):
            read.append(number)
            yield SourceRow(number, {"code": str(number), "name": "x"})

    documents = read_documents(rows(), RowReader(PRODUCTS, LOOKUPS))
    next(validate_documents(documents, PRODUCTS, LOOKUPS))

    assert read == [2, 3]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9).map(
    lambda text: normalize("NFC", text.strip())
)
NAMES = TEXTS.map(clean_name).filter(bool)
AMOUNTS = st.decimals(-1000, 1000, places=2)
LINES = st.lists(
    st.fixed_dictionaries(
        {"quantity": AMOUNTS, "price": AMOUNTS},
        optional={
            "description": TEXTS,
            "product_id": st.just("10"),
            "line_number": st.integers(1, 9),
        },
    ),
    min_size=1,
    max_size=3,
)
RECORDS = st.fixed_dictionaries(
    {"code": NAMES, "customer_id": st.just("1"), "lines": LINES},
    optional={
        "currency": NAMES,
        "amount_paid": AMOUNTS,
        "due_date": st.dates(),
    },
)


def _as_text(record: Values) -> dict[str, Any]:
    """Return a record as a CSV file has it."""
    lines = json.dumps([{k: str(v) for k, v in line.items()} for line in record["lines"]])
    return {**{name: str(value) for name, value in record.items()}, "lines": lines}


def _expected_body(record: Values) -> dict[str, Any]:
    """Return what the body must contain: ids and dates as JSON has them, nothing empty."""
    body = {name: value for name, value in record.items() if value != ""}
    body |= {name: int(body[name]) for name in ("customer_id", "product_id") if name in body}
    if "due_date" in body:
        body["due_date"] = body["due_date"].isoformat()
    if "lines" in body:
        body["lines"] = [_expected_body(line) for line in body["lines"]]
    return body


@given(record=RECORDS)
def test_nothing_is_lost(record: dict[str, Any]) -> None:
    """A body contains what was put in, to the digit; from text and from JSON it is the same."""
    (draft,) = _drafts(INVOICES, record)
    (other,) = _drafts(INVOICES, _as_text(record))

    assert json.loads(draft.body, parse_float=Decimal) == _expected_body(record)
    assert draft.hash == other.hash


# Required fields


def _missing(document: Document, endpoint: Endpoint) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.column, fault.what) for fault in find_missing(document, endpoint)]


@pytest.mark.parametrize(
    ("endpoint", "fields"),
    [
        (PRODUCTS, ["code", "name"]),
        (CUSTOMERS, ["code", "name"]),
        (VENDORS, ["code", "name"]),
        (INVOICES, ["code", "customer_id", "lines"]),
        (PURCHASE_ORDERS, ["code", "vendor_id", "lines"]),
    ],
    ids=lambda given: given.name if isinstance(given, Endpoint) else "",
)
def test_empty_record(endpoint: Endpoint, fields: list[str]) -> None:
    """For an empty record everything that it must have is reported, in our spelling."""
    assert [column for _, column, _ in _missing(Document([SourceRow(5, {})]), endpoint)] == fields


def test_missing_value_in_a_column() -> None:
    """A missing value is reported with the file's own column, if it has one."""
    document = Document([SourceRow(5, {})], {"customer_id": FieldValue(5, "Customer", 1)})
    document.columns = {(None, "code"): "Código", (None, "lines"): "Líneas"}

    assert _missing(document, INVOICES) == [
        (5, "Código", "code is empty."),
        (5, "Líneas", "It has no lines."),
    ]


def test_faulty_value_is_not_missing() -> None:
    """A value that cannot be sent is not reported again as missing."""
    header = {"code": FieldValue(5, "code", None), "customer_id": FieldValue(5, "customer", None)}
    document = Document([SourceRow(5, {})], header, {"lines": []})

    assert _missing(document, INVOICES) == []


def test_missing_value_in_a_row() -> None:
    """A line in a row of its own is reported with that row."""
    header = {"code": FieldValue(5, "code", "F-1"), "customer_id": FieldValue(5, "customer", 1)}
    lines = [
        {"quantity": FieldValue(5, "Qty", 1), "price": FieldValue(5, "price", 1)},
        {"description": FieldValue(6, "description", "Flete")},
    ]
    document = Document([SourceRow(5, {}), SourceRow(6, {})], header, {"lines": lines})
    document.columns = {("lines", "quantity"): "Qty"}

    assert _missing(document, INVOICES) == [
        (6, "Qty", "quantity of line 2 is empty."),
        (6, "price", "price of line 2 is empty."),
    ]


def test_missing_value_in_a_list() -> None:
    """A line in a list is reported with its place there, even if it is empty."""
    header = {"code": FieldValue(5, "code", "F-1"), "customer_id": FieldValue(5, "customer", 1)}
    lines = [{"quantity": FieldValue(5, "Lines[1].quantity", 1)}, {}]
    document = Document([SourceRow(5, {})], header, {"lines": lines}, is_nested=True)
    document.columns = {(None, "lines"): "Lines"}

    assert [column for _, column, _ in _missing(document, INVOICES)] == [
        "Lines[1].price",
        "Lines[2].quantity",
        "Lines[2].price",
    ]


# Amounts

DAY = "2026-03-31"


def _rate_of(code: str, day: date) -> Decimal | None:
    known = {"ITBMS": Decimal("0.07"), "EXENTO": Decimal(0)}
    return known.get(code) if day >= date(2010, 7, 1) else None


def _line(quantity: str, price: str, **more: Any) -> dict[str, Any]:
    amounts = {k: v if k == "tax_code" else Decimal(str(v)) for k, v in more.items()}
    return {"quantity": Decimal(quantity), "price": Decimal(price), **amounts}


def _contradictions(header: dict[str, Any], *lines: dict[str, Any]) -> list[Contradiction]:
    amounts = {k: v if k == "document_date" else Decimal(str(v)) for k, v in header.items()}
    return list(find_contradictions(amounts, lines, _rate_of))


@pytest.mark.parametrize(
    "lines",
    [
        [_line("3", "35.31", subtotal="105.93")],
        [_line("3", "35.31", discount="5.93", subtotal="100")],
        [_line("2", "50", discount="10", subtotal="90")],
        [_line("2", "60", discount="10", subtotal="108")],
        [_line("-2", "50", discount="10", subtotal="-90")],
        [_line("-2", "50", discount="-10", subtotal="-90")],
        [_line("1", "0.125", subtotal="0.14")],
        [_line("999999999999.999999", "999999999999.999999")],
        [],
    ],
)
def test_lines_agree(lines: list[dict[str, Any]]) -> None:
    """A line can add up with its discount as an amount, or as a percentage."""
    assert _contradictions({}, *lines) == []


def test_line_does_not_agree() -> None:
    """A line that does not add up to its subtotal is reported with both figures."""
    odd = _contradictions({}, _line("1", "5"), _line("2", "60", discount="10", subtotal="105.93"))

    what = "The line adds up to 110.00 (108.00 with discounts as percentages)"
    assert odd == [Contradiction("subtotal", f"{what}, but its subtotal is 105.93.", 1)]


@pytest.mark.parametrize(("subtotal", "agrees"), [("0.15", True), ("0.16", False), ("0.08", False)])
def test_subtotal(subtotal: str, agrees: bool) -> None:
    """The lines add up to the subtotal, with a tolerance of a cent each."""
    odd = _contradictions(
        {"subtotal": subtotal}, _line("1", "0.055"), _line("1", "0.064"), _line("1", "0.004")
    )

    assert [each.field for each in odd] == ([] if agrees else ["subtotal"])


@pytest.mark.parametrize(
    ("subtotal", "agrees"), [("218", True), ("220", True), ("219", False), ("200", False)]
)
def test_one_reading_of_discounts(subtotal: str, agrees: bool) -> None:
    """If no line shows how its discount is meant, it is the same for all of them."""
    lines = [_line("1", "120", discount="10"), _line("1", "110", discount="0")]

    assert (_contradictions({"subtotal": subtotal}, *lines) == []) == agrees


def test_reading_that_a_line_shows() -> None:
    """If the subtotal of one line shows how a discount is meant, it is the same for the others."""
    lines = [_line("1", "120", discount="10", subtotal="108"), _line("1", "120", discount="10")]

    assert _contradictions({"subtotal": "216"}, *lines) == []
    (odd,) = _contradictions({"subtotal": "218"}, *lines)
    assert odd.what == "The lines add up to 216.00, but the subtotal is 218.00."


def test_no_subtotal() -> None:
    """Without a subtotal, the lines add up to the total minus the tax."""
    (odd,) = _contradictions({"total": "117", "tax_total": "7"}, _line("1", "100"))

    what = "The lines add up to 100.00, but total minus tax_total is 110.00."
    assert odd == Contradiction("total", what)
    assert _contradictions({"total": "107", "tax_total": "7"}, _line("1", "100")) == []


def test_total() -> None:
    """The total is subtotal plus tax, to the cent."""
    (odd,) = _contradictions(
        {"subtotal": "100", "tax_total": "7", "total": "107.01"}, _line("1", "100")
    )

    what = "subtotal plus tax_total is 107.00, but total is 107.01."
    assert odd == Contradiction("total", what)


def test_balance() -> None:
    """The balance is what is unpaid of the total."""
    (odd,) = _contradictions(
        {"total": "100", "amount_paid": "40", "balance": "40"}, _line("1", "100")
    )

    what = "total minus amount_paid is 60.00, but balance is 40.00."
    assert odd == Contradiction("balance", what)


@pytest.mark.parametrize(
    ("tax", "agrees"), [("7", True), ("7.02", True), ("6.98", True), ("7.03", False)]
)
def test_tax(tax: str, agrees: bool) -> None:
    """The tax matches the rates of the day, with a tolerance of a cent a line."""
    lines = [_line("1", "100", tax_code="ITBMS"), _line("1", "50", tax_code="EXENTO")]

    odd = _contradictions({"document_date": DAY, "tax_total": tax}, *lines)

    assert [each.field for each in odd] == ([] if agrees else ["tax_total"])


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"document_date": DAY, "tax_total": "99"}, "IVA"),
        ({"document_date": "1999-01-01", "tax_total": "99"}, "ITBMS"),
        ({"tax_total": "99"}, "ITBMS"),
        ({"document_date": DAY}, "ITBMS"),
    ],
)
def test_unknown_rate(header: dict[str, str], code: str) -> None:
    """If a rate or the day is unknown, the tax is not compared."""
    assert (
        _contradictions(header, _line("1", "100", tax_code=code), _line("1", "1", tax_code="ITBMS"))
        == []
    )


def test_line_with_a_net_of_zero() -> None:
    """A line with a net of zero needs no tax code."""
    lines = [_line("1", "100", tax_code="ITBMS"), _line("0", "5")]

    (odd,) = _contradictions({"document_date": DAY, "tax_total": "8"}, *lines)

    assert odd.what == "The tax on the lines adds up to 7.00, but tax_total is 8.00."


@pytest.mark.parametrize(
    ("total", "agrees"), [("107", True), ("107.02", True), ("107.03", False), ("100", False)]
)
def test_total_without_tax(total: str, agrees: bool) -> None:
    """A total without the tax beside it is compared with the lines and their tax."""
    odd = _contradictions(
        {"total": total, "document_date": DAY}, _line("1", "100", tax_code="ITBMS")
    )

    assert [each.field for each in odd] == ([] if agrees else ["total"])
    assert all("107.00" in each.what for each in odd)

"""One page: what is accepted, what is malformed, and the canonical record."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.p4books.extract.conftest import property_settings

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.extract.page import (
    MalformedPage,
    Page,
    empty_page,
    page_decoder,
    parse_page,
    restore_page,
)
from p4books_sandbox import Sandbox

INVOICES = ENDPOINTS["invoices"]
CUSTOMERS = ENDPOINTS["customers"]

THINGS = Endpoint(
    "things",
    {"id": FieldType.TEXT, "price": FieldType.MEASURE, "date_created": FieldType.INSTANT},
    {"lines": {"quantity": FieldType.MEASURE, "tax_code": FieldType.TEXT}},
)

LONG = "12345678901234567"  # a text that sends its page through the slow, exact parser

each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)


def _page(*records: str, total: object = None, page: object = 1) -> bytes:
    total = len(records) if total is None else total
    return f'{{"data":[{",".join(records)}],"total":{total},"page":{page}}}'.encode()


def _lines(*records: str, endpoint: Endpoint = THINGS) -> list[str]:
    return [line.decode() for line in parse_page(_page(*records), endpoint, 1).records.values()]


def _line(record: str, endpoint: Endpoint = THINGS) -> str:
    (line,) = _lines(record, endpoint=endpoint)
    return line


def test_as_documented() -> None:
    """The response of the documentation is one page of one row."""
    body = b"""{"data": [{"id": 1, "code": "PROD-001", "name": "Widget A", "price": 25.00,
        "tax_code": "ITBMS", "status": "active"}], "total": 1, "page": 1}"""

    page = parse_page(body, ENDPOINTS["products"], 1)

    assert (page.number, page.total, page.rows) == (1, 1, 1)
    assert json.loads(page.records["1"]) == {
        "id": 1, "code": "PROD-001", "name": "Widget A", "price": 25.0, "tax_code": "ITBMS",
        "status": "active",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[{"id":1}],"total":"7","page":"1"}',
        b'{"Data":[{"Id":1}],"Total":7,"Page":1}',
        b'{"DATA":[{"ID":1}],"TOTAL":7,"PAGE":1}',
        b'{"data":[{"id":1}],"total":7}',
        b'{"data":[{"id":1}],"total":7,"page":null}',
        b'{"data":[{"id":1}],"total":7,"page":1,"page_size":50,"next":null}',
        b' \n{"page":1,"total":7,"data":[{"id":1}]}\n',
        b'\xef\xbb\xbf{"data":[{"id":1}],"total":7,"page":1}',
        '\ufeff{"data":[{"id":1}],"total":7,"page":1}'.encode("utf-16-le"),
        b'{"data":[{"id":1}],"total":7.0,"page":1}',
        b'{"data":[{"id":1}],"total":7e0,"page":1.00}',
        b'{"data":[{"id":1}],"total":"7.0","page":1}',
        b'{"data":[{"id":1}],"total":7,"page":1,"page":1}',
    ],
)
def test_envelopes(body: bytes) -> None:
    """The keys around the rows may have any case and order, and others; page may be missing."""
    page = parse_page(body, THINGS, 1)

    assert (page.total, page.rows, list(page.records)) == (7, 1, ["1"])


@pytest.mark.parametrize(
    "body", [b'{"data":[{"id":1}],"page":1}', b'{"data":[{"id":1}],"total":null,"page":1}']
)
def test_no_total(body: bytes) -> None:
    """A missing total is None, which is not 0."""
    assert parse_page(body, THINGS, 1).total is None


@pytest.mark.parametrize("data", ["[]", "null"])
def test_empty(data: str) -> None:
    """A list of 0 rows is empty, be its data an empty list or null."""
    page = parse_page(f'{{"data":{data},"total":0,"page":1}}'.encode(), THINGS, 1)

    assert page == Page(1, 0, 0, {}, ())


def test_same_id_twice() -> None:
    """An id that occurs twice is two rows and one record, the last."""
    page = parse_page(_page('{"id":1,"price":1}', '{"id":1,"price":2}'), THINGS, 1)

    assert page.rows == 2
    assert page.records == {"1": b'{"id":1,"price":2}'}


MALFORMED = {
    b"": "not JSON",
    b" ": "not JSON",
    b"<!doctype html><title>P4 Books</title>": 'an HTML page, "P4 Books"',
    b"\n<HTML lang='es'><head><TITLE>\n Sesi\xc3\xb3n &amp; acceso\x07 </TITLE>": (
        'an HTML page, "Sesión & acceso"'
    ),
    b"<!-- proxy --><html><title></title><p>Down": "an HTML page",
    b"<html><title>" + b"x" * 500 + b"</title>": f'an HTML page, "{"x" * 80}…"',
    b"\n <HTML><body>502</body></HTML>": "HTML",
    b'{"data":[{"id":1},': "not JSON",
    b'{"data":[],"total":0,"page":1}x': "not JSON",
    b'{"data":[{"id":1,"price":nan}],"total":1,"page":1}': "not JSON",
    b'{"data":[],"total":NaN,"page":1}': "`total`",
    b'{"data":[{"id":1,"price":01}],"total":1,"page":1}': "not JSON",
    b'{"data":[{"id":1,"name":"Pe\xf1a"}],"total":1,"page":1}': (
        'not UTF-8: byte 28 is F1, after `:\\[{"id":1,"name":"Pe`'
    ),
    '{"data":[{"id":1,"name":"Peña é'.encode()
    + b'\xff"}],"total":1,"page":1}': "is FF, after `.*é`",
    '{"data":[{"id":"ñ'.encode()[:-1]: "not JSON",  # cut off in mid-letter
    b"<html>P\xe1gina": "HTML",
    '{"data":[]}'.encode("utf-16") + b"\x00": "not JSON",
    b'{"data":[{"id":"a\x00"}],"total":1,"page":1}': "not JSON",
    b'{"data":[{"id":1,"x":' + b"[" * 10**5 + b"]" * 10**5 + b'}],"total":1,"page":1}': "too deep",
    b"null": "not a page",
    b"[]": "not a page",
    b'[{"id":1}]': "not a page",
    b'"data"': "not a page",
    b"5": "not a page",
    b"{}": "without `data`",
    b'{"total":0,"page":1}': "without `data`",
    b'{"error":{"code":"x","message":"y"}}': "without `data`",
    b'{"data":[{"id":1}],"Data":[],"Total":0,"page":1}': "twice",
    b'{"Data":[],"Total":0,"total":5,"page":1}': "twice",
    b'{"data":null,"total":5,"page":1}': "`data`",
    b'{"data":null,"page":1}': "`data`",
    b'{"data":{},"total":1,"page":1}': "`data`",
    b'{"data":"","total":0,"page":1}': "`data`",
    b'{"data":false,"total":0,"page":1}': "`data`",
    b'{"data":[null],"total":1,"page":1}': "`data`",
    b'{"data":[1],"total":1,"page":1}': "`data`",
    b'{"data":[[]],"total":1,"page":1}': "`data`",
    b'{"data":[{"id":1},null],"total":2,"page":1}': "`data`",
    b'{"data":[],"total":-1,"page":1}': "`total`",
    b'{"data":[],"total":"-1","page":1}': "`total`",
    b'{"data":[],"total":1.5,"page":1}': "`total`",
    b'{"data":[],"total":"1.","page":1}': "`total`",
    b'{"data":[],"total":1e-1,"page":1}': "`total`",
    b'{"data":[],"data":[{"id":1}],"total":1,"page":1}': "`data`",
    b'{"data":[],"total":1,"total":2,"page":1}': "`total`",
    b'{"data":[{"id":true}],"total":1,"page":1}': "`id` is true",
    b'{"data":[{"id":1.5}],"total":1,"page":1}': "`id` is 1.5",
    b'{"data":[{"id":[1]}],"total":1,"page":1}': "`id` is \\[1\\]",
    b'{"data":[{"id":{"a":"' + b"x" * 99 + b'"}}],"total":1,"page":1}': "`id` is .{39}…: no text",
    b'{"data":[{"id":NaN}],"total":1,"page":1}': '`id` is "NaN"',
    b'{"data":[{"id":1,"id":2}],"total":1,"page":1}': "`id` is \\[1,2\\]",
    b'{"data":[],"total":"many","page":1}': "`total`",
    b'{"data":[],"total":"","page":1}': "`total`",
    b'{"data":[],"total":"\xc2\xb2","page":1}': "`total`",
    b'{"data":[],"total":true,"page":1}': "`total`",
    b'{"data":[],"total":[0],"page":1}': "`total`",
    b'{"data":[],"total":' + b"9" * 5000 + b',"page":1}': "`total`",
    b'{"data":[],"total":"' + b"9" * 5000 + b'","page":1}': "`total`",
    b'{"data":[],"total":0,"page":"one"}': "`page`",
    b'{"data":[],"total":0,"page":true}': "`page`",
    b'{"data":[],"total":0,"page":-1}': "`page`",
    b'{"data":[{"id":1}],"total":1,"page":2}': "page 2",
    b'{"data":[{"id":1}],"total":1,"page":"2"}': "page 2",
    b'{"data":[{"id":1}],"total":1,"page":0}': "page 0",
}


@pytest.mark.parametrize(
    ("body", "what"), MALFORMED.items(), ids=[body[:45].decode("latin-1") for body in MALFORMED]
)
def test_malformed(body: bytes, what: str) -> None:
    """A malformed page says what it is instead, and is never an empty page."""
    with pytest.raises(MalformedPage, match=what):
        parse_page(body, THINGS, 1, observed_size=50)


def test_too_large() -> None:
    """An oversized row is refused, since nothing else could be loaded with it."""
    half = "x" * (8 << 20)

    assert parse_page(_page(f'{{"id":1,"a":"{half}"}}'), THINGS, 1).rows == 1
    with pytest.raises(MalformedPage, match="a row of 16 MB"):
        parse_page(_page(f'{{"id":1,"a":"{half}","b":"{half}"}}'), THINGS, 1)


@property_settings(40)
@given(st.binary(max_size=60))
@example(b'{"data":[]}')
def test_any_bytes(body: bytes) -> None:
    """Any bytes are either a page or a MalformedPage."""
    try:
        page = parse_page(body, THINGS, 1)
    except MalformedPage:
        return

    assert b"data" in body.lower()
    assert page.rows >= len(page.records)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@property_settings(40)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("data", "total", "page", "next"), JSON)))
def test_any_json(body: dict[str, Any]) -> None:
    """Any JSON is either a page of rows with ids or a MalformedPage."""
    try:
        page = parse_page(json.dumps(body).encode(), THINGS, 1)
    except MalformedPage:
        return

    assert page.rows == len(body["data"] or [])


@pytest.mark.parametrize("total", ["20", '"20"'])
def test_last_page_again(total: str) -> None:
    """The last page again, past the end, is a page without rows."""
    body = _page('{"id":20}', total=total, page=2)

    page = parse_page(body, THINGS, 3, observed_size=10)

    assert page == Page(3, 20, 0, {}, (), past_end="the last page again")


@pytest.mark.parametrize(("page", "size"), [(2, 10), (3, None), (2, 20)])
def test_another_page(page: int, size: int | None) -> None:
    """Within the list, or while its page size is unknown, another page is malformed."""
    with pytest.raises(MalformedPage, match="page 1"):
        parse_page(_page('{"id":1}', total=21), THINGS, page, size)


def test_another_page_without_total() -> None:
    """Without a total the end is unknown: another page is malformed."""
    with pytest.raises(MalformedPage, match="page 1"):
        parse_page(b'{"data":[{"id":1}],"page":1}', THINGS, 9, observed_size=10)


def test_last_page_again_without_total() -> None:
    """Without a total the previous page may be the last one again: its rows are kept."""
    page = parse_page(b'{"data":[{"id":1}],"page":8}', THINGS, 9, observed_size=10)

    assert (set(page.records), page.past_end) == ({"1"}, "the last page again")


@pytest.mark.parametrize("echo", [0, 1])
def test_no_page_number(echo: int) -> None:
    """If no page was requested the first one is accepted, whatever its number."""
    page = parse_page(_page('{"id":1}', page=echo), THINGS, 0)

    assert (page.number, list(page.records)) == (0, ["1"])


def test_past_end() -> None:
    """A page past the end has no rows and no total."""
    assert empty_page(7) == Page(7, None, 0, {}, (), past_end="404")


@pytest.mark.parametrize(
    ("written", "id_"),
    [
        ("1", "1"),
        ("0", "0"),
        ("-7", "-7"),
        ('"1"', "1"),
        ('"INV-1"', "INV-1"),
        ('" INV-1\\t"', "INV-1"),
        ('"4f7cdf0e-3a54-4d28-9b7e-2a9c0f6f5a10"', "4f7cdf0e-3a54-4d28-9b7e-2a9c0f6f5a10"),
        ("1.0", "1"),
        ("1e0", "1"),
        ("1E+2", "100"),
        ("-7.00", "-7"),
        ("1.00000000000000000000", "1"),
        ("1e23", "100000000000000000000000"),
        ("1234567890123456789", "1234567890123456789"),
        ("9007199254740993", "9007199254740993"),
        ("9223372036854775808", "9223372036854775808"),
        ("1234567890123456789012345", "1234567890123456789012345"),
        ('"1234567890123456789012345"', "1234567890123456789012345"),
        ('"\\u0000"', "\0"),
        ('"ñ"', "ñ"),
        ('"n\\u0303"', "ñ"),
        ('"a1\\u200b"', "a1"),
        ('"1.0"', "1"),
        ('"aB"', "aB"),
        (
            '"5F0C8A52-6B1D-4E7A-9C3E-0A1B2C3D4E5F"',
            "5f0c8a52-6b1d-4e7a-9c3e-0a1b2c3d4e5f",
        ),
    ],
)
def test_id(written: str, id_: str) -> None:
    """An id is a number or a text of any length, without surrounding blanks."""
    page = parse_page(_page(f'{{"id":{written}}}'), THINGS, 1)

    assert list(page.records) == [id_]
    assert str(json.loads(page.records[id_])["id"]) == id_


@pytest.mark.parametrize(
    "record",
    [
        "{}",
        '{"id":null}',
        '{"id":""}',
        '{"id":" "}',
        '{"code":"A"}',
        '{"Id":null,"code":"A"}',
    ],
)
def test_without_id(record: str) -> None:
    """One row without a usable id makes its page malformed, in any position."""
    for records in ([record], ['{"id":1}', record], [record, f'{{"id":"{LONG}"}}']):
        with pytest.raises(MalformedPage, match="a row without an id"):
            parse_page(_page(*records), THINGS, 1)


@pytest.mark.parametrize(
    "record",
    [
        '{"id":1,"date_created":"2026-03-31","lines":[{"tax_code":"X"}]}',
        '{"lines":[{"tax_code":"X"}],"date_created":"2026-03-31","id":1}',
        '{"Id":1,"DateCreated":"2026-03-31","Lines":[{"TaxCode":"X"}]}',
        '{"ID":1,"dateCreated":"2026-03-31","lines":[{"taxCode":"X"}]}',
        '{"ID":1,"DATE_CREATED":"2026-03-31","LINES":[{"TAX_CODE":"X"}]}',
        '{"id":1,"date-created":"2026-03-31","lines":[{"tax code":"X"}]}',
        '{"id":1,"date_created":"2026-03-31","price":null,"lines":[{"tax_code":"X"}]}',
        '{"id":1,"Price":null,"DateCreated":"2026-03-31","lines":[{"TaxCode":"X","q":null}]}',
        '{"id":1,"new":null,"date_created":"2026-03-31","lines":[{"tax_code":"X","quantity":null}]}',
        ' { "id" : 1 , "date_created" : "2026-03-31" , "lines" : [ { "tax_code" : "\\u0058" } ] } ',
    ],
)
def test_one_spelling(record: str) -> None:
    """All spellings of a record, in any order, with or without nulls, become one text."""
    expected = '{"date_created":"2026-03-31","id":1,"lines":[{"tax_code":"X"}]}'

    assert _line(record) == expected
    assert _lines(record, f'{{"id":"{LONG}"}}')[0] == expected


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("TaxRate", "tax_rate"),
        ("taxRate", "tax_rate"),
        ("TAX_RATE", "tax_rate"),
        ("RUCNumber", "ruc_number"),
        ("  tax  rate ", "tax_rate"),
        ("Año", "año"),
        ("---", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_unknown_name(name: str, ours: str) -> None:
    """An unknown field is kept under a snake_case name."""
    assert json.loads(_line(json.dumps({"id": 1, name: "x"}))) == {"id": 1, ours: "x"}


@pytest.mark.parametrize(
    "record",
    [
        '{"id":1,"price":1,"Price":2,"PRICE":3}',
        '{"PRICE":3,"Price":2,"price":1,"id":1}',
        '{"Price":2,"id":1,"PRICE":3,"price":1}',
    ],
)
def test_colliding_names(record: str) -> None:
    """Names that become equal each keep their value, regardless of order."""
    assert json.loads(_line(record)) == {
        "id": 1,
        "price": 1,
        "price_too": 3,
        "price_too_too": 2,
    }


def test_null_beside_a_value() -> None:
    """A null does not take the name away from a value."""
    assert json.loads(_line('{"id":1,"price":null,"Price":2}')) == {"id": 1, "price": 2}


@pytest.mark.parametrize("lines", ["[]", '"none"', "5", '[{"quantity":1}]', "{}"])
def test_inner_lists(lines: str) -> None:
    """An inner list of objects is kept as received, and so is what is no list."""
    assert json.loads(_line(f'{{"id":1,"lines":{lines}}}')) == {"id": 1, "lines": json.loads(lines)}


def test_odd_items() -> None:
    """An item that is no object is a misfit, and leaves its place empty."""
    written = '["see note",{"Quantity":1,"TaxCode":{"a":1}},[1],null,5]'

    assert json.loads(_line(f'{{"id":1,"lines":{written}}}')) == {
        "id": 1,
        "lines": [None, {"quantity": 1}, None, None, None],
        "text misfits": [
            {"field": "lines[1]", "value": '"see note"'},
            {"field": "lines[2].tax_code", "value": '{"a":1}'},
            {"field": "lines[3]", "value": "[1]"},
            {"field": "lines[4]", "value": "null"},
            {"field": "lines[5]", "value": "5"},
        ],
    }


@pytest.mark.parametrize("value", ["true", "false", "[]", '{"first":"Ana"}', "NaN", "-Infinity"])
@pytest.mark.parametrize("name", ["code", "Code"])
def test_not_text(name: str, value: str) -> None:
    """What is no text is a misfit in a text field, and as it is in any other."""
    record = f'{{"id":1,"{name}":{value},"total":{value},"new":{value}}}'

    line = json.loads(_line(record, endpoint=INVOICES))

    assert line.keys() == {"id", "total", "new", "text misfits"}
    assert line["text misfits"] == [{"field": "code", "value": value}]


@pytest.mark.parametrize("value", ['"true"', '"NaN"', '"{}"', '""', "5", "1.5", "1.0"])
def test_text(value: str) -> None:
    """A text that looks like another value is a text, and a number is one, too."""
    assert _line(f'{{"code":{value},"id":1}}', endpoint=INVOICES) == f'{{"code":{value},"id":1}}'


def test_text_of_an_adopted_field() -> None:
    """A field that a user made a text column may be any JSON."""
    endpoint = replace(
        THINGS, fields={**THINGS.fields, "new": FieldType.TEXT}, adopted=frozenset({"new"})
    )

    assert _line('{"id":1,"new":[true]}', endpoint=endpoint) == '{"id":1,"new":[true]}'


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ('{"id":1,"price":1,"price":2}', {"price": [1, 2]}),
        ('{"id":1,"price":1,"price":1}', {"price": 1}),
        ('{"id":1,"price":1,"price":null}', {"price": 1}),
        ('{"id":1,"price":null,"price":null}', {}),
        ('{"id":1,"date_created":null,"price":1,"price":2}', {"price": [1, 2]}),
        ('{"id":1,"new":{"a":1,"a":2}}', {"new": {"a": [1, 2]}}),
        ('{"id":1,"lines":[{"quantity":1,"quantity":2}]}', {"lines": [{"quantity": [1, 2]}]}),
        ('{"id":1,"date_created":"\\"a\\" :null"}', {"date_created": '"a" :null'}),
        ('{"id":1,"price":1,"price":"x:null"}', {"price": [1, "x:null"]}),
        ('{"id":1,"price":"x: null","price":"x:null"}', {"price": ["x: null", "x:null"]}),
        ('{"id":1,"price":1,"price":2,"code":"\\u003a"}', {"price": [1, 2], "code": ":"}),
        ('{"id":1,"price":1,"price":2,"new":"\\\\\\u003A"}', {"price": [1, 2], "new": "\\:"}),
    ],
)
def test_same_name_twice(record: str, kept: dict[str, Any]) -> None:
    """A name that occurs twice has all its values, none of which is taken for the right one."""
    assert json.loads(_line(record)) == {"id": 1, **kept}
    for colon in ('" :', '": '):
        assert json.loads(_line(re.sub(r'(?<=\w)":', colon, record))) == {"id": 1, **kept}


def test_nested_values() -> None:
    """Names inside a value are not changed."""
    record = '{"id":1,"Extra":{"B":null,"a":[1,{"Z":null}]}}'

    assert _line(record) == '{"extra":{"B":null,"a":[1,{"Z":null}]},"id":1}'


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("25.00", "25.0"),
        ("25", "25"),
        ("0.1", "0.1"),
        ("-0.01", "-0.01"),
        ("1e2", "100.0"),
        ("1234567890123.45", "1234567890123.45"),
        ("1234567890123456.78", '"1234567890123456.78"'),
        ("-1234567890123456.78", '"-1234567890123456.78"'),
        ("0.12345678901234567891", '"0.12345678901234567891"'),
        ("0.12345678901234567890", '"0.1234567890123456789"'),
        ("107.00000000000000000000", "107.0"),
        ("123456789012345678", "123456789012345678"),
        ("1234567890123456789", '"1234567890123456789"'),
        ("1e400", '"1e400"'),
        ("NaN", '"NaN"'),
        ("Infinity", '"Infinity"'),
        ("-Infinity", '"-Infinity"'),
        ("-1E400", '"-1E400"'),
        ('"1,234.50"', '"1,234.50"'),
        ('"25.00"', '"25.00"'),
        ('"NaN"', '"NaN"'),
    ],
)
def test_amount(written: str, kept: str) -> None:
    """A number keeps every digit; one that a double would change is kept as text."""
    assert _line(f'{{"id":1,"price":{written}}}') == f'{{"id":1,"price":{kept}}}'
    assert _line(f'{{"Id":1,"new":{written}}}') == f'{{"id":1,"new":{kept}}}'


@property_settings(50)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_every_amount(amount: Decimal) -> None:
    """Any amount, however large, is parsed to the cent."""
    (line,) = parse_page(_page(f'{{"id":1,"price":{amount:f}}}'), THINGS, 1).records.values()

    assert Decimal(str(json.loads(line, parse_float=Decimal)["price"])) == amount


@property_settings(50)
@given(
    st.one_of(
        st.from_regex(
            r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
        ),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
    )
)
@example("25.00")
@example("-0")
@example("-0.0")
@example("1E400")
def test_independent_of_neighbours(number: str) -> None:
    """A record becomes the same text whatever else is on its page."""
    record = f'{{"id":1,"price":{number}}}'

    assert _lines(record, f'{{"id":"{LONG}"}}')[0] == _line(record)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(-(10**9), 10**9, places=2).map(float)
    | st.text(max_size=8)
)


def _items(fields: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.lists(
        st.fixed_dictionaries({}, optional=dict.fromkeys(fields, SCALARS)), max_size=3
    )


def _records(endpoint: Endpoint) -> st.SearchStrategy[dict[str, Any]]:
    optional = {name: SCALARS for name in endpoint.fields if name != "id"}
    optional |= {name: _items(fields) for name, fields in endpoint.inner.items()}
    ids = st.integers(0, 10**6) | st.uuids().map(str)
    return st.fixed_dictionaries({"id": ids}, optional=optional)


@property_settings(30)
@given(
    st.sampled_from([INVOICES, CUSTOMERS]).flatmap(
        lambda endpoint: st.tuples(st.just(endpoint), st.lists(_records(endpoint), max_size=4))
    )
)
def test_fast_and_exact_parser(case: tuple[Endpoint, list[dict[str, Any]]]) -> None:
    """The fast parser and the exact one produce the same page, byte for byte."""
    endpoint, records = case
    documented = {"data": records, "total": len(records), "page": 1}
    fast = json.dumps(documented, ensure_ascii=False).encode()
    respelled = json.dumps({"Data": records, "Total": str(len(records))}).encode()
    exact = json.dumps({**documented, "long": 10**20}).encode()

    page = parse_page(fast, endpoint, 1)

    assert page == parse_page(respelled, endpoint, 1)
    assert page == parse_page(exact, endpoint, 1)
    assert list(page.records.values()) == list(parse_page(exact, endpoint, 1).records.values())


@pytest.mark.parametrize(
    ("ids", "ascending", "descending"),
    [
        ([1, 2, 9, 10, 100], True, False),
        (["8", "9", "10"], True, False),
        ([100, 10, 9], False, True),
        ([1, 3, 2], False, False),
        ([10**24, 10**25], True, False),
        ([5], True, True),
        ([], True, True),
    ],
)
def test_order_of_numbers(ids: list[object], ascending: bool, descending: bool) -> None:
    """Numeric ids are ordered as numbers, even if written as text."""
    page = parse_page(_page(*(json.dumps({"id": id_}) for id_ in ids)), THINGS, 1)

    assert (page.is_ascending, page.is_descending) == (ascending, descending)


def test_order_of_dates() -> None:
    """Rows without numeric ids are ordered by creation date, fractions after the whole second."""
    dates = ["2026-03-31T10:00:00Z", "2026-03-31T10:00:00.5Z", "2026-03-31T10:00:01Z"]
    records = [
        json.dumps({"id": str(UUID(int=2**127 - place)), "DateCreated": date})
        for place, date in enumerate(dates)
    ]

    assert parse_page(_page(*records), THINGS, 1).is_ascending
    assert parse_page(_page(*reversed(records)), THINGS, 1).is_descending


@pytest.mark.parametrize("created", ["null", "5", '""'])
def test_order_unknown(created: str) -> None:
    """If neither ids nor dates show an order there is none."""
    page = parse_page(
        _page('{"id":"a","date_created":"2026"}', f'{{"id":"b","date_created":{created}}}'),
        THINGS,
        1,
    )

    assert not page.is_ascending


@property_settings(25)
@given(st.lists(_records(INVOICES), max_size=5, unique_by=lambda record: str(record["id"])))
def test_restore(records: list[dict[str, Any]]) -> None:
    """A page restored from its lines equals the page."""
    body = json.dumps({"data": records, "total": 9, "page": 3})
    page = parse_page(body.encode(), INVOICES, 3)

    restored = restore_page(list(page.records.values()), 3, 9, len(records))

    assert restored == page
    assert list(restored.records) == list(page.records)


@pytest.mark.parametrize("line", [b"{}", b'{"id":null}', b"[]", b"x", b""])
def test_restore_garbage(line: bytes) -> None:
    """A line that is not a record raises."""
    with pytest.raises(ValueError, match=r".+"):
        restore_page([line], 1, 1, 1)


# The decoder of documented pages.


def _one_invoice(**record: Any) -> bytes:
    return json.dumps({"data": [{"id": 1, **record}], "total": 1, "page": 1}).encode()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


@each_endpoint
def test_records_of_the_sandbox(endpoint: Endpoint, shared_sandbox: Sandbox) -> None:
    """Every record of the sandbox is documented, and is decoded without a loss."""
    records = shared_sandbox.books[endpoint.path].records()
    body = json.dumps({"data": records, "total": len(records), "page": 1}).encode()

    page = page_decoder(endpoint).decode(body)

    assert records
    assert [msgspec.to_builtins(record) for record in page.data] == _without_nulls(records)


@each_endpoint
def test_names_in_order(endpoint: Endpoint) -> None:
    """Fields are written in the order of their names, in whatever order they were received."""
    record = dict.fromkeys(sorted(endpoint.fields, reverse=True), "x")
    body = json.dumps({"data": [record], "total": 1, "page": 1}).encode()

    page = page_decoder(endpoint).decode(body)

    assert list(json.loads(msgspec.json.encode(page.data[0]))) == sorted(endpoint.fields)


@pytest.mark.parametrize(
    "body",
    [
        _one_invoice(unknown=1),
        _one_invoice(Code="A"),
        _one_invoice(lines=[{"unknown": 1}]),
        _one_invoice(lines=[None]),
        _one_invoice(lines="x"),
        b'{"data":null,"total":0,"page":1}',
        b'{"data":[],"total":"0","page":1}',
        b'{"data":[],"total":0}',
        b'{"data":[],"page":1}',
        b'{"Data":[],"total":0,"page":1}',
        b"[]",
        b"x",
    ],
)
def test_not_documented(body: bytes) -> None:
    """The decoder rejects any other page."""
    with pytest.raises(ValueError, match=r".+"):
        page_decoder(INVOICES).decode(body)


def test_nulls_are_left_out() -> None:
    """Null fields are not written."""
    page = page_decoder(INVOICES).decode(_one_invoice(code=None, lines=[{"price": None}]))

    assert msgspec.json.encode(page.data[0]) == b'{"id":1,"lines":[{}]}'


def test_decoder_is_cached() -> None:
    """An endpoint's decoder is created once."""
    assert page_decoder(INVOICES) is page_decoder(INVOICES)

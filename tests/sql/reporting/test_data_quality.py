"""Findings of data quality."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

LINE = {
    "line_number": 1,
    "product_id": 5,
    "tax_code": "ITBMS7",
    "quantity": 10,
    "price": 10,
    "subtotal": "100.00",
}
INVOICE = {
    "code": "F1",
    "customer_id": "1",
    "status": "Posted",
    "document_date": "2026-06-01",
    "due_date": "2026-07-01",
    "subtotal": "100.00",
    "tax_total": "7.00",
    "total": "107.00",
    "amount_paid": "7.00",
    "balance": "100.00",
    "lines": [LINE],
}
ORDER = {
    "code": "O1",
    "status": "Open",
    "document_date": "2026-06-01",
    "subtotal": "100.00",
    "tax_total": "7.00",
    "total": "107.00",
    "lines": [LINE],
}
FOUND = "rule, severity, entity, entity_id, place, detail"
SALES = {**ORDER, "customer_id": "1"}
PURCHASE = {**ORDER, "vendor_id": "2"}


@pytest.fixture
def books(insert: Action, set_as_of: Action) -> None:
    """Insert a customer, a vendor and a product, as of 30 June 2026."""
    set_as_of("2026-06-30")
    insert("customers", id="1", code="X")
    insert("vendors", id="2", code="X")
    insert("products", id="5", code="X")


@pytest.fixture
def findings(query_text: Query) -> Query:
    """Return a function that selects columns of each finding."""

    def findings(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.data_quality order by entity, entity_id, rule, place"
        )

    return findings


@pytest.mark.usefixtures("books")
def test_clean_books(insert: Action, findings: Query) -> None:
    """Clean documents have no findings: paid, partly paid and unpaid invoices, credit notes, drafts
    and orders."""
    insert("invoices", id="1", **INVOICE)
    paid = {"status": "Paid", "amount_paid": "107.00", "balance": "0.00"}
    insert("invoices", id="2", **{**INVOICE, "code": "F2", **paid})
    credit = {"subtotal": "-100", "tax_total": "-7", "total": "-107"}
    open_credit = {"amount_paid": "0", "balance": "-107", "lines": [{**LINE, "subtotal": "-100"}]}
    insert("invoices", id="3", **{**INVOICE, "code": "F3", **credit, **open_credit})
    insert("sales_orders", id="1", **SALES, required_date="2026-06-01")
    insert("purchase_orders", id="1", **PURCHASE)

    assert findings("*") == []


def test_empty_warehouse(query: Query) -> None:
    """A warehouse without rows has no findings."""
    assert query("select * from reporting.data_quality") == []


INVOICES: list[tuple[dict[str, Any], set[str]]] = [
    ({"customer_id": "7"}, {"unknown party"}),
    ({"customer_id": None}, {"no party"}),
    ({"lines": [{**LINE, "product_id": 77}]}, {"unknown product"}),
    ({"lines": [{**LINE, "product_id": None}]}, set()),
    ({"status": None}, {"no status"}),
    ({"status": "Cancelled"}, {"unknown status"}),
    ({"status": "PARTIALLY paid "}, set()),
    # days
    ({"document_date": None}, {"no document date"}),
    ({"due_date": None}, {"no due date"}),
    ({"due_date": "2026-06-01"}, set()),
    ({"posting_date": "2026-06-30"}, set()),
    ({"posting_date": "2026-07-01"}, {"posted in another month"}),
    ({"posting_date": "2025-06-01"}, {"posted in another month"}),
    ({"posting_date": "2026-07-01", "status": "Void"}, set()),
    ({"due_date": "2026-05-31"}, {"due before document date"}),
    ({"document_date": "2026-06-30"}, set()),
    ({"document_date": "2026-07-01"}, {"future date"}),
    ({"document_date": "2031-06-30", "due_date": "2031-06-30"}, {"future date"}),
    (
        {"document_date": "2031-07-01", "due_date": "2031-07-01"},
        {"future date", "date outside the calendar"},
    ),
    (
        {"document_date": "0202-06-01"},
        {"date outside the calendar", "tax without a box", "unknown tax code"},
    ),
    ({"due_date": "2031-06-30"}, set()),
    ({"due_date": "9999-12-31"}, {"date outside the calendar"}),
    (
        {"due_date": "0202-07-01"},
        {"date outside the calendar", "due before document date"},
    ),
    # amounts
    ({"subtotal": None}, {"no subtotal"}),
    ({"total": None}, {"no total"}),
    ({"tax_total": None}, set()),
    (
        {"total": "107.01", "balance": "100.01"},
        {"total is not subtotal and tax"},
    ),
    (
        {"lines": [{**LINE, "subtotal": "99.99"}]},
        {"assumed box", "subtotal is not the sum of lines"},
    ),
    ({"lines": []}, {"assumed box", "subtotal is not the sum of lines"}),
    ({"lines": [{**LINE, "subtotal": None}]}, {"line without subtotal"}),
    ({"lines": [{**LINE, "tax_code": None}]}, {"assumed box", "no tax code"}),
    ({"lines": [{**LINE, "tax_code": "IVA"}]}, {"tax without a box", "unknown tax code"}),
    ({"balance": None}, {"no balance"}),
    ({"amount_paid": None}, {"no amount paid"}),
    ({"balance": "99.99"}, {"balance is not total less paid"}),
    ({"status": "Paid"}, {"paid with a balance"}),
    ({"status": "Paid", "amount_paid": "107", "balance": "0"}, set()),
    (
        {"status": "Paid", "amount_paid": None, "balance": None},
        {"no amount paid", "no balance"},
    ),
    # half a cent of the header and half a cent of the line are rounding
    ({"tax_total": "7.01", "total": "107.01", "balance": "100.01"}, set()),
    (
        {"tax_total": "7.02", "total": "107.02", "balance": "100.02"},
        {"tax is not base times rate"},
    ),
    ({"tax_total": "0", "total": "100", "balance": "93"}, {"tax is not base times rate"}),
]


@pytest.mark.usefixtures("books")
def test_invoices(insert: Action, findings: Query) -> None:
    """A missing or odd value in an invoice is found, once, and nothing else."""
    for number, (fields, _) in enumerate(INVOICES):
        insert("invoices", id=str(number), **{**INVOICE, "code": f"F{number}", **fields})

    found = findings("entity_id, rule")

    for number, (fields, rules) in enumerate(INVOICES):
        own = [rule for entity_id, rule in found if entity_id == str(number)]
        assert (fields, own) == (fields, sorted(rules))


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("status", ["Void", "draft"])
def test_void_and_draft(insert: Action, findings: Query, status: str) -> None:
    """A void or draft invoice has no balance, so its balance is not compared with its total; that
    P4 Books gives none is a finding all the same."""
    row = {**INVOICE, "status": status, "amount_paid": "0"}
    insert("invoices", id="1", **{**row, "balance": "0"})
    insert("invoices", id="2", **{**row, "balance": None, "code": "2"})

    assert findings("rule, entity_id") == [("no balance", "2")]


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize(
    ("amount", "rules"),
    [("999999999999.99", []), ("1000000000000", ["absurd amount"])],
)
def test_implausible_amounts(
    insert: Action, findings: Query, amount: str, rules: list[str]
) -> None:
    """An amount of a million million is implausible, positive or negative."""
    for number, sign in (("1", ""), ("2", "-")):
        fields = {"total": f"{sign}{amount}", "balance": f"{sign}{amount}", "amount_paid": "0"}
        lines = [{**LINE, "subtotal": f"{sign}{amount}", "tax_code": "EXENTO"}]
        net = {"subtotal": f"{sign}{amount}", "tax_total": "0", "lines": lines}
        insert("invoices", id=number, **{**INVOICE, "code": number, **fields, **net})

    assert findings("rule") == [(rule,) for rule in rules * 2]


def test_overflow(insert: Action, query: Query) -> None:
    """The largest amounts that fit a column are found and break nothing."""
    huge = "9999999999999999.99"
    fields = {"subtotal": huge, "tax_total": huge, "total": f"-{huge}", "amount_paid": huge}
    line = {"product_id": 5, "tax_code": "ITBMS7", "subtotal": f"-{huge}"}
    insert("invoices", id="1", **fields, balance=huge, lines=[line] * 3)

    assert query(
        "select distinct rule from reporting.data_quality where severity = 'error' order by rule"
    ) == [
        ("absurd amount",),
        ("balance is not total less paid",),
        ("subtotal is not the sum of lines",),
        ("total is not subtotal and tax",),
        ("unknown product",),
    ]


ORDERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"status": "Frozen"}, {"unknown status"}),
    ({"status": None}, {"no status"}),
    # text fields that orders have, too
    ({"status": "CANCELED"}, set()),
    ({"status": "Cancelled"}, set()),
    ({"status": "draft"}, set()),
    ({"status": "Void"}, set()),
    ({"status": "Closed"}, set()),
    ({"document_date": "2026-07-01"}, {"future date"}),
    ({"document_date": None}, {"no document date"}),
    ({"total": None}, {"no total"}),
    ({"subtotal": None}, {"no subtotal"}),
    ({"total": "1"}, {"total is not subtotal and tax"}),
    ({"lines": [LINE, LINE]}, {"subtotal is not the sum of lines"}),
    ({"lines": [{**LINE, "subtotal": None}]}, {"line without subtotal"}),
    ({"lines": [{**LINE, "product_id": 77}]}, {"unknown product"}),
    # nothing depends on the tax of an order
    ({"lines": [{**LINE, "tax_code": "IVA"}]}, set()),
    ({"tax_total": "9", "total": "109"}, set()),
]


@pytest.mark.usefixtures("books")
def test_orders(insert: Action, findings: Query) -> None:
    """A missing or odd value in an order of either kind is found, once."""
    for number, (fields, _) in enumerate(ORDERS):
        own = {"id": str(number), "code": f"O{number}"}
        insert("sales_orders", **{**SALES, **own, **fields})
        insert("purchase_orders", **{**PURCHASE, **own, **fields})

    found = findings("entity, entity_id, rule")

    for number, (fields, rules) in enumerate(ORDERS):
        for entity in ("purchase order", "sales order"):
            own_rules = [rule for kind, key, rule in found if (kind, key) == (entity, str(number))]
            assert (entity, fields, own_rules) == (entity, fields, sorted(rules))


@pytest.mark.usefixtures("books")
def test_days_and_parties_of_orders(insert: Action, findings: Query) -> None:
    """A customer is not a vendor; an order that is promised before its own date is odd."""
    insert("sales_orders", id="1", **{**SALES, "customer_id": "2", "required_date": "2026-05-31"})
    insert(
        "purchase_orders", id="1", **{**PURCHASE, "vendor_id": "1", "expected_date": "2026-05-31"}
    )
    insert("sales_orders", id="2", **{**SALES, "code": "O2", "customer_id": None})
    insert("purchase_orders", id="2", **{**PURCHASE, "code": "O2", "vendor_id": None})

    assert findings("entity, entity_id, rule, detail") == [
        (
            *("purchase order", "1", "due before document date"),
            "document date 2026-06-01, due 2026-05-31",
        ),
        ("purchase order", "1", "unknown party", "there is no vendor 1"),
        ("purchase order", "2", "no party", "it names no vendor"),
        (
            *("sales order", "1", "due before document date"),
            "document date 2026-06-01, due 2026-05-31",
        ),
        ("sales order", "1", "unknown party", "there is no customer 2"),
        ("sales order", "2", "no party", "it names no customer"),
    ]


@pytest.mark.usefixtures("books")
def test_deleted_parties_and_products(insert: Action, findings: Query) -> None:
    """Deleted parties and products are still known."""
    insert("customers", id="8", code="Y", _dlt_valid_to="2026-01-02")
    insert("products", id="9", code="Y", _dlt_valid_to="2026-01-02")
    insert(
        "invoices", id="1", **{**INVOICE, "customer_id": "8", "lines": [{**LINE, "product_id": 9}]}
    )

    assert findings("rule") == []


@pytest.mark.usefixtures("books")
def test_old_versions(insert: Action, findings: Query) -> None:
    """Nothing is found in deleted records or in versions that were corrected."""
    insert("invoices", id="1", _dlt_valid_to="2026-01-02")
    insert("invoices", id="2", _dlt_valid_to="2026-01-02")
    insert("invoices", id="2", **INVOICE, _dlt_valid_from="2026-01-02")

    assert findings("*") == []


def test_check_digits(insert: Action, findings: Query) -> None:
    """A tax id with check digits that do not fit is a warning, of customers and vendors alike."""
    insert("customers", id="1", tax_id="RUC 8-123-456 DV 7")
    insert("customers", id="2", tax_id="8-123-456 DV 91")
    insert("customers", id="3", tax_id="8-123-456")
    insert("customers", id="4", tax_id="155-998-77 DV 2", _dlt_valid_to="2026-02-01")
    insert("vendors", id="1", tax_id="155-998-77 dv 2")

    assert findings("rule, severity, entity, entity_id, place, detail") == [
        (
            *("wrong check digits", "warning", "customer", "1", "tax_id"),
            "DV 07 does not fit 8-123-456: it is 91",
        ),
        (
            *("wrong check digits", "warning", "vendor", "1", "tax_id"),
            "DV 02 does not fit 155-998-77: it is 96",
        ),
    ]


RATES = [
    *[("Tabaco", "0.10", "15"), ("TABACO10", "0.1", "15"), ("Cigarrillos", "0.07", "15")],
    *[("tobacco", "0.15", None), ("HOTEL", "0.15", "10"), ("Hospedaje 10%", "0.10", None)],
    *[("LICOR", "0.15", "10"), ("ALCOHOL", "0.07", "10"), ("SIN ALCOHOL", "0.07", None)],
    *[("ITBMS 15 %", "0.10", "15"), ("ITBMS-07", "0.07", None), ("EXPORT", "0", None)],
    *[("LICOR Y TABACO", "0.07", None), ("IVA10", "0.07", None)],
]


def test_rate_against_its_name(insert: Action, query: Query) -> None:
    """A rate that disagrees with the law on what its code is clearly called is a warning; one that
    ended before the law of 2010 is not."""
    for tax_code, rate, _ in RATES:
        insert("tax_rates", tax_code=tax_code, rate=rate, valid_from="2010-07-01")
        insert("tax_rates", tax_code=tax_code, rate="0.05", valid_to="2010-06-30")

    rows = query(
        "select severity, entity_id, place, detail from reporting.data_quality"
        " where rule = 'rate is not that of its name'"
    )
    text = "tax_rates.csv has {} %, but what it is called is taxed at {} %"
    assert sorted(rows) == sorted(
        (
            *("warning", tax_code.upper(), "2010-07-01"),
            text.format(round(float(rate) * 100), by_name),
        )
        for tax_code, rate, by_name in RATES
        if by_name
    )


@pytest.mark.usefixtures("books")
def test_charged_against_its_name(insert: Action, findings: Query) -> None:
    """Without a rate of a code, what was charged is compared with its name."""
    for number, code, tax in (("1", "Tabaco", "10.00"), ("2", "Licor", "9.99")):
        fields = {"subtotal": "100", "tax_total": tax, "total": f"1{tax}"}
        lines = [{**LINE, "tax_code": code, "subtotal": "100"}]
        insert("invoices", id=number, **{**INVOICE, **fields, "lines": lines})

    assert [
        row for row in findings("rule, entity_id, detail") if row[0].startswith("rate is not")
    ] == [
        (
            *("rate is not that of its name", "TABACO"),
            "the tax charged is 10.00 of 100.00, but what it is called is taxed at 15 %",
        )
    ]


@pytest.mark.usefixtures("books")
def test_duplicate_codes(insert: Action, findings: Query) -> None:
    """A code that two records of one kind share is found at both; records of different kinds may
    share it."""
    insert("invoices", id="1", **INVOICE)
    insert("invoices", id="2", **INVOICE)
    insert("sales_orders", id="1", **{**SALES, "code": "F1"})
    insert("customers", id="7", code="X")
    insert("customers", id="8", code=None)
    insert("customers", id="9", code=None)

    assert findings(FOUND) == [
        ("doubled code", "warning", "customer", "1", "", "2 have the code X"),
        ("doubled code", "warning", "customer", "7", "", "2 have the code X"),
        ("doubled code", "warning", "invoice", "1", "", "2 have the code F1"),
        ("doubled code", "warning", "invoice", "2", "", "2 have the code F1"),
    ]


COLUMNS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"customer_id": "7"}, ("error", "", "there is no customer 7")),
    ({"status": "Frozen"}, ("warning", "", "the status Frozen is taken as live")),
    ({"status": None}, ("warning", "", "without a status it is taken as live")),
    ({"due_date": None}, ("warning", "", "document date 2026-06-01, due (none)")),
    (
        {"total": None},
        ("warning", "", "subtotal 100.00, tax 7.00, total (none), lines 100.00"),
    ),
    (
        {"lines": []},
        ("error", "", "subtotal 100.00, tax 7.00, total 107.00, lines (none)"),
    ),
    ({"balance": None}, ("warning", "", "total 107.00, paid 7.00, balance (none)")),
    ({"balance": "1"}, ("error", "", "total 107.00, paid 7.00, balance 1.00")),
    (
        {"lines": [{**LINE, "line_number": 3, "product_id": 77}]},
        ("error", "line 3", "there is no product 77"),
    ),
    (
        {"lines": [{**LINE, "line_number": 3, "subtotal": None}]},
        ("warning", "line 3", "its net is computed from quantity, price and discount"),
    ),
    (
        {"lines": [{**LINE, "tax_code": "iva"}]},
        (
            *("warning", "line 1"),
            "no rate of IVA is known for 2026-06-01: the tax is shown as charged, 7.00",
        ),
    ),
    (
        {"tax_total": "8", "total": "108", "balance": "101"},
        ("warning", "", "tax 8.00, by its lines 7.00"),
    ),
]


@pytest.mark.usefixtures("books")
def test_columns(insert: Action, findings: Query) -> None:
    """A finding states where it is, with its figures; a missing value is only a warning."""
    for number, (fields, _) in enumerate(COLUMNS):
        insert("invoices", id=str(number), **{**INVOICE, "code": f"F{number}", **fields})

    found = findings("entity_id, severity, place, detail")

    rows = [(str(number), *row) for number, (_, row) in enumerate(COLUMNS)]
    assert [row for row in rows if row not in found] == []


@pytest.mark.usefixtures("books")
def test_many_lines(insert: Action, findings: Query) -> None:
    """Lines with the same fault are separate findings, even without line numbers of their own."""
    line = {**LINE, "line_number": None, "product_id": 77}
    insert("invoices", id="1", **{**INVOICE, "lines": [{**line, "subtotal": "50"}] * 2})

    assert findings("rule, place") == [("unknown product", "line 1"), ("unknown product", "line 2")]


@pytest.mark.usefixtures("books")
def test_values_and_fields(insert: Action, findings: Query) -> None:
    """Values that do not fit, in a current version, are errors; a field without a column is not."""
    misfits = [{"field": "total", "value": "1,5"}, {"field": "lines[2].price", "value": "x"}]
    order = {**PURCHASE, "code": "O2"}
    insert("purchase_orders", id="1", **order, misfits=misfits, _dlt_valid_to="2026-01-02")
    insert("purchase_orders", id="1", **order, misfits=misfits, _dlt_valid_from="2026-01-02")
    insert("purchase_orders", id="2", **PURCHASE, misfits=misfits, _dlt_valid_to="2026-01-02")
    insert("fields", endpoint="customers", field="zone", first_seen_at="2026-01-01")
    insert("fields", endpoint="customers", field="later", first_seen_at="2026-07-02")

    assert findings(FOUND) == [
        ("field without a column", "note", "customer", "", "zone", "it is kept in extra"),
        ("value does not fit", "error", "purchase order", "1", "lines[2].price", "x"),
        ("value does not fit", "error", "purchase order", "1", "total", "1,5"),
    ]


@pytest.mark.usefixtures("books")
def test_status_without_words(insert: Action, findings: Query) -> None:
    """A status without letters says nothing, and is found; a missing or blank one is not."""
    for number, status in enumerate(("1", "", None, "active", "Inactive", "on hold")):
        for table in ("customers", "products", "vendors"):
            insert(table, id=f"9{number}", status=status)

    assert findings(FOUND) == [
        ("unknown status", "warning", entity, "90", "", "the status 1 is taken as active")
        for entity in ("customer", "product", "vendor")
    ]


@pytest.mark.usefixtures("books")
def test_lists_and_seeds(insert: Action, findings: Query) -> None:
    """A list that is not copied yet is a finding, and so is an unknown customer in a seed."""
    run = {"run_id": 1, "started_at": "2026-06-30 00:00:00+00", "complete": False, "held": 0}
    insert("runs", **run, endpoint="invoices")
    insert("withholding_customers", customer_code=" x ", share="0.5")
    insert("withholding_customers", customer_code="CLI-9", share="0.5", valid_from="2026-01-01")
    insert("withholding_customers", customer_code="CLI-9", share="1", valid_from="2026-05-01")

    seed = "unknown customer in withholding_customers.csv"
    assert findings("rule, severity, entity, entity_id, place") == [
        ("list not copied yet", "error", "list", "invoices", ""),
        (seed, "warning", "seed", "CLI-9", "2026-01-01"),
        (seed, "warning", "seed", "CLI-9", "2026-05-01"),
    ]


@pytest.mark.usefixtures("books")
def test_records(insert: Action, findings: Query) -> None:
    """A finding names the number of its document, also of a deleted one, and whose it is; or the
    code and name of its customer, vendor or product."""
    insert("customers", id="3", code="C3", name="<Súper> 'B'", tax_id="8-123-456 DV 7")
    insert("vendors", id="4", code=None, name="Molino", status="?")
    insert("invoices", id="1", **{**INVOICE, "code": "F1", "customer_id": "3", "due_date": None})
    insert("invoices", id="2", **{**INVOICE, "code": "F2", "customer_id": "77"})
    insert("invoices", id="3", **{**INVOICE, "code": None, "customer_id": None})
    insert("purchase_orders", id="1", **{**PURCHASE, "vendor_id": "4", "status": None})
    closed = {"code": "S9", "customer_id": "3", "_dlt_valid_to": "2026-01-03"}
    again = {"_dlt_valid_from": "2026-01-05", "date_created": "2026-01-04T15:00:00Z"}
    insert("sales_orders", id="1", **{**SALES, **closed, "date_created": "2026-01-01T15:00:00Z"})
    insert("sales_orders", id="1", **{**SALES, **closed, **again, "_dlt_valid_to": "2026-01-06"})
    insert("fields", endpoint="customers", field="zone", first_seen_at="2026-01-01")

    assert findings("entity, entity_id, rule, record_code, record_name") == [
        ("customer", "", "field without a column", None, None),
        ("customer", "3", "wrong check digits", "C3", "<Súper> 'B'"),
        ("invoice", "1", "no due date", "F1", "<Súper> 'B'"),
        ("invoice", "2", "unknown party", "F2", "(unknown 77)"),
        ("invoice", "3", "no party", None, "(none)"),
        ("purchase order", "1", "no status", "O1", "Molino"),
        ("sales order", "1", "id used again", "S9", "<Súper> 'B'"),
        ("vendor", "4", "unknown status", None, "Molino"),
    ]


@pytest.mark.usefixtures("books")
def test_in_spanish(insert: Action, findings: Query) -> None:
    """Where and what is found is said in Spanish, too, with days as they are written in Panama;
    a value of the books is left as it is, also if it has braces."""
    insert("invoices", id="1", **{**INVOICE, "due_date": None, "status": "{} {0}"})
    insert("invoices", id="2", **{**INVOICE, "code": "F2", "lines": [{**LINE, "product_id": 77}]})
    fields = {
        "code": "F3",
        "posting_date": "2026-07-02",
        "misfits": [{"field": "total", "value": "2026-06-31"}],
    }
    insert("invoices", id="3", **{**INVOICE, **fields})

    assert findings("entity_id, place_es, detail_es") == [
        ("1", "", "fecha 01/06/2026, vencimiento (sin dato)"),
        ("1", "", "el estado {} {0} se toma como vigente"),
        ("2", "línea 1", "no existe el producto 77"),
        (
            *("3", ""),
            (
                "fecha 01/06/2026, fecha de contabilización 02/07/2026:"
                " su ITBMS está en el mes del 01/06/2026"
            ),
        ),
        ("3", "total", "2026-06-31"),
    ]

"""Hand-written books that the golden files are made from.

Those of a small distributor on 30 June 2026, with history since 15 March.
"""

from typing import Any

Row = dict[str, Any]

BEGAN = "2026-03-15 14:00:00+00"
AS_OF: Row = {
    "as_of_at": "2026-06-30 17:00:00+00",
    "as_of_on": "2026-06-30",
    "history_since": BEGAN,
}


def rows() -> dict[str, list[Row]]:
    """Return the rows of every table in raw."""
    tables = {
        "products": PRODUCTS,
        "customers": CUSTOMERS,
        "vendors": VENDORS,
        "invoices": INVOICES,
        "sales_orders": SALES_ORDERS,
        "purchase_orders": PURCHASE_ORDERS,
    }
    return {table: [_dated(row) for row in table_rows] for table, table_rows in tables.items()} | {
        "seen": [
            {"endpoint": table, "id": row["id"], "verified_at": "2026-06-30 16:59:00+00"}
            for table, table_rows in tables.items()
            for row in table_rows
            if row.get("until") is None
        ],
        "runs": RUNS,
        "withholding_customers": [
            {"customer_code": "cli-2", "share": "0.5", "valid_from": "2026-01-01"},
            {
                "customer_code": "CLI-1",
                "share": "0.5",
                "valid_from": "2026-05-02",
                "valid_to": "2026-05-31",
            },
        ],
        "withholding_certificates": [
            {"customer_code": "cli-1", "month": "2026-05-01", "number": "R-1", "amount": "3.00"},
            {"customer_code": "CLI-2", "month": "2026-06-01", "number": "R-2", "amount": "1.00"},
        ],
        # invoice 13 left April after it was filed, 14 was deleted and 15 restored
        "filed_returns": [
            *(
                {
                    "form": "430",
                    "month": "2026-04-01",
                    "filed_on": "2026-05-08",
                    "box": box,
                    "amount": amount,
                }
                for box, amount in (("11", "20.00"), ("111", "1.40"))
            ),
            {"form": "430", "month": "2026-05-01", "filed_on": "2026-05-09"},
        ],
    }


def _dated(row: Row) -> Row:
    """Add the validity of a version: by default current, since the beginning of history."""
    columns = {name: value for name, value in row.items() if name not in {"since", "until"}}
    return {
        **columns,
        "_dlt_valid_from": row.get("since", BEGAN),
        "_dlt_valid_to": row.get("until"),
    }


def line(product: str | None, quantity: str, price: str, net: str | None, **more: Any) -> Row:
    """Return a line of a document, with ITBMS by default."""
    values = {"product_id": product, "quantity": quantity, "price": price, "subtotal": net}
    return {"tax_code": "ITBMS", **values, **more}


PRODUCTS: list[Row] = [
    {"id": "1", "code": "P-1", "name": "Widget A", "price": "10", "cost": "6", "tax_code": "ITBMS",
     "status": "active", "until": "2026-05-01 12:00:00+00"},
    {"id": "1", "code": "P-1", "name": "Widget A", "price": "12", "cost": "6.5",
     "tax_code": "ITBMS", "status": "active", "since": "2026-05-01 12:00:00+00"},
    {"id": "2", "code": "P-2", "name": "Ron añejo", "price": "20", "tax_code": "ITBMS10",
     "status": "active"},
    {"id": "3", "code": "P-3", "name": "Arroz \"de primera\"", "price": "0.58", "cost": "0.41",
     "tax_code": "EXENTO", "status": "inactive"},
    {"id": "4", "code": "P-4", "name": "=Retirado", "price": "5", "cost": "3",
     "until": "2026-04-10 12:00:00+00"},
]  # fmt: skip

CUSTOMERS: list[Row] = [
    {"id": "1", "code": "CLI-1", "name": "Abarrotería La Ñata 🛒", "email": "a@example.com",
     "phone": "6000-0001", "tax_id": "155-1-2020 DV 01", "payment_terms": "Net 30",
     "currency": "USD", "credit_limit": "150", "balance": "321.00", "status": "active",
     "addresses": [{"address_type": "Both", "line1": "Vía España", "city": "Panamá"}]},
    {"id": "2", "code": "CLI-2", "name": "Ministerio, S.A.", "payment_terms": "Net 60",
     "currency": "USD", "balance": "53.50", "status": "Active"},
    {"id": "3", "code": "CLI-3", "name": "Euro Hotel", "currency": "EUR", "credit_limit": "10000",
     "balance": "0", "payment_terms": "Cash", "status": "active"},
    {"id": "4", "code": "CLI-3", "name": "O'Higgins", "until": "2026-05-20 12:00:00+00"},
]  # fmt: skip

VENDORS: list[Row] = [
    {"id": "1", "code": "PROV-1", "name": "Importadora Istmo", "payment_terms": "Net 15",
     "balance": "60.00", "status": "active"},
]  # fmt: skip


def invoice(number: str, day: str | None, **more: Any) -> Row:
    """Return a posted invoice of customer 1, in dollars."""
    values = {
        "id": number,
        "code": f"F-{number}",
        "customer_id": "1",
        "document_date": day,
        "currency": "USD",
        "status": "Posted",
    }
    return {**values, **more}


def money(net: str, tax: str, total: str, paid: str, balance: str) -> Row:
    """Return the amounts of an invoice's header."""
    values = {"subtotal": net, "tax_total": tax, "total": total}
    return {**values, "amount_paid": paid, "balance": balance}


INVOICES: list[Row] = [
    # paid between two month ends, late
    invoice("1", "2026-03-10", due_date="2026-04-09", lines=[line("1", "10", "10", "100.00")],
            until="2026-05-05 15:00:00+00", **money("100", "7", "107", "0", "107")),
    invoice("1", "2026-03-10", due_date="2026-04-09", lines=[line("1", "10", "10", "100.00")],
            status="Paid", since="2026-05-05 15:00:00+00",
            **money("100", "7", "107", "107", "0")),
    # partly paid, with a discount in percent, over 60 days late
    invoice("2", "2026-03-28", due_date="2026-04-27", status="PartiallyPaid",
            lines=[line("1", "5", "10", "45.00", discount="10"),
                   line("3", "100", "0.58", "55.00", discount="3", tax_code="EXENTO")],
            **money("100", "3.15", "103.15", "50", "53.15")),
    # half of the tax withheld
    invoice("3", "2026-05-31", customer_id="2", due_date="2026-07-30", status="partiallypaid",
            lines=[line("2", "5", "20", "100.00", tax_code="itbms10")],
            **money("100", "10", "110", "105", "5")),
    # two currencies, none; the tax of an unknown code, allocated to the cent
    invoice("4", "2026-06-01", customer_id="3", currency="EUR", due_date="2026-06-01",
            lines=[line("2", "1", "25", "25.00", tax_code="IVA"),
                   line("2", "2", "25", "50.00", tax_code="IVA"), line("1", "1", "12", "12.00")],
            **money("87", "10.01", "97.01", "0", "97.01")),
    invoice("5", "2026-06-15", currency=None, due_date="2026-06-29",
            lines=[line("1", "3", "12", "36.00")], **money("36", "2.52", "38.52", "0", "38.52")),
    # credit note; overpaid; void; draft
    invoice("6", "2026-06-16", code="NC-6", due_date="2026-06-16",
            lines=[line("1", "-1", "12", "-12.00")],
            **money("-12", "-0.84", "-12.84", "0", "-12.84")),
    invoice("7", "2026-06-17", due_date="2026-07-17", lines=[line("3", "10", "0.58", "5.80",
            tax_code="EXENTO")], **money("5.80", "0", "5.80", "10", "-4.20")),
    invoice("8", "2026-06-18", status="VOID", lines=[line("1", "1", "12", "12.00")],
            **money("12", "0.84", "12.84", "0", "12.84")),
    invoice("9", "2026-06-19", status="Draft", lines=[line("1", "9", "12", "108.00")],
            **money("108", "7.56", "115.56", "0", "115.56")),
    # no customer, no product; missing values; lines that do not add up to the header
    invoice("10", "2026-06-20", customer_id=None, status="Paid", due_date="2026-06-20",
            lines=[line(None, "1", "8", "8.00"), line("99", "1", "2", "2.00")],
            **money("10", "0.70", "10.70", "10.70", "0")),
    invoice("11", "2026-06-21", customer_id="77", status=None, total="53.50", tax_total="3.50",
            lines=[line("1", "4", "12.5", None)]),
    invoice("12", "2026-06-22", status="Odd", due_date="2026-06-01", customer_id="2",
            lines=[line("2", "1", "20", "20.00", tax_code="ITBMS10")],
            **money("30", "2.70", "32.70", "0", "32.70")),
    # changed after posting; deleted; deleted and restored
    invoice("13", "2026-04-30", due_date="2026-05-30", lines=[line("1", "1", "10", "10.00")],
            until="2026-05-10 05:30:00+00", **money("10", "0.70", "10.70", "0", "10.70")),
    invoice("13", "2026-05-01", due_date="2026-05-31", lines=[line("1", "2", "10", "20.00")],
            since="2026-05-10 05:30:00+00", **money("20", "1.40", "21.40", "0", "21.40")),
    invoice("14", "2026-04-02", due_date="2026-05-02", lines=[line("4", "2", "5", "10.00")],
            until="2026-06-02 12:00:00+00", **money("10", "0.70", "10.70", "0", "10.70")),
    invoice("15", "2026-04-03", due_date="2026-05-03", lines=[line("1", "1", "10", "10.00")],
            until="2026-04-20 12:00:00+00", **money("10", "0.70", "10.70", "0", "10.70")),
    invoice("15", "2026-04-03", due_date="2026-05-03", lines=[line("1", "1", "10", "10.00")],
            since="2026-05-20 12:00:00+00", **money("10", "0.70", "10.70", "0", "10.70")),
    # mistyped years, a leap day, last year
    invoice("16", "0202-06-01", due_date="0202-07-01", lines=[line("1", "1", "1", "1.00")],
            **money("1", "0.07", "1.07", "0", "1.07")),
    invoice("17", "2024-02-29", status="Paid", due_date="2024-03-30",
            lines=[line("2", "1", "20", "20.00", tax_code="ITBMS10")],
            **money("20", "2", "22", "22", "0")),
    invoice("18", "2025-06-20", status="Paid", due_date="2025-07-20",
            lines=[line("1", "2", "10", "20.00")], **money("20", "1.40", "21.40", "21.40", "0")),
    invoice("19", "2009-01-15", status="Paid", due_date="2009-02-15",
            lines=[line("1", "1", "100", "100.00")], **money("100", "5", "105", "105", "0")),
    invoice("20", None, status="Paid", subtotal="5", tax_total="0.35", total="5.35",
            amount_paid="5.35", balance="0", date_created="2026-06-05 03:00:00+00",
            lines=[line("1", "1", "5", "5.00")]),
]  # fmt: skip

SALES_ORDERS: list[Row] = [
    {"id": "1", "code": "S-1", "customer_id": "1", "document_date": "2026-06-10",
     "required_date": "2026-06-20", "subtotal": "24", "tax_total": "1.68", "total": "25.68",
     "status": "Open", "lines": [line("1", "2", "12", "24.00")]},
    {"id": "2", "code": "S-2", "customer_id": "77", "document_date": "2026-06-11",
     "status": "Cancelled", "total": "10", "lines": []},
]  # fmt: skip

PURCHASE_ORDERS: list[Row] = [
    {"id": "1", "code": "O-1", "vendor_id": "1", "document_date": "2026-02-01",
     "expected_date": "2026-02-15", "subtotal": "130", "tax_total": "13", "total": "143",
     "status": "Received", "lines": [line("2", "10", "13", "130.00", tax_code="ITBMS10")]},
    {"id": "2", "code": "O-2", "vendor_id": "1", "document_date": "2026-06-25",
     "expected_date": "2026-07-09", "subtotal": "60", "tax_total": "4.20", "total": "64.20",
     "status": "Open", "lines": [line("1", "10", "6", "60.00")]},
]  # fmt: skip

RUNS: list[Row] = [
    {"run_id": 7, "endpoint": endpoint, "mode": "whole", "outcome": outcome, "complete": complete,
     "started_at": "2026-06-30 16:59:00+00", "ended_at": "2026-06-30 17:00:00+00",
     "current_to": "2026-06-30 16:59:00+00" if complete else None, "announced": 20, "held": 20,
     "new": 1, "changed": 0, "gone": 0, "findings": 0, "requests": 1, "refused": 0, "waited": 0}
    for endpoint, outcome, complete in (
        ("products", "done", True), ("customers", "done", True), ("vendors", "Unreachable", False),
        ("invoices", "done", True), ("sales_orders", "done", True),
        ("purchase_orders", "done", True),
    )
]  # fmt: skip

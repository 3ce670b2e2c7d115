"""Hand-made books of a small distributor that `accountants_year.csv` is worked out from.

Those of 2026, seen at noon on 31 December, with history since 5 January. There are credit notes, a
void, a draft and a deleted invoice, two currencies, a rate that changes in July, two months that
were filed and then changed, tax withheld with payments, orders that came late, in part or not at
all, and a product whose price and cost rise in June.
"""

from typing import Any

Row = dict[str, Any]

BEGAN = "2026-01-05 12:00:00+00"
AS_OF: Row = {
    "as_of_at": "2026-12-31 17:00:00+00",
    "as_of_on": "2026-12-31",
    "history_since": BEGAN,
}
LINE = ("tax_code", "subtotal", "product_id", "quantity", "price", "discount")
EURO = {"currency": "EUR"}


def document(number: str, day: str, *amounts: str, **more: Any) -> Row:
    """Return a document that was first seen at noon of its day.

    Its amounts are the tax and the lines, each with the values of LINE.
    """
    tax, *lines = amounts
    items = [dict(zip(LINE, line.split(), strict=False)) for line in lines]
    subtotal = more.pop("subtotal", None) or sum(cents(item["subtotal"]) for item in items) / 100
    return {
        "id": number[1:],
        "code": number,
        "currency": "USD",
        "document_date": day,
        "lines": items,
        "subtotal": f"{subtotal:.2f}",
        "tax_total": tax,
        "total": f"{(round(subtotal * 100) + cents(tax)) / 100:.2f}",
        "_dlt_valid_from": f"{day} 17:00:00+00",
        "_dlt_valid_to": None,
        **more,
    }


def cents(amount: str) -> int:
    return round(float(amount) * 100)


def invoice(number: str, customer: str, day: str, due: str, *amounts: str, **more: Any) -> Row:
    """Return a posted invoice of which nothing is paid."""
    row = document(number, day, *amounts, customer_id=customer, due_date=due, status="Posted")
    return {**row, "amount_paid": "0", "balance": row["total"], **more}


def sales_order(
    number: str, customer: str, day: str, required: str, *amounts: str, **more: Any
) -> Row:
    """Return an open sales order."""
    dates = {"required_date": required, "status": "Open"}
    return document(number, day, *amounts, customer_id=customer, **dates, **more)


def purchase_order(
    number: str, vendor: str, day: str, expected: str, *amounts: str, **more: Any
) -> Row:
    """Return an open purchase order."""
    dates = {"expected_date": expected, "status": "Open"}
    return document(number, day, *amounts, vendor_id=vendor, **dates, **more)


def history(first: Row, *changes: tuple[str, Row]) -> list[Row]:
    """Return the versions of a record: as it was first, and from each day on; `{}` deletes it."""
    versions = [first]
    for day, change in changes:
        instant = f"{day} 17:00:00+00"
        versions[-1] = {**versions[-1], "_dlt_valid_to": instant}
        if change:
            versions.append(
                {**versions[-1], **change, "_dlt_valid_from": instant, "_dlt_valid_to": None}
            )
    return versions


def paid(amount: str, balance: str, status: str = "PartiallyPaid") -> Row:
    return {"amount_paid": amount, "balance": balance, "status": status}


def status(word: str) -> Row:
    return {"status": word}


def since_history_began(**values: Any) -> Row:
    return {**values, "_dlt_valid_from": BEGAN, "_dlt_valid_to": None}


INVOICES = [
    *history(invoice("F1", "1", "2026-01-10", "2026-02-09", "7.00", "ITBMS 100 1 10 10"),
             ("2026-02-20", paid("107", "0", "Paid"))),
    *history(invoice("F2", "2", "2026-01-20", "2026-02-19", "14.00", "ITBMS 200 1 20 10"),
             ("2026-03-03", paid("207", "7"))),
    invoice("F3", "1", "2026-02-05", "2026-03-07", "3.50",
            "ITBMS 50 1 5 10", "EXENTO 50 2 2 25"),
    invoice("F4", "1", "2026-02-25", "2026-02-25", "-1.40", "ITBMS -20 1 -2 10"),
    *history(invoice("F5", "3", "2026-03-10", "2026-04-09", "30.00", "ITBMS10 300 3 15 20", **EURO),
             ("2026-04-02", paid("330", "0", "Paid"))),
    *history(invoice("F6", "1", "2026-03-15", "2026-04-14", "28.00", "ITBMS 400 1 40 10"),
             ("2026-04-20", status("Void"))),
    invoice("F7", "1", "2026-03-31", "2026-04-30", "4.20", "ITBMS 60 1 8 10 20",
            _dlt_valid_from="2026-04-16 17:00:00+00"),
    *history(invoice("F8", "1", "2026-04-30", "2026-06-01", "5.60", "ITBMS 80 1 8 10"),
             ("2026-05-20", {"document_date": "2026-05-02"})),
    *history(invoice("F9", "2", "2026-06-30", "2026-07-30", "70.00", "ITBMS 1000 1 100 10"),
             ("2026-08-10", paid("517.50", "552.50")), ("2026-09-09", paid("1035", "35"))),
    invoice("F10", "2", "2026-07-01", "2026-07-31", "80.00", "ITBMS 1000 1 80 12.50"),
    invoice("F11", "1", "2026-09-15", "2026-10-15", "79.92", "ITBMS 999 1 111 9", status="Draft"),
    *history(invoice("F12", "1", "2026-10-03", "2026-11-02", "0.80", "ITBMS 10 1 1 10"),
             ("2026-10-20", {})),
    invoice("F13", "3", "2026-12-20", "2026-12-20", "-3.00", "ITBMS10 -30 3 -2 15", **EURO),
    invoice("F14", "1", "2026-11-11", "2026-12-11", "0.02", *3 * ["ITBMS 0.07 4 1 0.07"]),
    invoice("F15", "3", "2026-12-28", "2027-01-27", "5.00", "ITBMS10 50 3 2 25", **EURO),
]  # fmt: skip
SALES_ORDERS = [
    *history(sales_order("S1", "1", "2026-01-08", "2026-01-10", "7.00", "ITBMS 100 1 10 10"),
             ("2026-01-10", status("Fulfilled"))),
    *history(sales_order("S2", "2", "2026-06-20", "2026-06-30", "70.00", "ITBMS 1000 1 100 10"),
             ("2026-06-30", status("PartiallyFulfilled")), ("2026-07-02", status("Fulfilled"))),
    *history(sales_order("S3", "1", "2026-12-01", "2026-12-15", "4.00",
                         "ITBMS 50 1 4 12.50", "EXENTO 25 2 1 25"),
             ("2026-12-16", status("PartiallyFulfilled"))),
    sales_order("S4", "3", "2026-09-25", "2027-01-20", "10.00", "ITBMS10 100 3 5 20", **EURO),
    *history(sales_order("S5", "2", "2026-03-03", "2026-03-13", "2.10", "ITBMS 30 1 3 10"),
             ("2026-03-05", status("Cancelled"))),
]  # fmt: skip
PURCHASE_ORDERS = [
    *history(purchase_order("O1", "1", "2026-01-06", "2026-01-16", "42.00", "ITBMS 600 1 100 6"),
             ("2026-01-15", status("Received"))),
    *history(purchase_order("O2", "1", "2026-04-10", "2026-04-20", "24.50", "ITBMS 350 1 50 7"),
             ("2026-04-27", status("Received"))),
    *history(purchase_order("O3", "1", "2026-07-05", "2026-07-25", "25.60", "ITBMS 320 1 40 8"),
             ("2026-07-30", status("PartiallyReceived"))),
    *history(purchase_order("O4", "3", "2026-10-05", "2026-10-10", "14.40",
                            "ITBMS 90 1 10 9", "ITBMS 90 4 1000 0.09"),
             ("2026-10-10", status("Received"))),
    # 10.00 of freight is in the header only
    purchase_order("O5", "3", "2026-12-22", "2027-01-14", "23.20",
                   "ITBMS 270 1 30 9", "ITBMS 10 4 100 0.10", subtotal=290),
    *history(purchase_order("O6", "2", "2026-02-15", "2026-02-27", "24.00", "ITBMS10 240 3 20 12",
                            **EURO),
             ("2026-02-27", status("Received"))),
    *history(purchase_order("O7", "2", "2026-11-30", "2027-01-05", "15.00", "ITBMS10 150 3 10 15",
                            **EURO),
             ("2026-12-10", status("Cancelled"))),
]  # fmt: skip
CUSTOMERS = [
    since_history_began(id="1", code="C1", name="Abarrotería", currency="USD",
                        credit_limit="200", balance="232.13", tax_id="155587169-2-2014 DV 09"),
    since_history_began(id="2", code="C2", name="Ministerio", currency="USD",
                        credit_limit="2000", balance="1129.00"),
    since_history_began(id="3", code="C3", name="Hotel", currency="EUR", balance="55.00"),
    since_history_began(id="4", code="C4", name="Fonda", currency="USD", balance="0",
                        tax_id="8-123-456 DV 90"),
]  # fmt: skip
VENDORS = [
    since_history_began(id="1", code="V1", name="Molino"),
    since_history_began(id="2", code="V2", name="Destilería", currency="EUR"),
    since_history_began(id="3", code="V3", name="Mayorista"),
]
PRODUCTS = [
    *history(since_history_began(id="1", code="P1", name="Arroz", price="10", cost="6"),
             ("2026-06-15", {"price": "12.50", "cost": "8"})),
    since_history_began(id="2", code="P2", name="Pan", price="25"),
    since_history_began(id="3", code="P3", name="Ron", price="20"),
    since_history_began(id="4", code="P4", name="Bolsa", price="0.10", cost="0.09"),
    since_history_began(id="5", code="P5", name="Vela", price="1", cost="0.50"),
]  # fmt: skip
RUNS = [
    {"endpoint": "invoices", "run_id": run_id, "mode": "whole", "outcome": outcome,
     "complete": outcome == "done", "started_at": f"2026-12-31 {started}+00",
     "ended_at": f"2026-12-31 {ended}+00", "announced": 14, "held": held, "new": new,
     "changed": 0, "gone": 0, "findings": 0, "requests": 3, "refused": refused, "waited": waited}
    for run_id, outcome, started, ended, held, new, refused, waited in (
        (1, "Unreachable", "15:59:00", "16:00:00", 13, 0, 0, "0"),
        (2, "done", "16:14:00", "16:15:00", 14, 1, 1, "2.5"))
]  # fmt: skip
YEAR: dict[str, list[Row]] = {
    "products": PRODUCTS,
    "customers": CUSTOMERS,
    "vendors": VENDORS,
    "invoices": INVOICES,
    "sales_orders": SALES_ORDERS,
    "purchase_orders": PURCHASE_ORDERS,
    "runs": RUNS,
    "tax_rates": [
        {"tax_code": "ITBMS", "rate": "0.08", "box": "11", "valid_from": "2026-07-01"},
    ],
    "withholding_customers": [{"customer_code": "C2", "share": "0.5"}],
    "withholding_certificates": [
        {"customer_code": "C2", "month": "2026-03-01", "number": "1", "amount": "7.00"},
        {"customer_code": "C2", "month": "2026-08-01", "number": "2", "amount": "17.50"},
    ],
    "filed_returns": [
        {"form": "430", "month": "2026-03-01", "filed_on": "2026-04-14", "box": box, "amount": due}
        for box, due in (("11", "400.00"), ("111", "28.00"))
    ]
    + [{"form": "430", "month": "2026-04-01", "filed_on": "2026-05-14"}],
}

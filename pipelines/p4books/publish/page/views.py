"""What the page shows of each table of figures: its columns, sums, and rows on paper.

The rows on paper are as many as two sheets of A4 have room for, even if every table is full.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

TENANT = "tenant"  # the first column of a table whose rows are of one tenant of a group

_AGES = ("current_balance", "days_1_30", "days_31_60", "days_61_90", "days_over_90")
_FLOWS = ("overdue_in", "expected_in", "committed_out")
_TAXED = ("taxable_base", "exempt_base", "month_tax_charged")


@dataclass(frozen=True)
class View:
    """What the page shows of a table.

    `totals` are the columns that are summed up, `screen_only` those that paper has no room for,
    `of_language` those that one language has. `words` are the words for columns whose labels say
    what the page need not. Without `paper_rows` it is not on paper. `note` is the word for what is
    said below it on the screen.
    """

    columns: tuple[str, ...]
    totals: tuple[str, ...] = ()
    paper_rows: int = 13
    screen_only: frozenset[str] = field(default_factory=frozenset)
    of_language: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


VIEWS = {  # by the name of the table
    "ages": View(("aging_bucket", "documents", "balance"), totals=("documents", "balance")),
    "ar_aging_history": View(
        ("month_end_on", "balance", "overdue", *_AGES), screen_only=frozenset(_AGES), paper_rows=5
    ),
    "ar_aging": View(
        ("customer_name", "documents", *_AGES, "overdue", "balance"),
        totals=("documents", *_AGES, "overdue", "balance"),
        paper_rows=10,
    ),
    "collections_worklist": View(
        ("customer_name", "phone", "worst_days", "overdue_documents", "overdue"),
        totals=("overdue_documents", "overdue"),
        paper_rows=6,
        note="page_calls_note",
    ),
    "ar_open_items": View(
        (
            *("customer_name", "invoice_code", "document_on", "due_on", "days_overdue"),
            *("total", "amount_paid", "balance"),
        ),
        totals=("total", "amount_paid", "balance"),
        paper_rows=0,
    ),
    "cash_forecast": View(
        ("week_on", *_FLOWS, "net_cash", "net_cash_to_date"),
        totals=(*_FLOWS, "net_cash"),
        screen_only=frozenset({"net_cash"}),
    ),
    "itbms_months": View(("month_on", *_TAXED, "itbms_due_on"), totals=_TAXED),
    "itbms_return": View(
        ("box", "box_label", "box_label_en", "base", "tax", "filled_by"),
        paper_rows=0,
        of_language={"box_label": "es", "box_label_en": "en"},
        words={"box_label": "description", "box_label_en": "description"},
    ),
    "sales_by_month": View(
        ("month_on", "documents", "net", "net_last_year", "growth"),
        totals=("documents", "net", "net_last_year"),
    ),
    "customers_sales": View(("customer_name", "net"), totals=("net",), paper_rows=5),
    "products_sales": View(("product_code", "product_name", "net"), totals=("net",), paper_rows=5),
}
NAMES = ("customer_name", "product_name", "box_label", "box_label_en")  # take the room that is left

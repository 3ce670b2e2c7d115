"""Which models are there, what do they hold, and what are they made of? `make docs` writes it.

From the SQL files, the meanings in sql/columns.csv, and an empty warehouse with the views built.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import create_tables
from p4books.settings import validate_settings
from p4books.transform.as_of import record_as_of
from p4books.transform.build import create_views
from p4books.transform.models import CUSTOM, LAYERS, Model, SqlSources, load_models, sql_folder
from p4books.transform.seeds import load_seeds

README = Path(__file__).parents[1] / "sql" / "README.md"

LAYER = {
    "staging": "What P4 Books says, in clean columns: current rows, every version, lines and "
    "addresses by themselves. Nothing is judged here; empty stays empty.",
    "core": "Facts and dimensions that reports share: amounts made whole, statuses understood, "
    "documents dated, the calendar, and the instant of which the figures are.",
    "reporting": "What people ask. Each answers one question; `sql/checks` claims that its sums "
    "are those of the rows beneath, and nothing is published while a claim is false.",
}
PARTS: Mapping[str, Sequence[str]] = {
    "Receivables and cash": (
        *("ar_open_items", "ar_aging", "ar_aging_history", "dso", "collections_worklist"),
        *("customer_balance_reconciliation", "cash_forecast", "payment_behaviour"),
    ),
    "ITBMS": ("itbms_by_month", "itbms_sales_book", "itbms_withholding_candidates"),
    "Sales": (
        *("sales_by_month", "sales_daily", "sales_by_product", "sales_by_customer", "sales_cube"),
        *("price_realisation", "product_margin", "abc_products", "abc_customers"),
    ),
    "Customers": (
        *("customer_360", "customer_lifecycle", "cohort_retention"),
        *("inactive_customers", "inactive_products"),
    ),
    "Orders": (
        *("sales_backlog", "sales_backlog_lines", "order_intake", "order_status_history"),
        *("purchase_commitments", "commitments_by_week", "purchases_by_vendor"),
        *("purchases_by_product", "purchase_price_history", "vendor_scorecard", "replenishment"),
    ),
    "Trust": ("document_changes", "void_and_deleted", "data_quality", "sync_health"),
}
OPENING = """# The models

Written by `make docs` from the SQL files: change those, and [columns.csv](columns.csv), not this.

Each model is a table of the published file, `LAYER.MODEL`; the same is in the file itself, in
`main.catalogue` and in the comments of tables and columns. Amounts are in the currency of their
row, and are never added up over currencies. Days are the tenant's own, instants are in UTC. What
is empty is null: it is not known, or does not apply. Columns that begin with `is_` are true or
false. What only people know stands in [seeds](seeds): rates of tax, holidays, who withholds.
How to add a report of your own: [custom](custom/README.md).
"""
NOT_MADE = """## What is not made, and why

The API of P4 Books gives products, customers, vendors, invoices, purchase orders and sales orders.
It gives no ledger, no chart of accounts, no bills of vendors, no payments and no stock. So nothing
is made that would need them, under these names or others:

| not made | since the API gives no |
| --- | --- |
| general ledger, trial balance | journal entries, chart of accounts |
| profit and loss | expenses, cost of sales; `reporting.product_margin` estimates from unit costs |
| balance sheet | accounts and their balances |
| cash flow statement | payments; `reporting.cash_forecast` is of what is due, not of what came |
| payables ageing | bills of vendors; `vendor_balance` in `core.dim_vendor` is one sum per vendor |
| stock on hand, its value, its turnover | quantities in stock, receipts and deliveries |
| ITBMS to be paid | ITBMS on purchases; `reporting.itbms_by_month` is the ITBMS on sales |
"""
CLAUSES = re.compile(r" (?=(?:from|where|group by|having|window|qualify|order by|limit) )")


def build(path: Path) -> None:
    """Make an empty warehouse with all views."""
    create_tables(path, tuple(ENDPOINTS.values()))
    with duckdb.connect(path) as con:
        load_seeds(con, SqlSources.at(sql_folder()))
        record_as_of(con, validate_settings({"tenant": "acme"}), ())
        create_views(con, load_models(SqlSources.at(sql_folder())))


def render(con: duckdb.DuckDBPyConnection) -> str:
    """Write the catalogue of our models, whose views are in the database of `con`."""
    found = load_models(SqlSources.at(sql_folder())).models
    parts = list(_parts([model for model in found if model.layer != CUSTOM]))
    written = [OPENING, _contents(parts)]
    for layer in LAYERS[1:-1]:
        written.append(f"## {layer}\n\n{LAYER[layer]}\n")
        for of_layer, title, members in parts:
            if of_layer == layer:
                written += [f"### {title}\n"] if title else []
                written.append(_lineage(members))
                written += [_model(con, model, "####" if title else "###") for model in members]
    return "\n".join([*written, NOT_MADE])


def _parts(found: Sequence[Model]) -> Iterator[tuple[str, str, list[Model]]]:
    """Give layer, title and models of each part; a layer of one part has no titles."""
    for layer in ("staging", "core"):
        members = sorted((m for m in found if m.layer == layer), key=lambda each: each.name)
        yield layer, "", members
    reports = {model.name: model for model in found if model.layer == "reporting"}
    for title, names in PARTS.items():
        if members := [reports.pop(name) for name in names if name in reports]:
            yield "reporting", title, members
    if reports:
        yield "reporting", "Others", [reports[name] for name in sorted(reports)]


def _contents(parts: Sequence[tuple[str, str, list[Model]]]) -> str:
    lines = []
    for layer, title, members in parts:
        links = " · ".join(f"[{model.name}](#{_anchor(model)})" for model in members)
        lines.append(f"- **{f'{layer}: {title}' if title else layer}**: {links}")
    lines.append("- [What is not made, and why](#what-is-not-made-and-why)")
    return "\n".join(lines) + "\n"


def _anchor(model: Model) -> str:
    return f"{model.layer}{model.name}"  # GitHub drops the point of a heading


def _lineage(members: Sequence[Model]) -> str:
    """Draw what the models of a part read, each arrow from what is read to who reads it."""
    arrows = [
        f"    {_node(read)} --> {_node(model.full_name)}"
        for model in members
        for read in sorted(model.reads)
    ]
    return "\n".join(["```mermaid", "flowchart LR", *arrows, "```", ""])


def _node(full: str) -> str:
    return f"{full.replace('.', '_')}[{full}]"


def _model(con: duckdb.DuckDBPyConnection, model: Model, level: str) -> str:
    columns = [
        f"| `{name}` | {_type(kind)} | {model.columns.get(name, '')} |"
        for name, kind, *_ in con.execute(f"describe {model.full_name}").fetchall()
    ]
    reads = ", ".join(f"`{read}`" for read in sorted(model.reads))
    key = ", ".join(f"`{column}`" for column in model.key)
    return "\n".join(
        [
            f"{level} {model.full_name}",
            "",
            f"{model.grain}",
            "",
            f"Key: {key}. Sorted by: `{model.sorted_by}`. Reads: {reads}.",
            "",
            "| column | type | meaning |",
            "| --- | --- | --- |",
            *columns,
            "",
            f"*{model.question}*",
            "",
            "```sql",
            CLAUSES.sub("\n", model.query),
            "```",
            "",
        ]
    )


def _type(kind: str) -> str:
    return kind.lower().replace("timestamp with time zone", "timestamptz").replace(",", ", ")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        build(Path(folder) / "warehouse.duckdb")
        with duckdb.connect(Path(folder) / "warehouse.duckdb") as con:
            README.write_text(render(con), encoding="utf-8")

"""Earlier versions in a warehouse, as if its books had changed many times in two years.

They are copies of the current versions, since real ones would take a sync each.
"""

import sys
from pathlib import Path

import duckdb

from p4books.settings import load_settings

TABLES = ("products", "customers", "vendors", "invoices", "purchase_orders", "sales_orders")


def main(versions: str) -> None:
    """Give each record of the tenant this many versions."""
    add_versions(load_settings().warehouse, int(versions))


def add_versions(warehouse: Path, versions: int) -> None:
    """Give each record this many versions, the last one as it is, the others over two years."""
    if versions < 2:
        return
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.history set since = since - interval 2 years")
        for table in TABLES:
            paid = ", number / 100 as amount_paid, total - number / 100 as balance"
            con.execute(
                f"""
                insert into raw.{table}
                select active.* replace (
                    md5(row_hash || number) as row_hash,
                    _dlt_valid_from - (interval 2 years) + number * step as _dlt_valid_from,
                    _dlt_valid_from - (interval 2 years) + (number + 1) * step as _dlt_valid_to,
                    _dlt_valid_from - (interval 2 years) + number * step as date_modified
                    {paid if table == "invoices" else ""}
                )
                from raw.{table} as active, range($earlier) as earlier (number),
                    (select interval 2 years / $earlier as step)
                where _dlt_valid_to is null
                """,
                {"earlier": versions - 1},
            )


if __name__ == "__main__":
    main(*sys.argv[1:])

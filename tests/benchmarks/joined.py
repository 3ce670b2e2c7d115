"""The floor of publishing: invoices joined with their lines, in one table.

No views, no other models, no checks: one `create table as` in a new file.
"""

import sys
import tempfile
from pathlib import Path

import duckdb

LINE = """[{
    "line_number": "BIGINT", "product_id": "VARCHAR", "description": "VARCHAR",
    "tax_code": "VARCHAR", "quantity": "DECIMAL(18, 6)", "price": "DECIMAL(18, 6)",
    "discount": "DECIMAL(18, 6)", "subtotal": "DECIMAL(18, 2)"
}]"""


def main(warehouse: str) -> None:
    """Create the table in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(Path(folder) / "joined") as con:
        con.execute("set threads = 2")
        con.execute(f"attach '{warehouse}' as warehouse (read_only)")
        con.execute(
            f"""
            create table invoice_lines as
            with versions as (
                from warehouse.raw.invoices where _dlt_valid_to is null
            ),
            lines as (
                select id, unnest(from_json(lines, '{LINE}'), recursive := true) from versions
            )
            select versions.* exclude (lines), lines.* exclude (id)
            from versions left join lines using (id)
            """
        )


if __name__ == "__main__":
    main(*sys.argv[1:])

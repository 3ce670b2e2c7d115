"""Books that moved: a copied warehouse whose sandbox has another port."""

from pathlib import Path

import duckdb

from p4books.settings import normalize_address


def move_books(warehouse: Path, address: str) -> None:
    """Make a copied warehouse one of the books at this address."""
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.origins set address = ?", [normalize_address(address)])

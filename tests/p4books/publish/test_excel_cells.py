"""Excel cells: types, number formats and widths."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from p4books.publish.excel_cells import ColumnMeasure, choose_format, fits_excel, truncate_text
from p4books.publish.language import Language
from p4books.publish.query import CatalogColumn

ES = Language("es")
FORMATS = {
    ("balance", "DECIMAL(18,2)"): "#,##0.00;-#,##0.00;-",
    ("net_year_to_date", "DECIMAL(18,2)"): "#,##0.00;-#,##0.00;-",
    ("net_at_rate", "DECIMAL(18,2)"): "#,##0.00;-#,##0.00;-",
    ("quantity", "DECIMAL(18,6)"): "#,##0.000",
    ("unit_price", "DECIMAL(18,6)"): "#,##0.000",
    ("documents", "BIGINT"): "#,##0",
    ("documents_last_year_seen", "BIGINT"): "#,##0",
    ("iso_year", "INTEGER"): "0",
    ("run_id", "BIGINT"): "0",
    ("share_overdue", "DECIMAL(9,6)"): "0.0%",
    ("growth", "DOUBLE"): "0.0%",
    ("price_change", "DECIMAL(9,6)"): "0.0%",
    ("price_drift", "DECIMAL(9,6)"): "0.0%",
    ("price_against_median", "DECIMAL(9,6)"): "0.0%",
    ("tax_rate", "DECIMAL(9,6)"): "0.0%",
    ("average_days", "DOUBLE"): "#,##0.00",
    ("due_on", "DATE"): "dd/mm/yyyy",
    ("month_on", "DATE"): "[$-180A]mmm yyyy",
    ("first_month_on", "DATE"): "[$-180A]mmm yyyy",
    ("month_end_on", "DATE"): "dd/mm/yyyy",
    ("seen_at", "TIMESTAMP WITH TIME ZONE"): "dd/mm/yyyy hh:mm",
    ("customer_id", "VARCHAR"): "General",
    ("lines", "STRUCT(a INTEGER)[]"): "General",
}


@pytest.mark.parametrize(("name", "kind"), FORMATS)
def test_formats(name: str, kind: str) -> None:
    """The format follows from the type, the name and the decimals of the values."""
    measure = ColumnMeasure(
        digits=4, decimals={"DECIMAL(18,2)": 1, "DECIMAL(18,6)": 3}.get(kind, 0)
    )
    if kind == "DECIMAL(9,6)":
        measure = ColumnMeasure(digits=1, decimals=3)

    chosen = choose_format(CatalogColumn(name, kind, ""), measure, ES)

    assert chosen.format == FORMATS[name, kind]


@pytest.mark.parametrize(
    ("name", "decimals", "number_format"),
    [
        ("quantity", 0, "#,##0"),
        ("quantity", 9, "#,##0.000000"),
        ("list_price", 0, "#,##0.00"),
        ("list_price", 6, "#,##0.0000"),
        ("tax_rate", 2, "0%"),
        ("tax_rate", 4, "0.00%"),
    ],
)
def test_decimals(name: str, decimals: int, number_format: str) -> None:
    """As many decimals are shown as there are, of prices at least two."""
    column = CatalogColumn(name, "DECIMAL(18,9)", "")

    assert choose_format(column, ColumnMeasure(0, 3, decimals), ES).format == number_format


@pytest.mark.parametrize(
    ("kind", "measure", "width"),
    [
        ("VARCHAR", ColumnMeasure(characters=30), 32),
        ("VARCHAR", ColumnMeasure(characters=300), 60),
        ("VARCHAR", ColumnMeasure(), 9),
        ("DECIMAL(18,2)", ColumnMeasure(digits=10, decimals=2), 19),
    ],
)
def test_widths(kind: str, measure: ColumnMeasure, width: float) -> None:
    """A column is as wide as its values, within limits."""
    assert choose_format(CatalogColumn("net", kind, ""), measure, ES).width == width


@pytest.mark.parametrize(
    ("label", "width"),
    [
        ("Saldo", 9),
        ("Días de atraso", 11),
        ("Cambio ya contabilizada", 17),
        ("Documentos", 14),
        ("is_changed_after_posting", 28),
    ],
)
def test_width_of_the_label(label: str, width: float) -> None:
    """A column is as wide as its label on two lines, with the arrow of the filter."""
    column = CatalogColumn("is_changed", "BOOLEAN", "", label, label)

    chosen = choose_format(column, ColumnMeasure(), ES)

    assert (chosen.label, chosen.width) == (label, width)


FITTING: list[tuple[Any, bool]] = [
    (Decimal("1234567890123.45"), True),
    (Decimal("12345678901234.56"), False),
    (Decimal("-12345678901234.56"), False),
    (Decimal("100000000000000000.00"), True),
    (Decimal("0.00"), True),
    (999_999_999_999_999, True),
    (1_000_000_000_000_001, False),
    (1.5, True),
    (float("nan"), False),
    (float("-inf"), False),
    (date(1900, 1, 1), True),
    (date(1899, 12, 31), False),
    (datetime(9999, 12, 31), True),  # noqa: DTZ001 - Excel has no time zones
    ("12000-01-01", False),
]


@pytest.mark.parametrize(("value", "fits"), FITTING)
def test_fits_excel(value: object, fits: bool) -> None:
    """Excel would change numbers of more than 15 digits and dates before 1900."""
    assert fits_excel(value) == fits


@pytest.mark.parametrize("letter", ["x", "ñ", "😀"])
def test_long_texts(letter: str) -> None:
    """A text is cut to the size of a cell, in the UTF-16 units that Excel counts."""
    fitting = letter * (32_767 // (len(letter.encode("utf-16-le")) // 2))

    assert truncate_text(fitting) == (fitting, False)
    short, was_cut = truncate_text(fitting + letter)
    assert was_cut
    assert short.endswith(letter + "…")
    assert 32_765 <= len(short.encode("utf-16-le")) // 2 <= 32_767

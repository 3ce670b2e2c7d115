"""Charts of figures: what they draw, say and leave out, in both languages."""

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import vl_convert

from p4books.publish import charts, palette
from p4books.publish.charts import AnyChart, ChartText
from p4books.publish.figures.cash import load_cash
from p4books.publish.figures.customers import load_customers
from p4books.publish.figures.filters import load_choices
from p4books.publish.figures.itbms import load_itbms
from p4books.publish.figures.orders import load_orders
from p4books.publish.figures.receivables import load_receivables
from p4books.publish.figures.sales import load_sales
from p4books.publish.language import LANGUAGES, Language
from p4books.publish.query import load_value_labels, open_published

COLOURS = {palette.BLUE, palette.SKY, palette.ORANGE, palette.GREY, palette.INK, *palette.AGES}


def draw_all(file: Path, code: str) -> dict[str, AnyChart | None]:
    """Draw every chart of a published file, with the default filters."""
    with open_published(file) as con:
        choices = load_choices(con)
        filters, day = choices.defaults, choices.as_of_on
        text = ChartText(Language(code), filters.currency, load_value_labels(con, code))
        receivables, orders = load_receivables(con, filters), load_orders(con, filters)
        sales = load_sales(con, filters)
        return {
            "sales": charts.draw_sales_months(sales.months, filters, text, as_of_on=day),
            "customers": charts.draw_top_customers(sales.customers, text),
            "products": charts.draw_top_products(sales.products, text),
            "ages": charts.draw_ages(receivables.ages, text),
            "history": charts.draw_ages_history(receivables.history, filters, text),
            "dso": charts.draw_dso(receivables.dso, filters, text),
            "cash": charts.draw_cash(load_cash(con, filters).forecast, text, as_of_on=day),
            "itbms": charts.draw_itbms_months(
                load_itbms(con, filters).months, filters, text, as_of_on=day
            ),
            "intake": charts.draw_order_intake(orders.intake, filters, text, as_of_on=day),
            "order_ages": charts.draw_order_ages(orders.ages, text),
            "stages": charts.draw_stages(
                load_customers(con, filters).stages, filters, text, as_of_on=day
            ),
        }


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_chart_can_be_drawn(fixed_file: Path, code: str) -> None:
    """Each has few colours, axes with units, and a description with every amount in full."""
    for name, chart in draw_all(fixed_file, code).items():
        assert chart is not None, name
        spec = chart.to_dict()
        text = json.dumps(spec)
        svg = vl_convert.vegalite_to_svg(json.dumps({**spec, "width": 400}))
        assert "NaN" not in svg
        assert set(re.findall(r"#[0-9A-F]{6}\b", text)) <= COLOURS | {palette.PALE}, name
        is_count = name in {"dso", "stages"}
        assert is_count or "(USD)" in svg, name
        assert spec["width"] == "container"
        shown = (
            [point["shown"] for points in spec["datasets"].values() for point in points]
            if "datasets" in spec
            else re.findall(r'"shown": "([^"]+)"', text)
        )
        assert shown
        assert all(each in spec["description"] for each in shown), name


def test_nothing_to_draw(empty_file: Path) -> None:
    """Without rows there is no chart, rather than an empty one."""
    assert set(draw_all(empty_file, "en").values()) == {None}


def test_odd_rows(fixed_file: Path) -> None:
    """Equal names have a bar each; negative amounts and hostile names are drawn as they are."""
    with open_published(fixed_file) as con:
        filters = load_choices(con).defaults
        table = load_sales(con, filters).customers
    names = ["Sosa & Hijos <script>", "Sosa & Hijos <script>", "\N{RIGHT-TO-LEFT OVERRIDE}x" * 40]
    rows = tuple(
        (str(place), None, name, "USD", Decimal(1), Decimal("-12.30") * place)
        for place, name in enumerate(names)
    )
    text = ChartText(Language("es"), "USD", {})
    chart = charts.draw_top_customers(replace(table, rows=rows), text)
    assert chart is not None
    svg = vl_convert.vegalite_to_svg(json.dumps({**chart.to_dict(), "width": 400}))
    assert "<script" not in svg
    assert svg.count("-24.60") >= 1
    assert "(2)" in svg


def test_months_of_a_period() -> None:
    """Months follow each other over the end of a year, and a period within a month is one."""
    assert charts.list_months(date(2025, 11, 30), date(2026, 2, 1)) == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
    ]
    assert charts.list_months(date(2026, 2, 3), date(2026, 2, 3)) == [date(2026, 2, 1)]

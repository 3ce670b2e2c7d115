"""Page that is read first: how the business stands, and how fresh that is."""

from decimal import Decimal

import streamlit as st

from p4books.dashboard.parts import (
    KeyFigure,
    describe_day,
    describe_share,
    show_chart,
    show_key_figures,
)
from p4books.dashboard.reading import Reading
from p4books.publish import charts
from p4books.publish.figures.overview import OverviewFigures, load_overview
from p4books.publish.language import format_amount


def show(reading: Reading) -> None:
    """Show the key figures, and a chart of each subject."""
    figures = reading.load_figures(load_overview)
    show_key_figures(_list_key_figures(reading, figures))
    text, day = reading.text, reading.choices.as_of_on
    left, right = st.columns(2)
    with left:
        show_chart(
            reading,
            reading.word("chart_sales_months"),
            charts.draw_sales_months(figures.sales_months, reading.filters, text, as_of_on=day),
            figures.sales_months,
        )
        show_chart(
            reading,
            reading.word("chart_cash"),
            charts.draw_cash(figures.forecast, text, as_of_on=day),
            figures.forecast,
        )
    with right:
        show_chart(
            reading, reading.word("chart_ages"), charts.draw_ages(figures.ages, text), figures.ages
        )
        show_chart(
            reading,
            reading.word("chart_itbms_months"),
            charts.draw_itbms_months(figures.itbms_months, reading.filters, text, as_of_on=day),
            figures.itbms_months,
        )


def _list_key_figures(reading: Reading, figures: OverviewFigures) -> list[KeyFigure]:
    receivables, sales, orders = figures.receivables, figures.sales, figures.orders
    return [
        KeyFigure(
            reading.word("receivables"),
            format_amount(receivables.balance),
            reading.word("documents_count", count=f"{receivables.documents:,}"),
        ),
        KeyFigure(
            reading.word("overdue"),
            format_amount(receivables.overdue),
            describe_share(receivables.share_overdue, reading, "share_of_balance"),
        ),
        KeyFigure(
            reading.word("sales_of_month", month=reading.language.month(sales.month_on)),
            format_amount(sales.net),
            describe_growth(reading, sales.growth),
            reading.word("sales_help", last_year=format_amount(sales.net_last_year)),
        ),
        KeyFigure(
            reading.word("open_orders"),
            format_amount(orders.amount),
            reading.word("orders_late", count=f"{orders.orders:,}", late=f"{orders.late:,}"),
        ),
        KeyFigure(
            reading.word("itbms_of_month", month=reading.language.month(figures.itbms.month_on)),
            format_amount(figures.itbms.tax),
            describe_day(figures.itbms.due_on, reading, "due_by"),
        ),
    ]


def describe_growth(reading: Reading, growth: Decimal | None) -> str:
    """Say how sales compare with last year's; that there were none if it is unknown."""
    if growth is None:
        return reading.word("no_last_year")
    sign = "+" if growth > 0 else ""
    return reading.word("against_last_year", growth=f"{sign}{reading.language.share(growth)}")

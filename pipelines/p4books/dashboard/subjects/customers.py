"""Page of customers: all of them, or everything about one."""

from decimal import Decimal

import streamlit as st

from p4books.dashboard.parts import (
    KeyFigure,
    show_chart,
    show_key_figures,
    show_name,
    show_table,
)
from p4books.dashboard.reading import Reading
from p4books.publish import charts
from p4books.publish.figures.customers import CustomersFigures, load_customers
from p4books.publish.figures.filters import join_id
from p4books.publish.figures.sales import load_sales
from p4books.publish.language import format_amount

_ABOUT_ONE = ("net_12_months", "balance", "overdue", "open_orders_total", "credit_left")


def show(reading: Reading) -> None:
    """Show the customers, or the one of the filters."""
    figures = reading.load_figures(load_customers)
    if figures.documents is not None:
        _show_one(reading, figures)
    else:
        _show_all(reading, figures)


def _show_all(reading: Reading, figures: CustomersFigures) -> None:
    st.caption(reading.word("choose_customer"))
    show_table(reading, figures.customers)
    show_table(reading, figures.ranking)
    show_chart(
        reading,
        reading.word("chart_stages"),
        lambda: charts.draw_stages(
            figures.stages, reading.filters, reading.text, as_of_on=reading.choices.as_of_on
        ),
        figures.stages,
    )
    show_table(reading, figures.inactive)


def _show_one(reading: Reading, figures: CustomersFigures) -> None:
    key = join_id(reading.filters.tenant, reading.filters.customer_id) or ""
    show_name(reading.choices.customers.get(key, key))
    show_key_figures(
        KeyFigure(
            reading.text.column(figures.customers, name),
            _write(record[name]),
            help=figures.customers.columns[figures.customers.index(name)].describe(
                reading.language.code
            ),
        )
        for record in figures.customers.records()
        for name in _ABOUT_ONE
    )
    sales = reading.load_figures(load_sales, None)
    show_chart(
        reading,
        reading.word("chart_sales_months"),
        lambda: charts.draw_sales_months(
            sales.months, reading.filters, reading.text, as_of_on=reading.choices.as_of_on
        ),
        sales.months,
    )
    if figures.documents is not None:
        show_table(reading, figures.documents, title=reading.word("documents_of_period"))
    show_table(reading, sales.products, title=reading.word("products_bought"))
    show_table(reading, figures.customers)


def _write(amount: Decimal | None) -> str:
    return "-" if amount is None else format_amount(amount)

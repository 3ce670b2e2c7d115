"""Page of orders and purchases: what customers wait for, what vendors owe us, what to order."""

from decimal import Decimal

import streamlit as st

from p4books.dashboard.parts import KeyFigure, show_chart, show_key_figures, show_table
from p4books.dashboard.reading import Reading
from p4books.publish import charts
from p4books.publish.figures.orders import load_orders
from p4books.publish.language import format_amount


def show(reading: Reading) -> None:
    """Show open orders by age, what was ordered, open purchases, and what to order again."""
    figures = reading.load_figures(load_orders)
    text, day = reading.text, reading.choices.as_of_on
    orders = sum(figures.ages.values("orders"))
    late = sum(figures.ages.values("late_orders"))
    show_key_figures(
        [
            KeyFigure(
                reading.word("headline_orders"),
                format_amount(sum(figures.ages.values("amount"), Decimal(0))),
                reading.word("headline_late", count=f"{orders:,}", late=f"{late:,}"),
            ),
            KeyFigure(
                reading.word("purchases_open"),
                format_amount(sum(figures.commitments.values("amount"), Decimal(0))),
                reading.word(
                    "headline_late",
                    count=f"{sum(figures.commitments.values('orders')):,}",
                    late=f"{sum(figures.commitments.values('late_orders')):,}",
                ),
            ),
        ]
    )
    left, right = st.columns(2)
    with left:
        show_chart(
            reading,
            reading.word("chart_order_intake"),
            lambda: charts.draw_order_intake(figures.intake, reading.filters, text, as_of_on=day),
            figures.intake,
        )
    with right:
        show_chart(
            reading,
            reading.word("chart_order_ages"),
            lambda: charts.draw_order_ages(figures.ages, text),
            figures.ages,
        )
    for table in (
        figures.backlog,
        figures.backlog_lines,
        figures.purchases,
        figures.commitments,
        figures.replenishment,
    ):
        show_table(reading, table)

"""Page of sales: by month against last year, by customer and by product."""

import streamlit as st

from p4books.dashboard.months import pick_month, read_month, show_months
from p4books.dashboard.parts import KeyFigure, show_chart, show_key_figures
from p4books.dashboard.reading import Reading
from p4books.dashboard.subjects.overview import describe_growth
from p4books.publish import charts
from p4books.publish.figures.sales import load_sales, load_sales_months
from p4books.publish.language import format_amount


def show(reading: Reading) -> None:
    """Show the months of the period, and who bought what in it or in one month."""
    months = reading.load_figures(load_sales_months).values("month_on")
    month = read_month(months)
    figures = reading.load_figures(load_sales, month)
    text = reading.text
    show_key_figures(
        [
            KeyFigure(
                reading.word("net_sales"),
                format_amount(figures.sum.net),
                describe_growth(reading, figures.sum.growth),
            ),
            KeyFigure(reading.word("last_year"), format_amount(figures.sum.net_last_year)),
            KeyFigure(reading.word("customers"), f"{figures.customers.count:,}"),
            KeyFigure(reading.word("products"), f"{figures.products.count:,}"),
        ]
    )
    show_chart(
        reading,
        reading.word("chart_sales_months"),
        lambda: charts.draw_sales_months(
            figures.months, reading.filters, text, as_of_on=reading.choices.as_of_on
        ),
        figures.months,
        on_pick=pick_month,
    )
    show_months(reading, months, month, word="choose_month", none="whole_period")
    left, right = st.columns(2)
    with left:
        show_chart(
            reading,
            reading.word("chart_top_customers"),
            lambda: charts.draw_top_customers(figures.customers, text),
            figures.customers,
        )
    with right:
        show_chart(
            reading,
            reading.word("chart_top_products"),
            lambda: charts.draw_top_products(figures.products, text),
            figures.products,
        )

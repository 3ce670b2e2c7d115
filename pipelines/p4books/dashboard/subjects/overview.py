"""Page that is read first: how the business stands, and how fresh that is."""

from decimal import Decimal

import streamlit as st

from p4books.dashboard.parts import KeyFigure, show_chart, show_key_figures
from p4books.dashboard.reading import Reading
from p4books.publish import charts
from p4books.publish.figures.overview import load_overview
from p4books.publish.headlines import list_headlines
from p4books.publish.language import format_amount


def show(reading: Reading) -> None:
    """Show the key figures, and a chart of each subject."""
    figures = reading.load_figures(load_overview)
    show_key_figures(
        KeyFigure(headline.label, format_amount(headline.amount), headline.below)
        for headline in list_headlines(figures, reading.language)
    )
    text, day = reading.text, reading.choices.as_of_on
    left, right = st.columns(2)
    with left:
        show_chart(
            reading,
            reading.word("chart_sales_months"),
            lambda: charts.draw_sales_months(
                figures.sales_months, reading.filters, text, as_of_on=day
            ),
            figures.sales_months,
        )
        show_chart(
            reading,
            reading.word("chart_cash"),
            lambda: charts.draw_cash(figures.forecast, text, as_of_on=day),
            figures.forecast,
        )
    with right:
        show_chart(
            reading,
            reading.word("chart_ages"),
            lambda: charts.draw_ages(figures.ages, text),
            figures.ages,
        )
        show_chart(
            reading,
            reading.word("chart_itbms_months"),
            lambda: charts.draw_itbms_months(
                figures.itbms_months, reading.filters, text, as_of_on=day
            ),
            figures.itbms_months,
        )


def describe_growth(reading: Reading, growth: Decimal | None) -> str:
    """Say how sales compare with last year's; that there were none if it is unknown."""
    if growth is None:
        return reading.word("no_last_year")
    sign = "+" if growth > 0 else ""
    return reading.word("against_last_year", growth=f"{sign}{reading.language.share(growth)}")

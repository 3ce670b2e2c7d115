"""Choice of one month of the period, by a click on a chart or with the keyboard."""

from collections.abc import Sequence
from datetime import date

import streamlit as st

from p4books.dashboard.address import set_parameters
from p4books.dashboard.reading import Reading, month_of


def read_month(months: Sequence[date]) -> date | None:
    """Return the month of the address; None if there is none, or it is not one of `months`."""
    month = month_of(st.query_params.get("month"))
    return month if month in months else None


def pick_month(key: str) -> None:
    """Put the month that was clicked into the address."""
    month = month_of(key)
    set_parameters(month=f"{month:%Y-%m}" if month else None)


def show_months(
    reading: Reading, months: Sequence[date], chosen: date | None, *, word: str, none: str | None
) -> None:
    """Show the months to choose from; `none` is the word for none of them, if that is a choice."""
    options = ["", *map(date.isoformat, months)] if none else [*map(date.isoformat, months)]
    if not options:
        return
    st.session_state["month"] = chosen.isoformat() if chosen else options[0]
    st.selectbox(
        reading.word(word),
        options,
        format_func=lambda key: (
            reading.language.month(date.fromisoformat(key)) if key else reading.word(none or "all")
        ),
        key="month",
        on_change=lambda: pick_month(st.session_state["month"]),
        width=280,
    )

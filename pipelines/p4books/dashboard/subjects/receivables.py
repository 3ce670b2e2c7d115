"""Page of receivables: who owes how much, how late, and how that developed."""

from functools import partial

import streamlit as st

from p4books.dashboard.address import set_parameters
from p4books.dashboard.parts import (
    KeyFigure,
    describe_share,
    show_chart,
    show_key_figures,
    show_table,
)
from p4books.dashboard.reading import Reading
from p4books.publish import charts
from p4books.publish.figures.receivables import (
    BUCKETS,
    Receivables,
    load_receivables,
)
from p4books.publish.language import format_amount


def show(reading: Reading) -> None:
    """Show the balance by age, the invoices of an age, customers, and the history."""
    bucket = st.query_params.get("bucket")
    bucket = bucket if bucket in BUCKETS else None
    figures = reading.load_figures(load_receivables, bucket)
    text = reading.text
    show_key_figures(_list_key_figures(reading, figures.sum))
    show_chart(
        reading,
        reading.word("chart_ages"),
        lambda: charts.draw_ages(figures.ages, text),
        figures.ages,
        on_pick=lambda key: set_parameters(bucket=key),
    )
    _show_buckets(reading, bucket)
    show_table(reading, figures.items)
    show_table(reading, figures.aging)
    show_table(reading, figures.calls)
    left, right = st.columns(2)
    with left:
        show_chart(
            reading,
            reading.word("chart_ages_history"),
            lambda: charts.draw_ages_history(figures.history, reading.filters, text),
            figures.history,
        )
    with right:
        show_chart(
            reading,
            reading.word("chart_dso"),
            lambda: charts.draw_dso(figures.dso, reading.filters, text),
            figures.dso,
        )
    show_table(reading, figures.payment)


def _list_key_figures(reading: Reading, receivables: Receivables) -> list[KeyFigure]:
    return [
        KeyFigure(
            reading.word("receivables"),
            format_amount(receivables.balance),
            reading.word("documents_count", count=f"{receivables.documents:,}"),
        ),
        KeyFigure(
            reading.word("overdue"),
            format_amount(receivables.overdue),
            describe_share(receivables.share_overdue, reading),
        ),
        KeyFigure(reading.word("customers"), f"{receivables.customers:,}"),
    ]


def _show_buckets(reading: Reading, bucket: str | None) -> None:
    """Let the keyboard choose what a click on the chart does."""
    st.session_state["bucket"] = bucket or ""
    st.segmented_control(
        reading.word("choose_bucket"),
        ["", *BUCKETS],
        format_func=partial(_name_bucket, reading),
        key="bucket",
        required=True,
        on_change=lambda: set_parameters(bucket=st.session_state["bucket"]),
    )


def _name_bucket(reading: Reading, bucket: str) -> str:
    return reading.text.value("aging_bucket", bucket) if bucket else reading.word("all")

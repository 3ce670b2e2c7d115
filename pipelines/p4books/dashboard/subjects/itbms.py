"""Page of ITBMS: what was charged by month, and what goes into a month's return."""

from p4books.dashboard.months import pick_month, read_month, show_months
from p4books.dashboard.parts import (
    KeyFigure,
    show_chart,
    show_key_figures,
    show_table,
)
from p4books.dashboard.reading import Reading
from p4books.publish import charts
from p4books.publish.figures.itbms import load_itbms
from p4books.publish.figures.overview import load_month_itbms
from p4books.publish.language import format_amount


def show(reading: Reading) -> None:
    """Show the months, and the return of one of them with the invoices behind it."""
    filters, day = reading.filters, reading.choices.as_of_on
    last_on = max(min(filters.last_on, day), filters.first_on)
    months = charts.list_months(filters.first_on, last_on)[::-1]
    month = read_month(months) or months[0]
    figures = reading.load_figures(load_itbms, month)
    itbms = reading.load_figures(load_month_itbms, month)
    show_key_figures(
        [
            KeyFigure(
                reading.word("headline_itbms", month=reading.language.month(month)),
                format_amount(itbms.tax),
                reading.word("due_by", day=reading.language.day(itbms.due_on))
                if itbms.due_on
                else "",
            ),
            KeyFigure(
                reading.word("pay_by"),
                reading.language.day(itbms.pay_by_on) if itbms.pay_by_on else "-",
            ),
        ]
    )
    show_chart(
        reading,
        reading.word("chart_itbms_months"),
        lambda: charts.draw_itbms_months(figures.months, filters, reading.text, as_of_on=day),
        figures.months,
        on_pick=pick_month,
    )
    show_months(reading, months, month, word="choose_return", none=None)
    show_table(reading, figures.form)
    show_table(reading, figures.items)
    show_table(reading, figures.by_rate)
    show_table(reading, figures.withholding)
    show_table(reading, figures.changes)

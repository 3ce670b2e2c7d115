"""Page of cash: what comes in and goes out in the next weeks."""

from p4books.dashboard.parts import KeyFigure, show_chart, show_key_figures, show_table
from p4books.dashboard.reading import Reading
from p4books.publish import charts
from p4books.publish.figures.cash import WEEKS, load_cash
from p4books.publish.language import format_amount


def show(reading: Reading) -> None:
    """Show the forecast, and to whom open purchase orders commit us."""
    figures = reading.load_figures(load_cash)
    note = reading.word("within_weeks", weeks=WEEKS)
    total = figures.sum
    show_key_figures(
        [
            KeyFigure(reading.word("cash_overdue"), format_amount(total.overdue_in)),
            KeyFigure(reading.word("cash_expected"), format_amount(total.expected_in), note),
            KeyFigure(reading.word("cash_committed"), format_amount(total.committed_out), note),
            KeyFigure(reading.word("cash_net"), format_amount(total.net_cash), note),
        ]
    )
    show_chart(
        reading,
        reading.word("chart_cash"),
        lambda: charts.draw_cash(figures.forecast, reading.text, as_of_on=reading.choices.as_of_on),
        figures.forecast,
    )
    show_table(reading, figures.commitments)

"""Page of trust: what is odd in the books, what was changed, whether the runs work."""

from p4books.dashboard.parts import KeyFigure, show_key_figures, show_table
from p4books.dashboard.reading import Reading
from p4books.publish.figures.trust import load_trust


def show(reading: Reading) -> None:
    """Show findings, balances that do not agree, changes, and the last runs."""
    figures = reading.load_figures(load_trust)
    show_key_figures(
        [
            KeyFigure(
                reading.word("findings"),
                f"{figures.findings.count:,}",
                help=reading.word("findings_help"),
            ),
            KeyFigure(reading.word("balances_that_differ"), f"{figures.balances.count:,}"),
            KeyFigure(
                reading.word("documents_changed"),
                f"{figures.changes.count:,}",
                reading.word("in_period"),
            ),
            KeyFigure(
                reading.word("documents_void"),
                f"{figures.voided.count:,}",
                reading.word("in_period"),
            ),
        ]
    )
    show_table(reading, figures.rules, title=reading.word("findings_by_rule"))
    for table in (
        figures.findings,
        figures.balances,
        figures.changes,
        figures.voided,
        figures.runs,
    ):
        show_table(reading, table)

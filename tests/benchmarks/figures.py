"""Figures of the benchmarks, with their bars and aims, as one table."""

from collections.abc import Sequence
from dataclasses import dataclass

HEADER = ("what", "shape", "measured", "bar", "aim", "met")


@dataclass(frozen=True)
class Figure:
    """What was measured; it must be at most, or at least, the bar.

    `unit` follows the numbers; a ratio has none. The aim is None where the bar is all that is
    wanted.
    """

    what: str
    value: float
    bar: float
    aim: float | None = None
    unit: str = ""
    shape: str = ""
    is_least: bool = False

    def meets(self, limit: float) -> bool:
        """Return whether it is on the right side of a limit."""
        return self.value >= limit if self.is_least else self.value <= limit


def format_figures(figures: Sequence[Figure]) -> str:
    """Return a Markdown table of figures, aligned for a terminal."""
    rows = [HEADER, *map(_format_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [" | ".join(map(str.ljust, row, widths)) for row in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "".join(f"| {line} |\n" for line in lines)


def _format_row(figure: Figure) -> tuple[str, ...]:
    met = "yes" if figure.meets(figure.bar) else "MISSED"
    if figure.aim is not None and figure.meets(figure.aim):
        met = "yes, and the aim"
    return (
        figure.what,
        figure.shape,
        _format_number(figure.value, figure.unit),
        ("≥ " if figure.is_least else "≤ ") + _format_number(figure.bar, figure.unit),
        "" if figure.aim is None else _format_number(figure.aim, figure.unit),
        met,
    )


def _format_number(number: float, unit: str) -> str:
    digits = 0 if abs(number) >= 100 else 2 if abs(number) < 10 else 1
    return f"{number:,.{digits}f} {unit}".rstrip()

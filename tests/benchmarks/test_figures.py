"""Figures of the benchmarks, with their bars and aims, as one table."""

import pytest
from tests.benchmarks.figures import Figure, format_figures
from tests.benchmarks.runs import Ratio


@pytest.mark.parametrize(
    ("value", "is_least", "met"),
    [
        (1.7, False, "yes, and the aim"),
        (2, False, "yes"),
        (2.6, False, "MISSED"),
        (2.6, True, "yes"),
        (2.4, True, "MISSED"),
    ],
)
def test_met(value: float, is_least: bool, met: str) -> None:
    """A figure meets its bar from above or below, whichever is asked, and the aim only then."""
    aim = 3 if is_least else 1.8
    figure = Figure("syncing", value, 2.5, aim, is_least=is_least)

    last = format_figures([figure]).splitlines()[-1]

    assert last.split("|")[-2].strip() == met
    assert figure.meets(2.5) == (met != "MISSED")


def test_table() -> None:
    """Each figure is a row with its unit; all columns are aligned."""
    table = format_figures(
        [Figure("memory", 1234.5, 600, 400, "MB", "A"), Figure("rate", 0.514, 0.5, is_least=True)]
    ).splitlines()

    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert cells[0] == ["what", "shape", "measured", "bar", "aim", "met"]
    assert cells[2] == ["memory", "A", "1,234 MB", "≤ 600 MB", "400 MB", "MISSED"]
    assert cells[3] == ["rate", "", "0.51", "≥ 0.50", "", "yes"]
    assert len({len(line) for line in table}) == 1


def test_median_of_ratios() -> None:
    """A ratio is taken within each round, of the means of its runs; the median round counts."""
    rounds = [
        {"changed": [4.0, 8.0], "quiet": [1.0, 2.0, 3.0]},  # 3
        {"changed": [100.0], "quiet": [10.0]},  # 10: the machine was busy in this round
        {"changed": [2.0], "quiet": [1.0]},
    ]

    figure = Ratio("changed", "quiet", 3, 2).judge(rounds, "A")

    assert (figure.what, figure.shape, figure.value) == ("changed : quiet", "A", 3)

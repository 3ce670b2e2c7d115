"""Benchmarks of p4books against a floor and against plain dlt.

Ratios of whole processes, start to end, interleaved over some rounds, since machines are shared
and noisy. The last lines are one table of all figures with their bars.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.benchmarks import dashboard, fleet, lake, limit, machines, push, reports, runs, start
from tests.benchmarks.figures import Figure, format_figures


def main() -> int:
    """Run the benchmarks, print what they measured, and return 1 if a bar is missed."""
    options = _parse_options()
    figures: list[Figure] = []
    for name, (_, compare) in PARTS.items():
        if name == options.only or not options.only:
            figures += compare(options)
    print(f"\n{format_figures(figures)}", end="")
    return 0 if all(figure.meets(figure.bar) for figure in figures) else 1


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each part (default: 3)")
    parser.add_argument("--shape", choices=list(runs.SHAPES), help="of the runs (default: both)")
    parser.add_argument("--invoices", type=int, help="less than the shapes have, to try it")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the file that is pushed")
    parser.add_argument("--tenants", type=int, default=40, help="of the fleet (default: 40)")
    only = parser.add_mutually_exclusive_group()
    for name, (text, _) in PARTS.items():
        only.add_argument(
            f"--only-{name}", dest="only", action="store_const", const=name, help=text
        )
    return parser.parse_args()


def _compare_runs(options: argparse.Namespace) -> list[Figure]:
    figures = []
    for name, shape in runs.SHAPES.items():
        if options.shape in {None, name}:
            invoices = options.invoices or shape.invoices
            figures += runs.compare(name, replace(shape, invoices=invoices), options.rounds)
    return figures


PARTS: dict[str, tuple[str, Callable[[argparse.Namespace], Sequence[Figure]]]] = {
    "runs": ("what a run costs, 6 minutes a shape", _compare_runs),
    "reports": (
        "reports of books with history, 2 minutes",
        lambda options: reports.compare(options.invoices or 100_000),
    ),
    "dashboard": (
        "the dashboard in a browser, 2 minutes",
        lambda options: dashboard.compare(options.invoices or 100_000),
    ),
    "fleet": ("many tenants in one process, 1 minute", lambda each: fleet.compare(each.tenants)),
    "start": ("small commands, half a minute", lambda _: start.compare()),
    "push": ("pushes, 10 minutes", lambda options: push.compare(options.rounds, options.rows)),
    "lake": (
        "what the lake and the home cost a run, 5 minutes",
        lambda options: lake.compare(options.rounds, options.invoices or 10_000),
    ),
    "machines": (
        "many tenants on several machines, 5 minutes",
        lambda options: machines.compare(options.tenants),
    ),
    "limit": ("the rate limit, 4 minutes", lambda _: limit.compare()),
}


if __name__ == "__main__":
    raise SystemExit(main())

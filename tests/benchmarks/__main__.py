"""Benchmarks of p4books against a floor and against plain dlt.

Ratios of whole processes, start to end, interleaved over three rounds, since machines are shared
and noisy. `python -m tests.benchmarks [--rounds 3] [--invoices 100000] [--rows 10000]
[--skip-limit] [--only-reports] [--only-push]`.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from tests.benchmarks import limit, push, reports, start
from tests.benchmarks.processes import environment, measure, module, sandbox

BARS = {"a/b": (4.0, "at most"), "c/a": (2.5, "at least"), "d/b": (2.5, "at most")}
MEMORY = 700  # MB, of a first sync


def main() -> int:
    """Run the benchmarks, print what they measured, and return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--invoices", type=int, default=100_000)
    parser.add_argument(
        "--skip-limit", action="store_true", help="skip the rate limit benchmark (4 minutes)"
    )
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the file that is pushed")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--only-reports", action="store_true", help="only measure the reports")
    only.add_argument("--only-push", action="store_true", help="only measure pushes")
    options = parser.parse_args()
    passed = True
    if not options.only_push:
        passed &= reports.compare(options.rounds, options.invoices)
    if not options.only_reports:
        passed &= push.compare(options.rounds, options.rows)
    if not (options.only_push or options.only_reports):
        passed &= _reading(options)
    return 0 if passed else 1


def _reading(options: argparse.Namespace) -> bool:
    passed = _volume(options.rounds, options.invoices)
    passed &= start.measure()
    if not options.skip_limit:
        passed &= limit.measure()
    return passed


def _volume(rounds: int, invoices: int) -> bool:
    seconds: dict[str, list[float]] = {"a": [], "b": [], "c": [], "d": []}
    peaks = []
    with sandbox(invoices) as (base_url, key):
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                ours = environment(base_url, key, Path(folder))
                sync = module("clean_tables")
                took, peak = measure(sync, ours)
                seconds["a"].append(took)
                peaks.append(peak)
                seconds["b"].append(measure(module("floor", base_url, key), dict(os.environ))[0])
                took, _ = measure(sync, ours)
                seconds["d"].append(took)
            plain = module("plain_dlt", base_url, key)
            seconds["c"].append(measure(plain, dict(os.environ))[0])
            print(f"round {number + 1}:", {name: round(s[-1], 1) for name, s in seconds.items()})
    return _judge(seconds, max(peaks))


def _judge(seconds: dict[str, list[float]], peak: float) -> bool:
    names = {
        "a": "first sync, without reports",
        "b": "the floor: 4 workers and read_json",
        "c": "dlt rest_api, merge, parquet",
        "d": "second, unchanged sync, without reports",
    }
    for name, label in names.items():
        print(f"({name}) {label}: {statistics.median(seconds[name]):.1f} s")
    passed = peak <= MEMORY
    print(f"peak memory of (a): {peak:.0f} MB, bar {MEMORY} MB")
    for pair, (bar, how) in BARS.items():
        upper, lower = pair.split("/")
        ratios = [u / w for u, w in zip(seconds[upper], seconds[lower], strict=True)]
        ratio = statistics.median(ratios)
        print(f"{pair}: {ratio:.2f}, bar {how} {bar}")
        passed &= ratio <= bar if how == "at most" else ratio >= bar
    return passed


if __name__ == "__main__":
    raise SystemExit(main())

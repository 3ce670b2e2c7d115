"""How fast is p4books, against a floor and against plain dlt?

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
    """Run all benchmarks, print what they measured, and return 1 where a bar is missed."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--invoices", type=int, default=100_000)
    words.add_argument("--skip-limit", action="store_true", help="leave out the 4 minutes of it")
    words.add_argument("--rows", type=int, default=10_000, help="of a file that is pushed")
    only = words.add_mutually_exclusive_group()
    only.add_argument("--only-reports", action="store_true", help="measure the reports alone")
    only.add_argument("--only-push", action="store_true", help="measure the pushes alone")
    chosen = words.parse_args()
    held = True
    if not chosen.only_push:
        held &= reports.compare(chosen.rounds, chosen.invoices)
    if not chosen.only_reports:
        held &= push.compare(chosen.rounds, chosen.rows)
    if not (chosen.only_push or chosen.only_reports):
        held &= _reading(chosen)
    return 0 if held else 1


def _reading(chosen: argparse.Namespace) -> bool:
    held = _volume(chosen.rounds, chosen.invoices)
    held &= start.measure()
    if not chosen.skip_limit:
        held &= limit.measure()
    return held


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
    for name, said in names.items():
        print(f"({name}) {said}: {statistics.median(seconds[name]):.1f} s")
    held = peak <= MEMORY
    print(f"peak memory of (a): {peak:.0f} MB, bar {MEMORY} MB")
    for pair, (bar, how) in BARS.items():
        upper, lower = pair.split("/")
        ratios = [u / w for u, w in zip(seconds[upper], seconds[lower], strict=True)]
        ratio = statistics.median(ratios)
        print(f"{pair}: {ratio:.2f}, bar {how} {bar}")
        held &= ratio <= bar if how == "at most" else ratio >= bar
    return held


if __name__ == "__main__":
    raise SystemExit(main())

"""How fast is p4books, against a floor and against plain dlt?

Ratios of whole processes, start to end, interleaved over three rounds, since machines are shared
and noisy. `python -m tests.bench [--rounds 3] [--invoices 100000] [--skip-limit]`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import limit, start

BARS = {"a/b": (4.0, "at most"), "c/a": (2.5, "at least"), "d/b": (2.5, "at most")}
MEMORY = 700  # MB, of a first sync


def main() -> int:
    """Run all benchmarks, print what they measured, and return 1 where a bar is missed."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--invoices", type=int, default=100_000)
    words.add_argument("--skip-limit", action="store_true", help="leave out the 4 minutes of it")
    chosen = words.parse_args()
    held = _volume(chosen.rounds, chosen.invoices)
    held &= start.measure()
    if not chosen.skip_limit:
        held &= limit.measure()
    return 0 if held else 1


def _volume(rounds: int, invoices: int) -> bool:
    seconds: dict[str, list[float]] = {"a": [], "b": [], "c": [], "d": []}
    peaks = []
    with _sandbox(invoices) as (base_url, key):
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                ours = _environment(base_url, key, Path(folder))
                sync = [sys.executable, "-m", "tests.bench.clean_tables"]
                took, peak = _time(sync, ours)
                seconds["a"].append(took)
                peaks.append(peak)
                seconds["b"].append(_module("floor", base_url, key)[0])
                took, _ = _time(sync, ours)
                seconds["d"].append(took)
            seconds["c"].append(_module("plain_dlt", base_url, key)[0])
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


@contextmanager
def _sandbox(invoices: int) -> Iterator[tuple[str, str]]:
    key = "bench"
    words = ["--invoices", str(invoices), "--lines", "4", "--limit", "0", "--key", key]
    with subprocess.Popen(
        [sys.executable, "-m", "p4books_sandbox", *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split(": ", 1)[1].strip(), key
        process.terminate()


def _environment(base_url: str, key: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DLT_PROJECT_DIR": str(folder),
        "XDG_STATE_HOME": str(folder),
        "SOURCES__P4BOOKS__TENANT": "bench",
        "SOURCES__P4BOOKS__API_KEY": key,
        "SOURCES__P4BOOKS__BASE_URL": base_url,
        "SOURCES__P4BOOKS__REQUESTS_PER_WINDOW": "1000000",
    }


def _module(name: str, *words: str) -> tuple[float, float]:
    return _time([sys.executable, "-m", f"tests.bench.{name}", *words], dict(os.environ))


def _time(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a process to its end and return its seconds and its peak memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return time.perf_counter() - began, usage.ru_maxrss / scale


if __name__ == "__main__":
    raise SystemExit(main())

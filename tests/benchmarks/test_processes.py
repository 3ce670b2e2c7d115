"""Measuring whole processes against a sandbox."""

import sys

import pytest
from tests.benchmarks.processes import measure


def test_memory_of_the_starter() -> None:
    """A process is not charged with the memory of the one that measures it."""
    ours = bytearray(500_000_000)
    ours[::4096] = b"." * len(ours[::4096])

    small = measure([sys.executable, "-c", "pass"])
    large = measure([sys.executable, "-c", "bytes(bytearray(b'.') * 200_000_000)"])

    assert 0 < small.peak < 100
    assert 200 < large.peak - small.peak + 1 < 450
    assert small.seconds > 0


def test_failure() -> None:
    """A process that fails ends the benchmark, since its seconds mean nothing."""
    with pytest.raises(SystemExit, match="ended with 3"):
        measure([sys.executable, "-c", "raise SystemExit(3)"])

"""State off the machine: leases, and what a tenant has in its home between two runs."""

from p4books.home.errors import StateNotPut
from p4books.home.state import (
    HeldState,
    check_whole,
    hold_if_possible,
    hold_state,
    refresh_state,
    refresh_to_copy,
)

__all__ = [
    "HeldState",
    "StateNotPut",
    "check_whole",
    "hold_if_possible",
    "hold_state",
    "refresh_state",
    "refresh_to_copy",
]

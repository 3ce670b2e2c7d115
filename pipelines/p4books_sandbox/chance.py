"""What decides where a choice is left?"""

from collections.abc import Callable
from random import Random

Chance = Callable[[], float]


def chance(seed: int, purpose: str) -> Chance:
    """Give numbers from 0 to below 1 that are the same in every run and Python version."""
    return Random(f"{seed} {purpose}").random  # noqa: S311 - to be repeated, not to be secret

"""What does the warehouse take of what was read?"""

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.load.delta import DeletionGuard, Delta
from p4books.load.schema import NO_SCAN


def _delta(held: int, gone: int, seen: int | None = None) -> Delta:
    return Delta(
        endpoint=ENDPOINTS["invoices"],
        scanned=NO_SCAN,
        held=held,
        seen=held - gone if seen is None else seen,
        new=0,
        changed=0,
        gone=gone,
        missed=False,
        query="",
    )


@pytest.mark.parametrize(
    ("held", "gone", "refused"),
    [
        (1000, 0, False),
        (1000, 200, False),
        (1000, 201, True),
        (30, 20, False),
        (30, 21, True),
        (200, 21, False),
        (0, 0, False),
    ],
)
def test_guard(held: int, gone: int, refused: bool) -> None:
    """More than the share and more than twenty rows may not be gone at once."""
    assert DeletionGuard(0.2).refuses(_delta(held, gone)) is refused


@pytest.mark.parametrize("held", [1, 20, 1000])
def test_empty(held: int) -> None:
    """A list that is empty all of a sudden is refused, however short it was."""
    assert DeletionGuard(1.0).refuses(_delta(held, held))


def test_empty_and_nothing_held() -> None:
    """A list that always was empty is not refused."""
    assert not DeletionGuard(0.0).refuses(_delta(0, 0))


def test_allowed() -> None:
    """What a person says is gone is gone, of the lists that were named only."""
    gone = _delta(1000, 1000)

    assert not DeletionGuard(0.2, {"invoices"}).refuses(gone)
    assert DeletionGuard(0.2, {"vendors"}).refuses(gone)

"""What became of the records that were sought?"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.p4books.push.conftest import Enter

from p4books.push.reconcile import Candidate, Resolution, SearchResult, resolve_entries
from p4books.push.types import Entry

IT = Candidate("9", "V-1", has_code=True, differs=(), is_new=True)
OTHER_CODE = replace(IT, code="X-1", has_code=False)


@pytest.fixture
def entry(enter: Enter) -> Entry:
    """A row whose answer was lost."""
    return enter("V-1")


def _judge(
    entry: Entry, *seen: Candidate, complete: bool = True, own_codes: bool = False
) -> Resolution:
    sought = SearchResult(datetime.now(UTC), complete, {entry.record: list(seen)})
    (verdict,) = resolve_entries([entry], sought, own_codes=own_codes)
    return verdict


def test_found(entry: Entry) -> None:
    """A new record with our code and content is it, whatever else is like it."""
    verdict = _judge(entry, OTHER_CODE, IT, complete=False)

    assert verdict.found == IT


def test_not_there(entry: Entry) -> None:
    """What a whole list does not show may be sent again, if the user wishes so."""
    verdict = _judge(entry)

    assert (verdict.found, verdict.may_resend) == (None, True)
    assert "--resend-unknown" in verdict.note


@pytest.mark.parametrize(
    ("seen", "complete", "own_codes", "word"),
    [
        (replace(IT, differs=("name", "phone")), True, False, "differs in name, phone"),
        (replace(IT, is_new=False), True, False, "stood there before"),
        (OTHER_CODE, True, False, "may be it"),
        (None, False, False, "not read whole"),
        (None, True, True, "never sent again"),
    ],
)
def test_not_sent_again(
    seen: Candidate | None, complete: bool, own_codes: bool, word: str, entry: Entry
) -> None:
    """Where anything speaks for it being there, it is not sent again, and the user told why."""
    verdict = _judge(entry, *filter(None, [seen]), complete=complete, own_codes=own_codes)

    assert (verdict.found, verdict.may_resend) == (None, False)
    assert word in verdict.note


def test_by_content(entry: Entry) -> None:
    """Where the tenant numbers records itself, a new one with our content is it."""
    assert _judge(entry, OTHER_CODE, own_codes=True).found == OTHER_CODE
    assert _judge(entry, replace(OTHER_CODE, is_new=False), own_codes=True).found is None


def test_alike(enter: Enter) -> None:
    """Rows that are alike are found only where there is a record for each."""
    rows = [enter(f"V-{number}") for number in range(2)]
    one, two = OTHER_CODE, replace(OTHER_CODE, id="10")

    def found(*seen: Candidate) -> list[str | None]:
        sought = SearchResult(datetime.now(UTC), True, {row.record: list(seen) for row in rows})
        judged = resolve_entries(rows, sought, own_codes=True)
        return [verdict.found.id if verdict.found else None for verdict in judged]

    assert found(one) == [None, None]
    assert sorted(filter(None, found(one, two))) == ["10", "9"]


def test_a_record_for_two_rows(enter: Enter) -> None:
    """A record that may be of one row or of another, unlike it, is given to neither."""
    broad, narrow = enter("V-1"), enter("V-2", phone="1")
    one, two = OTHER_CODE, replace(OTHER_CODE, id="10")
    seen = {broad.record: [one, two], narrow.record: [one]}

    judged = resolve_entries(
        [broad, narrow], SearchResult(datetime.now(UTC), True, seen), own_codes=True
    )

    assert [verdict.found for verdict in judged] == [None, None]


def test_a_record_that_is_found_by_its_code(enter: Enter) -> None:
    """A record that has one row's code is not given to another that is like it."""
    coded, other = enter("V-1"), enter("V-2")
    seen = {coded.record: [IT], other.record: [replace(IT, has_code=False)]}

    judged = list(
        resolve_entries([coded, other], SearchResult(datetime.now(UTC), True, seen), own_codes=True)
    )

    assert [verdict.found for verdict in judged] == [IT, None]

"""Is a record of P4 Books the one that we sent?"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from p4books.endpoint import Endpoint, Fields, Kind


def differences(
    sent: Mapping[str, Any], record: Mapping[str, Any], endpoint: Endpoint
) -> Iterator[str]:
    """Name the fields that were sent and that the record holds otherwise, or not at all.

    What P4 Books adds (an id, dates, sums) is no difference. Both are in our spelling.
    """
    for name, value in sent.items():
        there = record.get(name)
        if name in endpoint.inner:
            yield from _in_items(name, value, there, endpoint.inner[name])
        elif not _equal(value, there, endpoint.fields.get(name, Kind.TEXT)):
            yield name


def _in_items(name: str, sent: Any, there: Any, fields: Fields) -> Iterator[str]:
    if not isinstance(there, list) or len(there) != len(sent):
        yield name
        return
    for place, (ours, theirs) in enumerate(zip(sent, there, strict=True), 1):
        for field, value in ours.items():
            held = theirs.get(field) if isinstance(theirs, dict) else None
            if not _equal(value, held, fields.get(field, Kind.TEXT)):
                yield f"{name}[{place}].{field}"


def _equal(ours: Any, theirs: Any, kind: Kind) -> bool:
    if theirs is None:
        return False
    if kind.decimals is not None:
        return _number(ours) == _number(theirs)
    if kind is Kind.DAY:
        return str(ours)[:10] == str(theirs)[:10]
    if kind is Kind.INSTANT:
        return _instant(ours) == _instant(theirs)
    return str(ours).strip() == str(theirs).strip()


def _number(value: Any) -> Decimal | str:
    try:
        return Decimal(str(value).strip())
    except InvalidOperation:
        return str(value)


def _instant(value: Any) -> datetime | str:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)

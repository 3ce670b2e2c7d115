"""What became of the records that were sought?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from p4books.push.entry import Entry
from p4books.push.said import CONFLICT
from p4books.push.seek import Seen, Sought


@dataclass(frozen=True)
class Verdict:
    """What a search says of a row: the record that it became, or why that is not known.

    `may_resend`: nothing speaks against sending it once more, if the user wishes so. `is_refused`:
    P4 Books refused it since its code is there, and the record that is there is not ours.
    """

    entry: Entry
    found: Seen | None
    note: str
    may_resend: bool = False
    is_refused: bool = False


def verdicts(entries: Sequence[Entry], sought: Sought, *, own_codes: bool) -> Iterator[Verdict]:
    """Judge each row; with `own_codes` the tenant numbers records itself, and content decides."""
    given = _shared_out(entries, sought) if own_codes else {}
    for entry in entries:
        seen = sought.seen[entry.record]
        found = next((one for one in seen if one.is_it), None) or given.get(entry.record)
        if found:
            yield Verdict(entry, found, "")
        else:
            verdict = _not_found(entry, seen, complete=sought.complete, own_codes=own_codes)
            with_code = any(one.has_code for one in seen)
            refused = entry.status == CONFLICT and not entry.left_at
            yield replace(verdict, is_refused=refused and (with_code or sought.complete))


def _shared_out(entries: Sequence[Entry], sought: Sought) -> dict[int, Seen]:
    """Give each row a record with its content, where there are enough for all that are alike.

    A record that may be of two rows that are not alike is given to neither.
    """
    alike = {
        entry: tuple(sorted(one.id for one in sought.seen[entry.record] if one.is_alike))
        for entry in entries
        if not any(one.is_it for one in sought.seen[entry.record])
    }
    claimed = {one.id for seen in sought.seen.values() for one in seen if one.is_it}
    given: dict[int, Seen] = {}
    for ids in set(alike.values()):
        rows = [entry for entry, own in alike.items() if own == ids]
        others = {i for own in alike.values() if own != ids for i in own}
        if len(ids) < len(rows) or not (claimed | others).isdisjoint(ids):
            continue
        for entry, id_ in zip(rows, ids, strict=False):
            seen = sought.seen[entry.record]
            given[entry.record] = next(one for one in seen if one.id == id_)
    return given


def _not_found(entry: Entry, seen: Sequence[Seen], *, complete: bool, own_codes: bool) -> Verdict:
    with_code = next((one for one in seen if one.has_code), None)
    if with_code and with_code.is_new:
        fields = ", ".join(with_code.differs)
        note = f"A record with this code has come (id {with_code.id}); it differs in {fields}."
        return Verdict(entry, None, f"{note} Compare the two.")
    if with_code:
        note = f"A record with this code stood there before (id {with_code.id})."
        return Verdict(entry, None, f"{note} Look whether there is a second one.")
    alike = [one for one in seen if one.is_alike]
    if alike:
        ids = ", ".join(one.id for one in alike[:3])
        note = f"What has the same content and another code may be it (id {ids})."
        return Verdict(entry, None, f"{note} Look there.")
    if own_codes:
        note = "It is not there, as far as its content tells. Look there; it is never sent again."
        return Verdict(entry, None, note)
    if not complete:
        note = "It is not where new records stand; the list was not read whole."
        return Verdict(entry, None, note)
    note = "It is not there. It may still come; where it does not, --resend-unknown sends it again."
    return Verdict(entry, None, note, may_resend=True)

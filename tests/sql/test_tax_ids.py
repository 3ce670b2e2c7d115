"""Check digits (DV) of Panamanian tax ids.

The known answers are those that two public programs state for the verifier of the DGI:
panama-ruc-dv-calculator 1.0.4 and verification-digit-pty 0.2.3, and two of contracts (76 and 09).
"""

import json
import random
from collections.abc import Callable

import pytest
from panama_ruc_dv_calculator.ruc_juridica import RucJuridica
from panama_ruc_dv_calculator.ruc_juridica_nt import RucJuridicaNT
from panama_ruc_dv_calculator.ruc_natural import RucNatural
from panama_ruc_dv_calculator.ruc_natural_nt import RucNaturalNT

from p4books.transform.macros import WrongCheckDigits, find_wrong_check_digits

KNOWN = {
    "253-92-57027": "76",
    "155587169-2-2014": "09",
    "155-998-77": "96",
    # companies, old and new
    "61302-14-123411": "22",
    "1102-85-117211": "95",
    "2486589-1-816994": "62",
    "65219-68-360495": "20",
    "41369-85-283456": "73",
    "64296-75-357434": "00",
    "203141-1-17214": "60",
    "155720753-2-2022": "39",
    "1956569-1-732877": "00",
    # natural persons
    "8-123-456": "91",
    "8-442-445": "08",
    "1-184-921": "49",
    "PE-10-442": "50",
    "PE-842-3681": "51",
    "N-45-832": "58",
    "E-12-342": "10",
    "E-8-127702": "16",
    "E-8-12770": "72",
    "E-1234-12770": "98",
    "E-7824-53189": "90",
    "1AV-432-658": "31",
    "2AV-1234-123": "33",
    "4PI-234-123": "31",
    "13PI-1-196": "58",
    "8PI-1234-12345": "26",
    # tax numbers, of companies
    "8-NT-1-13656": "43",
    "5-NT-478-2351": "94",
    "11-NT-958-218210": "73",
}


@pytest.fixture(scope="module")
def answers() -> dict[str, WrongCheckDigits]:
    """What is said of each known id with each of the hundred check digits."""
    return find_wrong_check_digits(
        f"{each} DV {number:02}" for each in KNOWN for number in range(100)
    )


@pytest.mark.parametrize(("tax_id", "digits"), KNOWN.items())
def test_known_answers(answers: dict[str, WrongCheckDigits], tax_id: str, digits: str) -> None:
    """The right digits are right, and any others are not."""
    wrong = [answers[text] for text in answers if text.rpartition(" DV ")[0] == tax_id]

    assert f"{tax_id} DV {digits}" not in answers
    accepted = 1 if "NT" not in tax_id else 2  # a tax number may be that of a person, too
    assert len(wrong) == 100 - accepted
    assert all(digits in each.expected.split(" or ") for each in wrong)


def make_ids(kind: str, count: int) -> list[str]:
    """Return random tax ids of a kind."""
    pick = random.Random(kind).randrange  # noqa: S311 - the same ids in every run

    def make() -> str:
        volume, entry = pick(1, 10 ** pick(1, 5)), pick(1, 10 ** pick(1, 6))
        head = {
            "company": pick(100, 10 ** pick(3, 10)),
            "person": pick(0, 14),
            "AV": f"{pick(0, 14)}AV",
            "PI": f"{pick(0, 14)}PI",
            "NT": f"{pick(0, 14)}-NT",
        }.get(kind, kind)
        if kind in {"company", "E", "N"}:
            entry = pick(1, 10 ** pick(1, 7))
        return f"{head}-{volume % 1000 if kind == 'NT' else volume}-{entry}"

    return [make() for _ in range(count)]


KINDS = ["company", "person", "E", "N", "PE", "AV", "PI", "NT"]


def test_agrees_with_another_program() -> None:
    """For many ids of each kind the macro and panama-ruc-dv-calculator say the same."""
    programs = {"company": [RucJuridica], "NT": [RucNaturalNT, RucJuridicaNT]}
    right = {
        each: [program(each).dv for program in programs.get(kind, [RucNatural])]
        for kind in KINDS
        for each in make_ids(kind, 400)
    }
    given = {f"{each} DV {number}": each for each in right for number in ("19", "28")}

    wrong = find_wrong_check_digits(given)

    assert {text: each.expected for text, each in wrong.items()} == {
        text: " or ".join(right[each])
        for text, each in given.items()
        if text[-2:] not in right[each]
    }
    assert len(wrong) > 5000


SPELLINGS = [
    *("8-123-456 DV 7", "8-123-456 DV 07", "8-123-456 dv7", "8-123-456DV:07", "8-123-456-DV-7"),
    *("RUC: 8-123-456, D.V. 7", "ruc 8-123-456 (dv 7)", " 8 - 123 - 456\tD V  7 "),
    *("R.U.C. 8\u2013123\u2011456 DV# 7.", "08-0123-00456 DV 7", "8-123-456\u00a0DV\u200b 7"),
]
NOT_WRONG = [
    *("8-123-456", "8-123-456-91", "8-123-456 91", "8-123-456 DV", "8-123-456 DV 123", "DV 7"),
    *("99-123-456 DV 7", "14-1-1 DV 7", "8-123-456789 DV 7", "8-12345-6 DV 7", "1-2 DV 3"),
    *("8X-123-456 DV 7", "8E-1-2 DV 7", "AV-1-2 DV 7", "1234567890-1-1 DV 1", "PE-1-123456 DV1"),
    *("B12345678 DV 7", "MVD 1", "", "DV", "\ud800 DV 7", "x\0 DV 7", "'; drop table x; -- DV 7"),
    "8-NT-1234-1 DV 7",
]


def test_spellings() -> None:
    """An id is understood however it is written."""
    right = [each.replace("07", "91").replace("7", "91") for each in SPELLINGS]

    wrong = find_wrong_check_digits([*SPELLINGS, *right])

    assert set(wrong) == set(SPELLINGS)
    assert {(each.given, each.expected) for each in wrong.values()} == {("07", "91")}
    assert str(wrong["8-123-456 dv7"]) == "DV 07 does not fit 8-123-456: it is 91"


def test_never_called_wrong() -> None:
    """An id without check digits, or of a kind that is not known, is not wrong."""
    assert find_wrong_check_digits(NOT_WRONG) == {}
    assert find_wrong_check_digits([]) == {}


def test_columns_stay(query: Callable[[str], list[tuple[object, ...]]]) -> None:
    """The rows keep their own columns, and a null is no tax id."""
    rows = json.dumps([{"k": 1, "tax_id": "155-998-77 DV 2"}, {"k": 2, "tax_id": None}])
    sql = f"""
        with parties as (select unnest(from_json('{rows}', '[{{"k": "INT", "tax_id": "VARCHAR"}}]'),
            recursive := true))
        select * from wrong_check_digits(parties)
        """

    assert query(sql) == [(1, "155-998-77 DV 2", "155-998-77", "02", "96")]

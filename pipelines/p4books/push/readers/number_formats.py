"""Number formats of spreadsheets: what a person sees of a number or a date.

Source: ECMA-376, part 1, 18.8.31. Widths of columns and conditional formats are not regarded.
"""

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache

GENERAL = "General"
GENERAL_DIGITS = 11  # that this format shows of a number
DOUBLE_DIGITS = 15  # that a spreadsheet keeps of a number

_TOKEN = re.compile(
    r"""
      "(?P<quoted>[^"]*)"? | \\(?P<escaped>.) | _(?P<space>.) | \*(?P<fill>.)
    | \[(?P<bracket>[^\]]*)\] | (?P<general>general) | (?P<exponent>E[+-][0\#?]+)
    | (?P<digit>[0\#?]) | (?P<point>\.) | (?P<comma>,) | (?P<percent>%) | (?P<text>@)
    | (?P<slash>/) | (?P<end>;) | (?P<literal>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[0-9.]+)")
_COMPARISONS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_USUAL = re.compile(  # #,##0.00 with a currency and with spaces around it
    r'(?:"[$B/.€ ]*"|[$ ]|\[\$[$€]?-[0-9A-F]+\]|_.|\* )*(?:#,##)?0(?:\.(?P<decimals>0+))?'
    r"(?:_.| )*(;.*)?"
)
_MAGNITUDE = re.compile(r"\b(k|m|mm|mil|miles|mill|mill[oó]n|millones|thousand|million)\b", re.I)
_PERCENT_SIGNS = set("%\N{FULLWIDTH PERCENT SIGN}\N{PER MILLE SIGN}")
_DASHES = {"-", "\N{MINUS SIGN}", "\N{EN DASH}", "\N{EM DASH}"}
_AROUND_SIGN = " $€\N{NO-BREAK SPACE}"  # after a number
_NOT_DATE = re.compile(
    r'"[^"]*"?|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|AM/PM|A/P', re.DOTALL | re.I
)
_DATE_PART = re.compile(r"y+|e+|m+|d+|h+|s+", re.IGNORECASE)
_PRECISION = Context(60)


@dataclass(frozen=True)
class ShownNumber:
    """How a number is shown, with the decimal point and the thousands separator of English.

    `number` is what a person takes it for; None if it does not look like an amount. `is_text`
    if its characters are the same in every language and are all digits that the number has, so
    that it can be a code. `is_percent` if it is shown as a percentage.
    """

    text: str
    number: Decimal | None = None
    is_text: bool = False
    is_percent: bool = False


@dataclass(frozen=True)
class DateParts:
    """Which parts of a date a format shows; `has_century` unless it has two digits of the year."""

    has_day: bool
    has_month: bool
    has_year: bool
    has_century: bool

    @property
    def is_complete(self) -> bool:
        """Whether nobody needs to guess which day it is."""
        return self.has_day and self.has_month and self.has_year


def show_number(value: Decimal, code: str) -> ShownNumber:
    """Return how a number is shown in the format of this code."""
    if code in {GENERAL, "@"}:
        return _show_general(value)
    section, is_unsigned = _choose_section(_parse_format(code), value)
    if section is None:
        return ShownNumber("#" * 5)
    if section.has("general"):
        return _surround_general(section, value, is_unsigned=is_unsigned)
    return _SectionRenderer(section, value, is_unsigned=is_unsigned).render()


def shows_exactly(value: Decimal, code: str) -> bool:
    """Return whether a usual format shows all of a number that is not negative.

    It is much faster than to show it; False says nothing.
    """
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or value.is_signed():
        return False
    if code == GENERAL:
        size = value.adjusted()
        return -5 < size < GENERAL_DIGITS and -exponent <= GENERAL_DIGITS - 2 - max(size, 0)
    match = _USUAL.fullmatch(code)
    return match is not None and -exponent <= len(match["decimals"] or "") and value > 0


def show_text(value: str, code: str) -> str:
    """Return how a text is shown in the format of this code."""
    if code in {GENERAL, "@"}:
        return value
    sections = _parse_format(code)
    with_text = [section for section in sections if section.has("text")]
    if not with_text:
        return value if len(sections) < 4 else ""
    return "".join(value if kind == "text" else text for kind, text in with_text[-1].shown())


@cache
def date_parts(code: str) -> DateParts:
    """Return which parts of a date a format shows."""
    runs = [run.lower() for run in _DATE_PART.findall(_NOT_DATE.sub("", code.partition(";")[0]))]
    before, after = ["", *runs], [*runs[1:], ""]
    months = [
        run
        for run, left, right in zip(runs, before, after, strict=False)
        if run[0] == "m" and (len(run) > 2 or not (left[:1] == "h" or right[:1] == "s"))
    ]
    years = [run for run in runs if run[0] in "ye"]
    return DateParts(
        has_day=bool({"d", "dd"} & set(runs)),
        has_month=bool(months),
        has_year=bool(years),
        has_century=any(len(run) > 2 or run[0] == "e" for run in years),
    )


@dataclass(frozen=True)
class FormatSection:
    """One of the sections of a format: its tokens by kind, and which numbers it is for."""

    tokens: tuple[tuple[str, str], ...]
    condition: tuple[str, Decimal] | None = None

    def has(self, kind: str) -> bool:
        """Return whether it has a token of this kind."""
        return any(each == kind for each, _ in self.tokens)

    @property
    def is_percentage(self) -> bool:
        """Whether a percent sign is shown, even one in quotes, which does not multiply."""
        return any(
            kind in {"percent", "literal"} and _PERCENT_SIGNS & set(text)
            for kind, text in self.tokens
        )

    def places(self, kind: str) -> list[int]:
        """Return where its tokens of this kind are."""
        return [place for place, (each, _) in enumerate(self.tokens) if each == kind]

    def shown(self) -> Iterator[tuple[str, str]]:
        """Yield its tokens with what a person sees of each."""
        for kind, text in self.tokens:
            yield kind, {"space": " ", "fill": ""}.get(kind, text)

    def accepts(self, value: Decimal) -> bool:
        """Return whether its condition holds for a number."""
        if self.condition is None:
            return False
        sign, limit = self.condition
        return _COMPARISONS[sign](value, limit)


@cache
def _parse_format(code: str) -> tuple[FormatSection, ...]:
    sections: list[list[tuple[str, str]]] = [[]]
    for match in _TOKEN.finditer(code):
        kind = match.lastgroup or "literal"
        if kind == "end":
            sections.append([])
        else:
            sections[-1].append((kind, match[kind]))
    return tuple(_build_section(tokens) for tokens in sections)


def _build_section(tokens: Sequence[tuple[str, str]]) -> FormatSection:
    """Turn quotes, escapes and the currencies in brackets into literals; drop other brackets."""
    kept: list[tuple[str, str]] = []
    condition = None
    for kind, text in tokens:
        if kind in {"quoted", "escaped"}:
            kept.append(("literal", text))
        elif kind != "bracket":
            kept.append((kind, text))
        elif text.startswith("$"):
            kept.append(("literal", text[1:].partition("-")[0]))
        elif match := _CONDITION.fullmatch(text):
            condition = match[1], Decimal(match[2])
    return FormatSection(tuple(kept), condition)


def _choose_section(
    sections: Sequence[FormatSection], value: Decimal
) -> tuple[FormatSection | None, bool]:
    """Return the section for a number, and whether it shows the number without its sign."""
    numeric = sections[:3]
    if len(numeric) > 1 and numeric[-1].has("text"):
        numeric = numeric[:-1]  # the last one is for texts
    if any(section.condition for section in numeric):
        place = _find_conditional(numeric, value)
    elif len(numeric) == 1:
        place = 0
    elif value < 0:
        place = 1
    else:
        place = 2 if value == 0 and len(numeric) == 3 else 0
    if place is None:
        return None, False
    return numeric[place], len(numeric) > 1 and place > 0


def _find_conditional(sections: Sequence[FormatSection], value: Decimal) -> int | None:
    for place, section in enumerate(sections):
        if section.accepts(value):
            return place
    if len(sections) == 3 and sections[1].condition is None and value < 0:
        return 1
    return len(sections) - 1 if sections[-1].condition is None else None


def _show_general(value: Decimal) -> ShownNumber:
    """Return what is shown without a format: as much as fits into eleven characters."""
    size = value.adjusted() if value else 0
    fits = -5 < size < GENERAL_DIGITS or len(f"{value.copy_abs():f}") <= GENERAL_DIGITS
    if size >= GENERAL_DIGITS or size < -9 or not fits:
        number = _PRECISION.create_decimal(Context(6, ROUND_HALF_UP).plus(value))
        mantissa, _, exponent = f"{number.normalize():E}".partition("E")
        return ShownNumber(f"{mantissa}E{exponent[0]}{exponent[1:]:0>2}", number)
    number = _round(value, max(GENERAL_DIGITS - 2 - max(size, 0), 0))
    text = f"{number.normalize(_PRECISION):f}"
    return ShownNumber(text, number, is_text="." not in text and number == value)


def _surround_general(section: FormatSection, value: Decimal, *, is_unsigned: bool) -> ShownNumber:
    general = _show_general(value.copy_abs() if is_unsigned else value)
    texts = [general.text if kind == "general" else text for kind, text in section.shown()]
    literals = "".join(text for kind, text in section.shown() if kind == "literal")
    number = _read_amount(general.number, literals, "", literals) if general.number else Decimal(0)
    text = "".join(texts).strip()
    return ShownNumber(text, number, general.is_text, section.is_percentage)


class _SectionRenderer:
    """Renders one number in one section of a format."""

    def __init__(self, section: FormatSection, value: Decimal, *, is_unsigned: bool) -> None:
        self._section = section
        self._value = value
        self._is_negative = value < 0 and not is_unsigned
        digits = section.places("digit")
        point = next(iter(section.places("point")), len(section.tokens))
        self._first, self._last = (digits[0], digits[-1]) if digits else (-1, -1)
        self._whole = [place for place in digits if place < point]
        self._decimals = [place for place in digits if place > point]
        self._point = point
        self._commas = [place for place in section.places("comma") if place > self._first >= 0]
        self._is_grouped = any(place < max(self._whole, default=-1) for place in self._commas)

    def render(self) -> ShownNumber:
        """Return the number as it is shown."""
        if self._first < 0 or self._section.has("slash"):
            return self._render_words()
        if self._section.has("exponent"):
            return self._render_exponent()
        percent = len(self._section.places("percent"))
        scaling = sum(place > max(self._whole, default=-1) for place in self._commas)
        scaled = self._value.copy_abs().scaleb(2 * percent - 3 * scaling, _PRECISION)
        rounded = _round(scaled, len(self._decimals))
        text = self._fill(rounded)
        has_digits = any(char.isdigit() for char in text)
        return ShownNumber(
            text,
            self._read(rounded, self._last) if has_digits else self._read_dash(text),
            is_text=has_digits and rounded == scaled and not scaling and self._is_universal(text),
            is_percent=self._section.is_percentage,
        )

    def _is_universal(self, text: str) -> bool:
        """Return whether every language shows the same, and the sign."""
        has_separator = self._point < self._last or (self._is_grouped and "," in text)
        return not has_separator and (self._value >= 0 or "-" in text)

    def _render_words(self) -> ShownNumber:
        """Return a section without digits."""
        text = "".join(text for _, text in self._section.shown()).strip()
        return ShownNumber(text, self._read_dash(text))

    def _read_dash(self, text: str) -> Decimal | None:
        """Return zero if it is shown as a dash, as accountants do."""
        is_dash = re.sub(r"[\w\s$€/.]", "", text) in _DASHES
        return Decimal(0) if is_dash and not self._value else None

    def _render_exponent(self) -> ShownNumber:
        value = self._value.copy_abs().scaleb(2 * len(self._section.places("percent")), _PRECISION)
        width = max(len(self._whole), 1)
        size = value.adjusted() if value else 0
        exponent = size // width * width if width > 1 else size
        mantissa = _round(value.scaleb(-exponent, _PRECISION), len(self._decimals_of_mantissa()))
        number = mantissa.scaleb(exponent, _PRECISION)
        sign = "-" if self._is_negative else ""
        shown = f"{mantissa:f}E{'-' if exponent < 0 else '+'}{abs(exponent):02}"
        before, after = self._surround(self._section.places("exponent")[0])
        return ShownNumber(
            sign + f"{before}{shown}{after}".strip(),
            self._read(number, self._section.places("exponent")[0]),
            is_percent=self._section.is_percentage,
        )

    def _surround(self, last: int) -> tuple[str, str]:
        """Return what is shown before the digits and after a place."""
        texts = [text for _, text in self._section.shown()]
        return "".join(texts[: self._first]), "".join(texts[last + 1 :])

    def _decimals_of_mantissa(self) -> list[int]:
        end = self._section.places("exponent")[0]
        return [place for place in self._decimals if place < end]

    def _fill(self, rounded: Decimal) -> str:
        """Fill the digits into their places, from the point outwards."""
        whole, _, fraction = f"{rounded:f}".partition(".")
        places = self._place_whole(whole.lstrip("0")) | self._place_fraction(fraction)
        texts = []
        for place, (kind, text) in enumerate(self._section.shown()):
            if kind == "digit":
                texts.append(places[place])
            elif kind != "comma" or place < self._first:
                texts.append(text)
        sign = "-" if self._is_negative else ""
        return sign + "".join(texts).strip()

    def _place_whole(self, digits: str) -> dict[int, str]:
        places: dict[int, str] = {}
        count = 0
        for place in reversed(self._whole):
            is_first = place == self._whole[0]
            own = digits if is_first else digits[-1:]
            digits = "" if is_first else digits[:-1]
            own = own or {"0": "0", "?": " "}.get(self._section.tokens[place][1], "")
            grouped = ""
            for digit in reversed(own):
                separator = "," if self._is_grouped and count and count % 3 == 0 else ""
                grouped = digit + separator + grouped
                count += digit.isdigit()
            places[place] = grouped
        return places

    def _place_fraction(self, digits: str) -> dict[int, str]:
        places = dict(zip(self._decimals, digits, strict=True)) if self._decimals else {}
        for place in reversed(self._decimals):
            optional = {"#": "", "?": " "}.get(self._section.tokens[place][1])
            if places[place] != "0" or optional is None:
                break
            places[place] = optional
        return places

    def _literals(self, first: int = 0, last: int | None = None) -> str:
        return "".join(text for kind, text in self._section.tokens[first:last] if kind == "literal")

    def _read(self, rounded: Decimal, last: int) -> Decimal | None:
        """Return what a person takes it for; `last` is the place where the number ends."""
        inside = self._literals(self._first, last + 1)
        if inside.strip():
            return None
        signed = rounded.copy_negate() if self._is_negative else rounded
        before, after = self._literals(0, self._first), self._literals(last + 1)
        return _read_amount(signed, before, after, self._literals())


def _read_amount(number: Decimal | None, before: str, after: str, literals: str) -> Decimal | None:
    """Return what a person takes a number among these literals for; None if it is no amount."""
    if number is None or re.search(r"[0-9]", literals) or _MAGNITUDE.search(literals):
        return None
    sign_after = after.strip(_AROUND_SIGN)
    looks_negative = bool(_DASHES & {*before, sign_after[:1], sign_after[-1:]})
    looks_negative |= "(" in before and ")" in literals
    return number.copy_negate() if looks_negative else number


def _round(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _PRECISION)

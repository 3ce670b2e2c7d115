"""Cell formats and colors of a workbook."""

from collections.abc import Callable
from functools import cache
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook

from p4books.publish.figures.receivables import BUCKETS
from p4books.publish.palette import AGES, PALE, lighten

MUTED, WARNING, HEADER, LINK = "#595959", "#9C3D00", "#1F3864", "#0563C1"

# The later, the darker: they are told apart without color, and none is the red of a mistake.
AGE_COLORS = dict(zip(BUCKETS, map(lighten, AGES), strict=True))


class WorkbookFormats:
    """Cell formats of one workbook, each created once."""

    def __init__(self, book: Workbook) -> None:
        self._create: Callable[..., Format] = cache(
            lambda **properties: book.add_format(properties)
        )
        self.title = self._create(bold=True, font_size=14, font_color=HEADER)
        self.plain = self._create(font_color=MUTED)
        self.link = self._create(font_color=LINK, underline=1)
        self.warning = self._create(bold=True, font_color=WARNING)
        self.section = self._create(bold=True, font_color=HEADER, bg_color=PALE)
        self.text = self._create(align="left")

    def create(self, **properties: Any) -> Format:
        """Return the format with these properties of xlsxwriter."""
        return self._create(**properties)

    def values(self, number_format: str, *, right: bool) -> Format:
        """Return the format of a column's values, aligned to the right or the left."""
        return self._create(num_format=number_format, **_alignment(right=right))

    def total(self, number_format: str = "General", *, right: bool = False) -> Format:
        """Return the format of a cell in a row of totals."""
        properties = {"num_format": number_format, "bold": True, "bg_color": PALE}
        return self._create(**properties, **_alignment(right=right))

    def fill(self, color: str) -> Format:
        """Return a format with a background color."""
        return self._create(bg_color=color)

    def header(self, *, right: bool = False, color: str | None = None) -> Format:
        """Return the format of a column's name."""
        return self._create(
            bold=True,
            **_alignment(right=right),
            valign="vcenter",
            text_wrap=True,
            bg_color=color or HEADER,
            font_color="#000000" if color else "#FFFFFF",
        )


def _alignment(*, right: bool) -> dict[str, Any]:
    return {"align": "right", "indent": 1} if right else {"align": "left"}

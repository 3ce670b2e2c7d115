"""Charts as pictures that are part of the page: SVG, in one size for screens and one for paper.

The small one is also that of phones, so that no letter is smaller than the text beside it. Text is
text in them: it is drawn with the reader's Arial, or what is as wide and takes its place.
"""

import json
import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from p4books.publish.charts import AnyChart

FONT = "Arial, Helvetica, Liberation Sans, sans-serif"
WIDE, NARROW = (540, 300), (350, 200)  # width and height in pixels

_SIZE = re.compile(r'<svg[^>]* width="([\d.]+)" height="([\d.]+)"')
_FOR_SCREEN_READERS = re.compile(r' (?:aria-[a-z]+|role)="[^"]*"')  # which read no picture's inside


@dataclass(frozen=True)
class Picture:
    """A chart in two sizes, as addresses that contain it, and what it shows in words."""

    description: str
    wide: str
    narrow: str


def draw_picture(chart: AnyChart, description: str) -> Picture:
    """Draw a chart in both sizes, with everything that is beside its axes; nothing is cut.

    What is beside them depends on the labels, so that it is measured first.
    """
    spec = chart.to_dict(validate=False)
    _, width, height = _render(spec, *WIDE)
    beside = (width - WIDE[0], height - WIDE[1])
    return Picture(description, _draw(spec, WIDE, beside), _draw(spec, NARROW, beside))


def _draw(spec: dict[str, Any], size: tuple[int, int], beside: tuple[int, int]) -> str:
    svg, _, _ = _render(spec, size[0] - beside[0], size[1] - beside[1])
    plain = _FOR_SCREEN_READERS.sub("", svg)
    return f"data:image/svg+xml;base64,{b64encode(plain.encode()).decode()}"


def _render(spec: dict[str, Any], width: int, height: int) -> tuple[str, int, int]:
    """Render a chart whose axes have a size, as SVG; return it with its own size."""
    import vl_convert  # noqa: PLC0415 - an extra, and 100 MB

    sized = {
        **spec,
        "width": width,
        "height": height,
        "autosize": "pad",
        "config": {**spec.get("config", {}), "font": FONT},
    }
    svg = vl_convert.vegalite_to_svg(json.dumps(sized), allowed_base_urls=[])
    size = _SIZE.search(svg)
    if size is None:
        raise ValueError("a picture without a size")
    return svg, round(float(size[1])), round(float(size[2]))

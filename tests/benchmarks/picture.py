"""A picture of curves with logarithmic axes, as SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 450, 340  # of a panel
LEFT, RIGHT, TOP, BOTTOM = (
    60,
    180,
    50,
    50,
)  # margins in it; the names of the curves are at the right
GAP = 34  # between two names, at least
DASHES = ("none", "7 4", "2 4", "9 3 2 3")  # so that curves differ without their colours, too

_COLOURS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df")  # of the curves
_DARK_COLOURS = ("#4493f8", "#f0883e", "#3fb950", "#ab7df8")


@dataclass(frozen=True)
class Panel:
    """A title, the two axes, and the curves by name; all numbers are above 0."""

    title: str
    across: str
    up: str
    curves: Mapping[str, Points]


def compute_slope(points: Points) -> float:
    """Return the exponent of growth between the last two points."""
    (x1, y1), (x2, y2) = points[-2:]
    return math.log(y2 / y1) / math.log(x2 / x1)


def draw(panels: Sequence[Panel]) -> str:
    """Return the panels side by side as an SVG document, on its own background."""
    size = f'width="{WIDTH * len(panels)}" height="{HEIGHT}"'
    parts = [
        f'<g transform="translate({WIDTH * place} 0)">\n{_draw_panel(panel)}</g>\n'
        for place, panel in enumerate(panels)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        f"<style>\n{_make_style()}</style>\n"
        f'<rect class="paper" {size}/>\n{"".join(parts)}</svg>\n'
    )


def _make_style() -> str:
    light = _make_colours("#fff", "#1f2328", "#d1d9e0", _COLOURS)
    dark = _make_colours("#0d1117", "#f0f6fc", "#3d444d", _DARK_COLOURS)
    return (
        "svg { font: 13px system-ui, sans-serif }\n"
        "text { stroke: none } polyline { fill: none; stroke-width: 2 }\n"
        f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"
    )


def _make_colours(paper: str, ink: str, grid: str, curves: Sequence[str]) -> str:
    rules = {".paper": f"fill: {paper}", ".ink": f"fill: {ink}", ".grid": f"stroke: {grid}"}
    rules |= {f".c{n}": f"fill: {each}; stroke: {each}" for n, each in enumerate(curves)}
    return "".join(f"{name} {{ {rule} }}\n" for name, rule in rules.items())


def _draw_panel(panel: Panel) -> str:
    points = [point for curve in panel.curves.values() for point in curve]
    across = _Axis([x for x, _ in points], LEFT, WIDTH - RIGHT)
    up = _Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
    lines = [_text(LEFT, 24, panel.title, "ink", "bold"), _text(LEFT, 42, panel.up, "ink")]
    lines.append(_text(LEFT, HEIGHT - 10, panel.across, "ink"))
    for value, x in across.ticks():
        lines.append(f'<path class="grid" d="M{x} {TOP} V{HEIGHT - BOTTOM}"/>')
        lines.append(_text(x, HEIGHT - BOTTOM + 18, _format_tick(value), "ink", anchor="middle"))
    for value, y in up.ticks():
        lines.append(f'<path class="grid" d="M{LEFT} {y} H{WIDTH - RIGHT}"/>')
        lines.append(_text(LEFT - 6, y + 4, _format_tick(value), "ink", anchor="end"))
    names = _spread([up.place(curve[-1][1]) for curve in panel.curves.values()])
    for number, (name, curve) in enumerate(panel.curves.items()):
        drawn = [(across.place(x), up.place(y)) for x, y in curve]
        path = " ".join(f"{x},{y}" for x, y in drawn)
        dots = "".join(f'<circle cx="{x}" cy="{y}" r="3"/>' for x, y in drawn)
        label = _text(WIDTH - RIGHT + 8, names[number], name, "")
        if len(curve) > 1:
            slope = f"slope {compute_slope(curve):.2f}"
            label += _text(WIDTH - RIGHT + 8, names[number] + 15, slope, "")
        line = f'<polyline points="{path}" stroke-dasharray="{DASHES[number]}"/>'
        lines.append(f'<g class="c{number}">{line}{dots}{label}</g>')
    return "".join(f"{line}\n" for line in lines)


class _Axis:
    """Logarithmic axis, from the power of ten below the numbers to the one above."""

    def __init__(self, numbers: Sequence[float], start: float, end: float) -> None:
        self._low = math.floor(math.log10(min(numbers)))
        self._high = max(math.ceil(math.log10(max(numbers))), self._low + 1)
        self._start, self._end = start, end

    def place(self, number: float) -> float:
        share = (math.log10(number) - self._low) / (self._high - self._low)
        return round(self._start + share * (self._end - self._start), 1)

    def ticks(self) -> list[tuple[float, float]]:
        powers = [10.0**power for power in range(self._low, self._high + 1)]
        return [(power, self.place(power)) for power in powers]


def _spread(places: Sequence[float]) -> list[float]:
    """Move names apart that would overlap, downwards, in their order."""
    spread, last = list(places), -math.inf
    for number in sorted(range(len(places)), key=places.__getitem__):
        last = spread[number] = max(places[number], last + GAP)
    return spread


def _text(x: float, y: float, text: str, kind: str, weight: str = "", anchor: str = "") -> str:
    more = f' font-weight="{weight}"' if weight else ""
    more += f' text-anchor="{anchor}"' if anchor else ""
    more += f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{more}>{escape(text)}</text>'


def _format_tick(number: float) -> str:
    thousands = {10**6: "M", 10**3: "k"}
    unit = next((unit for unit in thousands if number >= unit), 1)
    return f"{number / unit:g}{thousands.get(unit, '')}"

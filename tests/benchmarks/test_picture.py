"""A picture of curves with logarithmic axes, as SVG."""

import re
from xml.etree import ElementTree as ET

import pytest
from tests.benchmarks.picture import Panel, compute_slope, draw

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("exponent", [-1, 0, 0.5, 1, 2])
def test_slope(exponent: float) -> None:
    """The slope is the exponent between the last two points, whatever was before."""
    points = [(10, 123.0), *((x, 7 * x**exponent) for x in (100, 1000))]

    assert compute_slope(points) == pytest.approx(exponent)


def test_draw() -> None:
    """Equal factors are equal distances; each curve has its name and slope at its end."""
    curve = [(10, 1), (100, 10), (1000, 100)]
    panel = Panel("Time & cost", "rows", "seconds", {"one": curve, "other": [(10, 50)]})

    picture = ET.fromstring(draw([panel, panel]))  # noqa: S314 - our own

    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert texts.count("Time & cost") == 2
    assert {"rows", "seconds", "one", "slope 1.00", "other", "10", "100", "1k"} <= set(texts)
    assert texts.count("slope 1.00") == 2  # a single point has none
    line = next(picture.iter(f"{SVG}polyline")).get("points", "")
    first, second, third = (tuple(map(float, xy.split(","))) for xy in line.split())
    assert third[0] - second[0] == pytest.approx(second[0] - first[0], abs=0.2)
    assert third[1] - second[1] == pytest.approx(second[1] - first[1], abs=0.2)
    assert third[1] < first[1]  # up is less


def test_names_of_close_curves() -> None:
    """Names of curves that end at the same point do not overlap."""
    curves = {name: [(1, 5), (10, 5 + n / 100)] for n, name in enumerate("abcd")}

    svg = draw([Panel("", "", "", curves)])

    places = [float(y) for y in re.findall(r'y="([\d.]+)">[abcd]<', svg)]
    assert len(places) == 4
    assert all(abs(one - other) >= 30 for one in places for other in places if one is not other)


def test_dark() -> None:
    """The picture has its own paper, and all its colours for dark screens, too."""
    light, _, dark = draw([Panel("", "", "", {"a": [(1, 1)]})]).partition("prefers-color-scheme")

    for name in (".paper", ".ink", ".grid", ".c0", ".c3"):
        pattern = rf"\{name} {{ (.*?) }}"
        assert re.search(pattern, light)[1] != re.search(pattern, dark)[1]  # type: ignore[index]

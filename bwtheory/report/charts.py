"""Line charts as SVG within the page, with the numbers that its script shows under the pointer.

Not plotly: its Python package (7.1.0) embeds 4.8 MB of script, of which a report needs lines on two axes.  These are a few
kilobytes, print as they stand, and can be read without the script.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from bwtheory.training.judgement import is_number

WIDTH, HEIGHT = 440, 290
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 40
STYLES = 8  # colours of page.css, each with dashes of its own
MOST_POINTS = 400  # of a line
MOST_DECADES = 14  # of a logarithmic axis: below that is rounding


@dataclass(frozen=True)
class Line:
    """A named line, with dots, or dots alone; ``style`` is the number of its colour and dashes, None for the truth's."""

    name: str
    style: int | None
    points: Sequence[tuple[float, float]]
    dots: bool = False
    joined: bool = True

    @property
    def css_class(self) -> str:
        """In page.css."""
        return "truth" if self.style is None else f"s{self.style % STYLES}"


@dataclass(frozen=True)
class Chart:
    """Lines on two axes.

    x_ticks : labels by place, for an axis that counts things; else the axis has numbers
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    x_log: bool = False
    y_log: bool = False
    x_ticks: dict[float, str] = field(default_factory=dict)

    @property
    def drawable(self) -> list[Line]:
        """The lines with what can be drawn of them."""
        found = []
        for line in self.lines:
            points = [(x, y) for x, y in line.points if _can_be_drawn(x, self.x_log) and _can_be_drawn(y, self.y_log)]
            if points:
                found.append(replace(line, points=thinned(points)))
        return found

    def svg(self) -> Markup:
        """The drawing; its text alternative says what is drawn and where each line ends."""
        lines = self.drawable
        x, y = self._axes(lines)
        root = ElementTree.Element(
            "svg", {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "class": "chart", "aria-label": self.alternative}
        )
        for place, label in self.x_ticks.items() or x.ticks():
            at = x(place)
            ElementTree.SubElement(root, "line", _line(at, TOP, at, HEIGHT - BOTTOM, "grid"))
            _text(root, at, HEIGHT - BOTTOM + 15, label, "middle")
        for place, label in y.ticks():
            at = y(place)
            ElementTree.SubElement(root, "line", _line(LEFT, at, WIDTH - RIGHT, at, "grid"))
            _text(root, LEFT - 6, at + 4, label, "end")
        _text(root, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, self.x_label, "middle")
        turned = _text(root, 0, 0, self.y_label, "middle")
        turned.set("transform", f"translate(13 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)")
        for line in lines:
            places = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line.points)
            if line.joined and len(line.points) > 1:
                ElementTree.SubElement(root, "polyline", {"points": places, "class": f"line {line.css_class}"})
            if line.dots or len(line.points) == 1:
                for a, b in line.points:
                    dot = {"cx": f"{x(a):.1f}", "cy": f"{y(b):.1f}", "r": "3", "class": f"dot {line.css_class}"}
                    ElementTree.SubElement(root, "circle", dot)
        return Markup(ElementTree.tostring(root, encoding="unicode"))

    def data(self) -> dict[str, Any]:
        """What the script needs to show numbers: axes and points, six digits each."""
        lines = self.drawable
        x, y = self._axes(lines)
        named = [[place, label] for place, label in self.x_ticks.items()]
        return {
            "x": {"log": self.x_log, "from": x.low, "to": x.high, "at": [LEFT, WIDTH - RIGHT], "label": self.x_label},
            "y": {"log": self.y_log, "from": y.low, "to": y.high, "at": [HEIGHT - BOTTOM, TOP], "label": self.y_label},
            "ticks": named,
            "lines": [
                {"name": line.name, "style": line.css_class, "points": [[_six(a), _six(b)] for a, b in line.points]}
                for line in lines
            ],
        }

    @property
    def alternative(self) -> str:
        """The chart in words."""
        ends = [f"{line.name}: {line.points[-1][1]:.4g} at {line.points[-1][0]:.4g}" for line in self.drawable[:12]]
        return f"{self.title}: {self.y_label} against {self.x_label}. Last points: {'; '.join(ends)}."

    def _axes(self, lines: Sequence[Line]) -> tuple[Axis, Axis]:
        across = [x for line in lines for x, _ in line.points] + list(self.x_ticks)
        up = [y for line in lines for _, y in line.points]
        return Axis(across, self.x_log, LEFT, WIDTH - RIGHT), Axis(up, self.y_log, HEIGHT - BOTTOM, TOP, margin=0.05)


class Axis:
    """From numbers to places between ``start`` and ``end``."""

    def __init__(self, numbers: Sequence[float], log: bool, start: float, end: float, margin: float = 0.0):
        self.log, self.start, self.end = log, start, end
        low, high = min(numbers), max(numbers)
        if log:
            low = max(low, high * 10.0**-MOST_DECADES)
            if low == high:
                low, high = low / 2, high * 2
            reach = (high / low) ** margin
            low, high = low / reach, high * reach
        else:
            reach = margin * (high - low) or (abs(high) / 10 or 1.0) * (low == high)
            low, high = low - reach, high + reach
        self.low, self.high = low, high

    def __call__(self, number: float) -> float:
        if self.log:
            part = math.log(max(number, self.low) / self.low) / math.log(self.high / self.low)
        else:
            part = (number - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """About five round numbers."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            if last - first >= 2:
                every = max(1, -(-(last - first) // 5))
                return [(10.0**power, _power(power)) for power in range(first, last + 1, every)]
            numbers = [n * 10.0**power for power in range(first - 1, last + 1) for n in (1, 2, 5)]
            within = [(number, f"{number:.3g}") for number in numbers if self.low <= number * (1 + 1e-9) <= self.high]
            if len(within) > 1:
                return within
        step = _round_step((self.high - self.low) / 6)
        whole = range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)
        return [(n * step, f"{n * step:.6g}") for n in whole]


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most about ``MOST_POINTS`` of them, among them the first and the last: half evenly, half closer at the beginning."""
    count = len(points)
    if count <= MOST_POINTS:
        return list(points)
    half = MOST_POINTS // 2
    even = {round(n * (count - 1) / (half - 1)) for n in range(half)}
    early = {round((count - 1) ** (n / (half - 1))) for n in range(half)}
    return [points[n] for n in sorted({0} | even | early)]


def _can_be_drawn(number: Any, log: bool) -> bool:
    return is_number(number) and abs(number) < 1e300 and (not log or number > 1e-300)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * 0.999)


def _power(power: int) -> str:
    if -3 <= power <= 4:
        return f"{10.0**power:g}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _six(number: float) -> float:
    return float(f"{number:.6g}")


def _line(x1: float, y1: float, x2: float, y2: float, name: str) -> dict[str, str]:
    return {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}", "class": name}


def _text(root: ElementTree.Element, x: float, y: float, text: str, anchor: str) -> ElementTree.Element:
    element = ElementTree.SubElement(root, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor})
    element.text = text
    return element

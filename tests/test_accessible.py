"""For people who see little or no pictures: texts for images, and contrast of colours (WCAG 2, level AA)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)|<img\s[^>]*>")
TEXT, GRAPHICS = 4.5, 3.0  # contrasts that AA asks of small text, and of parts of a graphic


def images(text: str) -> list[str]:
    """The text for each image of a page; empty where there is none."""
    found = []
    for match in IMAGE.finditer(text):
        alt = re.search(r'alt="([^"]*)"', match[0]) if match[0].startswith("<") else None
        found.append(match[1] or (alt[1] if alt else ""))
    return found


def luminance(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb by WCAG 2."""
    digits = colour.removeprefix("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_images_are_described(document):
    for alt in images(document.read_text(encoding="utf-8")):
        assert len(alt.split()) >= 4, f"{document.name}: {alt!r} says too little"


def test_a_missing_description_is_found():
    assert images('![](a.png) <img src="b.png"> ![a b](c.png) <img alt="x y" src="d.png">') == ["", "", "a b", "x y"]


def test_the_report_can_be_read_in_both_themes():
    css = next((ROOT / "bwtheory" / "report").glob("*.css")).read_text(encoding="utf-8")
    themes = re.findall(r"\{[^{}]*?--page:[^{}]*\}", css)
    assert len(themes) >= 2
    for theme in themes[:2]:
        colours = dict(re.findall(r"--([\w]+): (#[0-9a-f]{3,6})", theme))
        for name, colour in colours.items():
            if name in ("text", "quiet", "link"):
                assert min(contrast(colour, colours[ground]) for ground in ("page", "box")) >= TEXT, name
            if re.fullmatch(r"c\d", name):
                assert contrast(colour, colours["page"]) >= GRAPHICS, name


def test_verdicts_on_the_site_can_be_read():
    css = (ROOT / "docs" / "assets" / "site.css").read_text(encoding="utf-8")
    pairs = re.findall(r"background: (#[0-9a-f]{6}); color: (#[0-9a-f]{6})", css)
    assert len(pairs) >= 5 and all(contrast(*pair) >= TEXT for pair in pairs)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000", "#ffffff") == pytest.approx(21) and contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)

"""A hook of MkDocs: formulas become MathML when the site is built, so that a reader needs no script and no network."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ElementTree

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, page, **_) -> str:
    """Replace what pymdownx.arithmatex has marked."""
    try:
        return _FORMULA.sub(lambda match: mathml(html.unescape(match[3]), match[2] == "["), content)
    except ValueError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from None


def mathml(latex: str, display: bool = False) -> str:
    """MathML of a formula; ValueError for a command that the converter does not know, which it would print as it is."""
    result = convert(" ".join(latex.split()), display="block" if display else "inline")
    try:
        root = ElementTree.fromstring(result)
    except ElementTree.ParseError:
        raise ValueError(f"no MathML can be made of the formula {latex!r}") from None
    if unknown := [text for text in root.itertext() if "\\" in text]:
        raise ValueError(f"{unknown[0]} is not known, in the formula {latex!r}")
    return result

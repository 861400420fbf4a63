"""A hook of MkDocs: formulas become MathML when the site is built, so that a reader needs no script and no network."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ElementTree

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"
_MO, _MI = f"{{{_NAMESPACE}}}mo", f"{{{_NAMESPACE}}}mi"
_CLOSING = (")", "]", "⟩", "‖", "|", "…", "∞")
ElementTree.register_namespace("", _NAMESPACE)
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
    _space(root)
    return ElementTree.tostring(root, encoding="unicode")


def _space(root: ElementTree.Element) -> None:
    """What MathML leaves to its author: signs of numbers, functions without brackets, fractions on a line, norms."""
    for row in root.iter():
        children = list(row)
        for before, element, after in zip([None, *children], children, [*children[1:], None]):
            opens = before is None or (before.tag == _MO and before.text not in _CLOSING)
            if element.tag == _MO and element.text in ("+", "−") and opens:
                element.set("form", "prefix")
            elif element.tag == _MO and element.text == "‖":
                element.set("stretchy", "false")
            elif element.tag == _MO and element.text == "/":
                element.set("lspace", "0.05em")
                element.set("rspace", "0.05em")
            elif element.tag in (_MO, _MI) and len(element.text or "") > 1 and (element.text or "").isalpha():
                bracket = after is not None and after.tag == _MO
                element.tag = _MO
                element.set("form", "prefix")
                element.set("lspace", "0.17em" if before is not None else "0")
                element.set("rspace", "0" if bracket or after is None else "0.17em")

"""A hook of MkDocs: after the build, no page or style sheet may load anything from the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from mkdocs.exceptions import PluginError

_LOADING = {"src", "srcset", "poster", "data"}  # an href loads only in a <link>; in an <a> it waits for a click
_ELSEWHERE = re.compile(r"(?:https?:)?//")
_IN_STYLES = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")


class _Resources(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        loads = [value for name, value in given.items() if name in _LOADING]
        if tag == "link" and given.get("rel") not in ("canonical", "alternate", "next", "prev", "author", "license"):
            loads.append(given.get("href", ""))
        loads += _IN_STYLES.findall(given.get("style", ""))
        self.addresses += [address for address in loads if _ELSEWHERE.match(address.strip())]


def loaded_from_elsewhere(site: Path) -> Iterator[tuple[str, str]]:
    """(file, address) of everything that a browser would fetch from another host when it opens a page of the site."""
    for path in sorted(site.rglob("*")):
        if path.suffix == ".html":
            parser = _Resources()
            text = path.read_text(encoding="utf-8")
            parser.feed(text)
            styles = re.findall(r"<style.*?</style>", text, re.DOTALL)
            found = parser.addresses + [address for style in styles for address in _IN_STYLES.findall(style)]
        elif path.suffix == ".css":
            found = _IN_STYLES.findall(path.read_text(encoding="utf-8"))
        else:
            continue
        yield from ((path.relative_to(site).as_posix(), address) for address in found)


def on_post_build(config, **_) -> None:
    """End the build at the first address that is not of this site."""
    for name, address in loaded_from_elsewhere(Path(config.site_dir)):
        raise PluginError(f"{name} loads {address}: the site must work without a network.")

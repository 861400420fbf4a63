"""Where a file of the repository is in the site, and links rewritten accordingly.

The Markdown files link to each other, and to sources, as the repository has them.  The site has the pages of docs/ under their
names, some pages under names of its own, and any other file that a page links to under source/.
"""

from __future__ import annotations

import os.path
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {  # of the repository, and their names in the site
    "README.md": "index.md",
    "paper_checks.md": "ledger/index.md",
    "proofs/README.md": "proofs/theorems.md",
    "proofs/Statements.v": "proofs/statements.md",
    "benchmarks/README.md": "benchmarks.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
IMAGES = (".png", ".svg", ".jpg", ".gif")
_FENCE = re.compile(r"^ *(?:```|~~~)")
_LINK = re.compile(r"(\]\(|\bsrc=\"|\bhref=\")([^)\s\"#]+)(#[^)\s\"]*)?")
_SCHEME = re.compile(r"[a-z]+:|//")


def page_of(path: str) -> str:
    """Name in the site of a file or folder of the repository."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/") and not path.endswith(".py"):  # programs are not pages: mkdocs.yml
        return path.removeprefix("docs/")
    if (ROOT / path).is_dir():
        return f"source/{path}/index.md"
    return f"source/{path}" if path.endswith((".md", *IMAGES)) else f"source/{path}.md"


def page_of_claim(anchor: str) -> str | None:
    """Name in the site of the claim whose entry in paper_checks.md has this anchor, "#thm-31--loose" for thm-3.1."""
    ledger = (ROOT / "verify" / "claims.toml").read_text(encoding="utf-8")
    names = {
        identifier.lower().replace(".", ""): identifier for identifier in re.findall(r'^id = "(.+)"', ledger, re.MULTILINE)
    }
    name = names.get(anchor.removeprefix("#").partition("--")[0])
    return name and f"ledger/{name}.md"


def _theorem_at(anchor: str) -> str:
    """The heading in the site of the theorem at a line of Statements.v, "#L58"; others as they are."""
    if not re.fullmatch(r"#L\d+", anchor):
        return anchor
    line = (ROOT / "proofs" / "Statements.v").read_text(encoding="utf-8").splitlines()[int(anchor[2:]) - 1]
    theorem = re.match(r"Theorem (\w+)", line)
    return f"#{theorem[1].lower()}" if theorem else ""


def links_of(markdown: str, origin: str) -> set[str]:
    """Files and folders of the repository to which this text links, the text being that of the file ``origin``."""
    found: set[str] = set()

    def collect(path: str, anchor: str) -> str:
        found.add(path)
        return path

    _each_link(markdown, origin, collect)
    return found


def rewritten(markdown: str, origin: str, page: str) -> str:
    """The text of the file ``origin`` as the text of a page of the site, with its links to files of the repository."""

    def from_page(path: str, anchor: str) -> str:
        claim = page_of_claim(anchor) if path == "paper_checks.md" and anchor else None
        anchor = _theorem_at(anchor) if path == "proofs/Statements.v" else anchor
        return posixpath.relpath(claim or page_of(path), posixpath.dirname(page) or ".") + ("" if claim else anchor)

    return _each_link(markdown, origin, from_page)


def _each_link(markdown: str, origin: str, answer: Callable[[str, str], str]) -> str:
    """Replace what links name by what ``answer`` says of the file or folder and of the anchor, outside of code blocks."""

    def replaced(match: re.Match[str]) -> str:
        path = os.path.normpath(posixpath.join(posixpath.dirname(origin), match[2]))
        ours = not _SCHEME.match(match[2]) and not path.startswith("..") and (ROOT / path).exists()
        return match[1] + (answer(path, match[3] or "") if ours else match[2] + (match[3] or ""))

    lines, code = [], False
    for line in markdown.split("\n"):
        code ^= bool(_FENCE.match(line))
        lines.append(line if code else _LINK.sub(replaced, line))
    return "\n".join(lines)

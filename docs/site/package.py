"""README.md for a package index, which shows it without the repository's files: ``python docs/site/package.py`` writes it.

Pictures of the repository are left out, and links to its files become text.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("README.package.md")  # which pyproject.toml names
_PICTURE = re.compile(r"^(!\[.*\]\(|<img )(?!.*https?:).*\n+", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)\s]+\)")
_NOTHING_ELSE = re.compile(rf" \({_LINK.pattern}\)")  # in parentheses


def without_files(text: str) -> str:
    """Markdown with absolute links only."""
    return _LINK.sub(r"\1", _NOTHING_ELSE.sub("", _PICTURE.sub("", text)))


def main() -> None:
    """Write it."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FILE.write_text(without_files((ROOT / "README.md").read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

"""A hook of MkDocs: the pages that are not files of docs/, links as the site needs them, and a nav of what exists.

These pages are made: the README as the first page, the READMEs of other folders, a page for each claim of the ledger, one for
each source file that a page links to, and the reference of the public names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger_pages import ledger_pages
from links import IMAGES, PAGES, ROOT, links_of, page_of, rewritten
from mkdocs.structure.files import File, Files

LANGUAGES = {".py": "python", ".toml": "toml", ".v": "coq", ".json": "json", ".sh": "bash", ".cff": "yaml", ".yml": "yaml"}
_NOT_SEARCHED = "---\nsearch:\n  exclude: true\n---\n"
LARGEST_SOURCE = 200_000  # bytes; a larger file is named and not shown


def on_config(config, **_) -> Any:
    """Leave out of the nav what is not there."""
    config.nav = list(_existing(config.nav))
    return config


def _existing(entries: list[Any]) -> Iterator[Any]:
    made = {PAGES[path] for path in PAGES if (ROOT / path).exists()} | {"api.md"}
    for entry in entries:
        title, target = next(iter(entry.items())) if isinstance(entry, dict) else (None, entry)
        if isinstance(target, list):
            yield {title: list(_existing(target))}
        elif target in made or (ROOT / "docs" / target).exists():
            yield entry


def on_files(files: Files, config, **_) -> Files:
    """Add the pages that are made."""
    made = dict(ledger_pages())
    made["api.md"] = _reference()
    made[PAGES["proofs/Statements.v"]] = _statements()
    pending = {path for path in PAGES if path.endswith(".md") and path != "paper_checks.md" and (ROOT / path).exists()}
    texts = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    pending |= {link for path, text in texts.items() for link in links_of(text, path)}
    pending |= {link for text in made.values() for link in re.findall(r"\]\(repository:([^)]+)\)", text)}
    while pending:
        path = pending.pop()
        page = page_of(path)
        if path == f"docs/{page}" or page in made:
            continue
        if path.endswith(IMAGES):
            files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
            continue
        text, origin = _text(path), f"{path}/index" if (ROOT / path).is_dir() else path
        made[page] = rewritten(text, origin, page)
        pending |= links_of(text, origin)
    for page, text in made.items():
        files.append(File.generated(config, page, content=_to_sources(text, page)))
    return files


def on_page_markdown(markdown: str, page, **_) -> str:
    """Links of the pages of docs/, as the site has the files."""
    if page.file.generated_by:
        return markdown
    return rewritten(markdown, f"docs/{page.file.src_uri}", page.file.src_uri)


def _to_sources(text: str, page: str) -> str:
    """The links that generated pages write as repository:PATH."""
    up = "../" * page.count("/")
    return re.sub(r"\]\(repository:([^)#]+)", lambda match: f"]({up}{page_of(match[1])}", text)


def _text(path: str) -> str:
    """A file of the repository as Markdown; of a folder, the list of its files."""
    source = ROOT / path
    if source.is_dir():
        names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in source.iterdir())
        shown = [name for name in names if not name.startswith((".", "__"))]
        return f"# {path}/\n\n" + "\n".join(
            f"- [{name}]({name})" if Path(name).suffix in (*LANGUAGES, *IMAGES, ".md") else f"- {name}" for name in shown
        )
    if source.stat().st_size > LARGEST_SOURCE:
        size = f"{source.stat().st_size:,}"
        return f"{_NOT_SEARCHED}# {path}\n\nThe file has {size} bytes and is not shown here; it is in the repository.\n"
    text = source.read_text(encoding="utf-8")
    return (
        text
        if source.suffix == ".md"
        else f"{_NOT_SEARCHED}# {path}\n\n~~~~ {LANGUAGES.get(source.suffix, 'text')}\n{text}\n~~~~\n"
    )


def _statements() -> str:
    """proofs/Statements.v with a heading for each theorem, to link to."""
    source = (ROOT / "proofs" / "Statements.v").read_text(encoding="utf-8")
    lines = [
        "# What Coq has proved",
        "",
        "The statements of `proofs/Statements.v`, each with its comment and without the line that names its proof. "
        "The words are those of [Definitions.v](repository:proofs/Definitions.v). "
        "[What must be trusted](../proved.md#what-you-must-trust).",
    ]
    for comment, statement, name in theorems(source):
        lines += ["", f"## {name}", "", comment, "", "~~~~ coq", statement, "~~~~"]
    return "\n".join(lines) + "\n"


def theorems(source: str) -> Iterator[tuple[str, str, str]]:
    """(comment before it, statement, name) of every theorem."""
    pattern = r"(?:^\(\* (?!=)((?:(?!\*\)).)*) \*\)\n)?^(Theorem (\w+).*?\.)\nProof"
    for match in re.finditer(pattern, source, re.DOTALL | re.MULTILINE):
        yield " ".join((match[1] or "").split()), match[2], match[3]


def _reference() -> str:
    """The public names, grouped by the package that has them."""
    lines = ["# Python reference", "", "The public names; they stay as they are from version to version.", ""]
    for package in ("bwtheory", "bwtheory.nn"):
        lines += [f"## {package}", ""]
        lines += [f"::: {package}.{name}\n" for name in public_names(package)]
    return "\n".join(lines)


def public_names(package: str) -> list[str]:
    """Its __all__, read without importing it, classes first."""
    tree = ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return sorted(ast.literal_eval(node.value), key=lambda name: (name[0].islower(), name))
    raise ValueError(f"{package}/__init__.py has no __all__.")

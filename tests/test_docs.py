"""The documents: links and anchors lead somewhere, examples run, and the commands, flags and files that they name exist."""

from __future__ import annotations

import doctest
import html
import importlib
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bwtheory import proof_record
from bwtheory.cli.commands import COMMANDS
from bwtheory.cli.edge import BadInput
from bwtheory.cli.words import flags_of, parse, refuse_unknown_words

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/*.md", "docs/theorems/*.md", "proofs/README.md", "benchmarks/README.md", "results/README.md")
    for path in sorted(ROOT.glob(pattern))
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<(?:img|a)\s[^>]*?(?:src|href)=\"([^\"]+)\"")
SCHEME = re.compile(r"[a-z]+:")
PLACEHOLDER = re.compile(r"[…\[\]]|\.\.\.|(?<![-A-Z])[A-Z]{2,}(?![-A-Z.])")  # ID, RUN, [NAME ...]
documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
# CHANGELOG.md names what was, and CONTRIBUTING.md what a reader adds; its examples have a test of their own.
LIVING = [path for path in DOCUMENTS if path.name not in ("CHANGELOG.md", "CONTRIBUTING.md")]
living = pytest.mark.parametrize("document", LIVING, ids=lambda path: path.relative_to(ROOT).as_posix())


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def prose(markdown: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^(```|~~~).*?^\1", "", markdown, flags=re.DOTALL | re.MULTILINE)


def fenced(markdown: str, language: str) -> Iterator[str]:
    """The contents of the fenced blocks of a language ("" for none)."""
    for match in re.finditer(r"^```([\w-]*)\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE):
        if match[1] == language:
            yield match[2]


def spans(markdown: str) -> list[str]:
    """What stands between single backticks, on one line each."""
    return [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose(markdown))]


# --- Links -----------------------------------------------------------------------------------------------------------


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors that GitHub gives to the headings of a document."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(read(path)), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        names.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(names)


@cache
def lines_of(path: Path) -> frozenset[str]:
    """The anchors that GitHub gives to the lines of a source file."""
    return frozenset(f"L{number}" for number, _ in enumerate(read(path).splitlines(), 1))


def broken_links(document: Path, root: Path = ROOT) -> list[str]:
    """Links of a document that lead to no file, no heading, or out of the repository."""
    found = []
    for match in LINK.finditer(prose(read(document))):
        link = match[1] or match[2]
        if SCHEME.match(link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.is_relative_to(root) or not target.exists():
            found.append(f"{link}: there is no {name}")
        elif anchor and anchor not in (anchors(target) if target.suffix == ".md" else lines_of(target)):
            found.append(f"{link}: there is no such heading or line")
    return found


@documents
def test_links_and_anchors_lead_somewhere(document):
    assert broken_links(document) == []


def test_a_wrong_link_is_found(tmp_path):
    """Each kind of broken link, beside right ones."""
    page = tmp_path / "page.md"
    page.write_text(
        "# A — b\n[ok](page.md#a--b) [ok](#a--b) [ok](https://example.org/x#y)\n```\n[no](link.md)\n```\n"
        "[one](gone.md) ![two](gone.png) [three](#c) <img alt='' src=\"gone.svg\"> [four](../outside.md)\n"
        "[ok](code.v#L2) [five](code.v#L3)\n",
        encoding="utf-8",
    )
    (tmp_path.parent / "outside.md").touch()
    (tmp_path / "code.v").write_text("one\ntwo\n", encoding="utf-8")
    assert [line.partition(": ")[0] for line in broken_links(page, tmp_path)] == [
        *("gone.md", "gone.png", "#c", "gone.svg", "../outside.md", "code.v#L3"),
    ]


# --- Nothing twice on a page -----------------------------------------------------------------------------------------

PAGES = sorted({*DOCUMENTS, *(ROOT / "results").rglob("*.md"), *(ROOT / "docs" / "site").glob("*.md")})
# The ledger is written from its entries, and entries about the panels of one figure share its caption, scope and controls.
ALIKE = {ROOT / "paper_checks.md"}
LONG = 100  # characters: a shorter paragraph may say the same in two contexts


def repeated_headings(markdown: str) -> list[str]:
    """Headings that are twice on a page, at the same level and below the same headings."""
    seen: Counter[tuple[str, ...]] = Counter()
    trail: list[str] = []
    for marks, heading in re.findall(r"^(#{1,6}) +(.+?) *#*$", prose(markdown), re.MULTILINE):
        trail = [*(trail + [""] * 6)[: len(marks) - 1], heading]
        seen[tuple(trail)] += 1
    return [" > ".join(filter(None, path)) for path, count in seen.items() if count > 1]


def repeated_markers(markdown: str) -> list[str]:
    """HTML comments that are twice on a page; two of them enclose what a command writes."""
    return [comment for comment, count in Counter(re.findall(r"<!--.*?-->", prose(markdown), re.DOTALL)).items() if count > 1]


def repeated_paragraphs(markdown: str) -> list[str]:
    """Paragraphs, items of lists, and whole tables that are twice on a page."""
    parts = re.split(r"\n\s*\n|\n(?= *(?:[-*]|\d+\.) )", prose(markdown))
    seen = Counter(" ".join(part.split()) for part in parts)
    return [part for part, count in seen.items() if count > 1 and len(part) > LONG]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_is_twice_on_a_page(page):
    """As after a merge that keeps both versions of a section."""
    text = read(page)
    assert repeated_headings(text) + repeated_markers(text) == []
    assert page in ALIKE or repeated_paragraphs(text) == []


def test_what_is_twice_on_a_page_is_found():
    page = "# A\n\n## B\n\n### C\n\n## D\n\n### C\n\n```\n## B\n## B\n```\n"
    assert repeated_headings(page) == []
    assert repeated_headings(page + "### C\n## B ##\n") == ["A > B", "A > D > C"]
    region = "<!-- written by x -->\n1\n<!-- end -->\n"
    assert repeated_markers(region) == []
    assert repeated_markers(region + "\n<!-- written by x -->\n2\n") == ["<!-- written by x -->"]
    long = "word " * 21
    assert repeated_paragraphs(f"- {long}a\n- {long}b\n\n{long}\n\nshort\n\nshort\n\n```\n{long}\n```\n") == []
    assert repeated_paragraphs(f"{long}\n\nother\n\n{long.replace(' ', chr(10), 1)}") == [long.strip()]
    assert repeated_paragraphs(f"* {long}\n* {long}\n") == [f"* {long.strip()}"]


# --- Commands, flags, targets, files ---------------------------------------------------------------------------------


def command_lines(markdown: str) -> list[str]:
    """Lines of shell blocks and spans that call bwtheory, without prompts, comments and what comes after a pipe."""
    blocks = "\n".join(
        [*fenced(markdown, ""), *fenced(markdown, "bash"), *fenced(markdown, "sh"), *fenced(markdown, "console")]
    )
    lines = blocks.replace("\\\n", " ").splitlines() + spans(markdown)
    calls = (re.split(r"\s+#\s|\s+\|\s", line.strip().removeprefix("$ "))[0] for line in lines)
    return [
        call for call in (call.replace("python -m bwtheory ", "bwtheory ") for call in calls) if call.startswith("bwtheory ")
    ]


def refuse_command_line(line: str) -> None:
    """BadInput unless command and flags exist and all values can be read; these only where there is no placeholder.

    A command alone, as in "`bwtheory compare` writes", is a name and needs no values.
    """
    words = shlex.split(re.sub(r"[\[\]…]|\.\.\.", " ", line))[1:]
    if words == ["--version"]:
        return
    refuse_unknown_words(words)
    if len(words) > 1 and not PLACEHOLDER.search(line) and "--help" not in words:
        parse(words)


@living
def test_command_lines_can_be_parsed(document):
    for line in command_lines(read(document)):
        try:
            refuse_command_line(line)
        except BadInput as error:
            pytest.fail(f"{line}: {error}")


@pytest.mark.parametrize(
    "line",
    [
        "bwtheory train signal --image photo.png --epochs many",
        "bwtheory train signal --image photo.png --epoch 5",
        "bwtheory render --size 64x64",
        "bwtheory verifies",
        "bwtheory reproduce fig1",
        "bwtheory figures [NAME ...] [--to DIR]",
    ],
)
def test_a_wrong_command_line_is_found(line):
    assert command_lines(f"Text.\n```\n{line}  # why\n```\n") == [line]
    assert command_lines(f"Text with `{line}` in it.") == [line]
    with pytest.raises(BadInput):
        refuse_command_line(line)


@cache
def known_flags() -> frozenset[str]:
    """Flags of bwtheory's commands, and of the programs of the repository that have some of their own."""
    sources = [
        path
        for folder in ("bwtheory", "benchmarks", "docs", "figures", "proofs", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    own = {flag for path in sources for flag in re.findall(r"add_argument\([^)]*?\"(--[\w-]+)\"", read(path))}
    return frozenset({flag for command in COMMANDS.values() for flag in flags_of(command)} | own | {"--help", "--version"})


def unknown_flags(markdown: str) -> set[str]:
    """Flags in spans that no command and no program of the repository has."""
    found = (re.findall(r"--[a-z][\w-]*", span) for span in spans(markdown) if span.startswith("--"))
    return {flag for flags in found for flag in flags} - known_flags()


def unknown_targets(markdown: str) -> set[str]:
    """Targets of make that the Makefile does not have."""
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    lines = [line for block in fenced(markdown, "") for line in block.splitlines()] + spans(markdown)
    calls = [line.partition("#")[0].split()[1:] for line in lines if line.startswith("make ") and " -f " not in line]
    return {word for call in calls for word in call if re.fullmatch(r"[a-z][a-z-]*", word)} - targets


def missing_files(markdown: str) -> set[str]:
    """Files of the repository in spans that are not there; those of the package may be named without its folder."""
    packages = "|".join(path.parent.name for path in (ROOT / "bwtheory").glob("*/__init__.py"))
    folders = f"bwtheory|docs|tests|verify|proofs|results|figures|benchmarks|{packages}"
    pattern = rf"(?:{folders})/[\w./-]+\.(?:py|md|toml|json|v|png|sh)"
    named = {span for span in spans(markdown) if re.fullmatch(pattern, span)} - WRITTEN_LATER
    return {name for name in named if not (ROOT / name).exists() and not (ROOT / "bwtheory" / name).exists()}


WRITTEN_LATER = {
    f"results/{name}.{end}" for name in ("portability", "mutants") for end in ("json", "md")
}  # by commands of make


@living
def test_flags_targets_and_files_exist(document):
    text = read(document)
    assert unknown_flags(text) | unknown_targets(text) | missing_files(text) == set()


def test_wrong_flags_targets_and_files_are_found():
    assert unknown_flags("`--image FILE --imag` and `--out`, not ```\n--no\n```") == {"--imag"}
    assert unknown_targets("`make verify` and `make nothing`\n```\nmake more   # of it\nmake test\n```\n") == {
        "nothing",
        "more",
    }
    named = "`bwtheory/wavelet.py` `bwtheory/wavelets.py` `runs/x.py` `nn/network.py` `nn/networks.py`"
    assert missing_files(named) == {"bwtheory/wavelets.py", "nn/networks.py"}


PAIR = re.compile(r"(?<!± )\d+\.\d / \d+\.\d")  # dB on the pixels / between them


def unknown_pairs(document: Path) -> list[str]:
    """Pairs of a paragraph, or of the table after it, that are in none of the pages of results to which the paragraph links."""
    found = []
    for part in re.split(r"\n\s*\n(?!\|)", prose(read(document)).replace("**", "")):
        linked = [document.parent / name for name in re.findall(r"\]\(([^)\s]*results/[^)\s#]+\.md)", part)]
        tables = "".join(map(read, linked))
        found += [pair for pair in PAIR.findall(part) if linked and pair not in tables]
    return found


@living
def test_pairs_are_those_of_the_results(document):
    assert unknown_pairs(document) == []


def test_a_pair_that_is_in_no_result_is_found(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.md").write_text("| 30.1 / 20.2 | 5.0 / 6.0 |", encoding="utf-8")
    page = tmp_path / "page.md"
    text = "It has **30.1** / 20.2 and 9.9 / 8.8 ([table](results/a.md)):\n\n| 5.0 / 6.0 | 7.0 / 6.0 |"
    page.write_text(f"{text} 2.0 ± 1.0 / 3.0 |\n\n1.0 / 1.0", encoding="utf-8")
    assert unknown_pairs(page) == ["9.9 / 8.8", "7.0 / 6.0"]


# --- Examples --------------------------------------------------------------------------------------------------------


def failures(markdown: str) -> str:
    """What goes wrong when the ```pycon blocks of a page are run in order as one session; empty if nothing does."""
    session = doctest.DocTestParser().get_doctest("\n".join(fenced(markdown, "pycon")), {}, "page", None, 0)
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(session, out=report.append)
    return "".join(report)


@living
def test_sessions_run(document):
    assert failures(read(document)) == ""


def test_a_wrong_session_is_found():
    page = "```pycon\n>>> x = 1\n\n```\nText.\n```pycon\n>>> x\n{}\n\n```\n"
    assert failures(page.format(1)) == ""
    assert "Expected:\n    2\nGot:\n    1" in failures(page.format(2))


@living
def test_python_blocks_are_python(document):
    for block in fenced(read(document), "python"):
        compile(block, document.name, "exec")


def wrong_names(markdown: str) -> list[str]:
    """Names that examples and spans of a page take from bwtheory, as bw.NAME or by an import, and that it does not have."""
    code = [*fenced(markdown, "python"), *fenced(markdown, "pycon"), *spans(markdown)]
    used = [("bwtheory", name) for text in code for name in re.findall(r"\bbw\.(\w+)", text)]
    for text in code:
        for module, names in re.findall(r"\bfrom (bwtheory[\w.]*) import ([\w, ]+)", text):
            used += [(module, name.strip()) for name in names.split(",")]
    return [f"{module}.{name}" for module, name in used if name not in dir(importlib.import_module(module))]


@living
def test_names_of_examples_exist(document):
    assert wrong_names(read(document)) == []


def test_a_wrong_name_is_found():
    page = "`bw.fitt(x)` `bw.load` ```\n```python\nfrom bwtheory.nn import INR, Inr\nbw.BSplineWavelet()\n```\n"
    assert sorted(wrong_names(page)) == ["bwtheory.fitt", "bwtheory.nn.Inr"]


# --- The site's own code ---------------------------------------------------------------------------------------------


@pytest.fixture
def site(monkeypatch):
    """The folder of MkDocs' hooks, to import from."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("latex2mathml")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "site"))


def test_formulas_of_the_documents_become_mathml(site):
    from formulas import mathml

    for document in DOCUMENTS:
        text = re.sub(r"(?<!`)`[^`]+`(?!`)", "", prose(read(document)))
        for formula in re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", text, re.DOTALL):
            assert mathml("".join(formula)).startswith("<math")


@pytest.mark.parametrize("formula", [r"\nosuchcommand x", r"\begin{aligned}a&=b\end{aligned}"])
def test_a_formula_that_would_be_shown_raw_is_refused(site, formula):
    from formulas import mathml

    with pytest.raises(ValueError, match="formula"):
        mathml(formula)


@pytest.mark.parametrize(
    ("name", "text", "loads"),
    [
        ("a.html", '<script src="https://cdn.example/x.js"></script>', True),
        ("a.html", '<link rel="stylesheet" href="//cdn.example/x.css">', True),
        ("a.html", "<style>@import url(https://cdn.example/x.css);</style>", True),
        ("a.html", '<p style="background: url(http://x.example/a.png)">', True),
        ("a.css", "@font-face { src: url('https://fonts.example/a.woff2') }", True),
        ("a.html", '<a href="https://example.org">a link</a><link rel="canonical" href="https://example.org/">', False),
        ("a.html", '<img src="a.png"><script src="../b.js"></script>', False),
    ],
)
def test_what_is_loaded_from_elsewhere_is_found(site, tmp_path, name, text, loads):
    from offline import loaded_from_elsewhere

    (tmp_path / name).write_text(text, encoding="utf-8")
    assert len(list(loaded_from_elsewhere(tmp_path))) == int(loads)


def test_links_lead_to_the_pages_of_the_site(site):
    from links import rewritten

    text = "[a](../paper_checks.md#thm-31--loose) [b](../proofs/README.md#x) [c](inputs.md) [d](../verify/claims.toml) [e](https://x.y)"
    assert rewritten(text, "docs/theory.md", "theory.md") == (
        "[a](ledger/thm-3.1.md) [b](proofs/theorems.md#x) [c](inputs.md) [d](source/verify/claims.toml.md) [e](https://x.y)"
    )
    assert rewritten("![x](docs/psi.png)", "README.md", "index.md") == "![x](psi.png)"
    assert rewritten("```\n[x](docs/psi.png)\n```", "README.md", "index.md") == "```\n[x](docs/psi.png)\n```"


def test_the_readme_of_the_package_needs_no_files(monkeypatch):
    """It is README.md of today; each of its links is absolute, and what README.md says is in it."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "site"))
    from package import FILE, without_files

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    written = FILE.read_text(encoding="utf-8")
    assert written == without_files(readme), "run `python docs/site/package.py`"
    assert not re.search(r"\]\((?!https://)|<img", written) and "](https://arxiv.org" in written
    text = "a [b](c.md#d) ([x](y)), [e](https://f.g)\n\n![h](i.png)\n\n<img src='j.png'>\n\n![k](https://l.m)\n"
    assert without_files(text) == "a b, [e](https://f.g)\n\n![k](https://l.m)\n"


def test_every_theorem_has_a_heading(site):
    from pages import theorems

    source = (ROOT / "proofs" / "Statements.v").read_text(encoding="utf-8")
    found = list(theorems(source))
    assert [name for _, _, name in found] == list(proof_record.stated(ROOT / "proofs"))
    assert all(statement.startswith(f"Theorem {name}") and "Proof" not in statement for _, statement, name in found)


def test_indices_and_exponents_of_the_ledger_are_set(site):
    from ledger_pages import plain

    assert plain("(G_ψ)_{ij} = ∫_0^1, λ_max, 2^(1−j), w_kᵀx") == (
        "(G<sub>ψ</sub>)<sub>ij</sub> = ∫<sub>0</sub><sup>1</sup>, λ<sub>max</sub>, 2<sup>1−j</sup>, w<sub>k</sub>ᵀx"
    )
    assert html.unescape(plain("psnr_paper, 7*K < |x|, $5, [a](b)")) == "psnr_paper, 7*K < |x|, $5, [a](b)"
    assert set("_*<|$[]") & set(plain("psnr_paper, 7*K < |x|, $5, [a](b)")) == set()

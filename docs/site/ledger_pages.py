"""A page for each claim of the ledger, and one with all of them, written from the checks that ran.

All checks take about a minute; their answers are kept in build/ledger.json until a file that they may depend on changes.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from links import ROOT
from mkdocs.plugins import get_plugin_logger

from bwtheory.claims import Check, Claim, Judgement, Ledger, Result, Verdict, load_ledger
from bwtheory.files import write_text
from bwtheory.ledger_page import first_sentence

log = get_plugin_logger("ledger")
CACHE = ROOT / "build" / "ledger.json"
FIGURES = {  # by the beginning of a claim's id, the longest that fits: image of docs/, and what it shows
    "fig-1-left": ("psi.png", "ψ and the seven ReLUs whose sum it is"),
    "thm-3.1": ("condition_numbers.png", "Condition numbers against the number of neurons"),
    "text-cubic": ("condition_numbers.png", "Condition numbers against the number of neurons"),
    "thm-3.3": ("condition_numbers.png", "Condition numbers against the number of neurons"),
    "thm-3.3-scales": ("wavelet_supports.png", "Supports of the wavelets, scale by scale"),
    "thm-3.3-span": ("wavelet_supports.png", "Supports of the wavelets, scale by scale"),
    "thm-3.3-approximation": ("wavelet_supports.png", "Supports of the wavelets, scale by scale"),
    "fig-2": ("full/fig2.png", "Our runs of Figure 2, all epochs and seeds"),
    "fig-2-few": ("full/fig2-readings.png", "Figure 2 from 20 samples, in three readings, over 20 seeds"),
    "first-1": ("full/fig2.png", "Our runs of Figure 2, all epochs and seeds"),
    "fig-3": ("full/fig3.png", "Our runs of Figure 3, all targets and seeds"),
    "fig-4": ("gallery/fig4.png", "Our runs of Figure 4 at small settings; no verdict rests on them"),
    "fig-5": ("full/fig5.png", "Our runs of Figure 5 on the paper's cameraman"),
    "fig-6": ("gallery/fig6.png", "Our runs of Figure 6 at small settings; no verdict rests on them"),
    "fig-7": ("gallery/fig7.png", "Our runs of Figure 7 at small settings; no verdict rests on them"),
    "fig-8": ("gallery/fig8.png", "Our runs of Figure 8 at small settings; no verdict rests on them"),
    "fig-9": ("gallery/fig9.png", "Our runs of Figure 9 at small settings; no verdict rests on them"),
    "next-1": ("full/next1.png", "Condition numbers of each layer's features during training"),
    "text-deep": ("full/next1.png", "Condition numbers of each layer's features during training"),
    "text-state-of-the-art": ("study/signal.png", "Our study: signal representation"),
}
_INDEX = re.compile(r"(?<=[^\W\d_]|[∫Σ)‖|⟩])(?<![^\W\d_]{2})_(\{[^}]*\}|min|max|\d+|[^\W\d_](?![^\W\d_ᵀ]))")
_EXPONENT = re.compile(r"\^(\{[^}]*\}|\([^)]*\)|[−-]?\d+|[^\W\d_]\b|[⁺*])")
_ANSWER = {True: "holds", False: "does not hold", None: "undecided"}


def ledger_pages() -> Iterator[tuple[str, str]]:
    """(name in the site, Markdown) of every page."""
    ledger = load_ledger(ROOT)
    judgements = judged(ledger)
    sections = section_of_each_claim()
    by_id = {j.claim.id: j for j in judgements}
    users: dict[str, list[str]] = {}
    for judgement in judgements:
        for lemma in judgement.claim.rests_on:
            users.setdefault(lemma, []).append(judgement.claim.id)
    yield "ledger/index.md", _overview(judgements, sections)
    for before, judgement, after in zip([None, *judgements], judgements, [*judgements[1:], None]):
        yield (
            f"ledger/{judgement.claim.id}.md",
            "\n".join(
                _page(judgement, ledger.checks[judgement.claim.id], by_id, users.get(judgement.claim.id, []))
                + ["", _neighbours(before, after)]
            ),
        )


# --- Answers of the checks -------------------------------------------------------------------------------------------


def judged(ledger: Ledger) -> list[Judgement]:
    """Every claim with the answers of its check, from build/ledger.json if that is still true."""
    key = _fingerprint()
    kept = json.loads(CACHE.read_text(encoding="utf-8")) if CACHE.is_file() else {}
    if kept.get("key") != key:
        log.info("Checking %d claims, which takes about a minute …", len(ledger.claims))
        kept = {"key": key, "answers": {claim.id: _answers(ledger.judge(claim.id)) for claim in ledger.claims}}
        CACHE.parent.mkdir(exist_ok=True)
        write_text(CACHE, json.dumps(kept))
    return [_judgement(claim, ledger, kept["answers"][claim.id]) for claim in ledger.claims]


def _fingerprint() -> str:
    """Of all files from which an answer may come."""
    patterns = ("bwtheory/**/*.py", "verify/*", "results/*.json", "proofs/*.v")
    files = sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _answers(judgement: Judgement) -> dict[str, Any]:
    return {
        "printed": asdict(judgement.printed),
        "corrected": judgement.corrected and asdict(judgement.corrected),
        "controls": [result.holds for result in judgement.control_results],
    }


def _judgement(claim: Claim, ledger: Ledger, answers: Mapping[str, Any]) -> Judgement:
    return Judgement(
        claim,
        ledger.checks[claim.id].derivation,
        Result(**answers["printed"]),
        Result(**answers["corrected"]) if answers["corrected"] else None,
        tuple(Result(holds) for holds in answers["controls"]),
        recorded=ledger.recorded,
    )


def section_of_each_claim() -> dict[str, str]:
    """By id, the heading of claims.toml under which a claim stands."""
    section, found = "", {}
    for line in (ROOT / "verify" / "claims.toml").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"# --- (.+?) -*$", line):
            section = heading[1]
        elif identifier := re.match(r'id = "(.+)"', line):
            found[identifier[1]] = section
    return found


def anchor_of(section: str) -> str:
    """As the headings of paper_checks.md have them: "beyond-the-paper"."""
    return re.sub(r"[^\w\- ]", "", section.lower()).replace(" ", "-")


# --- Pages -----------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Text that is no Markdown, as Markdown; b_k, ψ_{j,k} and 2^(1−j) get their indices and exponents."""
    return _typeset(text.replace("*", "&#42;").replace("`", "&#96;"))


def _typeset(text: str) -> str:
    escaped = re.sub(r"[\\\[\]<>|$~]", lambda match: f"&#{ord(match[0])};", text)
    return re.sub(r"[_^{}]", lambda match: f"&#{ord(match[0])};", _EXPONENT.sub(_raised, _INDEX.sub(_lowered, escaped)))


def _lowered(match: re.Match[str]) -> str:
    return f"<sub>{match[1].strip('{}')}</sub>"


def _raised(match: re.Match[str]) -> str:
    return f"<sup>{match[1].strip('{}()')}</sup>"


def _prose(docstring: str) -> str:
    """A docstring, which marks code and stress as Markdown does."""
    parts = docstring.replace("``", "`").split("`")
    return "`".join(part if number % 2 else _typeset(part) for number, part in enumerate(parts))


def _verdict(verdict: Verdict) -> str:
    return f'<span class="verdict {verdict}">{verdict}</span>'


def _evidence(judgement: Judgement) -> str:
    return "proved" if judgement.is_proved else str(judgement.claim.evidence)


def _page(judgement: Judgement, decide: Check, by_id: Mapping[str, Judgement], users: list[str]) -> list[str]:
    claim = judgement.claim
    lines = [
        "---",
        f"title: {json.dumps(f'{claim.id} ({judgement.verdict})', ensure_ascii=False)}",
        "---",
        "",
        f"# {plain(claim.id)}",
        "",
        f"{plain(claim.where)} · [all claims](index.md)",
        "{ .subtitle }",
        "",
        f"{_verdict(judgement.verdict)} {judgement.verdict.meaning}",
        "",
        '!!! quote "As printed"',
        f"    {plain(claim.statement)}",
        "",
    ]
    if claim.correction:
        sharper = judgement.verdict is Verdict.LOOSE
        lines += [f'!!! success "{"Sharper" if sharper else "Corrected"}"', f"    {plain(claim.correction)}", ""]
    paragraphs = {
        "Why": claim.reason,
        "What it changes": claim.matters,
        "The text may mean": claim.reading,
        "The documents": claim.documents and f"They {claim.documents}.",
        "Not published": claim.unpublished,
        "Missing to decide": claim.missing,
        "Scope": claim.scope,
        "It does not say": claim.silent_on,
    }
    for label, text in paragraphs.items():
        if text:
            mark = ":" if label == "It does not say" else "."
            lines += [f"**{label}{mark}** {plain(text)}", ""]
    lines += _links("Rests on", claim.rests_on, by_id) + _links("Used by", users, by_id)
    if figure := _figure(claim.id):
        path, caption = figure
        lines += [f"![{caption}](../{path})", f"*{caption}.*", ""]
    lines += _evidence_section(judgement) + _check_section(judgement, decide) + _controls(judgement)
    return lines


def _figure(identifier: str) -> tuple[str, str] | None:
    fitting = [start for start in FIGURES if identifier == start or identifier.startswith(f"{start}-")]
    return FIGURES[max(fitting, key=len)] if fitting else None


def _links(label: str, ids, by_id: Mapping[str, Judgement]) -> list[str]:
    if not ids:
        return []
    return [f"**{label}.** " + ", ".join(f"[{plain(i)}]({i}.md) ({by_id[i].verdict})" for i in ids), ""]


def _evidence_section(judgement: Judgement) -> list[str]:
    claim = judgement.claim
    lines = ["## Evidence", ""]
    if claim.theorem:
        names = ", ".join(f"[{name}](../proofs/statements.md#{name.lower()})" for name in claim.theorem)
        said = "Proved in Coq" if judgement.is_proved else "Stated in Coq, with no record here that these files were checked"
        lines += [f"**{said}:** {names}. [What must be trusted](../proved.md#what-you-must-trust).", ""]
    tolerance = f", tolerance {plain(claim.tolerance)}" if claim.tolerance else ""
    lines += [f"**Computed:** {claim.evidence}{tolerance}.", ""]
    versions = {"as printed": judgement.printed, "as corrected": judgement.corrected}
    results = {label: result for label, result in versions.items() if result is not None}
    names = list(dict.fromkeys(name for result in results.values() for name in result.numbers))
    lines += ["|  | " + " | ".join(results) + " |", "|---" * (len(results) + 1) + "|"]
    lines += ["| the statement | " + " | ".join(f"**{_ANSWER[result.holds]}**" for result in results.values()) + " |"]
    for name in names:
        lines += [f"| {plain(name)} | " + " | ".join(plain(r.numbers.get(name, "")) for r in results.values()) + " |"]
    return [*lines, ""]


def _check_section(judgement: Judgement, decide: Check) -> list[str]:
    path = Path(inspect.getsourcefile(decide.function)).relative_to(ROOT).as_posix()  # type: ignore[arg-type]
    source = inspect.getsource(decide.function).rstrip().splitlines()
    parameters = "\n".join(f"{name} = {value!r}" for name, value in judgement.claim.printed.items())
    return [
        "## How it is checked",
        "",
        _prose(judgement.derivation),
        "",
        '??? example "The statement as parameters of the check"',
        *(f"    {line}" for line in ["~~~~ python", *parameters.splitlines(), "~~~~"]),
        "",
        '??? example "The check"',
        *(f"    {line}".rstrip() for line in ["~~~~ python", *source, "~~~~"]),
        "",
        f"The check and what it calls are in [{path}](repository:{path}). "
        f"Run it: `bwtheory verify {judgement.claim.id} --explain`.",
        "",
    ]


def _controls(judgement: Judgement) -> list[str]:
    lines = [
        "## Controls",
        "",
        f"The same check judged {len(judgement.claim.controls)} other versions of the statement, "
        f"and answered {judgement.caught} correctly.",
        "",
        "| changed version | right answer | the check's answer |",
        "|---|---|---|",
    ]
    for control, result in zip(judgement.claim.controls, judgement.control_results):
        lines += [f"| {plain(control.change)} | {_ANSWER[control.holds]} | {_ANSWER[result.holds]} |"]
    return lines


def _neighbours(before: Judgement | None, after: Judgement | None) -> str:
    links = [f"[← {plain(before.claim.id)}]({before.claim.id}.md)"] if before else []
    links += ["[All claims](index.md)"]
    links += [f"[{plain(after.claim.id)} →]({after.claim.id}.md)"] if after else []
    return " · ".join(links) + "\n{ .neighbours }\n"


def _overview(judgements: list[Judgement], sections: Mapping[str, str]) -> str:
    controls = sum(len(j.claim.controls) for j in judgements)
    explained = " [How a claim is checked](../ledger.md)." if (ROOT / "docs" / "ledger.md").exists() else ""
    lines = [
        "---",
        "hide: [navigation, toc]",
        "---",
        "",
        "# Every claim of the paper",
        "",
        f"{len(judgements)} statements of *ReLUs Are Sufficient for Learning Implicit Neural Representations*, each with a "
        "check that decides it. The verdict is computed from the check's answers. "
        f"{sum(j.caught for j in judgements)} of {controls} controls (changed versions with a known answer) were answered "
        f"correctly.{explained}",
        "",
        "| verdict | claims | meaning |",
        "|---|---|---|",
    ]
    for verdict in Verdict:
        if count := sum(j.verdict is verdict for j in judgements):
            lines += [f"| {_verdict(verdict)} | {count} | {verdict.meaning} |"]
    errors = (Verdict.FAILS, Verdict.HOLDS_CORRECTED, Verdict.NOT_REPRODUCED)
    substance = sorted((j for j in judgements if j.claim.matters and j.verdict in errors), key=lambda j: j.claim.weight)
    lines += ["", f'??? warning "The {len(substance)} errors that matter most"', ""]
    for n, j in enumerate(substance, 1):
        link, why = f"[{plain(j.claim.id)}]({j.claim.id}.md)", plain(first_sentence(j.claim.summary))
        lines += [f"    {n}. {link}: {why} *{plain(j.claim.matters)}*"]
    lines += [
        "",
        '<div class="claims" markdown>',
        "",
        "| claim | where | section | verdict | evidence | why |",
        "|---|---|---|---|---|---|",
    ]
    marked: set[str] = set()
    for j in judgements:
        section = sections[j.claim.id]
        mark = "" if section in marked else f'<a id="{anchor_of(section)}"></a>'
        marked.add(section)
        cells = [
            f"{mark}[{plain(j.claim.id)}]({j.claim.id}.md)",
            plain(j.claim.where),
            plain(section),
            _verdict(j.verdict),
            _evidence(j),
            plain(first_sentence(j.claim.summary)),
        ]
        lines += ["| " + " | ".join(cells) + " |"]
    return "\n".join([*lines, "", "</div>", ""])

"""The ledger in words: a claim as a referee would report it, and the page of all of them, paper_checks.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from bwtheory.claims import Claim, Judgement, Result, Verdict


def referee(judgement: Judgement) -> str:
    """One claim as a referee would report it, in Markdown: statement, scope, derivation, numbers, verdict."""
    claim = judgement.claim
    sections = [
        f"# {claim.id} ({claim.where}): {judgement.verdict}",
        f"**Printed.** {claim.statement}",
        "**As parameters of the check.** " + ", ".join(f"{name} = {value!r}" for name, value in claim.printed.items()),
        f"**Scope.** {claim.scope}" + (f" **It does not say:** {claim.silent_on}" if claim.silent_on else ""),
        f"**How it is checked.**\n\n{judgement.derivation}",
        "**The printed statement:** " + _answer(judgement.printed) + _bullets(judgement.printed.numbers),
    ]
    sections += [f"**{label}.** {text}" for label, text in _remarks(claim)]
    if judgement.corrected is not None:
        sections += [
            "**The corrected statement:** " + _answer(judgement.corrected) + _bullets(judgement.corrected.numbers),
        ]
    sections += [
        "**Controls**\n\n" + _controls(judgement),
        f"**Verdict: {judgement.verdict}** ({judgement.evidence}). {claim.reason}",
    ]
    return "\n\n".join(sections) + "\n"


_ERRORS = (Verdict.FAILS, Verdict.HOLDS_CORRECTED, Verdict.NOT_REPRODUCED)
_SECTIONS = {
    "What does not hold as printed": (*_ERRORS, Verdict.INCONSISTENT),
    "What is false only in one reading": (Verdict.READING,),
    "What is true but loose": (Verdict.LOOSE,),
    "What holds": (Verdict.HOLDS, Verdict.REPRODUCED),
    "One document against another": (Verdict.TRANSCRIPTION,),
    "What is open": (Verdict.OPEN, Verdict.UNDECIDABLE),
}


def render(judgements: Iterable[Judgement]) -> str:
    """The whole ledger as Markdown (paper_checks.md): what does not hold first, no times, dates or versions."""
    judgements = list(judgements)
    printed = [j for j in judgements if not j.claim.is_beyond]
    beyond = [j for j in judgements if j.claim.is_beyond]
    counts = {v: sum(j.verdict is v for j in printed) for v in Verdict}
    lines = [
        "# Paper checks",
        "",
        *_in_short(printed, beyond, counts),
        "",
        "## What the verdicts mean",
        "",
        "Every statement of *ReLUs Are Sufficient for Learning Implicit Neural Representations* (Shenouda, Zhou and Nowak, "
        "ICML 2024, arXiv 2406.02529) has a check. This page is written by `bwtheory verify --write` from the checks that ran; "
        "`bwtheory verify ID --explain` shows one of them in full.",
        "",
        "| verdict | claims | meaning |",
        "|---|---|---|",
        *(f"| {v} | {counts[v]} | {v.meaning} |" for v in Verdict if counts[v]),
    ]
    sections = {title: [j for v in verdicts for j in printed if j.verdict is v] for title, verdicts in _SECTIONS.items()}
    for title, chosen in {**sections, "Beyond the paper": beyond}.items():
        if chosen:
            lines += ["", f"## {title}", "", *(f"- **{j.claim.id}**: {first_sentence(j.claim.summary)}" for j in chosen)]
            for judgement in chosen:
                lines += ["", *_entry(judgement)]
    return "\n".join(lines) + "\n"


def _in_short(printed: Sequence[Judgement], beyond: Sequence[Judgement], counts: Mapping[Verdict, int]) -> list[str]:
    """Some twenty lines: how many statements hold, how sure that is, and the errors that matter most, each with its proof."""
    wrong = counts[Verdict.FAILS] + counts[Verdict.HOLDS_CORRECTED]
    numbers = counts[Verdict.REPRODUCED] + counts[Verdict.NOT_REPRODUCED]
    judgements = [*printed, *beyond]
    controls, caught = sum(len(j.claim.controls) for j in judgements), sum(j.caught for j in judgements)
    proved = sum(j.is_proved for j in judgements)
    found = [
        f"- **Theory.** {counts[Verdict.HOLDS]} statements are true as printed, {counts[Verdict.LOOSE]} are true and a sharper "
        f"one is proved, {wrong} are false as printed; {counts[Verdict.HOLDS_CORRECTED]} of these are true with a correction.",
        f"- **Experiments.** We obtain {counts[Verdict.REPRODUCED]} of {numbers} printed results; "
        f"{counts[Verdict.OPEN] + counts[Verdict.UNDECIDABLE]} claims are open or rest on unpublished data.",
        f"- **How sure.** {len(printed)} claims about the paper and {len(beyond)} beyond it, of which {proved} are "
        f"[proved by machine](proofs/README.md). {caught}/{controls} controls answered correctly: wrong versions of a "
        "statement rejected, right versions of a false one accepted.",
    ]
    substance = sorted((j for j in judgements if j.claim.matters and j.verdict in _ERRORS), key=lambda j: j.claim.weight)
    if substance:
        found += ["", "The errors of substance, the weightiest first:", ""]
        found += [
            f"{n}. **{j.claim.id}** ({_verdict_with_proof(j)}), {j.claim.where}. {first_sentence(j.claim.summary)} "
            f"*{j.claim.matters}*"
            for n, j in enumerate(substance, 1)
        ]
    return found


def _verdict_with_proof(judgement: Judgement) -> str:
    """The verdict, with a link to the entry below, and the theorems that prove it."""
    heading = f"{judgement.claim.id} — {judgement.verdict}"
    anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")  # as GitHub makes it
    entry = f"[{judgement.verdict}](#{anchor})"
    return f"{entry}, {judgement.theorems}" if judgement.is_proved else entry


def first_sentence(text: str) -> str:
    """Up to the first full stop that a space follows; those of abbreviations such as P.E. end no sentence."""
    end = _FULL_STOP.search(text)
    return text[: end.start() + 1] if end else text


# A full stop and a space, but for initials (P.E.), references (Fig. 2, Eq. (3)) and i.e., e.g., cf., vs., et al.
_FULL_STOP = re.compile(r"(?<![A-Z]\.[A-Z])(?<!\b(?:Fig|Thm|Eqs|App|Sec))(?<!\bEq)(?<!\b(?:i\.e|e\.g))(?<!\b(?:cf|vs|al))\. ")


def _entry(judgement: Judgement) -> list[str]:
    claim = judgement.claim
    lines = [f"### {claim.id} — {judgement.verdict}", "", f"*{claim.where}.* {claim.statement}", ""]
    lines += [f"- **{label}:** {text}" for label, text in _remarks(claim)]
    lines += [f"- **Why:** {claim.reason}", f"- **Scope:** {claim.scope}"]
    if claim.silent_on:
        lines += [f"- **It does not say:** {claim.silent_on}"]
    for label, result in (("as printed", judgement.printed), ("as corrected", judgement.corrected)):
        if result is not None and result.numbers:
            lines += [f"- **Numbers, {label}:** " + "; ".join(f"{k} = {v}" for k, v in result.numbers.items())]
    lines += [
        f"- **Evidence:** {judgement.evidence}; controls {judgement.caught}/{len(claim.controls)}: "
        + "; ".join(c.change for c in claim.controls)
    ]
    return lines


def _remarks(claim: Claim) -> list[tuple[str, str]]:
    """What else an entry says, each with its label."""
    remarks = {
        "The text may mean": claim.reading,
        "The documents": claim.documents,
        "Corrected": claim.correction,
        "What it changes": claim.matters,
        "Not published": claim.unpublished,
        "Missing to decide": claim.missing,
        "Rests on": ", ".join(claim.rests_on),
    }
    return [(label, text) for label, text in remarks.items() if text]


def _answer(result: Result) -> str:
    return {True: "holds.", False: "does not hold.", None: "undecided."}[result.holds]


def _bullets(numbers: Mapping[str, str]) -> str:
    return "".join(f"\n- {label} = {value}" for label, value in numbers.items())


def _controls(judgement: Judgement) -> str:
    rows = zip(judgement.claim.controls, judgement.control_results)
    return "\n".join(
        f"- {'accepted' if r.holds else 'rejected'}{'' if r.holds is c.holds else ' (WRONG)'}: {c.change}" for c, r in rows
    )

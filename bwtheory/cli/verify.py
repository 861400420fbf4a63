"""``bwtheory verify``: the ledger, checked."""

from __future__ import annotations

import difflib
import json as json_text
import sys
from typing import Annotated

import tyro

from bwtheory.claims import Judgement, Ledger, Verdict, find_evidence, load_ledger
from bwtheory.cli.edge import BadInput
from bwtheory.cli.paths import checkout
from bwtheory.files import write_text
from bwtheory.ledger_page import first_sentence, referee, render

_STYLE = {
    Verdict.FAILS: "bold red",
    Verdict.HOLDS_CORRECTED: "red",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.INCONSISTENT: "bold white on red",
    Verdict.READING: "yellow",
    Verdict.LOOSE: "yellow",
    Verdict.HOLDS: "green",
    Verdict.REPRODUCED: "green",
    Verdict.TRANSCRIPTION: "cyan",
    Verdict.OPEN: "dim",
    Verdict.UNDECIDABLE: "dim",
}


def verify(
    claim: tyro.conf.Positional[Annotated[str | None, tyro.conf.arg(metavar="[ID]")]] = None,
    *,
    explain: bool = False,
    json: bool = False,
    write: bool = False,
    check: bool = False,
) -> int:
    """Check the paper's statements: all of them, or the one with this ID.

    Args:
        claim: a claim's id, as in the table (eq-44, thm-3.1, ...); all claims without one
        explain: report each claim as a referee would: statement, scope, derivation, numbers, verdict
        json: print the results as JSON instead of a table
        write: write paper_checks.md from this run (all claims)
        check: fail if paper_checks.md is not what this run would write (all claims)
    """
    if sys.flags.optimize:
        raise BadInput("Python drops assertions under -O (PYTHONOPTIMIZE), and the checks rest on some; verify without it.")
    if claim and (write or check):
        raise BadInput("--write and --check are about the whole ledger; leave out the ID.")
    if write or check:
        checkout()  # the page belongs to a checkout
    folder = find_evidence()
    ledger = load_ledger(folder)
    judgements = _judge(ledger, [_known(claim, ledger)] if claim else [c.id for c in ledger.claims])
    page = folder / "paper_checks.md"
    if write:
        try:
            write_text(page, render(judgements))
        except OSError as error:
            raise BadInput(f"{error}; the old file is unchanged.") from None
    stale = check and (not page.is_file() or page.read_text(encoding="utf-8") != render(judgements))
    if json:
        _print_json(judgements)
    elif explain:
        from rich.console import Console
        from rich.markdown import Markdown

        for judgement in judgements:
            Console().print(Markdown(referee(judgement)))
    else:
        _print_table(judgements)
    if stale:
        print("paper_checks.md is stale: run `bwtheory verify --write` and commit it.", file=sys.stderr)
    return int(stale or not all(j.sound for j in judgements))


def _known(identifier: str, ledger: Ledger) -> str:
    ids = [c.id for c in ledger.claims]
    if identifier in ids:
        return identifier
    close = difflib.get_close_matches(identifier, ids, n=3, cutoff=0.4)
    hint = f" Close to it: {', '.join(close)}." if close else ""
    raise BadInput(f"There is no claim {identifier!r}.{hint} `bwtheory verify` lists all.")


def _judge(ledger: Ledger, ids: list[str]) -> list[Judgement]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if len(ids) == 1 or not console.is_terminal:  # Rich before 14.3 writes a line feed after a bar that it has not shown
        return [ledger.judge(i) for i in ids]
    return [ledger.judge(i) for i in track(ids, "Checking the paper", console=console, transient=True)]


def _print_json(judgements: list[Judgement]) -> None:
    print(json_text.dumps([j.as_json() for j in judgements], indent=2, default=str))


def _print_table(judgements: list[Judgement]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="ReLUs Are Sufficient for Learning Implicit Neural Representations: what holds", title_style="bold")
    table.add_column("claim", style="bold", no_wrap=True)
    table.add_column("where", overflow="fold", max_width=20)
    table.add_column("verdict", no_wrap=True)
    table.add_column("evidence", no_wrap=True)
    table.add_column("controls", justify="right")
    table.add_column("why", ratio=1)
    for j in judgements:
        flag = "" if j.sound else f" (expected {j.claim.expected})"
        table.add_row(
            j.claim.id,
            j.claim.where,
            f"[{_STYLE[j.verdict]}]{j.verdict}{flag}[/]",
            "proved" if j.is_proved else str(j.claim.evidence),
            f"{j.caught}/{len(j.claim.controls)}",
            first_sentence(j.claim.summary),
        )
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    counts = {v: sum(j.verdict is v for j in judgements) for v in Verdict}
    controls = sum(len(j.claim.controls) for j in judgements)
    console.print("  ".join(f"[{_STYLE[v]}]{n} {v}[/]" for v, n in counts.items() if n), highlight=False)
    console.print(f"controls caught: {sum(j.caught for j in judgements)}/{controls}", highlight=False)
    proved = sum(j.is_proved for j in judgements)
    if proved:
        console.print(f"proved (not rechecked here): {proved}; `make proofs` in a checkout asks Coq again", highlight=False)
    wrong = [j.claim.id for j in judgements if not j.sound]
    console.print(
        f"[bold red]Not as expected: {', '.join(wrong)}[/]"
        if wrong
        else "Every verdict is the expected one. `bwtheory verify ID --explain` shows one claim in full.",
        highlight=False,
    )

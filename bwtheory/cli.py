"""The command ``bwtheory``.  Exit status: 0 fine, 1 a check failed, 2 bad input, 130 interrupted."""

from __future__ import annotations

import difflib
import importlib
import json as json_text
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import track
from rich.table import Table

from bwtheory.claims import Judgement, Ledger, Verdict, find_checkout, first_sentence, load_ledger, referee, render

_STYLE = {
    Verdict.FAILS: "bold red",
    Verdict.HOLDS_CORRECTED: "red",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.INCONSISTENT: "bold white on red",
    Verdict.LOOSE: "yellow",
    Verdict.HOLDS: "green",
    Verdict.REPRODUCED: "green",
    Verdict.OPEN: "dim",
}


class BadInput(Exception):
    """A sentence for the user; the command ends with exit status 2."""


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
    if claim and (write or check):
        raise BadInput("--write and --check are about the whole ledger; leave out the ID.")
    checkout = _checkout()
    ledger = load_ledger(checkout)
    judgements = _judge(ledger, [_known(claim, ledger)] if claim else [c.id for c in ledger.claims])
    page = checkout / "paper_checks.md"
    if write:
        page.write_text(render(judgements), encoding="utf-8")
    stale = check and (not page.is_file() or page.read_text(encoding="utf-8") != render(judgements))
    if json:
        _print_json(judgements)
    elif explain:
        for judgement in judgements:
            Console().print(Markdown(referee(judgement)))
    else:
        _print_table(judgements)
    if stale:
        print("paper_checks.md is stale: run `bwtheory verify --write` and commit it.", file=sys.stderr)
    return int(stale or not all(j.sound for j in judgements))


def figures(
    names: tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="[NAME ...]")]] = (),
    *,
    out: Path | None = None,
) -> int:
    """Draw the theory figures as PNG and PDF: all of them, or those named.

    Args:
        names: figure names, as `python -m figures --list` prints them
        out: folder for the files; figures/out in the checkout without it
    """
    checkout = _checkout()
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    drawing = importlib.import_module("figures")
    try:
        drawing.draw(names, out or checkout / "figures" / "out")
    except ValueError as error:
        raise BadInput(str(error)) from None
    return 0


def train(
    task: tyro.conf.Positional[Literal["signal"]],
    *,
    image: str | None = None,
    activation: str | None = None,
    epochs: int | None = None,
    lr: float | None = None,
    decay: float | None = None,
    c: float | None = None,
    omega_0: float | None = None,
    sigma_0: float | None = None,
    hidden_features: int | None = None,
    hidden_layers: int | None = None,
    coords: Literal["stretch", "isotropic"] | None = None,
    seed: int | None = None,
    seeds: int = 1,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    chunk: int | None = None,
    out: Path = Path("runs"),
    resume: Path | None = None,
) -> int:
    """Train an implicit neural representation; what is not given comes from the preset of the task and activation.

    Args:
        task: signal: fit all pixels of an image
        image: an image file, or astronaut, camera, chelsea, coffee, coins, page, text, rocket, shepp_logan_phantom
        activation: bw-relu, relu, relu-pe, relu-rff, siren, wire, gauss, finer, or your own as package.module:Class
        epochs: full-batch Adam steps (1000)
        lr: initial learning rate
        decay: the learning rate is lr * decay^(t/epochs) at epoch t (0.1)
        c: scale of BW-ReLU
        omega_0: frequency of SIREN, WIRE and FINER
        sigma_0: scale of WIRE and Gauss
        hidden_features: neurons in a hidden layer (300)
        hidden_layers: number of hidden layers (3)
        coords: both axes from -1 to 1 (stretch), or the longer one only (isotropic)
        seed: the first seed (40)
        seeds: number of runs, with seeds from the first one on
        device: where to train; auto takes CUDA or MPS if there is one
        chunk: coordinates that go through the network together (8192)
        out: a folder; each run gets one of its own in it
        resume: a run folder, or a folder of them, to continue with the settings they were started with
    """
    from bwtheory.training.command import resume_runs, start_runs
    from bwtheory.training.loop import Diverged

    fields = {"image": image, "activation": activation, "epochs": epochs, "lr": lr, "decay": decay, "coords": coords}
    fields |= {"hidden_features": hidden_features, "hidden_layers": hidden_layers, "seed": seed, "chunk": chunk}
    options = {"c": c, "omega_0": omega_0, "sigma_0": sigma_0}
    given = {name: value for name, value in fields.items() if value is not None}
    chosen = {name: value for name, value in options.items() if value is not None}
    try:
        if resume is not None:
            if given or chosen:
                named = sorted(name.replace("_", "-") for name in given | chosen)
                raise BadInput(f"A resumed run keeps its settings; leave out --{named[0]}.")
            return resume_runs(resume)
        if image is None:
            raise BadInput("Training needs an image: --image FILE, or a built-in name such as camera.")
        return start_runs({"task": task, **given}, chosen, seeds, device, out)
    except Diverged as error:
        print(f"bwtheory: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        raise BadInput(str(error)) from None


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    try:
        return tyro.extras.subcommand_cli_from_dict(
            {"verify": verify, "figures": figures, "train": train},
            prog="bwtheory",
            description="The theory of BW-ReLU networks, derived and checked; and networks to train.",
            args=arguments,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    except BadInput as error:
        print(f"bwtheory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe (head, less) has left; Python would complain when it flushes
        return 0


def _checkout() -> Path:
    try:
        return find_checkout()
    except FileNotFoundError as error:
        raise BadInput(str(error)) from None


def _known(identifier: str, ledger: Ledger) -> str:
    ids = [c.id for c in ledger.claims]
    if identifier in ids:
        return identifier
    close = difflib.get_close_matches(identifier, ids, n=3, cutoff=0.4)
    hint = f" Close to it: {', '.join(close)}." if close else ""
    raise BadInput(f"There is no claim {identifier!r}.{hint} `bwtheory verify` lists all.")


def _judge(ledger: Ledger, ids: list[str]) -> list[Judgement]:
    console = Console(stderr=True)
    quiet = len(ids) == 1 or not console.is_terminal
    return [ledger.judge(i) for i in track(ids, "Checking the paper", console=console, transient=True, disable=quiet)]


def _print_json(judgements: list[Judgement]) -> None:
    print(json_text.dumps([j.as_json() for j in judgements], indent=2, ensure_ascii=False, default=str))


def _print_table(judgements: list[Judgement]) -> None:
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
            str(j.claim.evidence),
            f"{j.caught}/{len(j.claim.controls)}",
            first_sentence(j.claim.summary),
        )
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    counts = {v: sum(j.verdict is v for j in judgements) for v in Verdict}
    controls = sum(len(j.claim.controls) for j in judgements)
    console.print("  ".join(f"[{_STYLE[v]}]{n} {v}[/]" for v, n in counts.items() if n), highlight=False)
    console.print(f"controls caught: {sum(j.caught for j in judgements)}/{controls}", highlight=False)
    wrong = [j.claim.id for j in judgements if not j.sound]
    console.print(
        f"[bold red]Not as expected: {', '.join(wrong)}[/]"
        if wrong
        else "Every verdict is the expected one. `bwtheory verify ID --explain` shows one claim in full.",
        highlight=False,
    )

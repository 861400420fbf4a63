"""Draws docs/architecture.png from the imports in the code, and writes the numbers of docs/architecture.md.

``python docs/architecture.py --check`` only prints these; ``--way`` lists the functions from the command to the update, too.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import json
import platform
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from bwtheory.files import write_bytes, write_text

CHECKOUT = Path(__file__).resolve().parents[1]
PICTURE, PAGE = CHECKOUT / "docs" / "architecture.png", CHECKOUT / "docs" / "architecture.md"
BEGIN, END = "<!-- written by make architecture -->", "<!-- so far -->"
# Wings from the first to the last: a module imports from its own wing and from those before it.
WINGS: dict[str, tuple[str, ...]] = {
    "shared": ("files", "options", "checks", "catalogue", "signals", "streams", "plots", "processor", "units"),
    "theory": (
        *("two_scale", "wavelet", "gram", "cascade", "families", "interval", "representation", "variation"),
        *("starts", "propagation"),
    ),
    "learning": ("torch_settings", "nn", "tasks", "training", "baselines", "experiments", "comparison"),
    "evidence": ("proof_record", "certificates", "claims", "ledger_page", "verify", "figures"),
    "people": ("report", "cli", "__main__"),
}
EVIDENCE_FOLDERS = ("verify", "figures")  # at the top of a checkout, part of the package in a wheel


def modules() -> dict[str, Path]:
    """All modules of the package and the evidence by name, ``bwtheory.nn.network`` and so on."""
    found = {}
    for folder in ("bwtheory", *EVIDENCE_FOLDERS):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
            found[name if folder == "bwtheory" else f"bwtheory.{name}"] = path
    return found


def imports(name: str, path: Path, known: Iterable[str]) -> set[str]:
    """Modules among ``known`` that a module imports, in functions too; for type checkers only does not count."""
    found: set[str] = set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                start = ".".join([*parts, *([start] if start else [])])
            for alias in node.names:
                found.add(f"{start}.{alias.name}" if f"{start}.{alias.name}" in known else start)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return {other for other in found if other in known and other != name}


def graph() -> dict[str, set[str]]:
    """Each module with those it imports."""
    known = modules()
    return {name: imports(name, path, known) for name, path in known.items()}


def part_of(module: str) -> str:
    """The module or subpackage directly in bwtheory that a module is, or is in; "" for the package itself."""
    return module.removeprefix("bwtheory").lstrip(".").partition(".")[0]


def wing_of(module: str) -> str | None:
    """The wing of a module; None for one that is in no wing."""
    return next((wing for wing, parts in WINGS.items() if part_of(module) in parts), None)


def pointing_back(edges: Mapping[str, set[str]]) -> list[str]:
    """Imports of a later wing, as "importer -> imported"."""
    order = list(WINGS)
    found = []
    for module, imported in edges.items():
        for other in imported:
            here, there = wing_of(module), wing_of(other)
            if here and there and order.index(there) > order.index(here):
                found.append(f"{module} -> {other}")
    return sorted(found)


def cycles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Modules that import each other, directly or in a circle (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        number[module] = low[module] = len(number)
        stack.append(module)
        for other in sorted(edges[module]):
            if other not in number:
                visit(other)
            if other in stack:
                low[module] = min(low[module], low[other])
        if low[module] == number[module]:
            circle = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for module in sorted(edges):
        if module not in number:
            visit(module)
    return found


def part_edges(edges: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """What the picture shows: which part of the package imports which, in alphabetical order."""
    pairs = {(part_of(module), part_of(other)) for module, imported in edges.items() for other in imported}
    return sorted((here, there) for here, there in pairs if here and there and here != there)


def essential(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of a circle-free graph that no longer way implies."""
    following: dict[str, set[str]] = defaultdict(set)
    for here, there in pairs:
        following[here].add(there)

    @functools.cache
    def reached(part: str) -> frozenset[str]:
        return frozenset(following[part]).union(*(reached(other) for other in following[part]))

    return [(a, b) for a, b in pairs if not any(b in reached(other) for other in following[a])]


def lines_by_wing() -> dict[str, int]:
    """Lines of code, comments and all."""
    found: dict[str, int] = defaultdict(int)
    for name, path in modules().items():
        found[wing_of(name) or "bwtheory/__init__.py"] += len(path.read_text(encoding="utf-8").splitlines())
    return dict(found)


def longest_functions(count: int = 5) -> list[tuple[int, str]]:
    """Lines and names of the longest functions; a docstring does not count."""
    found = []
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                first = node.body[0]
                docstring = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) is not None else 0
                found.append((node.end_lineno - node.lineno + 1 - docstring, f"{name}.{node.name}"))
    return sorted(found, reverse=True)[:count]


# What the page calls the stages of the way, each with the function that begins the next one.
STAGES = {
    "request": "bwtheory/tasks/named.py: build_task",
    "data": "bwtheory/training/run.py: build_network",
    "start": "bwtheory/training/loop.py: descend",
    "evaluation": "bwtheory/training/loop.py: Descent.measure",
    "callbacks": "bwtheory/training/loop.py: FirstOrder.step",
    "step": "",
}


def functions_called() -> list[list[str]]:
    """Functions that run from `bwtheory train signal` to the first change of a weight; then from there to the second."""
    import tempfile
    import threading

    import torch

    import bwtheory.training.command  # noqa: F401, so that functions are counted and no imports
    from bwtheory.cli import main

    called: list[dict[str, None]] = [{}]

    def note(frame: Any, event: str, argument: Any) -> None:
        code, path = frame.f_code, Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(CHECKOUT / "bwtheory") and not code.co_name.startswith("<"):
            called[-1].setdefault(f"{path.relative_to(CHECKOUT)}: {code.co_qualname}")

    step = torch.optim.Adam.step

    def counted(self: torch.optim.Adam, *given: Any, **named: Any) -> Any:
        called.append({})
        return step(self, *given, **named)

    torch.optim.Adam.step = counted  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(StringIO()):
        threading.setprofile(note)
        sys.setprofile(note)
        main(f"train signal --image camera --shrink 8 --epochs 2 --device cpu --out {folder}".split())
        sys.setprofile(None)
        threading.setprofile(None)
    torch.optim.Adam.step = step  # type: ignore[method-assign]
    return [list(functions) for functions in called[:2]]


def by_stage(functions: Iterable[str]) -> dict[str, list[str]]:
    """Functions in the order of their first calls, by the stage in which that is; ValueError if a stage does not begin."""
    stages = list(STAGES)
    found: dict[str, list[str]] = {stage: [] for stage in stages}
    number = 0
    for function in functions:
        number += function == STAGES[stages[number]]
        found[stages[number]].append(function)
    if number < len(stages) - 1:
        raise ValueError(f"Nothing ended the stage {stages[number]!r}: say in STAGES which function begins the next one.")
    return found


def files_of(functions: Iterable[str]) -> int:
    """How many files these functions are in."""
    return len({function.partition(":")[0] for function in functions})


def way_table(first: Sequence[str], second: Sequence[str]) -> str:
    """By stage, files and functions up to the first change of a weight, and how many of these run again before the second."""
    rows = ["| stage | files | functions | of which in every step |", "|---|---:|---:|---:|"]
    for stage, functions in by_stage(first).items():
        rows.append(f"| {stage} | {files_of(functions)} | {len(functions)} | {len(set(functions) & set(second))} |")
    rows.append(f"| all | {files_of(first)} | {len(first)} | {len(second)}, in {files_of(second)} files |")
    return "\n".join(rows)


def draw(edges: list[tuple[str, str]], path: Path) -> None:
    """The parts by wing, each with arrows to what it imports; the edges are noted down in the file."""
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, VERMILION, canvas, in_style

    colours = dict(zip(WINGS, (BLACK, BLUE, VERMILION, GREEN, ORANGE)))
    present = {part for edge in edges for part in edge}
    places = {}
    for column, parts in enumerate(WINGS.values()):
        shown = [part for part in parts if part in present]
        for row, part in enumerate(shown):
            places[part] = (2.9 * column, -(row + 0.5) * 10 / len(shown))
    with in_style():
        figure, axes = canvas(10, 5.6)
        axes.set_axis_off()
        axes.set(xlim=(-1.9, 12.8), ylim=(-10.4, 0.9))
        for here, there in essential(edges):
            (x, y), (u, v) = places[here], places[there]
            same = x == u
            start, end = ((x - 0.85, y), (u - 0.85, v)) if same else ((x - 0.85, y), (u + 0.85, v))
            curve = f"arc3,rad={0.35 if v < y else -0.35}" if same else "arc3,rad=0"
            colour = colours[wing_of(f"bwtheory.{here}") or "shared"]
            style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 8, "color": colour, "alpha": 0.55, "lw": 0.9}
            axes.add_patch(FancyArrowPatch(start, end, connectionstyle=curve, shrinkA=0, shrinkB=0, zorder=1, **style))
        for part, (x, y) in places.items():
            wing = wing_of(f"bwtheory.{part}") or "shared"
            box = FancyBboxPatch(
                (x - 0.8, y - 0.26), 1.6, 0.52, boxstyle="round,pad=0.05", fc="white", ec=colours[wing], zorder=2
            )
            axes.add_patch(box)
            axes.text(x, y, part, ha="center", va="center", fontsize=9, zorder=3)
        for column, wing in enumerate(WINGS):
            axes.text(2.9 * column, 0.45, wing, ha="center", fontsize=12, fontweight="bold", color=colours[wing])
        content = BytesIO()
        figure.savefig(content, format="png", dpi=130, metadata={"Software": None, "Description": json.dumps(edges)})
    write_bytes(path, content.getvalue())


def drawn(path: Path) -> list[tuple[str, str]]:
    """The edges that a picture was drawn from."""
    from PIL import Image

    with Image.open(path) as picture:
        return [(here, there) for here, there in json.loads(picture.info["Description"])]


def numbers(edges: Mapping[str, set[str]], first: Sequence[str], second: Sequence[str]) -> str:
    """What the page says in numbers, as Markdown: lines, the longest functions, imports that are wrong, the way by stage."""
    import torch

    wings = [f"| {wing} | {count:,} |" for wing, count in lines_by_wing().items()]
    longest = [f"`{name}` ({count})" for count, name in longest_functions()]
    circles = "; ".join(", ".join(circle) for circle in cycles(edges))
    parts = [
        f"Python {platform.python_version()}, torch {torch.__version__}, {platform.system()} on {platform.machine()}.",
        "\n".join(["| wing | lines |", "|---|---:|", *wings]),
        f"Longest functions, in lines without their docstrings: {', '.join(longest)}.",
        f"Imports that point back: {', '.join(pointing_back(edges)) or 'none'}. Circles: {circles or 'none'}.",
        way_table(first, second),
    ]
    return "\n\n".join(parts)


def write_numbers(found: str, page: Path) -> None:
    """Put them into the page, between the two comments that say so."""
    head, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no place for the numbers: {BEGIN} and {END}.")
    write_text(page, f"{head}{begin}\n{found}\n{end}{tail}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the picture and write the page's numbers, or only print these; 1 if an import points back, or there is a circle."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="print the numbers, and write nothing")
    parser.add_argument("--way", action="store_true", help="list the functions from the command to the update, too")
    options = parser.parse_args(arguments)
    edges = graph()
    first, second = functions_called()
    found = numbers(edges, first, second)
    if not options.check:
        draw(part_edges(edges), PICTURE)
        write_numbers(found, PAGE)
    print(found)
    if options.way:
        for stage, functions in by_stage(first).items():
            print(f"\n{stage}:", *functions, sep="\n")
        print("\nin every step:", *second, sep="\n")
    return int(bool(pointing_back(edges) or cycles(edges)))


if __name__ == "__main__":
    sys.exit(main())

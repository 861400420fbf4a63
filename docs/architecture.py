"""Draws docs/architecture.png from the imports in the code, and prints what the page's rules are about.

Run as ``python docs/architecture.py``; ``--check`` writes nothing.  Modules are read, not imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PICTURE = CHECKOUT / "docs" / "architecture.png"
# Wings from the first to the last: a module imports from its own wing and from those before it.
WINGS: dict[str, tuple[str, ...]] = {
    "shared": ("files", "options", "signals", "streams", "plots", "catalogue"),
    "theory": ("two_scale", "wavelet", "gram", "structures", "spectrum", "families", "variation", "representation", "starts"),
    "learning": ("torch_settings", "nn", "tasks", "training", "baselines", "experiments", "comparison"),
    "evidence": ("claims", "checks", "proofs", "verify", "figures"),
    "people": ("cli", "__main__"),
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


if __name__ == "__main__":
    g = graph()
    print("back:", *pointing_back(g), sep="\n  ")
    print("cycles:", *cycles(g), sep="\n  ")
    print("no wing:", [m for m in g if wing_of(m) is None])
    print(len(part_edges(g)), part_edges(g))

"""The package as a newcomer meets it: cheap import, lazy names, the wings' directions."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import bwtheory

PACKAGE = Path(bwtheory.__file__).parent
THEORY = ["wavelet", "two_scale", "gram", "families", "variation", "representation", "claims"]


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_import_loads_nothing_heavy():
    assert not modules_after("import bwtheory") & {"numpy", "torch", "sympy", "scipy", "matplotlib", "flint", "rich"}


def test_floating_point_families_need_no_ball_arithmetic():
    blocked = "sys.modules['flint'] = None"  # SymPy imports it where it is installed; nothing here may need it
    used = "import bwtheory as bw; bw.ReLUFamily.uniform(50).condition_number(); bw.WaveletFamily(3).gram()"
    assert not modules_after(f"{blocked}; {used}") & {"torch", "matplotlib"}


@pytest.mark.parametrize("name", bwtheory.__all__)
def test_public_names_exist_and_are_documented(name):
    assert getattr(bwtheory, name).__doc__


def test_the_public_names_are_those_of_the_table():
    assert sorted(bwtheory.__all__) == sorted(bwtheory._HOME)


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'Wavelet'"):
        bwtheory.Wavelet  # noqa: B018


@pytest.mark.parametrize("module", THEORY)
def test_theory_wing_imports_neither_torch_nor_the_command_line(module):
    files = [*PACKAGE.glob(f"{module}.py"), *PACKAGE.glob(f"{module}/*.py")]
    imported = {
        name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert files and not {
        name for name in imported if name.split(".")[0] == "torch" or name.startswith(("bwtheory.cli", "bwtheory.plots"))
    }


def test_every_package_travels_in_the_wheel():
    """setuptools is given the packages one by one: the evidence lies beside bwtheory/, nothing else comes along."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {"bwtheory" + str(file.parent)[len(str(PACKAGE)) :].replace(os.sep, ".") for file in PACKAGE.rglob("__init__.py")}
    assert set(project["packages"]) == folders | {
        f"bwtheory.{name}" for name in ("verify", "figures", "results", "proofs", "examples")
    }


def test_the_source_distribution_takes_every_tracked_file():
    """By MANIFEST.in and pyproject.toml, which name each folder and file at the top: tests and documents need all of them."""
    root = Path(__file__).parents[1]
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False)
    if tracked.returncode or not tracked.stdout:
        pytest.skip("no checkout")
    rules = [line.split() for line in (root / "MANIFEST.in").read_text(encoding="utf-8").splitlines()]
    taken = {name for verb, *names in rules if verb in ("graft", "include") for name in names}
    taken |= {"bwtheory", "MANIFEST.in", "pyproject.toml"}  # the package; what setuptools takes always
    assert {line.partition("/")[0] for line in tracked.stdout.splitlines()} - taken == {".gitignore"}

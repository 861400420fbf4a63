"""The directions of imports that docs/architecture.md states, read from the code; and its picture is of this code."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location("architecture", CHECKOUT / "docs" / "architecture.py")
assert _spec and _spec.loader
architecture = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(architecture)

EDGES = architecture.graph()


def test_every_module_is_in_a_wing():
    assert [module for module in EDGES if architecture.wing_of(module) is None] == ["bwtheory"]  # whose names are lazy


def test_imports_never_point_back():
    assert architecture.pointing_back(EDGES) == []


def test_nothing_is_imported_in_a_circle():
    assert architecture.cycles(EDGES) == []
    parts = {part: set() for edge in architecture.part_edges(EDGES) for part in edge}
    for here, other in architecture.part_edges(EDGES):
        parts[here].add(other)
    assert architecture.cycles(parts) == []


@pytest.mark.parametrize("wing", ["shared", "theory"])
def test_the_first_wings_never_import_torch(wing):
    for name, path in architecture.modules().items():
        if architecture.wing_of(name) == wing:
            assert not architecture.imports(name, path, {"torch", "bwtheory.nn", "bwtheory.training"}), name


def test_what_would_be_wrong_is_seen(tmp_path):
    """The rules judge an import in a function, a relative one and a circle; not one for type checkers only."""
    module = tmp_path / "wavelet.py"
    known = {"bwtheory", "bwtheory.cli", "bwtheory.nn.network", "bwtheory.wavelet"}
    for code, imported in {
        "def f():\n    from bwtheory import cli\n": {"bwtheory.cli"},
        "from .nn import network\n": {"bwtheory.nn.network"},
        "import bwtheory.nn.network as network\n": {"bwtheory.nn.network"},
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bwtheory import cli\n": set(),
    }.items():
        module.write_text(code)
        found = architecture.imports("bwtheory.wavelet", module, known)
        assert found == imported
        back = architecture.pointing_back({"bwtheory.wavelet": found})
        assert back == [f"bwtheory.wavelet -> {other}" for other in imported]
    assert architecture.cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert architecture.essential([("a", "b"), ("a", "c"), ("b", "c")]) == [("a", "b"), ("b", "c")]


def test_the_picture_is_of_this_code():
    """`make architecture` draws it; the edges are noted down in the file."""
    assert architecture.drawn(architecture.PICTURE) == architecture.part_edges(EDGES), "run `make architecture`, and look"


def test_the_page_names_every_wing_and_nothing_that_is_gone():
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for wing in architecture.WINGS:
        assert f"| {wing} |" in page
    training = [f"training/{name}.py" for name in ("config", "api", "session", "loop", "gradient", "callbacks", "gauss_newton")]
    for file in (*training, "nn/chunked.py", "nn/explicit.py"):
        assert file in page and (CHECKOUT / "bwtheory" / file).is_file()

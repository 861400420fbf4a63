"""What is imported before it is known that it is needed: nothing that takes time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "sympy", "scipy", "numba", "matplotlib", "skimage", "flint", "PIL"}


def after(statement: str, *arguments: str) -> tuple[str, set[str]]:
    """What a statement prints last, and which heavy modules have been imported then."""
    code = f"import sys\n{statement}\nprint('', *sys.modules, sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    run = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=True)
    return run.stderr, HEAVY & set(run.stdout.split())


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ("--help", ""),
        ("--version", ""),
        ("verify --help", ""),
        ("train --help", ""),
        ("compare --help", ""),
        ("nonsense", "no command 'nonsense'"),
        ("trian signal", "did you mean train?"),
        ("train signal --imag camera", "did you mean --image?"),
        ("train signal --image camera --epochs x", "--epochs takes a whole number; got 'x'"),
        ("train signal --image camera --epochs 0", "epochs >= 1"),
        ("train signal --image camera --lr nan", "--lr takes a finite number"),
        ("train signal --image camera --activation sirn", "did you mean siren?"),
        ("train signal --image camera --activation siren --c 3", "no option 'c'"),
        ("train signal --image camera --option c=1e400", "a finite number"),
        ("train signal", "needs --image"),
        ("train", "A task is missing"),
        ("train signal --image camera --seeds 1000000000", "--seeds is at most 10,000"),
        ("compare signal --image camera --activations bw-rel", "did you mean bw-relu?"),
        ("compare signal --image camera --budget soon", "A budget is a time"),
        ("bench --activations gel", "did you mean gelu?"),
        ("reproduce fig5 --quick --full", "not both"),
        ("reproduce fig5 --image none.png", "no image file 'none.png'"),
        ("compare signal --image none.png", "no image file 'none.png'"),
        ("compare signal --image camera --factor 2", "has no option 'factor'"),
        ("train signal --image none.png", "no image file 'none.png'"),
        ("train audio --audio none.wav", "no audio file 'none.wav'"),
        ("train univariate --target cosines", "no univariate target 'cosines'"),
        ("train ct --sinogram none.npy", "no file 'none.npy' of a sinogram"),
        ("train ct --image camera --angles none.txt", "no file 'none.txt' of angles"),
        ("train inpaint --image camera --mask none.png", "no mask file 'none.png'"),
        ("train ct --image camera --factor 2", "The task 'ct' has no option 'factor'"),
        ("train denoise --image camera --truth camera", "--truth goes with --noisy"),
        ("train --resume none", "none is no run directory"),
        ("render none", "none is no run directory"),
        ("render tests/runs_of_0.1.0 --out x.doc", "is no run directory"),
        ("animate none", "none is no run directory"),
        ("report none", "none is no folder"),
    ],
)
def test_what_can_be_said_without_torch_is_said_without_it(arguments, sentence):
    said, heavy = after(f"from bwtheory.cli import main; status = main({arguments.split()!r})\nassert status in (0, 2)")
    assert heavy == set()
    assert sentence in said and bool(said) == bool(sentence) and said.count("\n") == bool(sentence)


def test_options_of_tasks_are_those_that_the_tasks_take():
    """The command line reads them from the text of the functions."""
    from bwtheory.catalogue import TASKS
    from bwtheory.options import names_of_options
    from bwtheory.tasks import TASKS as BUILT
    from bwtheory.tasks.asked import _written_options

    for name, row in TASKS.items():
        module, _, function = row.home.partition(":")
        written = _written_options(f"bwtheory.tasks.{module}")
        assert written[function] == names_of_options(BUILT[name].build), name
        if row.measured:
            assert BUILT[name].own and written[row.measured[1]] == names_of_options(BUILT[name].own[1]), name


def test_networks_cost_torch_and_nothing_else():
    torch_alone = after("import torch")[1]
    assert after("import bwtheory.nn")[1] <= torch_alone | {"torch"}


def test_the_rational_numbers_are_those_of_sympy():
    from bwtheory import two_scale
    from bwtheory.wavelet import BSplineWavelet

    for order in range(1, 9):
        assert list(BSplineWavelet(order).relu_coefficients) == list(two_scale.truncated_power_coefficients(order))
        assert list(BSplineWavelet(order).two_scale_coefficients) == list(two_scale.two_scale_coefficients(order))

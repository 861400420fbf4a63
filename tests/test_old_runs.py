"""Runs of version 0.1.0 (``runs_of_0.1.0``, made by it): they load as the same function, and go on.

A folder holds config.json, weights.safetensors or checkpoint.pt, and metrics.jsonl; values.json what they gave at some
coordinates.  WIRE's weights were complex then, c and the positional encoding's frequencies were buffers.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bwtheory.nn import ACTIVATIONS
from bwtheory.nn.network import with_real_pairs
from bwtheory.training.command import resume_runs
from bwtheory.training.fitted import load

RUNS = Path(__file__).parent / "runs_of_0.1.0"
EXPECTED = json.loads((RUNS / "values.json").read_text())
COORDINATES = np.array(EXPECTED["coordinates"])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_finished_run_is_the_same_function(activation):
    """Float64.  FINER's phases reach 10³, so that its values have 12 digits."""
    np.testing.assert_allclose(load(RUNS / activation)(COORDINATES), EXPECTED[activation]["values"], rtol=0, atol=1e-11)


@pytest.mark.parametrize("activation", ["wire", "bw-relu"])
def test_an_unfinished_run_goes_on(activation, tmp_path):
    """Float32, two further steps of Adam: values of size 1 after some hundred roundings, slopes of some ten."""
    name = f"{activation}-unfinished"
    folder = shutil.copytree(RUNS / name, tmp_path / name)
    tolerance = {"rtol": 0, "atol": 100 * 10 * 2.0**-23}
    np.testing.assert_allclose(load(folder)(COORDINATES), EXPECTED[name]["values"], **tolerance)
    assert resume_runs(folder) == 0
    found, expected = load(folder)(COORDINATES), np.array(EXPECTED[name]["after resuming"])
    np.testing.assert_allclose(found, expected, **tolerance)
    assert np.abs(expected - EXPECTED[name]["values"]).max() > 3 * tolerance["atol"]  # the steps can be seen


def test_complex_moments_of_adam_are_those_of_pairs():
    """torch's Adam treats a complex parameter as its two real parts."""
    torch.manual_seed(0)
    start, weights = torch.randn(3, 4, dtype=torch.cdouble), torch.randn(3, 4, dtype=torch.cdouble)
    found = []
    for resumed in (False, True):
        parameter = torch.nn.Parameter(start.clone())
        optimizer = torch.optim.Adam([parameter], lr=0.1)
        for step in range(6):
            if resumed and step == 3:
                state = with_real_pairs(optimizer.state_dict())
                parameter = torch.nn.Parameter(torch.view_as_real(parameter.detach()).clone())
                optimizer = torch.optim.Adam([parameter], lr=0.1)
                optimizer.load_state_dict(state)
            optimizer.zero_grad()
            numbers = torch.view_as_complex(parameter) if resumed and step >= 3 else parameter
            (numbers * weights - 1).abs().square().sum().backward()
            optimizer.step()
        found.append(torch.view_as_real(parameter.detach()) if not resumed else parameter.detach())
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-12)

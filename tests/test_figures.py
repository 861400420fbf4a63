"""The theory figures: what their titles say is true of what they draw; each is drawn, in three formats, the same each time."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

import bwtheory as bw
import figures
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, in_style, save
from figures import beam, wavelet_supports

PALETTE = {colour.lower() for colour in (BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION)}

SLOW = ("condition_numbers", "least_squares")  # which compute for seconds


def drawn(name: str):
    with in_style():
        return importlib.import_module(f"figures.{name}").draw()


def test_every_script_has_its_name_in_the_list():
    folder = Path(figures.__file__).parent
    assert sorted(figures.NAMES) == sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("__"))


@pytest.mark.parametrize("name", [name for name in figures.NAMES if name not in SLOW])
def test_colours_are_told_apart_and_a_title_says_something(name):
    """Lines are in Okabe and Ito's colours, which people with any colour vision tell apart."""
    figure = drawn(name)
    lines = [line for axes in figure.axes for line in axes.get_lines()]
    assert {str(line.get_color()).lower() for line in lines} <= PALETTE | {"black"}
    titles = [axes.get_title() for axes in figure.axes] + [figure.get_suptitle()]
    assert max(map(len, titles)) > 20


def test_formats_are_written_and_equal_each_time(tmp_path):
    first = [path.read_bytes() for path in save(drawn("figure1_left"), tmp_path / "a", "figure")]
    paths = save(drawn("figure1_left"), tmp_path / "b", "figure")
    assert [path.suffix for path in paths] == [".png", ".pdf", ".svg"]
    assert [path.read_bytes() for path in paths] == first
    assert not re.search(rb"<dc:date>|20\d\d-\d\d-\d\dT", first[2])


def test_the_beam_is_clamped_at_one_end_and_free_at_the_other():
    s = np.linspace(0, 1, 20_001)
    h = s[1]
    for k in (1, 2, 3, 4):
        beta = beam.frequency(k)
        assert np.cos(beta) * np.cosh(beta) == pytest.approx(-1, abs=1e-10 * np.cosh(beta))
        shape = beam.mode(beta, s)
        # differences of numbers of size 2 with a rounding of 1e-15 by cosh β: errors 1e-12/h² at most, and of the method h·β⁴
        assert shape[0] == pytest.approx(0, abs=1e-12) and (shape[1] - shape[0]) / h == pytest.approx(0, abs=2 * h * beta**2)
        bend = (shape[-1] - 2 * shape[-2] + shape[-3]) / h**2
        assert abs(bend) < 4 * h * beta**3 + 1e-11 * np.cosh(beta) / h**2


def test_eigenvectors_are_the_beams_modes():
    """What the figure's title says: the angle to each of the first four modes is halved where K is doubled."""

    def angles(size: int) -> np.ndarray:
        family = bw.ReLUFamily.uniform(size)
        vectors = np.linalg.eigh(family.gram())[1][:, : -beam.MODES - 1 : -1]
        shapes = np.array([beam.mode(beam.frequency(k + 1), (1 - family.biases) / 2) for k in range(beam.MODES)])
        cosines = np.abs((vectors.T * shapes).sum(axis=1)) / np.linalg.norm(shapes, axis=1)
        return np.arccos(cosines)

    # of the first order in 1/K: twice the size has half the angle, up to terms of the second order
    assert np.all(np.abs(angles(256) / angles(128) - 0.5) < 0.1)


def test_discs_decide_for_wavelets_and_not_for_relus():
    centres, radii = bw.gershgorin_discs(bw.WaveletFamily(5).gram())
    assert (centres > radii).all()
    centres, radii = bw.gershgorin_discs(bw.ReLUFamily.uniform(31).gram())
    assert (centres < radii).all()


def test_all_wavelets_are_dependent_and_the_basis_reaches_everywhere():
    assert bw.WaveletFamily(2, shifts="covering").condition_number() == np.inf
    basis = bw.IntervalWaveletFamily(3)
    index, supports = wavelet_supports.supports_of_basis(basis)
    assert len(index) == len(supports) == basis.size
    for level in range(-1, 3):  # no point of D is outside of all supports of a scale
        ends = sorted(ends for (each, _), ends in zip(index, supports) if each == level)
        assert ends[0][0] == -1 and max(right for _, right in ends) == 1
        assert all(second[0] <= max(right for _, right in ends[:n]) for n, second in enumerate(ends) if n)
    finest = [ends for (level, _), ends in zip(bw.WaveletFamily(5).index, bw.WaveletFamily(5).supports()) if level == 4]
    assert max(right for _, right in finest) < 0  # Theorem 3.3's stop before the middle

"""The experiments of open questions: choices by norm, functions of more variables, recovery from low frequencies."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bwtheory.experiments import EXPERIMENTS, dimensions, low_pass, trials
from bwtheory.experiments.choices import FIXED, Network, at_equal_loss, correlations, regrets, within_scales
from bwtheory.experiments.experiment import Budget, Finished
from bwtheory.experiments.low_pass import LowPass, fourier_features, images_of_neurons
from bwtheory.experiments.reproduce import reproduce
from bwtheory.experiments.trials import TrialsExperiment, finish_trials, read_trials
from bwtheory.tasks.operators import require_adjoint
from bwtheory.training.run import RunDirectory


def steps(c, losses, norms, held_out, qualities):
    return [Network(c, *numbers) for numbers in zip(losses, norms, held_out, qualities, strict=True)]


@pytest.fixture
def two_targets():
    """Of target a: c = 1 gets to 0.1, and c = 3 beyond it at its second step.  Of b the other c is better."""
    slow = steps(1.0, [1.0, 0.4, 0.1], [5, 6, 7], [3, 2, 1.0], [10, 15, 20])
    fast = steps(3.0, [1.0, 0.1, 0.001], [20, 30, 40], [3, 0.5, 4], [10, 18, 12])
    a = at_equal_loss("p", "a", {(40, 1.0): slow, (40, 3.0): fast})
    better = [replace(network, quality=network.quality + 4) for network in fast]
    return a + at_equal_loss("p", "b", {(40, 1.0): slow, (40, 3.0): better})


def test_equal_loss_is_the_first_step_with_what_all_reach(two_targets):
    choice = two_targets[0]
    assert [network.quality for network in choice.equal] == [20, 18] and choice.best == 20
    assert [network.quality for network in choice.last] == [20, 12] and len(choice.logged) == 6


def test_correlations_and_regrets_by_hand(two_targets):
    assert correlations(two_targets, "a", end=False) == [-1.0] and correlations(two_targets, "b", end=False) == [1.0]
    assert correlations(two_targets, "b", end=True) == [-1.0], "16 dB at the end, less than 20"
    found = regrets(two_targets)
    assert found["least norm"] == {("p", "a"): 0, ("p", "b"): 2} == found["least c"]
    assert found["cross-validation"] == {("p", "a"): 2, ("p", "b"): 0}
    assert found[FIXED] == {("p", "a"): 2, ("p", "b"): 2}, "the best one of the other target"
    assert found["least norm, end of training"] == {("p", "a"): 0, ("p", "b"): 2}
    assert found["cross-validation, any step"] == {("p", "a"): 2, ("p", "b"): 0}
    assert FIXED not in regrets(two_targets[:1])


def test_within_a_scale_the_seeds_differ():
    runs = {(seed, 1.0): steps(1.0, [0.1], [seed], [1], [-seed]) for seed in (40, 41, 42)}
    runs |= {(seed, 3.0): steps(3.0, [0.1], [2 * seed], [1], [seed]) for seed in (40, 41)}
    found = at_equal_loss("p", "a", runs)
    assert [choice.seed for choice in found] == [40, 41], "seed 42 lacks a scale"
    assert within_scales(found) == [-1.0, 1.0] and within_scales(found[:1]) == []


def test_norm_against_generalization_reports_what_was_put_in(tmp_path):
    """Norms that grow and PSNRs that fall with c: −1; least norm loses nothing, and a rule that looks the other way does."""
    experiment, budget = EXPERIMENTS["next3"], Budget(seeds=2)
    done = {}
    for key, config in experiment.plan(budget, {}).items():
        c = config.options["c"]
        row = {"epoch": 1, "loss": 0.1, "variation_norm": 10 * c, "held_out_loss": 1 / c, "psnr": 30 - c}
        run = RunDirectory.create(tmp_path / key, config)
        run.metrics_file.write_text(json.dumps(row) + "\n")
        done[key] = Finished(run, config, {})
    report = experiment.report(budget, done)
    entry = report.results["next3-norm"]
    assert entry["first"] == pytest.approx((-1.0, 0.0)) and entry["trials"] == 2 == len(entry["by_image"])
    assert report.results["next3-regret-least-norm"]["first"][0] == 0
    assert report.results["next3-regret-cross-validation"]["first"][0] == pytest.approx(5.0 - 1.25)
    assert [row[0] for row in report.rows] == ["inpaint, 0.1", "ct, 0", "all"]


class Counted(TrialsExperiment):
    """Squares, one a trial; keeps which it was asked for."""

    name, title = "counted", "Squares"

    def __init__(self):
        self.asked = []

    def settings(self, budget):
        return {f"t{n}": {"n": n, "seed": n} for n in range(budget.seeds)}

    def carry_out(self, settings):
        self.asked.append(settings["n"])
        return {"square": settings["n"] ** 2}


def test_trials_go_on_where_they_ended(tmp_path):
    experiment = Counted()
    finish_trials(experiment, Budget(seeds=2), tmp_path)
    file = tmp_path / trials.FILE
    with file.open("ab") as cut:
        cut.write(b'{"name": "t2", "settings"')  # as a process that was killed leaves it
    found = finish_trials(experiment, Budget(seeds=4), tmp_path)
    assert experiment.asked == [0, 1, 2, 3] and [trial.result["square"] for trial in found.values()] == [0, 1, 4, 9]
    assert list(read_trials(file)) == ["t0", "t1", "t2", "t3"] and found["t3"].facts["torch"] == torch.__version__


def test_trials_with_other_settings_are_refused(tmp_path):
    finish_trials(Counted(), Budget(seeds=1), tmp_path)
    file = tmp_path / trials.FILE
    file.write_text(file.read_text().replace('"seed": 0', '"seed": 7'))
    with pytest.raises(ValueError, match="has a trial t0 with other settings"):
        finish_trials(Counted(), Budget(seeds=1), tmp_path)


@pytest.mark.parametrize("name", [name for name, each in EXPERIMENTS.items() if isinstance(each, TrialsExperiment)])
def test_settings_of_trials_are_json_with_seeds(name):
    for budget, seeds in ((Budget(), {40}), (Budget(full=True, seeds=2), {40, 41})):
        planned = EXPERIMENTS[name].settings(budget)
        assert json.loads(json.dumps(planned)) == planned and {each["seed"] for each in planned.values()} == seeds


@pytest.mark.parametrize("target", dimensions.TARGETS)
def test_functions_of_more_variables(target):
    """Drawn from the seed alone, of variance 1, and no function of some of the coordinates only."""
    for d in dimensions.DIMENSIONS:
        found, again = (dimensions.sample(target, d, 40) for _ in range(2))
        assert {name: x.shape for name, (x, _) in found.items()} == {
            "trained": (360, d),
            "held_out": (40, d),
            "test": (2000, d),
        }
        assert all(np.array_equal(found[name][1], again[name][1]) for name in found)
        values = np.concatenate([y for _, y in found.values()])
        assert values.std() == pytest.approx(1, abs=1e-12) and abs(values.mean()) < 1e-12
        assert not np.array_equal(found["test"][1], dimensions.sample(target, d, 41)["test"][1])


def test_higher_dimensions_by_hand(tmp_path, monkeypatch):
    """Quality that falls with the norm in d = 3 and grows with it in 4: they cancel; d = 2 does not count."""
    experiment = EXPERIMENTS["open2"]

    def invented(settings):
        sign = {2: 1, 3: -1, 4: 1}[settings["d"]]
        numbers = {f"{c:g}": {"loss": 0.1, "norm": c, "held_out": 1.0, "quality": sign * c} for c in dimensions.SCALES}
        return {c: [step] for c, step in numbers.items()}

    monkeypatch.setattr(experiment, "carry_out", invented)
    report = experiment.report_trials(Budget(), finish_trials(experiment, Budget(), tmp_path))
    first = {name: report.results[name]["first"][0] for name in ("open2", "open2-d2", "open2-d3", "open2-d4")}
    assert first == pytest.approx({"open2": 0, "open2-d2": 1, "open2-d3": -1, "open2-d4": 1})
    assert report.rows[1][3] == "1.25, 1.25" and report.rows[2][3] == "5, 5"


def test_higher_dimensions_train(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dimensions, "SCALES", (2.0, 3.0))
    monkeypatch.setattr(dimensions, "DIMENSIONS", (3, 4))
    folder = reproduce("open2", Budget(epochs=20), tmp_path)
    lines = [json.loads(line) for line in (folder / trials.FILE).read_text().splitlines()]
    first = lines[0]["result"]["2"]
    assert len(lines) == 4 and len(first) == 2 and 0 < first[1]["loss"] < first[0]["loss"]
    results = json.loads((folder / "results.json").read_text())
    assert results["open2"]["provenance"]["command"] == "bwtheory reproduce open2 --quick --epochs 20"
    assert results["open2"]["provenance"]["seeds"] == [40]
    assert "Reduced protocol: quick settings, epochs 20" in (folder / "table.md").read_text()


def test_low_pass_is_the_discrete_fourier_transform():
    """Coefficients against numpy's; the adjoint is the transpose; an image without high frequencies is filled back exactly."""
    operator = LowPass((9, 8), 2)
    require_adjoint(operator, "LowPass")
    image = torch.randn(72, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    measured = operator(image)
    spectrum = np.fft.fft2(image.numpy().reshape(9, 8)) / 72
    kept = [spectrum[row, column] for row in range(-2, 3) for column in range(-2, 3)]
    assert len(measured) == 25 and float(measured[0]) == pytest.approx(spectrum[0, 0].real, abs=1e-15)
    assert float(measured.square().sum()) == pytest.approx(float(np.sum(np.abs(kept) ** 2)), rel=1e-13)
    smooth = operator.adjoint(measured) * 72
    assert torch.allclose(operator.adjoint(operator(smooth)) * 72, smooth, rtol=0, atol=1e-13)
    with pytest.raises(ValueError, match="need more than 8 pixels a side"):
        LowPass((9, 8), 4)


def test_images_of_neurons_are_in_reach_of_the_network():
    """One neuron on its features is the image, up to its height; other seeds and widths give other images."""
    images = images_of_neurons("relu", 1, 40, count=3)
    assert torch.equal(images.amax(dim=1), torch.ones(3, dtype=torch.float64)) and float(images.min()) == 0
    features = fourier_features((24, 24), 1)
    for image in images:
        inside = image > 0.05
        fitted = torch.linalg.lstsq(features[inside], image[inside, None]).solution
        assert torch.allclose(torch.relu(features @ fitted)[:, 0], image, rtol=0, atol=1e-9)
    assert not torch.equal(images, images_of_neurons("relu", 1, 41, count=3))


def test_a_trained_network_recovers_more_than_zero_filling():
    operator, features = LowPass((24, 24), 3), fourier_features((24, 24), 1)
    images = images_of_neurons("relu", 1, 7, count=2)
    measured = operator(images.T)
    found = low_pass.recover(measured.T, operator, features, "relu", neurons=12, last_weight=1e-5, steps=400, seed=0)
    filled = (operator.adjoint(measured) * 576).T
    assert all(a < b / 2 for a, b in zip(low_pass._errors(found, images), low_pass._errors(filled, images)))


def test_the_ledger_reads_the_share_of_one_neuron_and_three_times_its_cutoff(tmp_path, monkeypatch):
    """A share above one half, of exactly the cell that the claim names."""
    experiment, budget = EXPERIMENTS["rel-fourier"], Budget(full=True)

    def invented(settings):
        if settings["image"] != "neurons":
            return {
                "network": {"1e-06": 20.0, "1e-05": 22.0},
                "tv": {"0.001": 21.0},
                "tikhonov": {"0": 18.0},
                "shape": [50, 50],
            }
        decides = (settings["activation"], settings["width"], settings["cutoff"]) == ("relu", 1, 3)
        return {"network": [0.009, 0.011, 0.002, 0.005] if decides else [1.0], "tv": [0.5], "tikhonov": [0.2]}

    monkeypatch.setattr(experiment, "carry_out", invented)
    report = experiment.report_trials(budget, finish_trials(experiment, budget, tmp_path))
    entry = report.results["rel-fourier"]
    assert entry["first"] == pytest.approx((0.75, 0.25)) and entry["second"] == (0.5, 0.0)
    assert entry["trials"] == 4 and report.results["rel-fourier-phantom-relu"]["best"] == 22.0
    assert len(report.rows) == 8
    row = next(row for row in report.rows if row[0] == "1 ReLU neuron" and row[1] == "3")
    assert row[2:6] == ["49", "0.75", "0.00", "0.00"], "0.011 is not recovered"

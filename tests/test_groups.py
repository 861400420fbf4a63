"""Groups of an ablation: ψ is ψ, and the others differ from it in what they say and in nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import trapezoid

from bwtheory import cli
from bwtheory.experiments import EXPERIMENTS
from bwtheory.experiments.ablation import CASES, STARTS
from bwtheory.experiments.between import best_between
from bwtheory.experiments.experiment import Budget, Finished
from bwtheory.nn import INR, psi
from bwtheory.nn.groups import KINDS, NORM, Group, knot_values
from bwtheory.training.run import RunDirectory

Z = torch.linspace(-2, 3, 997, dtype=torch.float64)


def test_psi_is_psi():
    """Values at knots in float32: half a unit of their last place, 2⁻²⁵, and the lines between them."""
    assert torch.allclose(Group(2.0, "psi")(Z), psi(2.0 * Z), rtol=0, atol=4 * 2.0**-25)
    torch.manual_seed(0)
    net = INR(2, 1, 5, 2, "bwtheory.nn.groups:Group", kind="psi", c=1.5, init="scales")
    torch.manual_seed(0)
    same = INR(2, 1, 5, 2, "bw-relu", c=1.5, init="scales")
    x = torch.rand(9, 2)
    assert torch.allclose(net(x), same(x), rtol=0, atol=1e-6)
    assert [g["lr_multiple"] for g in net.parameter_groups(1.0)] == [g["lr_multiple"] for g in same.parameter_groups(1.0)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_group_has_psis_norm_and_its_derivative(kind):
    """The norm by a sum over many points, with the error of a step at both ends; the derivative against differences."""
    group = Group(1.0, kind)
    u = torch.linspace(0, 3, 300_001, dtype=torch.float64)[:-1]
    assert float(group(u).square().mean() * 3) == pytest.approx(NORM**2, rel=1e-3)
    places = torch.from_numpy(np.random.default_rng(0).uniform(0.01, 2.99, 200))
    h = 1e-7
    differences = (group(places + h) - group(places - h)) / (2 * h)
    close = (group.derivative(places) - differences).abs() < 1e-5 * differences.abs().max()
    assert int(close.sum()) >= 198  # a knot of 1536 lies within h of a place in one case of 6,500


def test_what_the_groups_are():
    """Vanishing moments and orthogonality to ψ of twice the scale, by sums that are exact for polygons of these knots."""
    u = np.linspace(0, 3, 6001)
    at = {kind: np.interp(u, np.linspace(0, 3, len(knot_values(kind))), knot_values(kind)) for kind in KINDS}
    for kind, moments in {"psi": 2, "zero-mean": 2, "hat": 0, "random": 0}.items():
        sizes = [abs(float(trapezoid(at[kind] * u**k, u))) for k in range(2)]
        assert (max(sizes) < 1e-6) == (moments == 2), kind
    for kind, orthogonal in {"psi": True, "zero-mean": False, "hat": False}.items():
        narrow = np.interp(2 * u, np.linspace(0, 3, 7), knot_values(kind), right=0.0)
        assert (abs(float(trapezoid(at[kind] * narrow, u))) < 1e-6) == orthogonal, kind


def test_refused():
    with pytest.raises(ValueError, match="There is no group 'box'; there are psi, hat"):
        Group(1.0, "box")
    with pytest.raises(ValueError, match="scale c must be positive"):
        Group(0.0)


def finished(folder, config, summary, metrics=()):
    run = RunDirectory(folder)
    run.read_metrics = lambda: list(metrics)
    return Finished(run, config, summary)


def summary_of(grid, between, **more):
    found = {"grid_psnr": grid, "off_grid_psnr": between, "off_grid_excess": 0.5, "shape": [9, 9], "parameters": 50}
    return found | {"source": "x", "sha256": "0" * 64} | more


def test_the_chosen_setting_is_done_with_other_seeds(tmp_path):
    """All settings with the first seed, for both images; then the best between of each with the other, a diverged one aside."""
    experiment, budget = (
        EXPERIMENTS["between-ct"],
        Budget(seeds=2, image="camera", more_images=("coins",), activations=("siren",)),
    )
    first = experiment.plan_besides(budget, {}, set())
    assert len(first) == 2 * 3 and {config.seed for config in first.values()} == {40}
    done = {
        key: finished(tmp_path, config, summary_of(20.0, config.options["omega_0"], source=config.source))
        for key, config in first.items()
    }
    diverged = next(key for key in done if "omega_030" in key and key.startswith("camera"))
    rest = {key: run for key, run in done.items() if key != diverged}
    assert experiment.plan_besides(budget, rest, set()).keys() == first.keys() | {
        key for key in experiment.plan_besides(budget, done, set()) if key.startswith("coins")
    }
    later = experiment.plan_besides(budget, rest, {diverged})
    chosen = {config.source: config.options["omega_0"] for key, config in later.items() if key not in first}
    assert chosen == {"camera": 20.0, "coins": 30.0} and len(later) == 8
    for key, config in later.items():
        rest.setdefault(key, finished(tmp_path, config, summary_of(10.0, 11.0, source=config.source)))
    report = experiment.report(budget, rest)
    assert [row[4] for row in report.rows] == ["10.0 / 11.0"] * 3
    best = best_between(experiment_points(report, "camera"), 0.0)
    assert best.confirmed == (10.0, 11.0) and best.setting == "omega_0 = 20, lr = 0.001"


def experiment_points(report, source):
    from bwtheory.experiments.between import Point

    return [Point(**point) for point in report.results[f"between-ct-{source}-siren"]["points"]]


def test_several_images_are_for_some_experiments(tmp_path, capsys):
    words = ["reproduce", "fig5", "--image", "camera", "coins", "--out", str(tmp_path / "out")]
    assert cli.main(words) == 2
    assert "The experiment fig5 takes one image; got 2." in capsys.readouterr().err


def test_norm_and_psnr_over_c(tmp_path):
    """−1 where the least norm is best at each rate; runs of other starts do not count."""
    experiment = EXPERIMENTS["between-ct"]
    plan = experiment.plan(Budget(full=True, seeds=1, image="camera", activations=("bw-relu",)), {})
    done = {}
    for key, config in plan.items():
        norm = config.options["c"] if config.init == "pytorch" else 100 - config.lr
        done[key] = finished(tmp_path, config, summary_of(20.0, 20.0, variation_norm=norm, psnr=30 - norm))
    report = experiment.report(Budget(full=True, seeds=1, image="camera", activations=("bw-relu",)), done)
    assert report.results["between-ct-norm"]["by_image"] == {"x": pytest.approx(-1.0)}


def test_figure_five_by_start(tmp_path):
    experiment, budget = EXPERIMENTS["fig5-start"], Budget(full=True, seeds=2)
    plan = experiment.plan(budget, {})
    assert len(plan) == 4 and plan["bw-relu-scales-seed41"].init_options["gain"] == 6.0
    done = {}
    for key, config in plan.items():
        good = config.init == "scales" or config.seed == 40
        psnr = 109.0 if good else 92.0
        summary = summary_of(psnr, 9.0, psnr=psnr, psnr_paper=psnr - 1, max_error=1e-5 if good else 2e-4, epochs=config.epochs)
        metrics = [{"epoch": 0, "psnr": 5.0, "psnr_paper": 4.0}, {"epoch": 290, "psnr": psnr, "psnr_paper": psnr - 1}]
        done[key] = finished(tmp_path, config, summary, metrics)
    report = experiment.report(replace(budget, target=107.5), done)
    assert [row[-1] for row in report.rows] == ["from 290", "no", "1 of 2", "from 290", "from 290", "2 of 2"]
    missed = experiment.report(replace(budget, target=108.5), done)
    assert [row[-1] for row in missed.rows] == ["no", "no", "0 of 2", "no", "no", "0 of 2"], "108 dB as published"
    without = experiment.report(budget, done)
    assert [row[:-1] for row in report.rows] == without.rows and without.columns == report.columns[:-1]
    # 2e-4 squared over 81 pixels' mean squared error of 10^-9.2
    assert report.results["fig5-start-pytorch-other-image"]["worst_pixel"]["41"] == pytest.approx(4e-8 / 81 / 10**-9.2)


def test_muon_is_compared_at_its_best_rates(tmp_path):
    experiment, budget = EXPERIMENTS["muon"], Budget(activations=("relu",))
    done = {}
    for key, config in experiment.plan(budget, {}).items():
        fast = config.optimizer == "muon"
        rows = [{"epoch": 1, "stable_rank": {"weights": [4.0 if fast else 2.0, 2.0], "features": [1.0, 1.0, 4.0]}}]
        done[key] = finished(tmp_path, config, summary_of(20 + 5 * fast + config.lr, 20 - config.lr), rows)
    rows = experiment.report(budget, done).rows
    assert [row[1:4] for row in rows] == [["Adam", "20.0 / 20.0", "0.01"], ["Muon", "25.0 / 20.0", "0.01"]]
    assert [row[5:8] for row in rows] == [["0.003", "2.0", "2.0"], ["0.003", "3.0", "2.0"]]


def test_the_ablation_reports_seeds_that_chose_nothing(tmp_path):
    """The rate is chosen by the first seed; results pair ψ with the best group that is not orthogonal, and so on."""
    experiment, budget = EXPERIMENTS["ablation"], Budget(full=True)
    first = experiment.plan(budget, {})
    assert len(first) == len(CASES) * 2 and {config.seed for config in first.values()} == {40}

    def score(config):
        case = config.options["kind"] + str(config.init_options) * (config.init == "scales")
        return 30 + list({**dict.fromkeys([*KINDS]), case: None}).index(case) + 100 * config.lr + config.seed % 7

    spectra = [{"epoch": 1, "singular_values": [[10.0, 1.0], [100.0, 1.0]]}]
    done = {key: finished(tmp_path, c, summary_of(score(c), 20.0 + score(c)), spectra) for key, c in first.items()}
    plan = experiment.plan(budget, done)
    assert len(plan) == len(first) + len(CASES) * 5
    assert {config.lr for key, config in plan.items() if key not in first} == {8e-3}
    done |= {
        key: finished(tmp_path, c, summary_of(score(c), 20.0 + score(c)), spectra)
        for key, c in plan.items()
        if key not in first
    }
    report = experiment.report(budget, done)
    results = report.results
    assert results["ablation-next2"]["cases"] == ["psi", "random"] and results["ablation-open3"]["cases"] == ["order-3", "psi"]
    assert results["ablation-open4"]["cases"][0] in STARTS and results["ablation-next2"]["trials"] == 5
    assert results["ablation-first3"]["first"][0] == 2.0 and results["ablation-first3"]["scale"] == "log10"

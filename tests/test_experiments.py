"""Reproducing experiments: plans, going on, refusing, reporting."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bwtheory.experiments import EXPERIMENTS, runs
from bwtheory.experiments import reproduce as runner
from bwtheory.experiments.conditioning import LIMIT, log_ratios, numerical_rank
from bwtheory.experiments.experiment import Budget, Finished, mean_and_error, plus_minus
from bwtheory.experiments.interpolation import measure, rank_correlation
from bwtheory.experiments.reproduce import reproduce
from bwtheory.experiments.trials import TrialsExperiment
from bwtheory.nn import INR
from bwtheory.tasks import build_task
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.fitted import load
from bwtheory.training.run import RunDirectory
from bwtheory.training.session import Diverged, train

TINY = Budget(epochs=3, seeds=1, shrink=32)


@pytest.mark.parametrize("budget", [Budget(), Budget(full=True), Budget(full=True, faithful=True)])
@pytest.mark.parametrize("name", [name for name, each in EXPERIMENTS.items() if not isinstance(each, TrialsExperiment)])
def test_plans_are_valid(name, budget):
    if budget.faithful and name in ("fig2", "fig3"):
        budget = replace(budget, faithful=False)
    plan = EXPERIMENTS[name].plan(budget, {})
    assert plan
    for key, config in plan.items():
        assert "/" not in key and key.endswith(tuple("0123456789"))
        assert isinstance(config, TrainingConfig)
    if budget.full and name in ("fig4", "fig5", "fig6"):
        assert len(plan) == 25 and {config.seed for config in plan.values()} == set(range(40, 45))


def test_full_protocols_are_the_papers():
    """Appendix D: epochs, decay, width, and BW-ReLU's rate and scale for the three tasks."""
    expected = {"fig4": (10000, 0.1, 300, 2e-3, 3.0), "fig5": (1000, 0.1, 300, 4e-3, 9.0), "fig6": (2000, 0.2, 256, 3e-3, 3.0)}
    for name, settings in expected.items():
        config = EXPERIMENTS[name].plan(Budget(full=True), {})["bw-relu-seed40"]
        assert (config.epochs, config.decay, config.hidden_features, config.lr, config.options["c"]) == settings
        assert config.hidden_layers == 3 and "given" not in config.settings_from


def finished(folder: Path, config: TrainingConfig, summary: dict, metrics: list[dict]) -> Finished:
    run = RunDirectory.create(folder, config)
    run.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in metrics))
    run.save_summary(summary)
    return Finished(run, config, summary)


def test_same_loss_waits_for_the_reference(tmp_path):
    sweep = EXPERIMENTS["fig7"]
    budget = Budget(full=True, seeds=1)
    first = sweep.plan(budget, {})
    assert list(first) == ["c3-seed40"] and first["c3-seed40"].stop_at_loss == 0
    done = {"c3-seed40": finished(tmp_path / "run", first["c3-seed40"], {"loss": 0.25}, [])}
    later = sweep.plan(budget, done)
    assert set(later) == {"c1-seed40", "c2-seed40", "c3-seed40", "c5-seed40"}
    assert later["c1-seed40"].stop_at_loss == 0.25 and later["c1-seed40"].epochs == 100_000
    assert later["c1-seed40"].learning_rate(5000) == pytest.approx(first["c3-seed40"].learning_rate(5000), rel=1e-15)
    published = sweep.plan(replace(budget, faithful=True), {})
    assert {config.stop_at_loss for config in published.values()} == {0.0}
    assert {key: (config.lr, config.epochs) for key, config in published.items()} == {
        "c1-seed40": (3e-3, 100_000),
        "c2-seed40": (3e-3, 100_000),
        "c3-seed40": (3e-3, 10_000),
        "c5-seed40": (3e-3, 10_000),
    }


def test_architectures_run_once_and_report(tmp_path, monkeypatch, capsys):
    budget = replace(TINY, activations=("bw-relu", "relu"))
    folder = reproduce("fig5", budget, tmp_path)
    assert {path.name for path in folder.iterdir()} == {
        "runs",
        "table.md",
        "figure.png",
        "figure.pdf",
        "figure.svg",
        "results.json",
        ".lock",
    }
    text = (folder / "table.md").read_text()
    assert "BW-ReLU" in text and "Reduced protocol: quick settings, seeds 1, epochs 3, shrink 32" in text
    results = json.loads((folder / "results.json").read_text())
    summary = json.loads((folder / "runs" / "bw-relu-seed40" / "summary.json").read_text())
    entry = results["fig5-bw-relu-other-image"]  # camera is not the paper's cameraman, so the ledger does not read it
    assert entry["mean"] == summary["psnr_paper"] and math.isnan(entry["standard_error"]) and entry["trials"] == 1
    assert entry["provenance"]["command"].startswith("bwtheory reproduce fig5 --quick --seeds 1")

    def no_training(*arguments):
        raise AssertionError("a finished run was trained again")

    monkeypatch.setattr(runs, "train", no_training)
    assert reproduce("fig5", budget, tmp_path) == folder
    assert (folder / "table.md").read_text() == text
    with pytest.raises(ValueError, match="epochs = 3, not 4"):
        reproduce("fig5", replace(budget, epochs=4), tmp_path)


def test_kept_runs_are_done(tmp_path, monkeypatch):
    """Runs in results/ need neither weights nor a path of the machine they ran on."""
    budget = replace(TINY, activations=("bw-relu",))
    done = reproduce("fig5", budget, tmp_path / "first") / "runs" / "bw-relu-seed40"
    kept = tmp_path / "results" / "runs" / "fig5-quick" / "bw-relu-seed40"
    run = RunDirectory(done)
    runner._keep(Finished(run, run.read_config(), run.read_summary()), kept)
    assert {path.name for path in kept.iterdir()} == {"config.json", "summary.json", "metrics.jsonl", "reconstruction.png"}
    monkeypatch.setattr(runs, "train", None)
    folder = reproduce("fig5", budget, tmp_path / "second", tmp_path / "results")
    assert not (folder / "runs").exists() and "BW-ReLU" in (folder / "table.md").read_text()
    with pytest.raises(ValueError, match="Only runs of the full protocol"):
        reproduce("fig5", budget, tmp_path / "third", tmp_path / "results", write=True)


def test_results_of_other_architectures_stay(tmp_path):
    new, target = tmp_path / "new.json", tmp_path / "results" / "fig5.json"
    runner._write_results(new, {"a": {"mean": 1}})
    runner._merge(new, target)
    runner._write_results(new, {"b": {"mean": 2}})
    runner._merge(new, target)
    runner._write_results(new, {"a": {"mean": 3}})
    runner._merge(new, target)
    assert json.loads(target.read_text()) == {"a": {"mean": 3}, "b": {"mean": 2}}


def test_divergence_is_counted_not_repeated(tmp_path, monkeypatch):
    real, calls = runs.train, []

    def train(config, task, run):
        calls.append(config.activation)
        if config.activation == "relu":
            raise Diverged("The loss is nan at epoch 1.")
        return real(config, task, run)

    monkeypatch.setattr(runs, "train", train)
    budget = replace(TINY, activations=("bw-relu", "relu"))
    for _ in range(2):
        folder = reproduce("fig5", budget, tmp_path)
    assert calls == ["bw-relu", "relu"]
    assert "relu-seed40 diverged and is in no mean: The loss is nan" in (folder / "table.md").read_text()


@pytest.mark.parametrize("name", ["fig7", "next1"])
def test_other_experiments_end_in_tables(name, tmp_path):
    folder = reproduce(name, TINY, tmp_path)
    assert (folder / "figure.png").stat().st_size > 10_000
    assert json.loads((folder / "results.json").read_text())


def test_unknown_experiment(tmp_path):
    with pytest.raises(ValueError, match="no experiment 'fig1'; there are fig2"):
        reproduce("fig1", TINY, tmp_path)


def test_condition_of_logged_singular_values(tmp_path):
    config = with_preset({"task": "univariate", "source": "sines", "hidden_features": 3}, {}, {"samples": 4})
    metrics = [
        {"epoch": 0, "singular_values": [[100.0, 1.0], [1.0, 0.0]]},
        {"epoch": 1, "loss": 1.0},
        {"epoch": 2, "singular_values": [[1e20, 1.0], [8.0, 8.0]]},
    ]
    run = finished(tmp_path / "run", config, {"epochs": 2}, metrics)
    epochs, ratios = log_ratios(run)
    assert epochs.tolist() == [0, 2]
    assert ratios.tolist() == [[2.0, LIMIT], [LIMIT, 0.0]]
    assert numerical_rank(run) == [1, 2]


def test_norms_of_a_trained_univariate_network(tmp_path):
    """TV(f′) of the exact piecewise-linear function against second differences of the network in float64.

    A jump is split between the two nodes around it, so that the sums agree unless knots of opposite sign lie within two cells;
    at this seed none do.  Rounding: 2^17 differences of slopes, each good to about 2^-52·|f|·2^16.  Formula (30) is above it.
    """
    config = with_preset(
        {"task": "univariate", "source": "steps", "epochs": 30, "hidden_features": 9, "double": True, "seed": 3}, {"c": 2.0}
    )
    run = RunDirectory.create(tmp_path / "run", config)
    train(config, build_task("univariate", "steps", "stretch", {}), run)
    numbers = measure(Finished(run, config, run.read_summary()))
    x = np.linspace(-1, 1, 2**17 + 1)
    differences = np.diff(load(run.path)(x[:, None])[:, 0]) / np.diff(x)
    total = np.abs(np.diff(differences)).sum()
    assert total == pytest.approx(numbers["variation"], abs=2**17 * 2**-52 * 2**16 * 4)
    assert numbers["variation"] < numbers["norm"]
    assert numbers["training"] == pytest.approx(math.sqrt(run.read_summary()["loss"]))


def test_statistics():
    assert mean_and_error([1.0, 2.0, 3.0]) == (2.0, pytest.approx(1 / math.sqrt(3)))
    assert math.isnan(mean_and_error([1.0])[1])
    assert plus_minus([1.0, 2.0, 3.0]) == "2.00 ± 0.58" and plus_minus([1.0]) == "1.00"
    assert rank_correlation([(1, 5), (2, 4), (3, 0)]) == -1
    assert rank_correlation([(1, 5), (1, 4), (1, 0)]) == 0


def test_summary_reports_the_invariant_norm(tmp_path):
    config = with_preset({"source": "camera", "epochs": 1, "hidden_features": 5}, {}, {"shrink": 64})
    run = RunDirectory.create(tmp_path / "run", config)
    train(config, build_task("signal", "camera", "stretch", {"shrink": 64}), run)
    summary, network = run.read_summary(), load(run.path).network
    assert isinstance(network, INR)
    from bwtheory.nn import variation_norm_invariant

    assert summary["variation_norm_invariant"] == pytest.approx(float(variation_norm_invariant(network).detach()), rel=1e-6)


def test_another_image_of_the_same_name_is_no_finished_run(tmp_path):
    from PIL import Image

    images = [tmp_path / folder / "p.png" for folder in "ab"]
    for level, path in enumerate(images):
        path.parent.mkdir()
        Image.new("L", (9, 9), 50 + 100 * level).save(path)
    budget = Budget(epochs=2, shrink=1, activations=("relu",), image=str(images[0]))
    reproduce("fig5", budget, tmp_path / "out")
    with pytest.raises(ValueError, match=r"another p\.png: the SHA-256 differs"):
        reproduce("fig5", replace(budget, image=str(images[1])), tmp_path / "out")


@pytest.mark.parametrize(
    "name, option",
    [("fig2", "faithful"), ("fig2", "image"), ("fig3", "shrink"), ("fig7", "activations"), ("next1", "faithful")],
)
def test_options_that_an_experiment_does_not_know_are_refused(name, option, tmp_path):
    given = {"faithful": True, "image": "camera", "shrink": 2, "activations": ("siren",)}[option]
    with pytest.raises(ValueError, match=f"The experiment {name} has no option '{option}'"):
        reproduce(name, replace(Budget(), **{option: given}), tmp_path)


@pytest.mark.parametrize("name", ["seeds", "epochs", "shrink"])
def test_budgets_are_positive(name):
    with pytest.raises(ValueError, match=f"{name} from 1 to [0-9,]+; got 0"):
        Budget(**{name: 0})


def test_univariate_experiments_leave_out_what_diverged(tmp_path, monkeypatch):
    real = runs.train

    def train(config, task, run):
        if config.task_options.get("data_seed") == 0 and config.options["c"] == 0.5:
            raise Diverged("The loss is inf at epoch 0.")
        return real(config, task, run)

    monkeypatch.setattr(runs, "train", train)
    folder = reproduce("fig3", Budget(epochs=2, seeds=3), tmp_path)
    results = json.loads((folder / "results.json").read_text())
    assert results["fig3-steps"]["trials"] == 2
    assert "steps-00-c0.5 diverged and is in no mean" in (folder / "table.md").read_text()


def test_few_epochs_still_log_conditions(tmp_path):
    plan = EXPERIMENTS["fig2"].plan(Budget(epochs=20), {})
    assert {config.condition_every for config in plan.values()} == {1}


def test_readings_of_figure_two_compare_extremes_over_training(tmp_path):
    """Largest κ of BW-ReLU over training against the smallest of ReLU, as squares of σ₁/σ_min, by reading, interval and c."""
    experiment, budget = EXPERIMENTS["fig2-readings"], Budget(seeds=2)
    plan, done = experiment.plan(budget, {}), {}
    for number, (key, config) in enumerate(plan.items()):
        ratios = (1e3, 1e5, 1e4) if config.activation == "relu" else (10 * config.options["c"], 2.0, 5.0)
        rows = [{"epoch": i, "loss": 1 / r, "singular_values": [[3 * r, 4.0, 3.0]]} for i, r in enumerate(ratios)]
        summary = {"loss": 1e-2 if config.activation == "relu" else 1e-4, "source": "x", "sha256": "0" * 64, "epochs": 500}
        done[key] = finished(tmp_path / str(number), config, summary, rows)
    results = experiment.report(budget, done).results
    assert len(results) == 3 * 2 * 2
    for name, row in results.items():
        first = 2 * (1 + math.log10(float(name.split("-c")[1].split("-")[0]))) if name.endswith("-kappa") else -4.0
        assert row == {
            "first": (pytest.approx(first), 0),
            "second": (6.0 if name.endswith("-kappa") else -2.0, 0),
            "trials": 2,
        } | {"scale": "log10"}
    assert {(c.optimizer, c.source, c.input_scale == 1, c.skip) for c in plan.values() if c.activation == "bw-relu"} == {
        ("adam", "steps", True, True),
        *(("sgd", "sines", whole, False) for whole in (True, False)),
    }


def test_only_the_papers_image_and_settings_reach_the_ledger():
    from bwtheory.experiments.experiment import ledger_name
    from bwtheory.tasks.images import IMAGE_OF_FIGURE, PAPER_IMAGES

    assert set(IMAGE_OF_FIGURE.values()) == set(PAPER_IMAGES)
    cameraman = IMAGE_OF_FIGURE["fig5"]
    assert "cameraman" in PAPER_IMAGES[cameraman] and "chest" in PAPER_IMAGES[IMAGE_OF_FIGURE["fig4"]]
    assert ledger_name("fig5-fast", "fig5", Budget(), cameraman) == "fig5-fast"
    assert ledger_name("fig5-fast", "fig5", Budget(), "0" * 64) == "fig5-fast-other-image"
    assert ledger_name("fig4-relu", "fig4", Budget(), cameraman) == "fig4-relu-other-image"
    assert ledger_name("fig7", "fig7", Budget(faithful=True), IMAGE_OF_FIGURE["fig7"]) == "fig7-as-published"


def test_runs_that_do_not_reach_the_common_loss_are_named(tmp_path):
    sweep, budget = EXPERIMENTS["fig9"], Budget(seeds=1)
    config = sweep.plan(budget, {})["c3-seed40"]
    summary = {"variation_norm": 1.0, "variation_norm_invariant": 1.0, "psnr": 9.0, "psnr_paper": 9.0, "epochs": 1}
    summary |= {"loss": 0.25, "source": "x", "sha256": "0" * 64}
    done = {"c3-seed40": finished(tmp_path / "c3", config, summary, [])}
    for key, planned in sweep.plan(budget, done).items():
        loss = 0.5 if key.startswith("c2") else 0.2
        done.setdefault(key, finished(tmp_path / key, planned, summary | {"loss": loss}, []))
    notes = " ".join(sweep.report(budget, done).notes)
    assert "Did not reach the loss of c = 3 in ten times its epochs: c2-seed40." in notes


def test_fewer_steps_counts_the_epochs_to_its_goal(tmp_path):
    experiment, budget = EXPERIMENTS["gauss-newton"], Budget(seeds=2, activations=("bw-relu",))
    reached = {"bw-relu-seed40": 90.0, "bw-relu-seed41": 109.0, "bw-relu-gauss-newton-seed40": 108.0}
    done = {}
    for key, config in experiment.plan(budget, {}).items():
        psnr = reached.get(key, 120.0)
        summary = {"psnr": psnr, "psnr_paper": psnr - 1, "source": "x", "sha256": "0" * 64, "epochs": config.epochs}
        done[key] = finished(tmp_path / key, config, summary, [{"epoch": 0, "psnr": 5.0}, {"epoch": 320, "psnr": psnr}])
    assert {config.gauss_newton_after for config in (run.config for run in done.values())} == {None, 200}
    report = experiment.report(budget, done)
    adam, newton = report.rows
    assert adam[0] == "BW-ReLU, Adam" and adam[-2:] == ["1 of 2", "∞"] and adam[3] == "90.00"
    assert newton[-2:] == ["2 of 2", "320"] and newton[1] == "400"
    assert report.results["bw-relu-adam-other-image"]["epochs_to_goal"] == {"40": None, "41": 320}


def test_runs_that_another_experiment_has_kept_are_done(tmp_path, monkeypatch):
    """Adam's runs of gauss-newton are those of fig5: they are read there, and not kept twice."""
    experiment = EXPERIMENTS["gauss-newton"]
    fields = {"epochs": 3, "hidden_features": 6, "hidden_layers": 1}
    plan = type(experiment).plan

    def small_plan(self, budget, done):
        wanted = plan(self, budget, done)
        return {key: replace(config, **fields) for key, config in wanted.items() if "gauss" not in key}

    monkeypatch.setattr(type(experiment), "plan", small_plan)
    budget, results = Budget(full=True, image="coins", activations=("bw-relu",)), tmp_path / "results"
    runner.reproduce("gauss-newton", budget, tmp_path / "first", results, write=True)
    (results / "runs" / "gauss-newton-full").rename(results / "runs" / "fig5-full")
    monkeypatch.setattr("bwtheory.experiments.runs.train", lambda *_: pytest.fail("a run was done again"))
    runner.reproduce("gauss-newton", budget, tmp_path / "second", results, write=True)
    assert not (results / "runs" / "gauss-newton-full").exists()

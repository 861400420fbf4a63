"""Comparing methods: the search, the statistics, and a whole comparison from the command line."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from seeds import seeded

from bwtheory import cli
from bwtheory.baselines import baselines_of
from bwtheory.cli.compare import usual_spread
from bwtheory.comparison import compare as engine
from bwtheory.comparison import report as reporting
from bwtheory.comparison.compare import Comparison, compare
from bwtheory.comparison.protocol import Protocol
from bwtheory.comparison.scores import differences
from bwtheory.comparison.study import renew, with_conclusions
from bwtheory.comparison.tuning import Axis, Point, best_point, edges, propose, values
from bwtheory.experiments import runs as runs_module
from bwtheory.experiments.statistics import detectable, images_for, mean_and_seed_error, mean_ranks, paired_difference
from bwtheory.nn import ACTIVATIONS, Activation
from bwtheory.tasks import build_task
from bwtheory.training.flags import in_seconds
from bwtheory.training.run import RunDirectory, build_network
from bwtheory.training.session import Diverged


def search(axes: list[Axis], score, trials: int) -> dict[Point, float]:
    scores: dict[Point, float] = {}
    while (point := propose(axes, scores, trials)) is not None:
        assert point not in scores
        scores[point] = score(*values(axes, point))
    return scores


def test_the_search_finds_the_best_of_a_concave_score():
    """A quadratic in log lr and log scale, 3 and −2 steps from the start; choices are found too."""
    axes = [Axis("lr", 1e-3), Axis("scale", 10.0, 1.5), Axis("flag", False, choices=(False, True))]

    def score(lr: float, scale: float, flag: bool) -> float:
        return -((math.log2(lr / 8e-3)) ** 2) - (math.log(scale / 10, 1.5) + 2) ** 2 + flag

    scores = search(axes, score, 30)
    assert len(scores) <= 30 and values(axes, best_point(scores)) == (8e-3, pytest.approx(10 / 1.5**2), True)
    assert edges(axes, scores) == []


def test_every_method_has_the_same_number_of_trials():
    for activation in ACTIVATIONS:
        axes = Protocol("signal", ("camera",), (activation,), ()).axes(activation)
        assert axes[0].name == "lr" and axes[-1].name == "symmetric_targets"
        assert len(search(axes, lambda *at: -abs(math.log(at[0])), 12)) == 12  # and this is not the worst case
        assert len(search(axes, lambda *at: 0.0, 12)) >= (9 if activation == "relu" else 12)  # the start is the best


def test_an_optimum_that_is_not_bracketed_is_flagged():
    axes = [Axis("lr", 1.0), Axis("n", 3, None, integer=True)]
    rising = search(axes, lambda lr, n: math.log(lr) - (n - 3) ** 2, 6)
    assert edges(axes, rising) == ["lr", "n"]  # it never came to n
    assert edges(axes, search(axes, lambda lr, n: -(math.log(lr) ** 2) - n, 40)) == []  # n ends at 1, where there is no more
    assert edges(axes, {(0.0, 0.0): 1.0}) == ["lr", "n"]


def test_points_with_the_same_values_are_tried_once():
    """Rounded iterations 4·1.2^k: half and quarter steps often round to the same number."""
    axes = [Axis("iterations", 4, 1.2, integer=True)]
    scores = search(axes, lambda n: -abs(n - 9), 50)
    tried = [values(axes, point) for point in scores]
    assert len(set(tried)) == len(tried) and values(axes, best_point(scores)) == (9,)


def test_failed_trials_count_and_lose():
    axes = [Axis("lr", 1.0)]
    scores = search(axes, lambda lr: -math.inf if lr > 1.5 else -abs(lr - 1.2), 6)
    assert values(axes, best_point(scores))[0] <= 1.5 and -math.inf in scores.values()
    nowhere = search(axes, lambda lr: -math.inf, 3)
    assert best_point(nowhere) == (0.0,)


def test_standard_error_over_seeds():
    """Two images of variance 4/3·σ²… by the formula, and by simulation: the spread of the mean over repetitions."""
    generator = np.random.default_rng(seeded())
    found = []
    for _ in range(4000):
        scores = {"a": list(generator.normal(10, 1, 3)), "b": list(generator.normal(20, 2, 3))}
        found.append(mean_and_seed_error(scores))
    means, errors = np.array(found).T
    spread = math.sqrt((1 + 4) / 3) / 2
    assert means.std() == pytest.approx(spread, rel=0.05) and math.sqrt(np.mean(errors**2)) == pytest.approx(spread, rel=0.05)
    assert math.isnan(mean_and_seed_error({"a": [1.0]})[1])


def test_paired_differences_cover_as_often_as_they_say():
    """Images of very different difficulty; the same interval without pairing would be useless."""
    generator = np.random.default_rng(seeded(1))
    covered, comparisons = 0, 5
    for _ in range(2000):
        difficulty = generator.normal(0, 30, 8)
        first = {str(n): [d + 1.0 + e] for n, (d, e) in enumerate(zip(difficulty, generator.normal(0, 1, 8)))}
        second = {str(n): [d] for n, d in enumerate(difficulty)}
        found = paired_difference(first, second, comparisons)
        covered += found.lower <= 1.0 <= found.upper
    assert stats.binomtest(covered, 2000, 0.99).pvalue > 1e-4  # Bonferroni: 1 − 0.05/5
    assert stats.binomtest(covered, 2000, 0.95).pvalue < 1e-4  # so that the test can fail


def of(*values: float) -> dict[str, list[float]]:
    """Scores by image, one seed each."""
    return {str(n): [value] for n, value in enumerate(values)}


def test_one_image_at_140_db_does_not_decide():
    """Ahead by 1 dB on seven images: shown with and without an eighth that is fitted to rounding, or exact."""
    seven = (0.9, 1.1, 1.0, 1.2, 0.8, 1.0, 1.1)
    for eighth in (1.0, 100.0, math.inf):
        found = paired_difference(of(*seven, eighth), of(*[0.0] * 8), comparisons=19)
        assert found.ahead and found.wins == 8 and found.lower > 0.4 and found.upper < 2, eighth
        assert paired_difference(of(*[0.0] * 8), of(*seven, eighth), comparisons=19).behind
    plain = stats.ttest_1samp((*seven, 100.0), 0.0)
    assert plain.pvalue > 0.3  # what the mean without trimming says


def test_nothing_is_decided_on_fewer_than_five_images():
    four = paired_difference(of(1.0, 1.1, 0.9, 1.0), of(0, 0, 0, 0))
    assert not four.shown and math.isnan(four.lower) and four.more == 1 and four.wins == 4
    five = paired_difference(of(1.0, 1.1, 0.9, 1.0, 1.05), of(0, 0, 0, 0, 0))
    assert five.ahead and five.more is None
    one = paired_difference(of(3.0), of(1.0))
    assert one.typical == 2 and not one.shown and one.more is None
    assert paired_difference({"a": [1.0]}, {"b": [1.0]}).images == 0


def test_exact_images_are_level_with_exact_ones():
    both = paired_difference(of(math.inf, 3.0), of(math.inf, 1.0))
    assert both.typical == 1.0 and both.wins == 1
    most = paired_difference(of(*[math.inf] * 4, 5.0, 6.0), of(*[1.0] * 6))
    assert most.typical == math.inf and not most.shown and most.more is None


def test_what_can_be_seen_is_seen_as_often_as_said():
    """The power beforehand, and the number of images afterwards, by simulation of normal differences."""
    generator = np.random.default_rng(seeded())
    size = detectable(8, 5)
    shown = sum(paired_difference(of(*generator.normal(size, 1, 8)), of(*[0.0] * 8), 5).shown for _ in range(600))
    assert stats.binomtest(shown, 600, 0.8).pvalue > 1e-4 and stats.binomtest(shown, 600, 0.7).pvalue < 1e-4
    assert images_for(1.001 * size, 5) == 8 and images_for(size / 2, 5) > 16 and images_for(1e-4, 5) is None
    assert detectable(4, 1) == math.inf and detectable(50, 1) < detectable(20, 1) < detectable(20, 9)


def test_how_many_more_images_it_takes():
    """With as many images of the same kind the answer is there: every difference eight times."""
    values = (1.0, -0.4, 2.0, 0.6, 1.5, -0.2)
    few = paired_difference(of(*values), of(*[0.0] * 6))
    assert not few.shown and few.more is not None and 1 <= few.more <= 18
    assert paired_difference(of(*values * 4), of(*[0.0] * 24)).ahead


def test_ranks_are_shared_and_of_common_images():
    found = mean_ranks({"a": of(9, 9, 1), "b": of(9, 8, 2), "c": {"0": [1], "1": [1]}})
    assert found == {"a": 1.25, "b": 1.75, "c": 3.0} and mean_ranks({}) == {} and mean_ranks({"a": of(1), "b": {}}) == {}


def test_it_is_said_beforehand_what_can_be_seen(pictures, tmp_path):
    three = Comparison(tiny(pictures), tmp_path)
    said = engine.what_can_be_seen(three)
    assert said.startswith("With 2 images nothing is decided: that takes 5 at least") and "standard deviations" in said
    eight = Comparison(tiny(pictures, images=tuple(f"{n}.png" for n in range(8)), baselines=()), tmp_path)
    assert eight.comparisons == 2  # one other network, at equal steps and at equal time
    size = detectable(8, 2)
    assert f"8 images show a difference of {2 * size:.1f} dB" in engine.what_can_be_seen(eight, spread=2.0)
    assert f"{images_for(size / 2, 2)} images would show half of that." in engine.what_can_be_seen(eight)
    assert usual_spread("signal", {}) > usual_spread("ct", {}) > 0 and usual_spread("inpaint", {}) is None
    assert usual_spread("ct", {"noise": 0.02}) != usual_spread("ct", {})


@pytest.mark.parametrize("text, seconds", [("60s", 60), ("60", 60), ("5min", 300), ("1.5h", 5400)])
def test_budgets(text, seconds):
    assert in_seconds(text) == seconds


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("parameters", [1000, 50_000])
def test_networks_have_the_parameters_asked_for(activation, parameters):
    """To half a neuron's: less than a width of 2·√(parameters/2) more weights in each of two layers, twice for complex ones."""
    protocol = Protocol("signal", ("camera",), (activation,), (), side=16)
    axes = protocol.axes(activation)
    config = protocol.network(activation, protocol.settings(activation, (0.0,) * len(axes)), "camera", parameters, 0, 1)
    size = build_network(config, 1).count_parameters()
    assert abs(size - parameters) <= 8 * math.sqrt(parameters)
    wider = build_network(replace(config, hidden_features=config.hidden_features + 2), 1).count_parameters()
    assert abs(size - parameters) <= abs(wider - parameters)


@pytest.fixture
def pictures(tmp_path) -> list[str]:
    generator = np.random.default_rng(seeded())
    names = []
    for name in ("one", "two", "three"):
        waves = np.sin(np.linspace(0, generator.uniform(3, 9), 16))[:, None] * generator.normal(0, 40, 12)
        Image.fromarray(np.clip(127 + waves, 0, 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
        names.append(str(tmp_path / f"{name}.png"))
    return names


def tiny(pictures: list[str], **changes) -> Protocol:
    settings = {
        "task": "signal",
        "images": tuple(pictures[:2]),
        "tuning_images": (pictures[2],),
        "activations": ("relu", "siren"),
        "baselines": ("grid",),
        "parameters": (60,),
        "steps": 10,
        "trials": 3,
        "seeds": 2,
    }
    return Protocol(**{**settings, **changes})


def quiet(text: str) -> None:
    """For ``compare``'s progress."""


def test_a_comparison_is_what_its_protocol_says(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "SECONDS", 0.0)
    protocol = tiny(pictures)
    done = compare(protocol, tmp_path / "out", quiet)
    trials = {name for name in done.runs if name.startswith("trial")}
    assert len(trials) == 3 * 2 and not done.failed
    for name in trials:  # on the tuning image only, with a seed that is not reported
        assert "three-seed0" in name
    for activation in protocol.activations:
        chosen = done.tuned[activation].settings
        for image in protocol.images:
            for budget in ("steps", "time"):
                for seed in (40, 41):
                    run = done.runs[done.key(budget, activation, 60, image, seed)]
                    assert run.config.lr == chosen["lr"] and run.config.symmetric_targets == chosen["symmetric_targets"]
                    assert run.config.epochs == (10 if budget == "steps" else done.steps("time", activation, 60, image))
                    assert abs(run.summary["parameters"] - 60) < 25 and not run.run.checkpoint_file.exists()
        score = max(done.tuned[activation].scores.values())
        assert score == max(done.runs[name].summary["psnr"] for name in trials if f"-{activation}-" in name)
    ratio = done.step_seconds["relu@60@192"] / done.step_seconds["siren@60@192"]
    assert (
        done.steps("time", "siren", 60, pictures[0]) == max(1, round(10 * ratio))
        and done.steps("time", "relu", 60, pictures[0]) == 10
    )
    assert done.key("time", "relu", 60, pictures[0], 40) == done.key("steps", "relu", 60, pictures[0], 40)  # one run for both

    def no_training(*arguments):
        raise AssertionError("A finished run was trained again.")

    monkeypatch.setattr(runs_module, "train", no_training)
    monkeypatch.setattr(engine, "_measure", no_training)
    again = compare(protocol, tmp_path / "out", quiet)
    assert again.runs.keys() == done.runs.keys() and again.step_seconds == done.step_seconds
    with pytest.raises(ValueError, match="holds a comparison with steps = 10, not 11; choose another --out"):
        compare(replace(protocol, steps=11), tmp_path / "out", quiet)


def test_runs_that_diverge_are_counted_and_in_no_mean(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "SECONDS", 0.0)
    real = runs_module.train

    def train(config, task, run):
        if config.activation == "siren" and (config.seed == 41 or config.lr > 1.5e-3):
            raise Diverged("The loss is nan at epoch 1.")
        return real(config, task, run)

    monkeypatch.setattr(runs_module, "train", train)
    done = compare(tiny(pictures, baselines=()), tmp_path / "out", quiet)
    assert done.tuned["siren"].settings["lr"] <= 1.5e-3 and -math.inf in done.tuned["siren"].scores.values()
    expected = {done.key(budget, "siren", 60, image, 41) for budget in ("steps", "time") for image in pictures[:2]}
    assert {name for name in done.failed if not name.startswith("trial")} == expected
    reporting.report(done)
    page = (tmp_path / "out" / "table.md").read_text()
    assert page.count("| 2 of 4 |") == 2 and page.count("with failed runs, and therefore not compared: SIREN") == 2
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["failed"].keys() == done.failed.keys()
    assert {row["seed"] for row in results["networks"] if row["method"] == "siren"} == {40}


class Run:
    """What a report reads of a finished run."""

    def __init__(self, psnr: float):
        self.summary = {"psnr": psnr}


def invented(folder: Path, images: tuple[str, ...] = ("a", "b", "c", "d", "e", "f")) -> Comparison:
    """At equal steps: SIREN 3 ± 0.1 dB ahead of ReLU, WIRE behind, Gauss neither; the grid exact on most images."""
    protocol = Protocol(
        "signal", images, ("relu", "siren", "wire", "gauss"), ("grid", "bspline-wavelet"), parameters=(60,), seeds=1
    )
    done = Comparison(protocol, folder)
    near = (3, 3.1, 2.9, 3, 2.95, 3.05)
    offsets = {"relu": (0,) * 6, "siren": near, "wire": tuple(-d for d in near), "gauss": (2.9, -3, 0.4, 1, -2, 3)}
    exact = (math.inf, 32.0, math.inf, math.inf, math.inf, math.inf)
    done.estimates = {("grid", 60, i): {"psnr": p} for i, p in zip(images, exact)}
    done.estimates |= {("bspline-wavelet", 60, i): {"psnr": 30.0 + 10 * n + 0.1 * n} for n, i in enumerate(images)}
    for name, offset in offsets.items():
        for n, (image, d) in enumerate(zip(images, offset)):
            done.runs[done.key("steps", name, 60, image, 40)] = Run(20 + 10 * n + d)
    return done


def test_the_conclusion_follows_the_intervals(tmp_path):
    done = invented(tmp_path)
    ahead, behind, unclear, more = reporting.conclusion(done, "steps").split("; ")
    assert "ahead of ReLU: SIREN (+3.00 [" in ahead and ahead.endswith("wins 6 of 6)") and "WIRE" not in ahead
    assert behind.startswith("behind: WIRE (-3.00 [") and "can't tell: Gauss (+0.57, wins 4 of 6" in unclear
    assert "more images would)" in more and "[" not in unclear + more and "grid" not in ahead + behind + unclear
    others = reporting.conclusion_without_networks(done)
    assert others.startswith(
        "Without a network, whatever their time, on 6 images, in dB: ahead of ReLU at equal steps: largest"
    )
    assert others.endswith("exact, on most images: cubic splines on a grid.")
    assert reporting._mean_cell(done, "steps", "grid", 60) == "32.00 (exact on 5 of 6)"


def test_an_interval_is_one_of_all_on_the_page(tmp_path):
    """By Bonferroni over 3 networks at equal steps and at equal time, and 2 other methods; a value is left out at each end."""
    found = differences(invented(tmp_path), "steps", 60)["siren"]
    held = np.array([2.95, 2.95, 3, 3, 3.05, 3.05])
    error = held.std(ddof=1) / ((1 - 2 / 6) * math.sqrt(6))
    reach = stats.t.ppf(1 - 0.05 / (2 * (3 * 2 + 2)), 3) * error
    assert found.typical == pytest.approx(3.0) and found.upper - found.typical == pytest.approx(reach, rel=1e-9)


def test_nothing_is_concluded_of_what_failed(tmp_path):
    """Without its hardest image SIREN would be ahead for sure."""
    done = invented(tmp_path)
    del done.runs[name := done.key("steps", "siren", 60, "a", 40)]
    done.failed[name] = "The loss is nan."
    said = reporting.conclusion(done, "steps")
    assert "ahead of ReLU: none" in said and "not compared: SIREN" in said and said.count("SIREN") == 1
    first = done.key("steps", "relu", 60, "b", 40)
    del done.runs[first]
    done.failed[first] = "The loss is nan."
    assert reporting.conclusion(done, "steps").endswith("ReLU has failed runs, and nothing is compared with it.")


def test_one_image_has_no_order(tmp_path):
    done = invented(tmp_path)
    done.protocol = replace(done.protocol, images=("a",))
    cells = "ReLU 20.00, SIREN 23.00, WIRE 17.00, Gauss 22.90"
    assert (
        reporting.conclusion(done, "steps")
        == f"At equal steps, on 1 image, in dB: {cells}; one image says nothing about others."
    )


def test_the_command(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(engine, "SECONDS", 0.0)
    arguments = ["compare", "ct", "--image", *pictures[:2], "--tune-on", pictures[2], "--activations", "bw-relu", "relu-rff"]
    arguments += ["--angles", "9", "--noise", "0.05", "--held-out", "0.2", "--parameters", "80", "120", "--steps", "12"]
    arguments += ["--trials", "2", "--seeds", "2", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert cli.main(arguments) == 0
    folder = tmp_path / "out" / "ct"
    assert {path.name for path in folder.iterdir()} >= {"protocol.json", "table.md", "results.json", "figure.png", "runs"}
    page = (folder / "table.md").read_text()
    for words in (
        "Equal steps, 80 parameters",
        "Equal time, 80 parameters",
        "Equal steps, 120 parameters",
        "discrepancy rule",
        "held out rule",
        "oracle, dB",
    ):
        assert words in page
    for baseline in baselines_of("ct").values():
        too_small = baseline.label == "hash grid"  # for 80 parameters
        assert f"| {baseline.label} |" in page or (
            too_small and "hash grid is not in it: This hash grid needs at least" in page
        )
    assert "nothing is compiled" in page.lower() and "chosen at 80 parameters" in page
    results = json.loads((folder / "results.json").read_text())
    assert str(tmp_path) not in (folder / "results.json").read_text()
    assert len(results["networks"]) == 3 * 2 * 2 * 2 and len(results["baselines"]) == (len(baselines_of("ct")) - 1) * 2 * 2
    run = RunDirectory(folder / "runs" / "steps-bw-relu-80-one-seed40")
    assert run.read_config().task_options == {"angles": 9, "noise": 0.05, "held_out": 0.2, "data_seed": 0}
    seeds = {path.name: RunDirectory(path).read_config().task_options["data_seed"] for path in (folder / "runs").iterdir()}
    assert {n for name, n in seeds.items() if "-two-" in name} == {1} and {
        n for name, n in seeds.items() if "trial" in name
    } == {2}
    assert cli.main(arguments) == 0  # nothing is done again, nothing refused
    assert "ssim" in run.read_metrics()[-1] and len(capsys.readouterr().out.splitlines()) > 20


@pytest.mark.parametrize(
    "changes, message",
    [
        (["--budget", "soon"], "A budget is a time such as 60s, 5min or 1h; got 'soon'."),
        (["--budget", "0s"], "more than 0 and at most 10,000,000 seconds; got 0."),
        (["--steps", "0"], "steps from 1 to 1,000,000,000; got 0"),
        (["--activations", "relu", "relu"], "activations that differ"),
        (["--activations", "relo"], "no activation 'relo'"),
        (["--image", "nowhere.png"], "no image file 'nowhere.png'"),
        (["--noise", "0.1"], "'signal' has no option 'noise'"),
        (["--trials", "0"], "trials from 1 to 10,000; got 0"),
        (["--parameters", "0"], "parameters >= 1"),
        (["--image", "camera", "other/camera.png"], "images, and two are called 'camera'"),
        (["--tune-on", "camera", "deep/camera.png"], "two are called 'camera'; rename one"),
        (["--activations", "relu", "other.module:relu"], "cannot be imported"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(pictures, tmp_path, monkeypatch, capsys, changes, message):
    image = [] if "--image" in changes else ["--image", pictures[0]]
    for name in changes:
        if name.endswith("/camera.png"):
            (tmp_path / name).parent.mkdir()
            shutil.copy(pictures[0], tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["compare", "signal", *image, "--out", str(tmp_path / "out"), *changes]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_an_interrupt_says_how_to_go_on(pictures, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "SECONDS", 0.0)
    monkeypatch.setattr(runs_module, "train", interrupted)
    arguments = ["compare", "signal", "--image", pictures[0], "--tune-on", pictures[2], "--activations", "relu", "--steps", "3"]
    assert cli.main([*arguments, "--parameters", "60", "--device", "cpu", "--out", str(tmp_path / "out")]) == 130
    assert "repeat the command to continue" in capsys.readouterr().err


def test_tuning_on_what_is_reported_is_said(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "SECONDS", 0.0)
    protocol = tiny(pictures, tuning_images=(pictures[0],), activations=("relu",), baselines=(), trials=1, seeds=1)
    reporting.report(compare(protocol, tmp_path / "out", quiet))
    assert "tuned on images that are reported: one." in (tmp_path / "out" / "table.md").read_text()


def test_equal_time_by_a_budget(pictures, tmp_path):
    protocol = tiny(pictures, steps=None, budget=3.0)
    done = Comparison(protocol, tmp_path, {"relu@60@192": 0.01, "siren@60@192": 0.02})
    assert done.budgets == ["time"]
    assert [done.steps("time", name, 60, pictures[0]) for name in protocol.activations] == [300, 150]
    assert Path(done.key("time", "relu", 60, pictures[0], 40)).name == "time-relu-60-one-seed40"


def test_several_comparisons_read_together(tmp_path):
    """Invented results: BW-ReLU's mean over two problems, and the best other network's, with errors over seeds by hand."""
    psnrs = {
        "ct": {"bw-relu": (20, 22), "siren": (30, 30), "relu": (10, 10)},
        "signal": {"bw-relu": (40, 40), "siren": (10, 14), "relu": (5, 5)},
    }
    for task, networks in psnrs.items():
        rows = [
            {
                "budget": budget,
                "method": name,
                "parameters": 60,
                "image": "one",
                "seed": 40 + n,
                "psnr": psnr + (budget == "time"),
            }
            for budget in ("steps", "time")
            for name, found in networks.items()
            for n, psnr in enumerate(found)
        ]
        rows.append({**rows[0], "parameters": 120, "psnr": 99})
        protocol = {"activations": list(networks), "baselines": ["grid"], "parameters": [60, 120], "seeds": 2}
        others = [{"method": "grid", "parameters": 60, "image": "one", "psnr": None if task == "signal" else 33.3}]
        study = {"protocol": protocol, "networks": rows, "baselines": others, "where": {"device": "cpu"}}
        (tmp_path / "study").mkdir(exist_ok=True)
        (tmp_path / "study" / f"{task}.json").write_text(json.dumps(study))
    single = {
        **study,
        "protocol": {**protocol, "seeds": 1},
        "networks": [row | {"psnr": 0} for row in rows if row["seed"] == 40],
    }
    (tmp_path / "study" / "single.json").write_text(json.dumps(single))  # has no standard error: in the table only
    renew(tmp_path / "study")
    found = json.loads((tmp_path / "state.json").read_text())["state-of-the-art"]
    assert found["first"] == [30.5, pytest.approx(0.5)]  # s/√2 = 1 and 0, over two problems
    assert found["best_other"] == "siren" and found["second"] == [21.0, pytest.approx(1.0)] and found["trials"] == 4
    page = (tmp_path / "study" / "summary.md").read_text()
    assert (
        "| BW-ReLU | 21.0 / 22.0 | 40.0 / 41.0 | 0.0 / 0.0 |" in page
        and "| cubic splines on a grid | 33.3 | exact | exact |" in page
    )


def test_a_page_gets_the_conclusions_of_todays_test(tmp_path):
    """Of eight images siren is 2 dB above bw-relu on seven and 100 dB on one; the grid is exact on seven."""
    rows = [
        {"budget": budget, "method": name, "parameters": 60, "image": f"image {n}", "seed": 40, "psnr": psnr}
        for budget in ("steps", "time")
        for n in range(8)
        for name, psnr in (
            ("bw-relu", 30 + n),
            ("siren", 32 + n + 0.01 * (n % 3) + 98 * (n == 7)),
            ("relu", 30 + n + (-1) ** n),
        )
    ]
    grid = [{"method": "grid", "parameters": 60, "image": f"image {n}", "psnr": None if n else 31.0} for n in range(8)]
    protocol = {"activations": ["bw-relu", "siren", "relu"], "baselines": ["grid"], "parameters": [60], "seeds": 1}
    study = {"protocol": {**protocol, "images": [f"image {n}" for n in range(8)]}, "networks": rows, "baselines": grid}
    old = "# t\n\n- [from, to]: from before\n\n## What can be concluded\n\n- before\n- and before\n\n## But\n\n- kept\n"
    page = with_conclusions(old, study)
    assert "before" not in page and page.endswith("\n\n## But\n\n- kept\n") and "trimmed" in page
    steps, time, without = page.partition("concluded\n\n")[2].partition("\n\n")[0].split("\n")
    for line, budget in ((steps, "steps"), (time, "time")):
        assert line.startswith(f"- At equal {budget}, on 8 images, in dB: ahead of BW-ReLU: SIREN (+2.0")
        assert "behind: none; can't tell: ReLU (+0.00, wins 4 of 8; equal)." in line
    assert "exact, on most images: cubic splines on a grid." in without
    assert with_conclusions(page, study) == page


def test_the_same_picture_under_another_name(pictures, tmp_path):
    copy = tmp_path / "copy.png"
    copy.write_bytes(Path(pictures[0]).read_bytes())
    assert tiny(pictures, tuning_images=(str(copy),)).overlap == [pictures[0]] and tiny(pictures).overlap == []


def test_images_of_other_sizes_are_measured_or_made_smaller():
    """Within a factor of two in proportion; what only serves for tuning is brought down to the size of what is reported."""
    protocol = Protocol("signal", ("camera", "coffee"), ("relu",), (), ("rocket", "moon"), side=32, parameters=(60,))
    done = Comparison(protocol, Path(), {"relu@60@1024": 0.01})
    assert done.measured_at() == [1024] and done.steps("time", "relu", 60, "coffee") == 500
    assert done.seconds_of_step("relu", 60, "coffee") == pytest.approx(0.01 * done.coordinates("coffee") / 1024)
    small = Protocol("signal", ("coins",), ("relu",), (), ("retina", "coins"))
    assert small.task_options("retina") == {"shrink": 4} and small.task_options("coins") == {}
    large = Protocol("signal", ("coins", "retina"), ("relu",), (), ("moon",), parameters=(60,))
    assert Comparison(large, Path()).measured_at() == [303 * 384, 1411**2, 512**2]


def test_what_does_not_apply_is_left_out(pictures, tmp_path, monkeypatch):
    """Filtered back-projection needs equally spaced angles; an angles file does not keep a comparison from going on."""
    monkeypatch.setattr(engine, "SECONDS", 0.0)
    angles = tmp_path / "angles.txt"
    angles.write_text("\n".join(map(str, range(0, 90, 10))))
    protocol = tiny(pictures, task="ct", baselines=("fbp", "cgls"), options={"angles": str(angles)}, trials=1, seeds=1)
    for _ in range(2):
        done = compare(protocol, tmp_path / "out", quiet)
        assert done.baselines == ["cgls"] and "equally spaced" in done.not_applicable["fbp"]
    reporting.report(done)
    assert "filtered back-projection is not in it: " in (tmp_path / "out" / "table.md").read_text()


def test_a_damaged_file_is_named(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "SECONDS", 0.0)
    protocol = tiny(pictures, trials=1, seeds=1)
    compare(protocol, tmp_path / "out", quiet)
    for name in ("step_seconds.json", "protocol.json"):
        (tmp_path / "out" / name).write_text("{")
        with pytest.raises(ValueError, match=f"{name} is damaged"):
            compare(protocol, tmp_path / "out", quiet)
        (tmp_path / "out" / name).unlink()


def test_choices_are_all_tried_and_single_values_no_edges():
    axes = [Axis("filter", "a", choices=tuple("abcde"))]
    assert len(search(axes, lambda choice: {"a": 2, "b": 1, "c": 0, "d": 0, "e": 9}[choice], 12)) == 5
    counts = [Axis("iterations", 3, 2**0.5, integer=True)]
    assert edges(counts, search(counts, lambda n: -n, 30)) == []  # at 1, where there is no less


def test_options_that_cannot_be_tuned_are_refused():
    with pytest.raises(ValueError, match="tunes 'speed', which needs a default > 0"):
        Protocol("signal", ("camera",), (f"{__name__}:Misspelt",), ())


class Misspelt(Activation):
    tuned_options = ("speed",)

    def forward(self, z):
        return z


def test_a_value_range_is_that_of_the_files(pictures, tmp_path, monkeypatch):
    """Numbers whose black and white only their user knows; built-in images have theirs, whatever is said of files."""
    monkeypatch.setattr(engine, "SECONDS", 0.0)
    levels = np.asarray(Image.open(pictures[0]))
    np.save(tmp_path / "counts.npy", 1000 + 8 * levels.astype(np.int32))
    with pytest.raises(ValueError, match="--value-range"):
        tiny([str(tmp_path / "counts.npy"), *pictures[1:]]).build_task(str(tmp_path / "counts.npy"))
    protocol = tiny(
        [str(tmp_path / "counts.npy"), "camera", ""], tuning_images=("moon",), options={"value_range": (1000, 3040)}, side=16
    )
    truth = protocol.build_task(protocol.images[0]).truth
    assert torch.equal(truth, build_task("signal", pictures[0], "stretch", {}).truth)
    for name in ("camera", "moon"):
        assert protocol.build_task(name).source.startswith(name)
    said: list[str] = []
    compare(replace(protocol, images=protocol.images[:1], trials=1, seeds=1), tmp_path / "out", said.append)
    assert json.loads((tmp_path / "out" / "protocol.json").read_text())["options"] == {"value_range": [1000, 3040]}


def test_what_a_user_should_know_of_an_image_is_said_once(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "SECONDS", 0.0)
    Image.fromarray(np.full((12, 16, 4), 100, np.uint8)).save(pictures[0])
    said: list[str] = []
    done = compare(tiny(pictures, trials=1, seeds=1), tmp_path / "out", said.append, spread=2.0)
    runs = next(number for number, sentence in enumerate(said) if " runs; their steps take about " in sentence)
    assert engine.what_can_be_seen(done, 2.0) in said[:runs]
    assert sum("transparen" in sentence and sentence.startswith("note: ") for sentence in said) == 1

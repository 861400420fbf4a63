"""Contests of networks on problems: one search for all, instances that did not choose, and what the ledger reads of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bwtheory.experiments import EXPERIMENTS
from bwtheory.experiments.beyond import Beyond
from bwtheory.experiments.contest import TUNED_ON, Contest, decided, differences
from bwtheory.experiments.experiment import Budget, Finished
from bwtheory.experiments.statistics import trimmed_mean
from bwtheory.training.run import RunDirectory

CONTESTS = [experiment for experiment in EXPERIMENTS.values() if isinstance(experiment, Contest)]


def finished(config, **summary) -> Finished:
    return Finished(RunDirectory(Path("nowhere")), config, {"parameters": 100, **summary})


def all_done(contest: Contest, budget: Budget, score) -> dict[str, Finished]:
    """Every run that is planned, with the scores of a function of its key and configuration."""
    done: dict[str, Finished] = {}
    plan = contest.plan(budget, done)
    while len(plan) > len(done):
        for key in plan.keys() - done.keys():
            config = plan[key]
            value = score(key, config)
            done[key] = finished(config, psnr=value, snr=value, h1_error=0.1, iou=0.9)
        plan = contest.plan(budget, done)
    return {key: done[key] for key in plan}


@pytest.mark.parametrize("contest", CONTESTS, ids=lambda contest: contest.name)
def test_every_network_has_the_same_search(contest):
    """As many settings and rates for each; all of them on the first instance, and only there."""
    first = contest.plan(Budget(full=True), {})
    assert {config.seed for config in first.values()} == {TUNED_ON}
    counts = Counter((key.split("-")[0], config.activation) for key, config in first.items())
    assert set(counts) == {(p.name, e.activation) for p in contest.problems for e in contest.entrants}
    assert len(set(counts.values())) == 1 and set(Budget(full=True).reductions) == set()
    assert len({len(e.settings) * len(e.rates) for e in contest.entrants}) == 1
    for entrant in contest.entrants:
        assert len({str(setting) for setting in entrant.settings}) == len(entrant.settings) > 2
        assert len(set(entrant.rates)) == len(entrant.rates) > 1


@pytest.mark.parametrize("contest", CONTESTS, ids=lambda contest: contest.name)
def test_the_best_setting_goes_on_to_other_instances(contest):
    budget = Budget(full=True)
    wanted = {entrant.activation: (1, entrant.rates[-1]) for entrant in contest.entrants}

    def score(key: str, config) -> float:
        which, rate = wanted[config.activation]
        return 30.0 if f"-{which}-lr{rate:g}-" in key else 20.0

    done = all_done(contest, budget, score)
    others = [run.config for run in done.values() if run.config.seed > TUNED_ON]
    assert len(others) == 5 * len(contest.problems) * len(contest.entrants)
    assert all(config.lr == wanted[config.activation][1] for config in others)
    assert {config.seed for config in others} == set(range(41, 46))
    edges = contest._edges({problem.name: contest._reported(done, problem) for problem in contest.problems})
    assert "of 6, " in edges and edges.count(" 6") == 1 + len(contest.entrants)
    for problem in contest.problems:
        runs = [run.config for key, run in done.items() if key.startswith(f"{problem.name}-")]
        data = {(c.source, tuple(sorted(c.task_options.items())), c.seed) for c in runs}
        assert len({seed for _, _, seed in data}) == len({(source, options) for source, options, _ in data}) == 6


def test_runs_that_diverge_are_not_chosen():
    contest = Beyond()
    first = contest.plan(Budget(full=True), {})
    failed = {key for key in first if "-0-" in key}
    done = {key: finished(config, psnr=1.0, snr=1.0) for key, config in first.items() if key not in failed}
    later = contest.plan_besides(Budget(full=True), done, failed)
    assert len(later) > len(first) and not any("-0-" in key for key in later if key not in first)


def test_equal_time_gives_fewer_steps_to_dearer_ones():
    contest = Beyond()
    plan = contest.plan(Budget(full=True), {})
    for problem in contest.problems:
        steps = {c.activation: c.epochs for key, c in plan.items() if key.startswith(f"{problem.name}-")}
        for entrant in contest.entrants:
            cost = entrant.cost.get(problem.name, 1.0)
            assert abs(steps[entrant.activation] * cost - 400) <= cost / 2  # rounded to whole steps
    shorter = contest.plan(Budget(full=True, epochs=100), {})
    assert {config.epochs for config in shorter.values() if config.activation == "bw-relu"} == {100}


def test_differences_are_to_the_best_other_one_instance_by_instance():
    scores = {
        "a": {"x": [3.0, 5.0], "y": [1.0, 2.0], "z": [2.0, 2.0]},
        "b": {"x": [1.0, 1.0], "y": [4.0, 4.0], "z": [0.0, 9.0]},
    }
    pairs, others = differences(scores, "x")
    assert others == {"a": "z", "b": "z"} and pairs == {"a": [1.0, 3.0], "b": [1.0, -8.0]}
    with pytest.raises(ValueError, match="argument 2"):
        differences({"a": {"x": [1.0], "y": [1.0, 2.0]}}, "x")


def test_the_ledger_reads_the_trimmed_mean_against_0():
    """One difference of 100 dB does not decide, and the number of units is what is left."""
    pairs = {"a": [-1.0, -1.1, -0.9, -1.0, -1.2], "b": [-1.0, -0.8, -1.0, -1.1, 100.0]}
    found = decided(pairs)
    assert found["first"][0] == pytest.approx(-1.0, abs=0.05) and found["trials"] == 6 and found["second"] == [0.0, 0.0]
    assert found["first"][1] == trimmed_mean(np.array([*pairs["a"], *pairs["b"]])).standard_error


def test_reports_say_which_problems_are_won_and_what_the_ledger_reads():
    """BW-ReLU 2 dB ahead of SIREN on Poisson, 1 dB behind elsewhere but on one instance of heat."""
    contest, budget = Beyond(), Budget(full=True)

    def score(key: str, config) -> float:
        is_ahead = key.startswith("poisson") or (key.startswith("heat") and config.seed == 43)
        ahead = {"bw-relu": 2.0 if is_ahead else -1.0}.get(config.activation, 0.0)
        return 20.0 + config.seed + (-5.0 if config.activation == "relu-pe" else ahead)

    done = all_done(contest, budget, score)
    done = {key: replace(run, summary={**run.summary, "parameters": 81}) for key, run in done.items()}
    report = contest.report(budget, done)
    assert report.results["beyond-poisson"]["differences"] == [2.0] * 5
    assert report.results["beyond-box"]["best_other"] == "siren"
    assert report.results["beyond-open1"] == {"first": [-1.0, pytest.approx(0.0, abs=0.5)], "second": [0.0, 0.0], "trials": 18}
    assert report.results["beyond-future"]["trials"] == 12
    title = report.figure.axes[0].get_title()
    assert title.startswith("BW-ReLU is ahead on Poisson\nand behind on flatland, radiance in 3-D")
    assert title.endswith("every instance")
    assert report.notes[-1].endswith("was the best: BW-ReLU 0, SIREN 0, ReLU+P.E. 0.")  # the first of equal ones is taken
    beside = [row for row in report.rows if row[1] == "finite elements"]
    assert [row[2] for row in beside] == ["33×33 nodes", "9×9 nodes"] * 2
    assert all(float(good[5].split()[0]) > float(bad[5].split()[0]) + 20 for good, bad in (beside[:2], beside[2:]))
    assert all(len(row) == len(report.columns) for row in report.rows)


def test_names_of_results_are_found_by_the_ledger():
    from verify.test_experiments import our_result

    assert {f"{c.name}-{claim}" for c in CONTESTS for claim in c.claims} == {"beyond-open1", "beyond-future", "rel-wire-all"}
    assert our_result("beyond-open1", {"first": [1, 2]}) == {"first": [1, 2]}

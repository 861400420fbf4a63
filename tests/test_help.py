"""What a user reads before anything runs: help texts by task, presets, examples, completion, the number of runs."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bwtheory import cli, units
from bwtheory.catalogue import ACTIVATIONS
from bwtheory.cli import help_texts, presets
from bwtheory.cli.commands import COMMANDS
from bwtheory.cli.train import train
from bwtheory.cli.words import flags_of, parse, refuse_unknown_words
from bwtheory.tasks import TASKS
from bwtheory.training import flags
from bwtheory.training.command import plan_in_words
from bwtheory.training.config import with_preset


def shown(capsys, monkeypatch, *words: str) -> str:
    monkeypatch.setenv("COLUMNS", "120")  # wider ones have two columns
    assert cli.main([*words, "--help"]) == 0
    return capsys.readouterr().out


def entries(text: str) -> dict[str, str]:
    """Flags that a help text lists, each with its text on one line."""
    parts = re.split(r"^[│| ] (?:-h, )?(?=--[a-z])", text, flags=re.MULTILINE)[1:]
    found = {re.match(r"--[\w-]+", part)[0]: " ".join(re.sub("[│|]", " ", part).split()) for part in parts}
    return {flag: entry for flag, entry in found.items() if flag != "--help"}


def test_what_a_task_takes_is_read_right():
    """help_texts imports no task; here they are imported."""
    for name, task in TASKS.items():
        builders = [task.build, *([task.own[1]] if task.own else [])]
        taken = [p for build in builders for p in inspect.signature(build).parameters.values() if p.kind is p.KEYWORD_ONLY]
        read = help_texts.options_of_task(name)
        assert set(read) == {p.name for p in taken}, name
        assert all(read[p.name] == p.default for p in reversed(taken) if read[p.name] is not None), name


@pytest.mark.parametrize("task", TASKS)
def test_the_help_of_a_task_has_its_flags_and_no_others(task, capsys, monkeypatch):
    listed = set(entries(shown(capsys, monkeypatch, "train", task)))
    every = flags_of(train)
    assert listed < set(every)
    for field in (*fields(flags.Source), *fields(flags.Measurement)):
        name = f"--{field.name.replace('_', '-')}"
        takes = field.name in help_texts.options_of_task(task) or field.name in help_texts.TASKS[task].sources
        assert (name in listed) == (takes or field.name == "task_option"), name
    assert {"--c", "--epochs", "--out", "--seeds"} <= listed and not {"--omega-0", "--resume", "--trust"} & listed
    assert ("--coords" in listed) == (TASKS[task].in_features == 2)


@pytest.mark.parametrize("task, activation, preset", [("signal", "bw-relu", []), ("signal", "siren", []), ("ct", "wire", [])])
def test_the_help_has_the_values_of_the_preset(task, activation, preset, capsys, monkeypatch):
    text = shown(capsys, monkeypatch, "train", task, "--activation", activation, *preset)
    config = with_preset({"task": task, "source": "", "activation": activation}, recommended=True)
    values = {name: getattr(config, name) for name in ("epochs", "hidden_features", "lr", "decay")} | config.options
    for name, value in values.items():
        assert f"(preset: {units.short(value)})" in entries(text)[f"--{name.replace('_', '-')}"]
    assert "None" not in text
    assert {f"--{name.replace('_', '-')}" for name in config.options} <= set(entries(text))
    assert ("--norm-penalty" in set(entries(text))) == (activation == "bw-relu")


def test_the_help_follows_the_preset_that_is_named(capsys, monkeypatch):
    assert "(preset: 9)" in shown(capsys, monkeypatch, "train", "signal", "--preset", "paper")
    assert "(preset: 1.5)" in shown(capsys, monkeypatch, "train", "signal", "--preset=recommended")
    assert "(preset: 5000)" in shown(capsys, monkeypatch, "train", "ct", "--faithful")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_names_all_its_flags_and_shows_examples(command, capsys, monkeypatch):
    text = shown(capsys, monkeypatch, command)
    assert set(entries(text)) == set(flags_of(COMMANDS[command])) and "default: None" not in text
    assert help_texts.examples(command) and help_texts.examples(command) in text


def test_the_examples_can_be_typed():
    """Each is a command line that is read without an error, and shows what its topic is about."""
    for topic, rows in help_texts.EXAMPLES.items():
        assert topic in ("", *COMMANDS, *(f"train {task}" for task in TASKS))
        for line, _ in rows:
            words = shlex.split(line.partition(" > ")[0])
            assert words[0] == "bwtheory" and " ".join(words[1:]).startswith(topic), line
            refuse_unknown_words(words[1:])
            if "--help" not in words:
                command = parse(words[1:])
                assert command is not None, line
    assert all(f"train {task}" in help_texts.EXAMPLES for task in TASKS)


@pytest.mark.parametrize(
    "line, sentence",
    [
        ("train sginal --image camera", "no task 'sginal' (did you mean signal?); there are signal, superres, ct"),
        ("train sginal --help", "no task 'sginal' (did you mean signal?)"),
        ("train signal --help --activation sirn", "did you mean siren?"),
        ("compare sgnal --image camera", "did you mean signal?); there are signal, superres, ct, denoise, inpaint."),
        ("certify unifrom --size 3 --out x", "There is no family 'unifrom' (did you mean uniform?)"),
        ("reproduce fig55", "did you mean fig5?"),
        ("train signal --image camera --preset recomended", "--preset takes one of recommended, paper (did you mean rec"),
        ("train signal --image camera --compile 10s", "--compile takes one of False, True; got '10s'"),
        ("train signal --image camera --optimizer adm", "--optimizer takes one of adam, sgd, muon (did you mean adam?)"),
        ("train signal --image camra", "did you mean camera?"),
        ("train univariate --target sine", "did you mean sines?"),
        ("train audio --audio chrip", "did you mean chirp?"),
        ("train signal --image camera --task-option evry=2", "did you mean every?"),
        ("figures spectr", "did you mean spectra?"),
        ("presets sgnal", "did you mean signal?"),
    ],
)
def test_the_nearest_right_name_is_suggested(line, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(line.split()) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1 and "None" not in error


@pytest.mark.parametrize(
    "text, first, expected",
    [
        (None, None, [40]),
        (None, 3, [3]),
        ("5", None, [40, 41, 42, 43, 44]),
        ("2", 7, [7, 8]),
        ("40-44", None, [40, 41, 42, 43, 44]),
        ("40,41,44", None, [40, 41, 44]),
        ("1-2, 9", None, [1, 2, 9]),
        ("7-7", None, [7]),
    ],
)
def test_seeds_are_counted_or_named(text, first, expected):
    assert flags.seeds_of(text, first, 40) == expected


@pytest.mark.parametrize(
    "text, first, sentence",
    [
        ("0", None, "Training needs seeds >= 1"),
        ("five", None, "--seeds takes a number of runs, or the seeds as 40-44 or 40,41,44; got 'five'"),
        ("40-", None, "--seeds takes"),
        ("", None, "--seeds takes"),
        ("44-40", None, "write 40-44"),
        ("3,4,3", None, "names 3 twice"),
        ("3,4", 3, "leave it out"),
        ("10001", None, "--seeds is at most 10,000"),
        ("0-99999999", None, "--seeds is at most 10,000"),
        ("9" * 5000, None, "--seeds is at most 10,000"),
    ],
)
def test_seeds_that_cannot_be_meant(text, first, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        flags.seeds_of(text, first, 40)


def test_the_seeds_that_are_named_are_trained(tmp_path, capsys):
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "picture.png")
    line = f"train signal --image {tmp_path}/picture.png --epochs 2 --hidden-features 4 --device cpu --out {tmp_path}/runs"
    assert cli.main([*line.split(), "--seeds", "3,9"]) == 0
    assert sorted(path.name[-6:] for path in (tmp_path / "runs").iterdir()) == ["-seed3", "-seed9"]
    said = capsys.readouterr()
    assert "bwtheory: note: 2 runs, seeds 3, 9." in said.err and "mean ± standard deviation of 2 seeds" in said.out


def test_several_runs_are_announced():
    runs = Path("my runs")
    assert plan_in_words([40], runs) is None
    assert plan_in_words(range(40, 43), runs) == "3 runs, seeds 40 to 42."
    assert plan_in_words([40, 42], runs) == "2 runs, seeds 40, 42."
    go_on = "Ctrl-C stops, and `bwtheory train --resume 'my runs'` continues."
    assert plan_in_words(range(40, 82), runs) == f"42 runs, seeds 40 to 81. {go_on}"


def test_presets_are_listed_with_their_sources(capsys):
    rows = list(presets.rows())
    assert {(row[0], row[1]) for row in rows} >= {("signal", "bw-relu"), ("ct", "finer"), ("audio", "siren")}
    for task, activation, kind, epochs, width, _, lr, decay, _, source in rows:
        config = with_preset(
            {"task": task, "source": "", "activation": activation},
            faithful=kind == "faithful",
            recommended=kind == "recommended",
        )
        for cell, value in ((epochs, config.epochs), (width, config.hidden_features), (lr, config.lr), (decay, config.decay)):
            assert cell == units.short(value) or (cell == "" and kind == "faithful"), (task, activation, kind)
        assert source
    assert len(list(presets.rows("superres"))) == 2 * len(ACTIVATIONS)  # the paper's, and the published code's
    assert cli.main(["presets", "signal", "--activation", "bw-relu"]) == 0
    text = capsys.readouterr().out
    assert "recommended" in text and "Appendix D.1" in text and "siren" not in text


COMPLETED = {
    "com": "compare completion",
    "train s": "signal superres",
    "train signal --imag": "--image",
    "train signal --device c": "cpu cuda",
    "train --resume r": "runs",
    "certify w": "wavelets",
    "figures beam ge": "gershgorin",  # a second word where a command takes several
    "presets signal s": "",  # and none where it takes one
    "verify eq-44": "eq-44",
    "render ru": "runs",
    "report runs mo": "more",
}


def completion_script(shell: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    if shutil.which(shell) is None:
        pytest.skip(f"There is no {shell}.")
    (folder / "runs").mkdir()
    (folder / "more").mkdir()
    assert cli.main(["completion", shell]) == 0
    out = folder / f"completion.{shell}"
    out.write_text(capsys.readouterr().out, encoding="utf-8")
    return out


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_shell_completes_commands_words_flags_and_folders(shell, tmp_path, capsys):
    script = completion_script(shell, tmp_path, capsys)
    if shell == "bash":
        lines = [f"source {script}", "ask() { COMP_WORDS=($@); COMP_CWORD=$(($# - 1)); _tyro_bwtheory; echo ${COMPREPLY[@]}; }"]
        lines += [f"ask bwtheory {words}" for words in COMPLETED]
    else:
        lines = [f"source {script}", "function ask; echo (complete -C $argv | string split -f1 \\t | string trim -c /); end"]
        lines += [f"ask 'bwtheory {words}'" for words in COMPLETED]
    run = subprocess.run([shell, "-c", "\n".join(lines)], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert {words: " ".join(sorted(line.split())) for words, line in zip(COMPLETED, run.stdout.split("\n"))} == {
        words: " ".join(sorted(answer.split())) for words, answer in COMPLETED.items()
    }


def test_zsh_completes_too(tmp_path, capsys):
    script = completion_script("zsh", tmp_path, capsys)
    lines = [
        "typeset -A opt_args",
        "_describe() { echo ${(P)2}; }",
        "words=(bwtheory train s)",
        "CURRENT=3",
        f"source {script}",
    ]
    run = subprocess.run(["zsh", "-fc", "\n".join(lines)], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run.stdout.split() == ["signal:", "superres:"]


@pytest.mark.parametrize(
    "seconds, words",
    [
        *((0.25, "0.25 s"), (5, "5 s"), (45.2, "45 s"), (99.4, "99 s"), (720, "12 min"), (5999, "100 min")),
        *((12_600, "3.5 h"), (40_000, "11.1 h"), (200_000, "2.3 days")),
    ],
)
def test_times_have_units(seconds, words):
    assert units.duration(seconds) == words


@pytest.mark.parametrize(
    "count, words",
    [
        *((0, "0 bytes"), (312, "312 bytes"), (999, "999 bytes"), (1000, "1 kB"), (45_100, "45.1 kB"), (999_900, "1 MB")),
        *((1_234_000, "1.23 MB"), (3.4e9, "3.4 GB"), (1.5e12, "1.5 TB"), (2e18, "2 EB")),
    ],
)
def test_sizes_have_units(count, words):
    assert units.size(count) == words

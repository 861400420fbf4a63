"""Random command lines: sound ones with words taken away, doubled, exchanged, and values that nobody means.

A line ends with an exit status that ``bwtheory --help`` documents: 2 and one sentence for bad input.  One that has begun to
train may go on for as long as it was told to; it is then asked to stop, and must do so.
"""

from __future__ import annotations

import hashlib
import random
import re
import resource
import shutil
import signal
import tempfile
import time
from pathlib import Path

from tests.torture.examples import NETWORK, TRAINED, write_data
from tests.torture.processes import Child, Ended, command, more_memory, run_child, warm_up
from tests.torture.report import HANG, LOST, SENTENCE, Budget, Fault, Report

MEMORY = 3.0  # GB besides what a child begins with
PATIENCE, TOO_LONG, TO_STOP = 3.0, 25.0, 20.0  # seconds: for a line; for one that has not begun to train; to stop when asked
COMMANDS = {  # how often, and sound lines, the {names} of which are folders and files
    "train": (
        22,
        [re.sub("epochs [0-9]+", "epochs 12", f"train {words} {NETWORK} --out {{out}}") for words in TRAINED.values()],
    ),
    "resume": (2, ["train signal --resume {run}", "train signal --resume {runs}"]),
    "render": (4, ["render {run}", "render {run} --size 8x8 --out {out}.png", "render {run} --crop -0.5 -0.5 0.5 0.5"]),
    "compare": (
        3,
        ["compare signal --image {data}/picture.png --activations relu --steps 3 --parameters 100 --trials 1 --out {out}"],
    ),
    "reproduce": (2, ["reproduce fig5 --quick --epochs 3 --seeds 1 --image {data}/picture.png --activations relu --out {out}"]),
    "figures": (1, ["figures wavelet_supports --out {out}"]),
    "certify": (
        1,
        [
            "certify uniform --size 4 --out {out}.json",
            "certify relus --biases -0.5 0 0.5 --out {out}.json",
            "certify wavelets --levels 2 --out {out}.json",
        ],
    ),
    "report": (1, ["report {run} --out {out}.html"]),
    "animate": (1, ["animate {run} --frames 3 --out {out}.gif"]),
    "verify": (2, ["verify eq-44", "verify thm-3.1 --json", "verify prop-3.2 --explain"]),
    "bench": (1, ["bench --activations relu --side 16 --width 8 --depth 2 --seconds 0.1"]),
}
DRAWN = ("render.png", "report.html", "film.gif")  # of a run, into its folder
_VALUES = """
-1 0 1 2 3 0.5 -0.5 1e308 -1e308 1e-308 1e400 nan inf -inf 99999999999999 1e5 0x10 1_000 1,5
x - -- no true None [] １ ψ ' c=2 c=nan = learnable=true 8x8 10s 5min relu bw-relu gauss mps adam held-out
camera chirp sines {data} {data}/picture.png {data}/sound.wav {data}/sinogram.npy {data}/none.png
{run} {run}/config.json /dev/null / ~ numpy os:system bwtheory.nn:Activation torch.nn:ReLU a:b:c
"""
VALUES = (*_VALUES.split(), "", " ", "a b", "a\nb", "\udcff", "x" * 5000)
_NUMBERS = {  # by what the help says that a flag takes; most get through to what checks them
    "INT": "-1 0 1 2 3 7 100 1000000 99999999999999",
    "FLOAT": "-1 0 1e-300 1e-9 0.1 0.5 1 2 30 1e6 1e20 1e308 -1e308 nan inf",
}


def commands() -> dict[str, tuple[int, list[str]]]:
    """``COMMANDS``, and all other commands that there are, by their names alone."""
    from bwtheory.cli import commands

    return COMMANDS | {name: (1, [name]) for name in commands.COMMANDS if name not in COMMANDS}


def run(seed: int, count: int, seconds: float) -> Report:
    """So many command lines, or as many as the time allows."""
    warm_up()
    report, budget, chance = Report("command lines"), Budget(count, seconds), random.Random(f"command lines {seed}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder / "data")
        trained = command(
            ["train", *TRAINED["bw-relu"].format(data=folder / "data").split(), *NETWORK.split(), "--out", folder / "was"]
        )
        if run_child(trained, folder).status != 0:
            raise RuntimeError("The run that lines are about does not end.")
        tried = commands()
        flags = {name: _flags(name, folder) for name in tried if name != "resume"}
        while budget.more(report.tried):
            case = folder / "case"
            case.mkdir()
            sort = chance.choices(list(tried), [often for often, _ in tried.values()])[0]
            line = _line(chance.choice(tried[sort][1]), flags["train" if sort == "resume" else sort], chance)
            kept = _content(folder / "was")
            faults = _try(_words(line, folder, case), line, case)
            now = _content(folder / "was")
            if any(now.get(name) != digest for name, digest in kept.items()):
                faults.append(Fault(LOST, " ".join(line), "the files of a finished run are others"))
            report.add(sort, faults)
            shutil.rmtree(case)
        report.seconds = budget.used
    return report


def _words(line: list[str], folder: Path, case: Path) -> list[str]:
    """With the names of folders and files."""
    names = {
        "{data}": folder / "data",
        "{out}": case / "out",
        "{runs}": folder / "was",
        "{run}": next((folder / "was").iterdir()),
    }
    for name, path in names.items():
        line = [word.replace(name, str(path)) for word in line]
    return line


def _flags(name: str, folder: Path) -> dict[str, tuple[str, ...]]:
    """All flags that the help of a command lists, with values for them."""
    ended = run_child(command([name, "--help"]), folder)
    found = re.findall(r"(--[a-z][a-z0-9-]+)[ ,]*(\S*)", ended.out)
    flags = {flag: tuple(" ".join(_NUMBERS[kind] for kind in _NUMBERS if kind in takes).split()) for flag, takes in found}
    flags.pop("--help", None)
    if len(flags) < (2 if name in COMMANDS else 0):
        raise RuntimeError(f"The help of {name} lists no flags: {ended}")
    return flags


def _line(sound: str, flags: dict[str, tuple[str, ...]], chance: random.Random) -> list[str]:
    """A sound line, changed in one to three places; rarely in none."""
    words = sound.split()
    for _ in range(chance.choices([0, 1, 2, 3], [1, 8, 4, 2])[0]):
        change = chance.choice(
            ["a flag more"] * 5 + ["a value"] * 3 + ["a word less", "a word twice", "two exchanged", "a word more"]
        )
        at = chance.randrange(len(words))
        if change == "a flag more" and flags:
            flag = chance.choice(sorted(flags))
            words += [
                flag,
                *([chance.choice((flags[flag] if chance.random() < 0.8 else ()) or VALUES)] if chance.random() < 0.9 else []),
            ]
        elif change == "a value":
            places = [n for n, word in enumerate(words) if n and not word.startswith("--") and word != "{out}"]
            words[chance.choice(places or [0])] = chance.choice(VALUES)
        elif change == "a word less" and len(words) > 1:
            del words[at]
        elif change == "a word twice":
            words.insert(at, words[at])
        elif change == "two exchanged":
            other = chance.randrange(len(words))
            words[at], words[other] = words[other], words[at]
        else:
            words.insert(at, chance.choice(VALUES))
    return words


def _try(words: list[str], line: list[str], case: Path) -> list[Fault]:
    said = " ".join(line)[:400]
    child = Child(command(words), case, {resource.RLIMIT_AS: more_memory(MEMORY), resource.RLIMIT_FSIZE: 2**28})
    started = time.monotonic()
    while child.running() and time.monotonic() - started < PATIENCE:
        time.sleep(0.005)
    works = words[0] not in ("train", "render")
    while child.running() and time.monotonic() - started < TOO_LONG and not (works or _has_begun(case)):
        time.sleep(0.05)
    if child.running() and not (works or _has_begun(case)):
        ended = child.wait(0)
        return [Fault(HANG, said, f"after {TOO_LONG:g} s: {ended.err}")]
    asked = child.send(signal.SIGINT)
    ended = child.wait(TO_STOP)
    if asked and ended.status is None:
        return [Fault(HANG, said, f"Ctrl-C does not stop it: {ended.err}")]
    return _judge(said, ended, asked)


def _has_begun(case: Path) -> bool:
    return any(case.rglob("config.json"))


def _judge(said: str, ended: Ended, asked: bool) -> list[Fault]:
    boxed = ended.status == 2 and "╭" in ended.err and "Traceback" not in ended.err  # how tyro refuses a word
    if boxed:
        return []
    faults = ended.faults(said, statuses=(0, 1, 2, 130) if asked else (0, 1, 2))
    if not faults and ended.status == 1 and "bwtheory: " not in ended.err:
        faults = [Fault(SENTENCE, said, f"exit status 1: {ended.err}")]
    return faults


def _content(folder: Path) -> dict[str, str]:
    """Hashes of a finished run's files; a picture, a page or a film may be drawn in its folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in (".lock", *DRAWN)]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

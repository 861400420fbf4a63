"""Damaged and forged run folders: what is loaded, drawn or resumed is the undisturbed run's, or refused in one sentence.

A case is a finished or interrupted run with one thing changed: bits, length, a JSON field, a file swapped for another run's, a
link, a folder or a pipe in its place, names of code to import, pickles with code.  Then the run is loaded, drawn and resumed.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import resource
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.torture.examples import Steps, difference, outcome, resume_words, train_words, write_data
from tests.torture.processes import Ended, command, more_memory, run_child, warm_up
from tests.torture.report import CODE, LOST, WRONG, Budget, Fault, Report

MEMORY = 3.0  # GB that a child may take besides what it begins with
STEPS_BEFORE = 9  # of an interrupted run
RUNS = {  # folder: the example, and whether it is interrupted
    "finished": ("bw-relu", False),
    "interrupted": ("bw-relu", True),
    "complex": ("wire", False),
    "kept": ("held-out", True),
    "masked": ("inpaint", True),
    "scan": ("sinogram", False),
    "line": ("univariate", True),
    "sound": ("audio", False),
    "newton": ("gauss-newton", True),
    "siren": ("siren", False),
}
JSON_VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "no", "nan", 0, -1, -5, 1, 3, 7.5, 1e308, -1e308, 10**30, float("nan"), float("inf"), 1e-300),
    *([], {}, [1], {"c": 2.0}, [[]], "bw-relu", "relu", "/dev/zero", "../../../etc/passwd", "a\nb", "\ud800", "ψ" * 5000),
)
EVIL = ("{module}:Evil", "{module}:function", "os:system", "{module}.inner:Evil", "subprocess:Popen", "builtins:eval")


@dataclass(frozen=True)
class Base:
    """A run as it should be.

    folder : the run's; values, picture : what ``load`` gives and ``render`` draws, None where there is nothing to draw
    end : what it has come to when it is resumed
    """

    name: str
    example: str
    folder: Path
    values: bytes
    picture: bytes | None
    end: dict[str, Any]
    at_the_end: bytes


@dataclass
class Damage:
    """What was done.

    words : for a reader
    names : of the file and field; a refusal has one of them
    outside : files that must not change, with their contents
    forged : a checkpoint as version 0.1.0 wrote it, without a hash, of other numbers: it may be another function, and diverge
    """

    words: str
    names: tuple[str, ...] = ()
    outside: dict[Path, bytes] = field(default_factory=dict)
    forged: bool = False


def run(seed: int, count: int, seconds: float) -> Report:
    """So many damaged folders, or as many as the time allows."""
    warm_up()
    report, budget, chance = Report("corruption"), Budget(count, seconds), random.Random(f"corruption {seed}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder / "data")
        bases = [_base(name, *RUNS[name], folder) for name in RUNS]
        while budget.more(report.tried):
            sort = chance.choices(list(DAMAGES), [weight for weight, _ in DAMAGES.values()])[0]
            base = chance.choice(bases)
            report.add(sort, _try(sort, base, bases, folder / f"case{report.tried}", chance))
        report.seconds = budget.used
    return report


def _base(name: str, example: str, interrupted: bool, folder: Path) -> Base:
    out = folder / "bases" / name
    out.parent.mkdir(exist_ok=True)
    train = command(train_words(example, folder / "data", out))
    ended = run_child(Steps().count(train, STEPS_BEFORE) if interrupted else train, folder)
    if ended.status != (130 if interrupted else 0):
        raise RuntimeError(f"The run {name!r} cannot be made: {ended}")
    (run_folder,) = out.iterdir()
    seen = _seen(run_folder, folder / "look")
    end = folder / "look" / "end"
    shutil.copytree(out, end)
    resumed = run_child(command(resume_words(example, end)), folder)
    if resumed.status != 0:
        raise RuntimeError(f"The run {name!r} cannot be resumed: {resumed}")
    end_values = _seen(end / run_folder.name, folder / "look")["values"]
    base = Base(name, example, run_folder, seen["values"], seen["picture"], outcome(end), end_values)
    shutil.rmtree(folder / "look")
    return base


def _seen(run_folder: Path, look: Path) -> dict[str, Any]:
    """What ``load`` and ``render`` give of a run that is whole."""
    look.mkdir(exist_ok=True)
    ended = run_child(_load_to(run_folder, look / "values"), look)
    if ended.status != 0:
        raise RuntimeError(f"{run_folder} cannot be loaded: {ended}")
    drawn = run_child(command(["render", run_folder, "--size", "5x4", "--out", look / "picture.png"]), look)
    picture = (look / "picture.png").read_bytes() if drawn.status == 0 else None
    (look / "picture.png").unlink(missing_ok=True)
    return {"values": (look / "values").read_bytes(), "picture": picture}


def _load_to(run_folder: Path, target: Path) -> Callable[[], int | None]:
    """Load a run, and write its values at some coordinates to a file; a ValueError ends as a command's refusal does."""

    def work() -> int:
        import sys

        import numpy as np

        import bwtheory as bw

        try:
            function = bw.load(run_folder)
        except (ValueError, TypeError) as error:
            print(f"bwtheory: {error}", file=sys.stderr)
            return 2
        points = np.random.default_rng(0).uniform(-1, 1, (20, function.network.in_features))
        target.write_bytes(function(points).tobytes())
        return 0

    return work


def _try(sort: str, base: Base, bases: list[Base], case: Path, chance: random.Random) -> list[Fault]:
    """Damage a copy of a run, look at it in all three ways, and throw it away."""
    case.mkdir()
    out = case / "runs"
    run_folder = out / base.folder.name
    shutil.copytree(base.folder, run_folder)
    damage = DAMAGES[sort][1](run_folder, case, bases, chance)
    words = f"{sort}, {base.name}: {damage.words}"
    limits = {resource.RLIMIT_AS: more_memory(MEMORY)}
    faults: list[Fault] = []

    def look(what: str, work: Callable[[], int | None]) -> Ended:
        ended = run_child(work, case, limits)
        names = damage.names and (*damage.names, *(path.name for path in base.folder.iterdir()), "checkpoint", "weights")
        for fault in ended.faults(f"{what} of {words}", names, statuses=(0, 1, 2) if damage.forged else (0, 2)):
            faults.append(fault)
        if (case / "imported").exists():
            faults.append(Fault(CODE, f"{what} of {words}", "A planted module or pickle was run."))
            (case / "imported").unlink()
        for path, content in damage.outside.items():
            if path.read_bytes() != content:
                faults.append(Fault(LOST, f"{what} of {words}", f"{path.name}, which a link points to, has been written to."))
                path.write_bytes(content)
        return ended

    loads = look("load", _load_to(run_folder, case / "values")).status == 0
    if loads and (case / "values").read_bytes() != base.values and not damage.forged:
        faults.append(Fault(WRONG, f"load of {words}", "another function"))
    if base.picture is not None:
        drawn = case / "drawn.png"
        ended = look("render", command(["render", run_folder, "--size", "5x4", "--out", drawn]))
        if ended.status == 0 and drawn.read_bytes() != base.picture and not damage.forged:
            faults.append(Fault(WRONG, f"render of {words}", "another picture"))
    before = _content(run_folder)
    if look("resume", command(resume_words(base.example, run_folder))).status == 0 and not (
        loads and base.values == base.at_the_end and _content(run_folder) == before
    ):
        after = run_child(_load_to(run_folder, case / "after"), case, limits)
        if after.status != 0:
            said = f"It says that it is finished, and then: {after.err}"
            faults.append(Fault(WRONG, f"resume of {words}", said))
        elif (case / "after").read_bytes() != base.at_the_end and not damage.forged:
            faults.append(Fault(WRONG, f"resume of {words}", "another function at the end"))
        elif not damage.names:  # nothing that counts was touched: all of it must be there
            wrong = difference(outcome(out), base.end)
            faults += [Fault(LOST, f"resume of {words}", wrong)] if wrong else []
    shutil.rmtree(case)
    return faults


def _content(folder: Path) -> dict[str, bytes]:
    """Of its regular files, but for links to devices."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.stat().st_size}


# The damages: each gets the run's folder, a folder outside of it, the other runs and a generator.


def _file(run_folder: Path, chance: random.Random, names: tuple[str, ...] = ()) -> Path:
    """One of a run's files that are read again; those that count most come most often."""
    there = [path for path in sorted(run_folder.iterdir()) if not names or path.name in names]
    weights = [0.3 if path.name.startswith("reconstruction") else 1 for path in there]
    return chance.choices(there, weights)[0]


def _flip_bits(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    path = _file(run_folder, chance)
    content = bytearray(path.read_bytes())
    places = [chance.randrange(8 * len(content)) for _ in range(chance.choice([1, 1, 1, 2, 50]))] if content else []
    for place in places:
        content[place // 8] ^= 1 << place % 8
    path.write_bytes(bytes(content))
    return Damage(f"bits {places[:3]} of {path.name} flipped", (path.name,))


def _cut(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    path = _file(run_folder, chance)
    size = path.stat().st_size
    kept = max(0, size - chance.choice([1, 2, chance.randint(1, 100), chance.randint(0, size), size]))
    os.truncate(path, kept)
    return Damage(f"{path.name} cut from {size} to {kept} bytes", (path.name,))


def _append(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    path = _file(run_folder, chance)
    with path.open("ab") as file:
        file.write(chance.choice([b"\0", b"\n", b"x" * 1000, b"{}", bytes(chance.randbytes(30))]))
    return Damage(f"bytes after the end of {path.name}", (path.name,))


def _garbage(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    path = _file(run_folder, chance)
    what = chance.choice(["nothing", "noise", "zeros", "brackets", "a list", "UTF-16", "a part overwritten"])
    content = path.read_bytes()
    if what == "a part overwritten":
        start = chance.randrange(len(content) or 1)
        new = content[:start] + chance.randbytes(64) + content[start + 64 :]
    else:
        new = {
            "nothing": b"",
            "noise": chance.randbytes(500),
            "zeros": bytes(len(content)),
            "brackets": b"[" * 200_000,
            "a list": b"[1, 2]",
            "UTF-16": '{"task": "signal"}'.encode("utf-16"),
        }[what]
    path.write_bytes(new)
    return Damage(f"{path.name} is {what}", (path.name,))


def _missing(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    path = _file(run_folder, chance)
    path.unlink()
    return Damage(f"{path.name} is missing", (path.name, run_folder.name))


def _edit_json(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    path = _file(run_folder, chance, ("config.json", "config.json", "summary.json"))
    row = json.loads(path.read_text(encoding="utf-8"))
    before = json.dumps(row, sort_keys=True)
    where, name = row, chance.choice(sorted(row))
    names = [name]
    while isinstance(where[name], dict) and where[name] and chance.random() < 0.7:
        where = where[name]
        name = chance.choice(sorted(where))
        names.append(name)
    action = chance.choice(["value"] * 6 + ["without", "more", "times", "whole"])
    if action == "without":
        del where[name]
    elif action == "more":
        name = chance.choice(["", "epoch", "Seed", "__class__", "self", "\ud800"])
        where[name] = 1
        names.append(name)
    elif action == "times" and isinstance(where[name], int | float) and not isinstance(where[name], bool):
        where[name] *= chance.choice([2, -1, 1.0000001, 0.5])
    elif action == "whole":
        row = chance.choice([[], {}, None, 3, "text", [row]])
    else:
        where[name] = chance.choice(JSON_VALUES)
    if json.dumps(row, sort_keys=True) == before:
        return Damage(f"{path.name}: nothing changed")
    path.write_text(json.dumps(row), encoding="utf-8")
    what = f"{'.'.join(names)} {action} {where.get(name) if isinstance(where, dict) else ''!r}"[:200]
    return Damage(f"{path.name}: {what}", (path.name, *(name for name in names if name)))


def _edit_log(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    path = run_folder / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    at = chance.randrange(len(lines))
    what = chance.choice(["a line less", "a line twice", "a line that is no JSON", "a line of another run", "an epoch of text"])
    new = {
        "a line less": [],
        "a line twice": [lines[at]] * 2,
        "a line that is no JSON": [b"{not json\n"],
        "a line of another run": [b'{"epoch": 3}\n'],
        "an epoch of text": [lines[at].replace(b'"epoch": ', b'"epoch": "x", "was": ', 1)],
    }[what]
    path.write_bytes(b"".join(lines[:at] + new + lines[at + 1 :]))
    return Damage(f"metrics.jsonl: {what} at {at}", (path.name,))


def _edit_checkpoint(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    import torch

    path = run_folder / "checkpoint.pt"
    if not path.exists():
        return _edit_weights(run_folder, case, bases, chance)
    state = torch.load(path, weights_only=True)
    name = chance.choice(["network", "optimizer", "optimizer", *state])
    optimizer = state["optimizer"]["state"]
    action = chance.choice(["value", "value", "without", "shape", "dtype", "numbers"])
    if action == "without":
        del state[name]
    elif action in ("shape", "dtype", "numbers") and name in ("network", "optimizer") and (name == "network" or optimizer):
        part = state["network"] if name == "network" else optimizer[chance.choice(sorted(optimizer))]
        key = chance.choice([key for key in part if isinstance(part[key], torch.Tensor)])
        part[key] = {
            "shape": lambda t: torch.zeros(chance.choice([(0,), (3,), (1, 1), (10_000,), (2, 3, 4)]), dtype=t.dtype),
            "dtype": lambda t: t.to(chance.choice([torch.int8, torch.float64, torch.bool])),
            "numbers": lambda t: torch.full_like(t, chance.choice([float("nan"), float("inf"), 1e30, -1.0])),
        }[action](part[key])
        name = f"{name}.{key}"
    else:
        state[name] = chance.choice([None, -5, 10**9, "x", [], {}, float("nan"), torch.zeros(2), {"state": {}}])
    torch.save(state, path)
    return Damage(f"checkpoint.pt: {name} {action}", (path.name, name), forged=action == "numbers")


def _edit_weights(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    import torch
    from safetensors.torch import load_file, save_file

    path = run_folder / "weights.safetensors"
    if not path.exists():
        return _edit_checkpoint(run_folder, case, bases, chance)
    tensors = load_file(path)
    name = chance.choice(sorted(tensors))
    action = chance.choice(["without", "shape", "dtype", "numbers", "one number", "more"])
    if action == "without":
        del tensors[name]
    elif action == "shape":
        tensors[name] = torch.zeros(3, 2)
    elif action == "dtype":
        tensors[name] = tensors[name].to(torch.float16)
    elif action == "numbers":
        tensors[name] = torch.full_like(tensors[name], float("nan"))
    elif action == "one number":
        tensors[name].view(-1)[0] += 0.5
    else:
        tensors["more"] = torch.zeros(2)
    save_file(tensors, path)
    return Damage(f"weights.safetensors: {name} {action}", (path.name, name))


def _swap(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    other = chance.choice([base for base in bases if base.folder.name != run_folder.name])
    names = sorted({p.name for p in other.folder.iterdir()} & {p.name for p in run_folder.iterdir()})
    name = chance.choice([name for name in names if not name.startswith("reconstruction")])
    shutil.copyfile(other.folder / name, run_folder / name)
    return Damage(f"{name} of the run {other.name!r}", (name, "config.json", "task"))


def _link(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    path = _file(run_folder, chance)
    what = chance.choice(["a copy", "a copy", "a loop", "nothing", "/dev/zero", "/dev/null", "a folder", "another file"])
    outside = case / "outside"
    content = path.read_bytes()
    path.unlink()
    if what == "a copy":
        outside.write_bytes(content)
    elif what == "another file":
        outside.write_bytes(content := b"the diary of somebody\n")
    elif what == "a folder":
        outside.mkdir()
    target = {"a loop": path, "/dev/zero": Path("/dev/zero"), "/dev/null": Path("/dev/null")}.get(what, outside)
    path.symlink_to(target)
    kept = {outside: content} if what in ("a copy", "another file") else {}
    return Damage(f"{path.name} is a link to {what}", (path.name,), kept)


def _other_thing(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    path = _file(run_folder, chance)
    path.unlink()
    what = chance.choice(["folder", "full folder", "pipe"])
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
        if what == "full folder":
            (path / "config.json").write_text("{}")
    return Damage(f"{path.name} is a {what}", (path.name,))


def _temporary_link(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    """A link where a file is written before it is renamed: nothing of the run itself is touched."""
    name = chance.choice(["config.json", "checkpoint.pt", "weights.safetensors", "summary.json", "reconstruction.png"])
    outside = case / "outside"
    outside.write_bytes(b"the diary of somebody\n")
    (run_folder / f".{name}.partial").symlink_to(outside)
    return Damage(f".{name}.partial is a link", (name,), {outside: b"the diary of somebody\n"})


def _evil_names(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    module = f"planted{chance.randrange(10**9)}"
    plant = f"from pathlib import Path\nPath({str(case / 'imported')!r}).touch()\nclass Evil: pass\ndef function(): pass\n"
    package = chance.random() < 0.5
    if package:
        (case / module).mkdir()
        (case / module / "__init__.py").write_text(plant)
        (case / module / "inner.py").write_text(plant)
    else:
        (case / f"{module}.py").write_text(plant)
    path = run_folder / "config.json"
    row = json.loads(path.read_text(encoding="utf-8"))
    evil = chance.choice(EVIL).format(module=module)
    what = chance.choice(["activation", "physics", "mask", "options"])
    if what == "activation":
        row["activation"] = evil
    elif what == "physics":
        row |= {"task": "physics", "source": evil, "task_options": {}}
    elif what == "mask":
        row["task_options"] = row["task_options"] | {"mask": evil, "truth": evil}
    else:
        row["options"] = {"activation": evil, "c": evil}
    path.write_text(json.dumps(row), encoding="utf-8")
    return Damage(f"config.json: {what} is {evil}", ("config.json", what, module, evil.partition(":")[0]))


class _Evil:
    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.marker),))


def _evil_pickle(run_folder: Path, case: Path, bases: list[Base], chance: random.Random) -> Damage:
    import torch

    there = ("checkpoint.pt", "weights.safetensors")
    path = _file(run_folder, chance, there)
    evil: Any = _Evil(case / "imported")
    how = chance.choice(["pickle", "torch", "torch, within the state"])
    if how == "pickle":
        path.write_bytes(pickle.dumps(evil))
    else:
        if how == "torch, within the state" and path.name == "checkpoint.pt":
            evil = torch.load(path, weights_only=True) | {"epoch": evil}
        buffer = io.BytesIO()
        torch.save(evil, buffer)
        path.write_bytes(buffer.getvalue())
    return Damage(f"{path.name} is a {how} with code", (path.name,))


Doing = Callable[[Path, Path, list[Base], random.Random], Damage]
DAMAGES: dict[str, tuple[float, Doing]] = {
    "bits flipped": (5, _flip_bits),
    "cut": (3, _cut),
    "longer": (1, _append),
    "overwritten": (2, _garbage),
    "missing": (1, _missing),
    "JSON field": (7, _edit_json),
    "log": (1, _edit_log),
    "checkpoint's fields": (3, _edit_checkpoint),
    "weights' fields": (2, _edit_weights),
    "another run's file": (2, _swap),
    "link": (2, _link),
    "folder or pipe": (1, _other_thing),
    "link to write through": (1, _temporary_link),
    "code to import": (2, _evil_names),
    "pickle with code": (1, _evil_pickle),
}

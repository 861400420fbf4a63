"""What ``--help`` shows: the flags that a command, or a task, takes, with the values that they have if not given; examples.

The commands are functions, and their flags are parameters and groups of fields.  A *view* of a command is a data class with
the same names that is only made to be shown by tyro.  Nothing here imports torch: what a task takes is read from the source
of its module.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, field, fields, is_dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import docstring_parser
import tyro

import bwtheory
from bwtheory.catalogue import ACTIVATIONS, TASKS
from bwtheory.training import flags
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.presets import TASK_SETTINGS

Command = Callable[..., int]
Example = tuple[str, str]  # a command line, and what it does

EXAMPLES: dict[str, tuple[Example, ...]] = {
    "": (
        ("bwtheory verify", "check every statement of the paper"),
        ("bwtheory train signal --image photo.png", "fit a network to a photograph"),
        ("bwtheory report runs", "pictures, curves and settings of all runs on one page"),
        ("bwtheory presets signal", "which settings a task has, and where they come from"),
    ),
    "verify": (
        ("bwtheory verify", "all statements, in a table"),
        ("bwtheory verify thm-3.1 --explain", "one statement in full"),
        ("bwtheory verify --json", "for a program"),
    ),
    "certify": (
        ("bwtheory certify uniform --size 100 --out kappa.json", "100 equally spaced ReLUs"),
        ("bwtheory certify wavelets --levels 5 --out kappa.json", "the 31 wavelets of Theorem 3.3"),
        ("bwtheory certify relus --biases -0.5 0 0.25 --out kappa.json", "ReLUs with biases of your choice"),
    ),
    "figures": (
        ("bwtheory figures", "all of them"),
        ("bwtheory figures spectra beam --out slides", "two of them, for slides"),
    ),
    "train": (
        ("bwtheory train signal --help", "only the flags of this task, with their values"),
        ("bwtheory train signal --image photo.png --seeds 5", "five runs; the last line has mean and standard deviation"),
        ("bwtheory train --resume runs", "continue what was interrupted; nothing else is needed"),
        ("bwtheory train --resume runs --epochs 2000", "train finished runs further, to 2000 epochs"),
    ),
    "train signal": (
        ("bwtheory train signal --image photo.png --shrink 4", "the recommended network, on a quarter of each side"),
        ("bwtheory train signal --image camera --activation siren --seeds 40-44", "SIREN, with five seeds"),
        ("bwtheory train signal --image camera --preset paper", "with the paper's settings"),
    ),
    "train superres": (("bwtheory train superres --image photo.png --factor 4", "from means of 4×4 pixels"),),
    "train ct": (
        ("bwtheory train ct --image chest.png --angles 60", "60 projections, computed from an image"),
        ("bwtheory train ct --sinogram scan.npy --angles angles.txt", "your own scan"),
    ),
    "train denoise": (
        ("bwtheory train denoise --image camera --noise 0.1", "noise is added, and the result compared with the image"),
        ("bwtheory train denoise --image photo.png --noisy", "a photograph that is noisy already"),
    ),
    "train inpaint": (
        ("bwtheory train inpaint --image camera --missing 0.5", "from half of the pixels"),
        ("bwtheory train inpaint --image photo.png --mask mask.png", "from the pixels that are white in the mask"),
    ),
    "train physics": (("bwtheory train physics --physics my_operator:problem", "measurements of your own operator"),),
    "train univariate": (("bwtheory train univariate --target sines --samples 40", "a function of one variable"),),
    "train audio": (("bwtheory train audio --audio speech.wav --seconds 2", "two seconds of a sound"),),
    "render": (
        ("bwtheory render runs/photo-signal-bw-relu-seed40 --size 2048x1536", "at any resolution"),
        ("bwtheory render runs/photo-signal-bw-relu-seed40 --crop -0.5 -0.5 0 0 --out detail.png", "a part of it"),
    ),
    "report": (("bwtheory report runs --out report.html", "one page about all runs of a folder"),),
    "animate": (("bwtheory animate runs/photo-signal-bw-relu-seed40 --out film.mp4", "how this run learned"),),
    "reproduce": (
        ("bwtheory reproduce fig5 --quick", "the experiment of Figure 5 in minutes"),
        ("bwtheory reproduce fig5 --full --image cameraman.tif", "the paper's protocol, on the paper's image"),
    ),
    "compare": (
        ("bwtheory compare signal --image a.png b.png c.png d.png e.png f.png", "all networks, on six images"),
        ("bwtheory compare ct --image a.png b.png --activations bw-relu siren --trials 8 --seeds 2", "a quick look"),
    ),
    "bench": (("bwtheory bench --side 128 --seconds 20", "a smaller problem, less time"),),
    "presets": (
        ("bwtheory presets", "all of them"),
        ("bwtheory presets ct", "those of one task"),
    ),
    "completion": (
        ("bwtheory completion bash > ~/.local/share/bash-completion/completions/bwtheory", "bash"),
        ("bwtheory completion zsh > ~/.zfunc/_bwtheory", "zsh, with fpath+=~/.zfunc before compinit in ~/.zshrc"),
        ("bwtheory completion fish > ~/.config/fish/completions/bwtheory.fish", "fish"),
    ),
}
_METAVARS = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH", bool: "{True,False}"}


def examples(topic: str) -> str:
    """Lines to print below a help text; empty if the topic has none."""
    rows = EXAMPLES.get(topic, ())
    width = max((len(line) for line, _ in rows), default=0)
    texts = [f"  {line:<{width}}   # {what}" if width + len(what) < 100 else f"  # {what}\n  {line}" for line, what in rows]
    return "\n".join(["Examples:", *texts, ""]) if rows else ""


def overview(commands: Mapping[str, Command]) -> str:
    """The commands, each with the first sentence of its description."""
    width = max(map(len, commands))
    lines = [
        f"  {name:<{width}}   {docstring_parser.parse(run.__doc__ or '').short_description}" for name, run in commands.items()
    ]
    return "\n".join(["Commands:", *lines, ""])


def tasks() -> str:
    """The tasks of ``train``, each in a few words."""
    width = max(map(len, TASKS))
    lines = [f"  {name:<{width}}   {row.what}" for name, row in TASKS.items()]
    return "\n".join(["Tasks (`bwtheory train TASK --help` shows only the flags of one, with their values):", *lines, ""])


def view(command: Command) -> type:
    """A data class to be shown for a command: what has no default shows none, instead of "None"."""
    texts = docstring_parser.parse(command.__doc__ or "")
    about = {parameter.arg_name: " ".join((parameter.description or "").split()) for parameter in texts.params}
    hints = get_type_hints(command, include_extras=True)
    members = []
    for name, parameter in inspect.signature(command).parameters.items():
        default = MISSING if parameter.default is parameter.empty else parameter.default
        if is_dataclass(default):
            members.append(_group_member(name, _group(type(default))))
        else:
            members.append(_member(name, hints[name], default, about.get(name, "")))
    return make_dataclass(command.__name__, members, namespace={"__doc__": _paragraphs(texts)})


def view_of_task(command: Command, task: str, activation: str, preset: str | None, faithful: bool) -> type:
    """The same for ``train`` with a task: only the flags that the task and the activation take, with their values.

    ValueError for a preset that the task does not have.
    """
    config = with_preset(
        {"task": task, "source": "", "activation": activation},
        faithful=faithful,
        recommended=preset == "recommended" or (preset is None and not faithful),
    )
    usual = {f.name: f.default for f in fields(TrainingConfig)}
    given = {"lr", *TASK_SETTINGS[task], *(name for name, value in usual.items() if getattr(config, name) != value)}
    row, options = TASKS[task], options_of_task(task)
    hidden = {"coords", "log_details"} if row.in_features == 1 else set()
    hidden |= set() if activation == "bw-relu" else {"norm_penalty"}
    about_activation: dict[str, Any] = {"learnable_c": False} if "learnable" in _options_of(activation) else {}
    about_activation |= {name: config.options.get(name) for name in _options_of(activation)} | {"option": ()}
    groups: dict[str, type] = {
        "source": _group(flags.Source, dict.fromkeys((*row.sources,)), task=task),
        "measurement": _group(
            flags.Measurement, {**options, "task_option": (), **config.task_options}, config.task_options, task
        ),
        "activation": _group(flags.ActivationOptions, about_activation, config.options, task),
        "training": _group(
            flags.Training,
            {f.name: getattr(config, f.name) for f in fields(flags.Training) if f.name not in hidden},
            given,
            task,
        ),
        "start": _group(flags.Start, {f.name: getattr(config, f.name, None) for f in fields(flags.Start)}, given, task),
    }
    whole = view(command)
    members = []
    for member in fields(whole):
        if member.name in groups:
            if fields(groups[member.name]):
                members.append(_group_member(member.name, groups[member.name]))
        elif member.name not in ("task", "resume", "trust"):
            members.append(
                (member.name, get_type_hints(whole, include_extras=True)[member.name], field(default=member.default))
            )
    what = (
        f"Fit {row.what}.\n\nValues in brackets are those without the flag"
        if row.what
        else "Values in brackets are those without the flag"
    )
    about = f"{what}; of the preset: {config.settings_from}."
    return make_dataclass("train", members, namespace={"__doc__": about})


@functools.cache
def options_of_task(task: str) -> Mapping[str, Any]:
    """Options that a task takes by name, measurements of your own included, with their defaults; read, not imported."""
    row = TASKS[task]
    module, _, build = row.home.partition(":")
    source = (Path(bwtheory.__file__).parent / "tasks" / f"{module}.py").read_text(encoding="utf-8")
    builders = [build, *([row.measured[1]] if row.measured else [])]
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name in builders:
            for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults):
                known = isinstance(default, ast.Constant) and argument.arg != (row.measured or ("",))[0]
                value = default.value if known and isinstance(default, ast.Constant) else None
                found.setdefault(argument.arg, value)
    return found


def described(command: Command) -> str:
    """Summary and explanation of a command, as paragraphs."""
    return _paragraphs(docstring_parser.parse(command.__doc__ or ""))


def _options_of(activation: str) -> tuple[str, ...]:
    """Those of a known activation; all that have a flag for one of your own."""
    if activation in ACTIVATIONS:
        return ACTIVATIONS[activation].options
    return tuple(f.name for f in fields(flags.ActivationOptions)) if ":" in activation else ()


def _group(cls: type, values: Mapping[str, Any] | None = None, of_preset: Collection[str] = (), task: str = "") -> type:
    """A group of flags: those with a value in ``values``, if that is given, each with this value; None shows none."""
    texts, hints = _texts_of(cls), get_type_hints(cls, include_extras=True)
    members = []
    for each in fields(cls):
        if values is None or each.name in values:
            text = texts.get(each.name, "")
            others, colon, rest = text.partition(": ")
            if task and colon and set(others.split(", ")) <= set(TASKS):
                text = rest
            value = None if values is None else values[each.name]
            where = "preset" if each.name in of_preset else "default"
            members.append(_member(each.name, hints[each.name], each.default, text, value, where))
    return make_dataclass(cls.__name__, members, namespace={"__doc__": cls.__doc__})


def _group_member(name: str, group: type) -> tuple[str, Any, Any]:
    return name, tyro.conf.OmitArgPrefixes[group], field(default_factory=group)  # type: ignore[valid-type, misc]


def _member(name: str, kind: Any, default: Any, text: str, value: Any = None, where: str = "default") -> tuple[str, Any, Any]:
    """A field that tyro shows: its text, and the value that holds without the flag, if there is one to show."""
    inner, marks, own = _without_annotations(kind)
    shown = value if value not in (None, False, (), "") else default if default not in (None, False, (), MISSING) else None
    text = (text or (own and own.help) or "").removesuffix(f" ({shown})")
    changes: dict[str, Any] = {"help": text, "metavar": (own and own.metavar) or _metavar(inner)}
    if default is not MISSING:
        changes["help_behavior_hint"] = "" if shown is None else f"({where}: {_in_words(shown)})"
    arg = tyro.conf.arg(**{key: change for key, change in changes.items() if change is not None})
    annotated = functools.reduce(lambda found, mark: Annotated[found, mark], (*marks, arg), inner)
    return (name, annotated, field() if default is MISSING else field(default=default))


def _without_annotations(kind: Any) -> tuple[Any, list[Any], Any]:
    """The type itself, tyro's marks on it, and its ``tyro.conf.arg`` or None."""
    if get_origin(kind) is not Annotated:
        return kind, [], None
    inner, *extras = get_args(kind)
    own = next((extra for extra in extras if hasattr(extra, "metavar")), None)
    return inner, [extra for extra in extras if extra is not own], own


def _metavar(kind: Any) -> str | None:
    """What stands for a value: INT, {a,b}, INT [INT ...]; None for a flag that only switches on."""
    if kind is bool:
        return None
    if get_origin(kind) in (Union, types.UnionType):
        return "|".join(_metavar(one) or "{True,False}" for one in get_args(kind) if one is not type(None))
    if get_origin(kind) is Literal:
        return f"{{{','.join(map(str, get_args(kind)))}}}"
    if get_origin(kind) is tuple:
        first, *others = get_args(kind)
        one = _metavar(first) or "VALUE"
        return (
            f"{one} [{one} ...]" if others == [Ellipsis] else " ".join(_metavar(each) or "VALUE" for each in (first, *others))
        )
    return _METAVARS.get(kind, "VALUE")


def _in_words(value: Any) -> str:
    return (
        " ".join(map(_in_words, value))
        if isinstance(value, tuple)
        else f"{value:.4g}"
        if isinstance(value, float)
        else str(value)
    )


def _texts_of(cls: type) -> dict[str, str]:
    """The strings below the fields of a data class and of those that it extends."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__[:-1]):
        (tree,) = ast.parse(inspect.getsource(each)).body
        assert isinstance(tree, ast.ClassDef)
        for node, below in zip(tree.body, tree.body[1:]):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(below, ast.Expr):
                found[node.target.id] = " ".join(ast.literal_eval(below.value).split())
    return found


def _paragraphs(texts: docstring_parser.Docstring) -> str:
    return "\n\n".join(filter(None, (texts.short_description, texts.long_description)))

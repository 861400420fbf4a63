"""Tasks by their names: built from a source and options, their data found and hashed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bwtheory import catalogue
from bwtheory.catalogue import GIVEN, TaskRow
from bwtheory.options import names_of_options, nearest, refuse_other_types
from bwtheory.tasks.asked import refuse_options
from bwtheory.tasks.images import image_hash
from bwtheory.tasks.measured import joint_hash
from bwtheory.tasks.sources import BUILT_IN, BUILT_IN_SOUNDS, FILE_OPTIONS, absolute
from bwtheory.tasks.task import Task
from bwtheory.torch_settings import usual_settings


@dataclass(frozen=True)
class Problem:
    """How a task is made of a source (an image, a sound, a target's name), and the dimension d of its coordinates.

    own : the option that stands for one's own measurements, and how the task is made of those
    """

    build: Callable[..., Task]
    needs: str
    in_features: int
    own: tuple[str, Callable[..., Task]] | None = None


def _problem(row: TaskRow) -> Problem:
    name, _, build = row.home.partition(":")
    module = importlib.import_module(f"bwtheory.tasks.{name}")
    own = row.measured and (row.measured[0], getattr(module, row.measured[1]))
    return Problem(getattr(module, build), next(iter(row.sources)), row.in_features, own)


TASKS: dict[str, Problem] = {name: _problem(row) for name, row in catalogue.TASKS.items()}


def data_hash(name: str, source: str, options: dict[str, Any]) -> str | None:
    """SHA-256 of a task's image, and of other files, without building the task; None for data whose names say what they are."""
    files = [options[option] for option in FILE_OPTIONS if isinstance(options.get(option), str)]
    if TASKS[name].needs != "image":
        return None
    return joint_hash(source, *files) if files or options.get("sinogram") else image_hash(source)


def absolute_source(task: str, source: str) -> str:
    """A task's source, so that it is found from every folder: a file by its absolute path; names of data as they are."""
    needs = TASKS[task].needs
    if needs in ("target", "physics"):
        return source
    return absolute(source, BUILT_IN if needs == "image" else BUILT_IN_SOUNDS)


def absolute_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a task with absolute paths for files, and lists for tuples, as JSON has them."""
    found = dict(options)
    for name, value in options.items():
        if name in FILE_OPTIONS and isinstance(value, str):
            found[name] = absolute(value, BUILT_IN if name == "truth" else ())
        elif isinstance(value, tuple):
            found[name] = list(value)
    return found


def dimensions_of(name: str, options: dict[str, Any]) -> int:
    """The number of coordinates d of a task of ``TASKS``, or of data that a program has given."""
    if name == GIVEN:
        return int(options.get("dimensions", 2))
    return TASKS[name].in_features


@usual_settings()
def build_task(name: str, source: str, coords: str, options: dict[str, Any]) -> Task:
    """The task of a name of ``TASKS``; ValueError for an unknown name or option, and what the task itself refuses."""
    if name == GIVEN:
        raise ValueError(
            f"The data of this run ({source}) were given by a Python program; go on there, with the same data and "
            "bw.fit(…, run=folder)."
        )
    if name not in TASKS:
        raise ValueError(f"There is no task {name!r}{nearest(name, TASKS)}; there are {', '.join(TASKS)}.")
    problem = TASKS[name]
    if coords != "stretch" and problem.in_features == 1:
        raise ValueError(f"Coordinates of the task {name!r} have one axis; --coords is for images.")
    for option, value in options.items():
        if getattr(value, "shape", ()):
            raise ValueError(f"{option} is no array here: save it, such as by numpy.save, and give the name of the file.")
    own = problem.own and (problem.own[0], names_of_options(problem.own[1]))
    refuse_options(name, options, names_of_options(problem.build), own)
    build = problem.own[1] if problem.own and options.get(problem.own[0]) else problem.build
    refuse_other_types(build, options, FILE_OPTIONS)
    return build(source, coords, **options)

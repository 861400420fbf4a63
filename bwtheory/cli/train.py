"""``bwtheory train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from bwtheory.catalogue import TASKS
from bwtheory.cli.edge import BadInput, bad_input_is_a_sentence
from bwtheory.cli.paths import folder_at, folder_to_write, from_home, importable_here
from bwtheory.signals import importing
from bwtheory.tasks.asked import refuse_before_import
from bwtheory.training import flags
from bwtheory.training.config import with_preset
from bwtheory.training.run_files import require_run

if TYPE_CHECKING:
    TaskName = str
else:
    TaskName = Literal[tuple(TASKS)]


def train(
    task: tyro.conf.Positional[TaskName | None] = None,
    source: tyro.conf.OmitArgPrefixes[flags.Source] = flags.Source(),
    measurement: tyro.conf.OmitArgPrefixes[flags.Measurement] = flags.Measurement(),
    activation: tyro.conf.OmitArgPrefixes[flags.ActivationOptions] = flags.ActivationOptions(),
    training: tyro.conf.OmitArgPrefixes[flags.Training] = flags.Training(),
    start: tyro.conf.OmitArgPrefixes[flags.Start] = flags.Start(),
    *,
    preset: Literal["recommended", "paper"] | None = None,
    faithful: bool = False,
    seeds: str | None = None,
    together: bool = False,
    preview: bool = False,
    device: Literal["auto", "cpu", "cuda", "mps"] | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    trust: bool = False,
) -> int:
    """Train an implicit neural representation; settings that are not given come from the preset of the task and activation.

    Args:
        task: what to fit: all pixels (signal), block means (superres), projections (ct), noisy pixels (denoise), some pixels
            (inpaint), measurements of your own operator (physics), samples of a function (univariate), a sound (audio)
        preset: what is not given: recommended (ours, good between the pixels, where we have such settings), or the paper's
            (recommended; with --faithful the paper's)
        faithful: settings of the published code where it differs from the paper
        seeds: a number of runs, with seeds from --seed on, as in 5; or which seeds, as in 40-44 or 40,41,44 (1)
        together: train the seeds as one batched network, not one after another; faster for small networks
        preview: train on the image with a quarter of the sides first, in about a sixteenth of the time
        device: where to train; auto takes CUDA or MPS if there is one (auto)
        out: the folder in which each run gets a folder (runs)
        resume: a run folder, or a folder of run folders, to continue with their settings; more --epochs train them further
        trust: with --resume: run code that the run's settings name, an activation or a physics of your own
    """
    given = [flags.given(group) for group in (source, measurement, activation, training, start)]
    if resume is not None:
        epochs = given[3].pop("epochs", None)
        others = {
            "preset": preset,
            "faithful": faithful or None,
            "seeds": seeds,
            "together": together or None,
            "preview": preview or None,
            "device": device,
            "out": out,
        }
        named = [name for group in given for name in group] + [n for n, value in others.items() if value is not None]
        if named:
            raise BadInput(f"A resumed run keeps its settings; leave out --{named[0].replace('_', '-')}.")
        if epochs is not None and epochs < 1:
            raise BadInput(f"Training needs epochs >= 1; got {epochs}.")
        with bad_input_is_a_sentence(), importable_here([":"] if trust else []):
            folder = folder_at(resume)
            if not folder.is_dir():
                require_run(folder)
            with importing():
                from bwtheory.training.command import resume_runs

            return resume_runs(folder, task, trust, epochs)
    if task is None:
        raise BadInput(f"A task is missing: {', '.join(TASKS)}; only --resume needs none.")
    if trust:
        raise BadInput("--trust is about the settings of runs that exist; it goes with --resume.")
    with bad_input_is_a_sentence():
        for group in given[:2]:
            group |= {name: from_home(group[name]) for name in flags.PATHS if isinstance(group.get(name), str)}
        config = {"task": task, "source": flags.source_of(task, given[0]), "device": device or "auto", **given[3]}
        config |= {"init": given[4].pop("init")} if "init" in given[4] else {}
        config |= {"init_options": given[4]} if given[4] else {}
        given[1] = flags.with_named_values(given[1], "--task-option", given[1].pop("task_option", ()))
        if "sinogram" in given[0]:
            given[1]["sinogram"] = True
        options = activation.as_options()
        flags.refuse_activation(config.get("activation", "bw-relu"), options)
        recommended = preset == "recommended" or (preset is None and not faithful)
        first = with_preset(config, options, given[1], faithful, recommended)
        chosen = flags.seeds_of(seeds, given[3].get("seed"), first.seed)
        refuse_before_import(task, next(iter(given[0])), first.source, first.task_options)
        target = folder_to_write(out or Path("runs"))
    with bad_input_is_a_sentence(), importable_here([first.activation, first.source if task == "physics" else ""]):
        with importing():
            from bwtheory.training.command import start_runs
            from bwtheory.training.size import refuse_to_train

        refuse_to_train(first, len(chosen) if together else 1)
        return start_runs(first, chosen, target, together, preview)

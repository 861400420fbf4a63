"""What ``bwtheory train`` does: one run a seed, or the continuation of runs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from bwtheory.tasks.images import LoadedImage, load_image
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.loop import pick_device, train
from bwtheory.training.run import RunDirectory, build_network


def start_runs(given: dict[str, Any], options: dict[str, float], seeds: int, device: str, out: Path) -> int:
    """Check everything that can be checked, then train the seeds one after another; returns the exit status."""
    if seeds < 1:
        raise ValueError(f"Training needs seeds >= 1; got {seeds}.")
    first = with_preset({**given, "device": pick_device(device)}, options)
    image = load_image(first.image)
    if Path(first.image).is_file():
        first = replace(first, image=str(Path(first.image).resolve()))
    build_network(first, image.pixels.shape[-1])
    configs = [replace(first, seed=first.seed + n) for n in range(seeds)]
    runs = [(config, RunDirectory.create(out / f"{image.name}-{config.run_name}", config)) for config in configs]
    for config, run in runs:
        _train_and_report(config, image, run)
    return 0


def resume_runs(folder: Path) -> int:
    """Continue a run, or all runs of a folder, each with its own configuration; returns the exit status."""
    if (folder / "config.json").exists() or not folder.is_dir():
        runs = [RunDirectory(folder)]
    else:
        runs = [RunDirectory(path.parent) for path in sorted(folder.glob("*/config.json"))]
        if not runs:
            raise ValueError(f"{folder} holds no run directory to resume.")
    for run in runs:
        config = run.read_config()
        if run.summary_file.exists():
            print(f"{run.path} is finished.")
            continue
        pick_device(config.device)
        _train_and_report(config, load_image(config.image), run)
    return 0


def _train_and_report(config: TrainingConfig, image: LoadedImage, run: RunDirectory) -> None:
    try:
        summary = train(config, image, run)
    except KeyboardInterrupt:
        print(
            f"\nInterrupted; everything is saved. Continue with: bwtheory train {config.task} --resume {run.path}",
            file=sys.stderr,
        )
        raise
    print(f"{run.path}: {summary['psnr']:.2f} dB after {config.epochs} epochs on {image.label} ({config.settings_from})")

"""``bwtheory reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tyro

from bwtheory.claims import find_checkout
from bwtheory.cli.edge import BadInput, bad_input_is_a_sentence
from bwtheory.cli.paths import folder_to_write, from_home, importable_here
from bwtheory.signals import importing
from bwtheory.tasks.sources import find_image
from bwtheory.training import flags


def reproduce(
    experiment: tyro.conf.Positional[
        Literal[
            "fig2",
            "fig3",
            "fig4",
            "fig5",
            "fig6",
            "fig7",
            "fig8",
            "fig9",
            "fig5-start",
            "next1",
            "bandwidth",
            "between",
            "between-ct",
            "gauss-newton",
            "muon",
            "ablation",
            "next3",
            "open2",
            "rel-fourier",
            "all",
        ]
    ],
    *,
    quick: bool = False,
    full: bool = False,
    image: tuple[str, ...] = (),
    seeds: int | None = None,
    epochs: int | None = None,
    shrink: int | None = None,
    activations: tuple[str, ...] = (),
    target: float | None = None,
    faithful: bool = False,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
    out: Path = Path("reproduced"),
    write: bool = False,
) -> int:
    """Repeat an experiment of the paper, or continue it: train the runs that are missing, then make its table and figure.

    Args:
        experiment: a figure of the paper, fig5-start (Figure 5 from a start by scales), next1 (condition numbers on
            imaging tasks), bandwidth (which frequencies are learned when), between (PSNR on and between the pixels),
            between-ct (CT by start), gauss-newton (fewer steps to Figure 5), muon (against Adam),
            ablation (what of ψ does the work), next3 (the variation norm against generalization),
            open2 (the same in two to four dimensions), rel-fourier (images from low Fourier coefficients), or all of them
        quick: minutes on two cores, on a built-in image (the default)
        full: the paper's protocol, all epochs and seeds
        image: an image file or built-in name; for a verdict on Figures 4 to 6 the paper's own image. Between takes several
        seeds: number of seeds, instead of the protocol's
        epochs: number of epochs, instead of the protocol's
        shrink: make the image smaller by this factor first
        activations: the architectures to train, for Figures 4 to 6 and bandwidth
        target: of fig5-start, a PSNR in dB by the published code's formula: which runs reach it, and when
        faithful: settings of the published code where it differs from the paper
        device: where to train; auto takes CUDA or MPS if there is one
        workers: train this number of runs at a time on this machine, one thread each
        scheduler: address of a dask scheduler, such as tcp://10.0.0.1:8786, whose workers train the runs
        out: the folder in which each experiment gets a folder
        write: write the results of a full protocol to results/ in the checkout, where the ledger reads them
    """
    if quick and full:
        raise BadInput("An experiment is done --quick or --full, not both.")
    with bad_input_is_a_sentence():
        for activation in activations:
            flags.refuse_activation(activation)
        for each in image:
            find_image(from_home(each))
        folder = folder_to_write(out)
    with bad_input_is_a_sentence(), importable_here(activations):
        with importing():
            from bwtheory.experiments import EXPERIMENTS
            from bwtheory.experiments.cluster import open_cluster
            from bwtheory.experiments.experiment import Budget
            from bwtheory.experiments.reproduce import reproduce as carry_out
            from bwtheory.training.devices import pick_device

        images = tuple(map(from_home, image))
        first = images[0] if images else None
        with open_cluster(scheduler, workers) as cluster:
            there = (cluster.pick_device if cluster else pick_device)(device)
            budget = Budget(full, first, seeds, epochs, shrink, activations, faithful, there, images[1:], target)
            for name in EXPERIMENTS if experiment == "all" else (experiment,):
                carry_out(name, budget, folder, _results_folder(write), write, cluster)
    return 0


def _results_folder(needed: bool) -> Path | None:
    """results/ of the checkout; None outside of one, where it is not needed."""
    try:
        return find_checkout() / "results"
    except FileNotFoundError as error:
        if needed:
            raise BadInput(str(error)) from None
        return None

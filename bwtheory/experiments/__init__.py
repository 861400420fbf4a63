"""The paper's experiments: what is run for each figure, and the tables, figures and results made of run directories."""

from __future__ import annotations

from bwtheory.experiments.ablation import Ablation
from bwtheory.experiments.architectures import Architectures
from bwtheory.experiments.bandwidth import Bandwidth
from bwtheory.experiments.between import Between, StartsForCT
from bwtheory.experiments.conditioning import TaskConditioning, UnivariateConditioning
from bwtheory.experiments.dimensions import HigherDimensions
from bwtheory.experiments.experiment import Experiment
from bwtheory.experiments.fewer_steps import FewerSteps
from bwtheory.experiments.figure_five import FigureFiveByStart
from bwtheory.experiments.interpolation import Interpolation
from bwtheory.experiments.low_pass import LowPassRecovery
from bwtheory.experiments.muon import MuonAgainstAdam
from bwtheory.experiments.norm_choice import NormAgainstGeneralization
from bwtheory.experiments.scales import ScaleSweep

EXPERIMENTS: dict[str, Experiment] = {
    "fig2": UnivariateConditioning(),
    "fig3": Interpolation(),
    "fig4": Architectures("fig4", "ct", "CT reconstruction"),
    "fig5": Architectures("fig5", "signal", "Signal representation"),
    "fig6": Architectures("fig6", "superres", "4× super-resolution"),
    "fig7": ScaleSweep("fig7", "ct", (1.0, 2.0, 3.0, 5.0), same_loss_as=3.0),
    "fig8": ScaleSweep("fig8", "superres", (2.0, 3.0, 5.0)),
    "fig9": ScaleSweep("fig9", "ct", (2.0, 3.0, 5.0), same_loss_as=3.0, image="shepp_logan_phantom"),
    "fig5-start": FigureFiveByStart(),
    "next1": TaskConditioning(),
    "bandwidth": Bandwidth(),
    "between": Between(),
    "between-ct": StartsForCT(),
    "gauss-newton": FewerSteps(),
    "muon": MuonAgainstAdam(),
    "ablation": Ablation(),
    "next3": NormAgainstGeneralization(),
    "open2": HigherDimensions(),
    "rel-fourier": LowPassRecovery(),
}

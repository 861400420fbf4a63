"""Muon for the matrices between hidden layers, Adam for all other parameters, as one optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import torch
from torch import Tensor, nn

from bwtheory.nn import INR


class MuonWithAdam(torch.optim.Optimizer):
    """``torch.optim.Muon`` and ``torch.optim.Adam`` with one list of groups and one state, as a checkpoint needs them.

    Muon moves a matrix along the orthogonal factor of its momentum (Jordan et al. 2024), scaled so that a learning rate means
    what it means for Adam (Liu et al. 2025).  It is for real matrices; first layer, output layer and biases are left to Adam.

    Parameters
    ----------
    groups : as ``INR.parameter_groups`` makes them
    matrices : the parameters that Muon is for
    betas : Adam's
    """

    def __init__(
        self,
        groups: Sequence[dict[str, Any]],
        matrices: Sequence[Tensor],
        fused: bool | None,
        betas: tuple[float, float] = (0.9, 0.999),
    ):
        chosen = {id(matrix) for matrix in matrices}
        ours, others = ([_some(group, chosen, inside) for group in groups] for inside in (True, False))
        ours, others = ([group for group in each if group["params"]] for each in (ours, others))
        self._muon = torch.optim.Muon(ours, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        self._adam = torch.optim.Adam(others, betas=betas, fused=fused)
        super().__init__([*self._muon.param_groups, *self._adam.param_groups], {})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of both."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part, is_muon in ((self._muon, True), (self._adam, False)):
            # loading a state makes new groups
            part.state, part.param_groups = self.state, [g for g in self.param_groups if ("ns_steps" in g) == is_muon]
            one_step: Callable[[], object] = part.step  # Muon's has no types
            one_step()
        return loss


def _some(group: dict[str, Any], chosen: set[int], inside: bool) -> dict[str, Any]:
    return {**group, "params": [p for p in group["params"] if (id(p) in chosen) == inside]}


def matrices_of(network: nn.Module) -> list[Tensor]:
    """The weights between hidden layers; ValueError for a network that has none, or whose weights are no real matrices."""
    if not isinstance(network, INR):
        raise ValueError(f"Muon is for the layers of an INR; {type(network).__name__} is none.")
    between = [layer.linear.weight for layer in network.layers()[1:-1]]
    if not between:
        raise ValueError("Muon is for the weights between hidden layers, and one hidden layer has none; take more, or Adam.")
    if any(weight.ndim != 2 for weight in between):
        raise ValueError(f"Muon is for real matrices, and {type(network.activation).__name__} has complex ones; take Adam.")
    return between

"""Names of methods in tables and figures."""

from __future__ import annotations

from bwtheory.baselines import BASELINES

LABELS = {"bw-relu": "BW-ReLU", "siren": "SIREN", "finer": "FINER", "wire": "WIRE", "gauss": "Gauss"}
LABELS |= {"relu-pe": "ReLU+P.E.", "relu-rff": "ReLU+F.F.", "relu": "ReLU"}
LABELS |= {name: baseline.label for name, baseline in BASELINES.items()}


def label(method: str) -> str:
    """Of an activation or a baseline; one of your own has its own name."""
    return LABELS.get(method, method.rpartition(":")[2])

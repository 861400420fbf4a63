"""PSNR on the pixels trained on against PSNR between them, of every setting tried, from results/reduced/between.json.

The numbers come from ``bwtheory reproduce between --quick --seeds 1 --image camera --activations bw-relu siren finer``.
"""

import json

from bwtheory.claims import find_evidence
from bwtheory.plots import BLUE, GREEN, ORANGE, SKY, VERMILION, canvas

NAMES = {
    "bw-relu": ("BW-ReLU, published start", BLUE, "o"),
    "bw-relu-scales": ("BW-ReLU, start by scales", SKY, "^"),
    "bw-relu-edge": ("BW-ReLU, biases at the edge", ORANGE, "v"),
    "siren": ("SIREN", VERMILION, "s"),
    "finer": ("FINER", GREEN, "D"),
}


def draw():
    results = json.loads((find_evidence() / "results" / "reduced" / "between.json").read_text(encoding="utf-8"))
    figure, axes = canvas(7, 4.8)
    for key, row in results.items():
        name, colour, marker = NAMES[key.rpartition(", ")[2].partition("size-")[2]]
        points = row["points"]
        axes.plot(
            [p["grid"] for p in points], [p["off_grid"] for p in points], marker, color=colour, ms=7, mec="white", label=name
        )
    return figure

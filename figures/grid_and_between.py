"""PSNR on the pixels trained on against PSNR between them, from the table that ``bwtheory reproduce between`` has written.

results/reduced/between.md: one photograph, one seed; of three settings of each network the best between the pixels, of those
with 30 dB on them.
"""

from bwtheory.claims import find_evidence
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, canvas

MARKS = {
    "BW-ReLU": (BLUE, "o", "BW-ReLU, published start"),
    "BW-ReLU, scales": (SKY, "^", "BW-ReLU, start by scales"),
    "BW-ReLU, edge": (ORANGE, "v", "BW-ReLU, start at the edge"),
    "SIREN": (VERMILION, "s", "SIREN"),
    "FINER": (GREEN, "D", "FINER"),
}


def draw():
    figure, axes = canvas(6.6, 5.8)
    found = points((find_evidence() / "results" / "reduced" / "between.md").read_text(encoding="utf-8"))
    for method, (on, between, setting) in found.items():
        colour, marker, name = MARKS[method]
        axes.plot([on, on], [between, on], color=colour, lw=1, ls=":")
        axes.plot(on, between, marker, color=colour, ms=9, label=f"{name}: {setting}")
    low, high = 0, max(on for on, _, _ in found.values()) + 4
    axes.plot([low, high], [low, high], color=BLACK, lw=0.8, ls="--")
    axes.annotate("as good between the pixels", (33.5, 34.5), fontsize=9, ha="right", va="bottom")
    axes.set(xlim=(25, high), ylim=(low, high), xlabel="PSNR on the pixels, dB", ylabel="PSNR between the pixels, dB")
    axes.set_title("Good on the pixels can be noise between them")
    figure.legend(loc="outside lower center", fontsize=9)  # not over the points
    return figure


def points(page):
    """By method: PSNR on the pixels, PSNR between them, and the setting, from the table's column "best between"."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")]
    columns, _, *rows = rows
    method, best, setting = (columns.index(name) for name in ("method", "best between", "its setting"))
    pairs = {row[method]: (*map(float, row[best].split(" / ")), row[setting]) for row in rows}
    return {
        name: (on, between, setting.replace("first_bias_scale", "bias scale")) for name, (on, between, setting) in pairs.items()
    }

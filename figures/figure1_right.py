"""Figure 1, right: two BW-ReLU neurons are fourteen ReLU neurons with shared weights."""

from matplotlib.patches import FancyBboxPatch

from bwtheory.plots import BLACK, BLUE, VERMILION, canvas
from bwtheory.wavelet import BSplineWavelet


def draw():
    psi = BSplineWavelet(2)
    figure, axes = canvas(6.5, 6.2)
    axes.set_axis_off()
    entrance, centre, half_width, exit_ = (0.0, 0.0), 5.1, 1.0, (10.0, 0.0)
    for group, colour in ((1, BLUE), (2, VERMILION)):
        top = 7.6 if group == 1 else -0.8
        for row, (knot, slope) in enumerate(zip(psi.relu_knots, psi.relu_coefficients)):
            height = top - 1.12 * row
            axes.plot([entrance[0], centre - half_width], [entrance[1], height], color=colour, lw=1)
            axes.plot([centre + half_width, exit_[0]], [height, exit_[1]], color=colour, lw=1)
            box = FancyBboxPatch(
                (centre - half_width, height - 0.4),
                2 * half_width,
                0.8,
                boxstyle="round,pad=0,rounding_size=0.15",
                fc="white",
                ec=colour,
            )
            axes.add_patch(box)
            shift = "" if knot == 0 else f" - {knot}"
            axes.text(
                centre,
                height - 0.05,
                rf"$\sigma(w_{group}^\top x - b_{group}{shift})$",
                ha="center",
                va="center",
                fontsize=8.5,
            )
            on_the_line = height * (exit_[0] - 7.3) / (exit_[0] - centre - half_width)
            axes.text(
                7.3,
                on_the_line,
                rf"${'+' if slope > 0 else '-'}{abs(slope)}$",
                fontsize=8,
                color=colour,
                ha="center",
                va="center",
                bbox={"fc": "white", "ec": "none", "pad": 0.8},
                zorder=3,
            )
        middle = top - 1.12 * 3
        axes.text(
            1.55,
            0.31 * middle,
            f"$w_{group}$",
            color=colour,
            fontsize=13,
            ha="center",
            bbox={"fc": "white", "ec": "none", "pad": 1},
            zorder=3,
        )
        axes.text(
            9.15,
            0.2 * middle,
            f"$v_{group}$",
            color=colour,
            fontsize=13,
            ha="center",
            bbox={"fc": "white", "ec": "none", "pad": 1},
            zorder=3,
        )
    for (x, y), label in ((entrance, "$x$"), (exit_, r"$g_\theta(x)$")):
        axes.text(
            x,
            y,
            label,
            ha="center",
            va="center",
            fontsize=13,
            color=BLACK,
            bbox={"boxstyle": "circle,pad=0.35", "fc": "white", "ec": BLACK},
            zorder=4,
        )
    axes.set(xlim=(-0.8, 11.2), ylim=(-8.4, 8.6))
    axes.set_title(
        "Two BW-ReLU neurons = 14 ReLU neurons:\none input weight, one bias and one output weight per group of seven"
    )
    return figure

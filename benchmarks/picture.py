"""The picture of the page on speed: seconds by number of projects, for first runs and unchanged ones.

`python -m benchmarks.picture RESULTS` draws `speed.svg` into the folder of the results.
"""

import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.growth import growth
from benchmarks.page import LABELS
from benchmarks.results import load

mpl.rcParams["svg.hashsalt"] = "speed"  # the same numbers make the same file
mpl.rcParams["svg.fonttype"] = "none"

TITLES = {"first": "First run", "unchanged": "A run in which nothing changed"}


def draw(folder: Path) -> None:
    """One panel for each kind of run; both axes are logarithmic, so that a straight line is a power."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (step, title) in zip(panels, TITLES.items(), strict=True):
        for each in growth(load(folder)):
            if each.step == step:
                width = 2.5 if each.side == "rollcall" else 1.2
                panel.plot(
                    list(each.seconds), list(each.seconds.values()), "o-", lw=width, label=LABELS[each.side]
                )
        panel.set(title=title, xlabel="projects", xscale="log", yscale="log")
        panel.grid(visible=True, which="major", alpha=0.3)
    panels[0].set_ylabel("seconds")
    if panels[0].lines:
        panels[0].legend(fontsize="small")
    figure.savefig(folder / "speed.svg", metadata={"Date": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]))

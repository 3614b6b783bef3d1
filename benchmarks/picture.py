"""Curves over time as a PNG, where matplotlib is installed (extra ``bench``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Panel:
    """One diagram: curves by name, and straight lines to measure them by."""

    title: str
    unit: str
    curves: dict[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    marks: dict[str, float] = field(default_factory=dict)
    logarithmic: bool = False


def draw(path: Path, heading: str, panels: Sequence[Panel]) -> bool:
    """Draw the panels below each other; False when that is not possible here."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(9, 3.2 * len(panels)), layout="constrained")
    figure.suptitle(heading)
    for axes, panel in zip(figure.subplots(len(panels), squeeze=False).flat, panels, strict=True):
        for name, points in panel.curves.items():
            axes.plot(*zip(*points, strict=True), label=name)
        for name, height in panel.marks.items():
            axes.axhline(height, linestyle="--", color="grey", label=name)
        axes.set_title(panel.title, loc="left", fontsize="medium")
        axes.set_ylabel(panel.unit)
        axes.set_yscale("symlog" if panel.logarithmic else "linear")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    axes.set_xlabel("seconds of load")
    figure.savefig(path, dpi=110)
    return True

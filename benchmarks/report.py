"""Figures of a benchmark: one list of samples a competitor, and the ratio of their medians."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median


@dataclass
class Result:
    """One piece of work, measured for each competitor in turn."""

    name: str
    unit: str = "s"
    samples: dict[str, list[float]] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    note: str = ""
    remarks: list[str] = field(default_factory=list)

    def add(self, competitor: str, value: float) -> None:
        """Add one measurement."""
        self.samples.setdefault(competitor, []).append(value)

    def median(self, competitor: str) -> float:
        """Middle of the measurements of one competitor."""
        return median(self.samples[competitor])

    def ratio(self, name: str, above: float, below: float) -> None:
        """Keep a ratio under the name that says what is divided by what."""
        self.ratios[name] = round(above / below, 3)

    def line(self) -> str:
        """Show medians, ranges, ratios and remarks in a few lines of text."""
        lines = [f"  {self.name}" + (f" ({self.note})" if self.note else "")]
        for competitor, values in self.samples.items():
            lines.append(
                f"    {competitor:<28} {median(values):9.3f} {self.unit}"
                f"   ({min(values):.3f} to {max(values):.3f}, n={len(values)})"
            )
        lines += [f"    {name}: {value:.2f}x" for name, value in self.ratios.items()]
        lines += [f"    {remark}" for remark in self.remarks]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, object]:
        """Return everything, for JSON."""
        return {
            "name": self.name,
            "unit": self.unit,
            "note": self.note,
            "remarks": self.remarks,
            "samples": self.samples,
            "medians": {competitor: median(values) for competitor, values in self.samples.items()},
            "ratios": self.ratios,
        }


def quantile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

"""A figure: what was measured in each round, its target, and what the baselines of the same run say."""

import dataclasses

ITEMS = {"metrics": "points", "logs": "log records", "traces": "spans"}


@dataclasses.dataclass(frozen=True)
class Target:
    limit: float
    at_least: bool = False

    def is_met(self, value):
        return value >= self.limit if self.at_least else value <= self.limit


@dataclasses.dataclass(frozen=True)
class Baseline:
    """Rounds of something else in the unit of the figure; without rounds it was not measured."""

    name: str
    values: list


@dataclasses.dataclass(frozen=True)
class Figure:
    group: str
    name: str
    unit: str
    # One of each round; none says that it was not measured, and `note` says why.
    values: list
    target: Target | None = None
    baselines: list = dataclasses.field(default_factory=list)
    note: str = ""
    # What stands for all rounds, where it is not the best of them.
    shown: float | None = None
    # Why it is not yet what it is called, if so: it may be missed, but not met.
    unsettled: str = ""

    @property
    def value(self):
        if not self.values:
            return None
        return best(self.values, self.at_least) if self.shown is None else self.shown

    @property
    def at_least(self):
        return self.target is not None and self.target.at_least

    @property
    def is_missed(self):
        return self.target is not None and self.value is not None and not self.target.is_met(self.value)


def best(values, at_least=False):
    return max(values) if at_least else min(values)


def ratio(group, name, values, base, target=None, absent="nothing to compare with"):
    """How many times the base: the best of all rounds over its best, since noise only adds; the spread is of each round's own.

    Without a base it is not measured, and `absent` says why.
    """
    pairs = [(value, under) for value, under in zip(values, base) if under]
    if not pairs:
        return Figure(group, name, "×", [], target, note=absent)
    above, below = (min(side) for side in zip(*pairs))
    each = [value / under for value, under in pairs]
    return Figure(group, name, "×", each, target, note=f"{number(above)} against {number(below)}", shown=above / below)


def missed(figures):
    """A line for each target that was not reached."""
    return [
        f"missed: {figure.group}: {figure.name}: {number(figure.value)} {figure.unit}, target {target_text(figure)}"
        for figure in figures
        if figure.is_missed
    ]


def not_measured(figures):
    """A line for each figure that is not there, or only in part."""
    lines = [f"not measured: {figure.group}: {figure.name}: {figure.note}" for figure in figures if not figure.values]
    return lines + [
        f"not settled: {figure.group}: {figure.name}: {figure.unsettled}" for figure in figures if figure.unsettled
    ]


def target_text(figure):
    if figure.target is None:
        return "-"
    return f"{'≥' if figure.target.at_least else '≤'} {number(figure.target.limit)}"


def number(value):
    """Three digits that count, thousands apart."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3f}"

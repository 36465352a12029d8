"""What a figure is, and the words it is printed with."""
import dataclasses
import json
import statistics

# name -> (function, one line of words); in the order in which they are measured.
REGISTRY = {}


@dataclasses.dataclass
class Figure:
    name: str
    unit: str
    value: float
    target: str = ""  # ">= 400000"; empty where there is none
    peer: str = ""
    peer_value: float | None = None
    ratio_target: str = ""  # of the value to the peer's
    generator_ceiling: float | None = None
    note: str = ""

    @property
    def ratio(self):
        return self.value / self.peer_value if self.peer_value else None

    def met(self):
        return reaches(self.value, self.target)

    def ratio_met(self):
        return reaches(self.ratio, self.ratio_target)

    def as_json(self):
        def rounded(value):
            return None if value is None else float(f"{value:.5g}")
        return {"name": self.name, "unit": self.unit, "value": rounded(self.value),
                "target": self.target or (self.ratio_target and "ratio " + self.ratio_target) or None, "peer": self.peer or None,
                "peer_value": rounded(self.peer_value), "ratio": rounded(self.ratio),
                "generator_ceiling": rounded(self.generator_ceiling)}


def reaches(value, target):
    """Nothing where there is no target or nothing to hold against it."""
    if not target or value is None:
        return None
    sign, bound = target.split()
    return value >= float(bound) if sign == ">=" else value <= float(bound)


def figure(name, words):
    def register(function):
        REGISTRY[name] = (function, words)
        return function
    return register


def median_of(count, measure):
    """The run whose figure is the median; measure returns (figure, anything)."""
    runs = sorted((measure() for _ in range(count)), key=lambda run: run[0])
    return runs[len(runs) // 2]


def middle(values):
    return statistics.median(values)


def words_of(value):
    if value is None:
        return ""
    for bound, divisor, suffix in ((1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if abs(value) >= bound:
            return f"{value / divisor:.3g}{suffix}"
    return f"{value:.4g}" if abs(value) >= 100 else f"{value:.3g}"


def target_words(target):
    return " ".join([target.split()[0], words_of(float(target.split()[1]))]) if target else ""


HEADS = ("figure", "value", "unit", "target", "", "beside", "peer's", "ratio", "target", "", "ceiling")
MET = {None: "", True: "met", False: "not met"}


def row_of(one):
    return (one.name, words_of(one.value), one.unit, target_words(one.target), MET[one.met()],
            one.peer, words_of(one.peer_value), words_of(one.ratio),
            target_words(one.ratio_target), MET[one.ratio_met()], words_of(one.generator_ceiling))


def line(one):
    """As soon as it is known."""
    peer = f", {words_of(one.ratio)} of {one.peer}" if one.peer_value else ""
    return f"{one.name}: {words_of(one.value)} {one.unit}{peer}"


def table(figures):
    rows = [HEADS] + [row_of(one) for one in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
    lines = []
    for index, row in enumerate(rows):
        lines.append("  ".join(cell.rjust(width) if i in (1, 6, 7, 10) else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
        if index == 0:
            lines.append("  ".join("-" * width for width in widths))
        elif figures[index - 1].note:
            lines.append("    " + figures[index - 1].note)
    return "\n".join(lines)


def write_json(path, figures, state):
    with open(path, "w", encoding="utf-8") as out:
        json.dump({**state, "figures": [one.as_json() for one in figures]}, out, indent=1)
        out.write("\n")

"""Rounds of runs, and what they give: samples by case and row, medians, ratios within a round."""

import statistics
import sys


class Skip(Exception):
    """A row cannot be had here, or not in this case; the text says why."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Part:
    """What one part of the bench measured: for each case and row a sample (a dict) a round."""

    def __init__(self, name, title, base, against, columns):
        """`base` is the row that the others are compared with, `against` another, that is an
        earlier self; either may be None."""
        self.name, self.title, self.columns = name, title, columns
        self.base, self.against = base, against
        self.samples = {}  # case -> row -> [sample or None, ...]
        self.skipped = {}  # row -> {case: reason}

    def measure(self, cases, rows, rounds, run):
        """Round by round runs every row in every case, each round beginning with another row, so
        that whatever else the machine does strikes all alike. `run(row, case)` gives a sample or
        raises Skip."""
        for each in range(rounds):
            say(f"{self.name}: round {each + 1} of {rounds}")
            first = each % len(rows)
            for case in cases:
                for row in rows[first:] + rows[:first]:
                    samples = self.samples.setdefault(case, {}).setdefault(row, [None] * rounds)
                    if case in self.skipped.get(row, {}):
                        continue
                    try:
                        samples[each] = run(row, case)
                    except Skip as why:
                        self.skipped.setdefault(row, {})[case] = str(why)

    def add(self, case, row, each, rounds, sample):
        """Puts in what one run gave for several cases at once."""
        self.samples.setdefault(case, {}).setdefault(row, [None] * rounds)[each] = sample

    def median(self, case, row, key):
        values = [s[key] for s in self.samples[case].get(row, []) if s and s.get(key) is not None]
        return statistics.median(values) if values else None

    def ratio(self, case, row, key, to):
        """The median of the ratios to another row, each within one round."""
        rows = self.samples[case]
        pairs = zip(rows.get(row, []), rows.get(to, []))
        ratios = [a[key] / b[key] for a, b in pairs if a and b and a.get(key) and b.get(key)]
        return statistics.median(ratios) if ratios else None

    def table(self):
        """Lines of text. A column is (heading, key, format), and the key of a ratio begins with the
        letter of what it is to: x of the base, v of an earlier self."""
        to = {"x": self.base, "v": self.against}
        columns = [c for c in self.columns if to.get(c[1].split(" ")[0], "none needed")]
        lines = [["case", "", *[heading for heading, _, _ in columns]]]
        for case, rows in self.samples.items():
            for row in rows:
                cells = []
                for _, key, form in columns:
                    value = (self.ratio(case, row, key[2:], to[key[0]]) if key[1] == " "
                             else self.median(case, row, key))
                    cells.append("" if value is None else format(value, form))
                if any(cells):
                    lines.append([case, row, *cells])
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        text = [self.title + "".join(f"; {letter}: ratio to {row} of the same round"
                                     for letter, row in to.items() if row)]
        for line in lines if len(lines) > 1 else []:
            left = [cell.ljust(width) for cell, width in zip(line[:2], widths)]
            right = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:])]
            text.append("  " + "  ".join(left + right).rstrip())
        for row, reasons in self.skipped.items():
            for reason in sorted(set(reasons.values())):
                cases = [case for case in reasons if reasons[case] == reason]
                where = "" if cases == [""] or len(cases) == len(self.samples) else f" ({', '.join(cases)})"
                text.append(f"  skipped: {row}{where}: {reason}")
        others = [s["others"] for rows in self.samples.values() for all_ in rows.values()
                  for s in all_ if s and "others" in s]
        if others and statistics.median(others) > 0.1:
            text.append(f"  other processes used {statistics.median(others):.1f} processors "
                        "meanwhile: trust the ratios more than the figures")
        return text

    def as_json(self):
        return {"title": self.title, "base": self.base, "against": self.against,
                "cases": self.samples, "skipped": self.skipped}

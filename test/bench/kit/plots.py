"""Charts as SVG, which follow the reader's choice of light or dark."""

import html
import math

STYLE = """<style>
svg { --ink: #1f2328; --faint: #d8dee4; --paper: #ffffff; --c0: #0969da; --c1: #bc4c00;
      --c2: #1a7f37; --c3: #8250df; --c4: #bf3989; --c5: #9a6700; --c6: #57606a; }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e6edf3; --faint: #30363d; --paper: #0d1117; --c0: #58a6ff; --c1: #f0883e;
        --c2: #3fb950; --c3: #bc8cff; --c4: #f778ba; --c5: #d29922; --c6: #8b949e; } }
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; }
.paper { fill: var(--paper); } .grid { stroke: var(--faint); } .axis { stroke: var(--ink); }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
</style>
"""
LEFT, RIGHT, TOP, BOTTOM, WIDTH, HEIGHT = 80, 190, 60, 50, 900, 420
COLORS = 7


def quantity(value):
    """A number for people: 20k, 1.5M, 0.25."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


def step_for(range_, count):
    """A distance between lines of a grid: 1, 2 or 5 times a power of ten, about `count` of them."""
    power = 10 ** math.floor(math.log10(range_ / count))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= range_ / count)


def values_of_grid(least, most, logarithmic):
    if logarithmic:
        powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
        return [10.0 ** power for power in powers]
    step = step_for(most * 1.05, 5)
    return [step * i for i in range(math.ceil(most * 1.05 / step) + 1)]


def chart(file, title, x_title, y_title, curves, x_ticks, log_y=False):
    """Draws {name: [(x, y), ...]}, x on a logarithmic scale with `x_ticks`, [(x, text), ...]."""
    curves = {name: points for name, points in curves.items() if points}
    if not curves:
        return False
    ys = [y for points in curves.values() for _, y in points]
    grid = values_of_grid(min(ys), max(ys), log_y)
    low, high = math.log10(x_ticks[0][0]), math.log10(x_ticks[-1][0])

    def at_x(x):
        share = (math.log10(x) - low) / (high - low) if high > low else 0.5
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    def at_y(y):
        scale = math.log10 if log_y else float
        share = (scale(y) - scale(grid[0])) / (scale(grid[-1]) - scale(grid[0]))
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)

    out = [f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
           f"width='{WIDTH}' height='{HEIGHT}'>\n{STYLE}"
           f"<rect class='paper' width='100%' height='100%'/>"]

    def text(x, y, anchor, what, kind=""):
        out.append(f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' class='{kind}'>"
                   f"{html.escape(what)}</text>")

    text(LEFT, 26, "start", title, "title")
    text(LEFT, 48, "start", y_title)
    text(WIDTH - RIGHT, HEIGHT - 8, "end", x_title)
    for i, value in enumerate(grid):
        out.append(f"<line class='{'grid' if i else 'axis'}' x1='{LEFT}' x2='{WIDTH - RIGHT}' "
                   f"y1='{at_y(value):.1f}' y2='{at_y(value):.1f}'/>")
        text(LEFT - 8, at_y(value) + 4, "end", quantity(value))
    for value, what in x_ticks:
        text(at_x(value), HEIGHT - BOTTOM + 18, "middle", what)
    for i, (name, points) in enumerate(curves.items()):
        color = f"stroke='var(--c{i % COLORS})'"
        dashes = " stroke-dasharray='7 4'" if i >= COLORS else ""
        at = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in points)
        out.append(f"<polyline {color}{dashes} points='{at}'/>")
        for x, y in points if len(points) < 12 else []:
            out.append(f"<circle cx='{at_x(x):.1f}' cy='{at_y(y):.1f}' r='3' "
                       f"fill='var(--c{i % COLORS})'/>")
        beside = TOP + 8 + 20 * i
        out.append(f"<line {color}{dashes} stroke-width='3' x1='{WIDTH - RIGHT + 16}' "
                   f"x2='{WIDTH - RIGHT + 36}' y1='{beside}' y2='{beside}'/>")
        text(WIDTH - RIGHT + 42, beside + 4, "start", name)
    out.append("</svg>\n")
    file.write_text("\n".join(out), encoding="utf-8")
    return True


def over_connections(file, title, part, log_y=False):
    """Requests a second over the connections, of the cases in which each worker has one."""
    curves, counts = {}, set()
    for case, rows in part.samples.items():
        workers, _, connections = case.partition(":")
        if not workers.isdigit() or (connections or workers) != workers:
            continue
        for row in rows:
            value = part.median(case, row, "per_second")
            if value:
                counts.add(int(workers))
                curves.setdefault(row, []).append((int(workers), value))
    curves = {row: sorted(points) for row, points in curves.items()}
    ticks = [(count, str(count)) for count in sorted(counts)]
    return len(ticks) > 1 and chart(file, title, "connections", "requests a second", curves, ticks,
                                    log_y)


def latencies(file, title, part, case):
    """Latency over the part of requests that took longer, which shows the tail."""
    curves = {}
    for row, samples in part.samples.get(case, {}).items():
        known = [dict(map(tuple, s["quantiles_us"])) for s in samples if s and s.get("quantiles_us")]
        if not known:
            continue
        for share in sorted(known[0]):
            values = sorted(each[share] for each in known if share in each)
            if values[len(values) // 2] > 0:
                curves.setdefault(row, []).append((1 / (1 - share), values[len(values) // 2]))
    ticks = [(1.0, "0 %"), (2.0, "50 %"), (10.0, "90 %"), (100.0, "99 %"), (1000.0, "99.9 %")]
    return chart(file, title, "of the requests were as fast or faster", "latency, µs", curves,
                 ticks, log_y=True)

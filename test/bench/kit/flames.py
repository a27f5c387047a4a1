"""A flame graph as SVG, from what `perf script` prints of a recording with call chains:

    perf record -F 1999 -e cpu-clock --call-graph dwarf -o FILE COMMAND
    perf script -i FILE | python3 flames.py TITLE >flames.svg

Each box is a function, as wide as the processor's time within it, above the one that called it."""

import html
import re
import sys

WIDTH, ROW, LEAST, TOP = 1200, 17, 0.6, 50
STYLE = """<style>
svg { --ink: #1f2328; --paper: #ffffff; --httpool: #54aeff; --asio: #fdac54; --kernel: #d0d7de;
      --rest: #a6e3a1; }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e6edf3; --paper: #0d1117; --httpool: #1158c7; --asio: #9b4215; --kernel: #424a53;
        --rest: #196c2e; } }
text { font: 11px system-ui, sans-serif; fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; }
.paper { fill: var(--paper); } rect { stroke: var(--paper); stroke-width: 0.5; }
.httpool { fill: var(--httpool); } .asio { fill: var(--asio); }
.kernel { fill: var(--kernel); } .rest { fill: var(--rest); }
</style>
"""


def plain(symbol):
    """A function's name without template arguments, parameters and return type."""
    symbol = re.sub(r"\+0x[0-9a-f]+$", "", symbol)
    symbol = symbol.replace("(anonymous namespace)::", "").replace("operator()", "operator_call")
    depth, kept = 0, []
    for c in symbol:
        depth += (c == "<") - (c == ">")
        if c == "(" and depth == 0:
            break
        if depth == 0 and c != ">":
            kept.append(c)
    return "".join(kept).split(" ")[-1].replace("operator_call", "operator()") or symbol


def owner(name, module):
    if "httpool::" in name:
        return "httpool"
    if "asio::" in name:
        return "asio"
    return "kernel" if "kernel" in module else "rest"


def chains(lines):
    """The samples' call chains, outermost first, each a list of (name, whose it is)."""
    chain = []
    for line in lines:
        frame = re.match(r"\s+[0-9a-f]+ (.*) \((\S*)\)$", line)
        if frame and frame[2] == "inlined":
            continue  # there are dozens of them between any two of the others
        if frame:
            name = plain(frame[1])
            chain.append((name, owner(name, frame[2])))
        elif chain:
            yield chain[::-1]
            chain = []
    if chain:
        yield chain[::-1]


def tree_of(samples):
    root = {"count": 0, "below": {}}
    for chain in samples:
        root["count"] += 1
        node = root
        for frame in chain:
            node = node["below"].setdefault(frame, {"count": 0, "below": {}})
            node["count"] += 1
    return root


def height_of(node, unit):
    wide = [each for each in node["below"].values() if each["count"] * unit >= LEAST]
    return 1 + max((height_of(each, unit) for each in wide), default=0)


def boxes(node, left, row, unit, total):
    for (name, whose), each in sorted(node["below"].items()):
        width = each["count"] * unit
        if width >= LEAST:
            y = row * ROW + TOP
            label = html.escape(f"{name} ({100 * each['count'] / total:.1f} %)")
            yield (f'<g><title>{label}</title><rect class="{whose}" x="{left:.1f}" y="{y}" '
                   f'width="{width:.1f}" height="{ROW - 1}"/>')
            room = int(width / 6.2)
            if room >= 4:
                text = name if len(name) <= room else ".." + name[2 - room:]
                yield f'<text x="{left + 3:.1f}" y="{y + 12}">{html.escape(text)}</text>'
            yield "</g>"
            yield from boxes(each, left, row - 1, unit, total)
        left += width


def drawn(title, root):
    unit = WIDTH / root["count"]
    rows = height_of(root, unit)
    height = rows * ROW + TOP + 10
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">', STYLE,
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="10" y="24">{html.escape(title)}</text>',
        f'<text x="10" y="42">{root["count"]:,} samples of processor time; blue: httpool, orange: '
        'Asio, grey: the kernel, green: all else</text>',
        *boxes(root, 0, rows - 2, unit, root["count"]), "</svg>"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = tree_of(chains(sys.stdin))
    if not found["count"]:
        sys.exit("no call chains on standard input")
    print(drawn(sys.argv[1], found))

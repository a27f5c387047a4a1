#!/usr/bin/env python3
"""usage: plot.py DEMO

What DEMO --plot draws is SVG that needs nothing else, and shows what was measured; that it cannot be
written costs none of the report.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

SVG = "{http://www.w3.org/2000/svg}"
POOLED, UNPOOLED = "pooled, one connection kept", "unpooled, a new connection for each request"


def expect(condition, what):
    if not condition:
        sys.exit(f"plot.py: {what}")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def curves_of(drawing):
    return {curve.find(f"{SVG}title").text:
            [tuple(map(float, at.split(","))) for at in curve.get("points").split()]
            for curve in drawing.iter(f"{SVG}polyline")}


def look_at(file):
    """What holds for every picture."""
    drawing = xml.parse(file).getroot()
    for name in ("title", "desc"):
        expect(drawing.findtext(SVG + name), f"{file.name} has no {name}")
    expect("prefers-color-scheme: dark" in drawing.findtext(f"{SVG}style"),
           f"{file.name} is not for dark screens")
    text = file.read_text(encoding="utf-8")
    expect(not re.search(r"href|url\(|@import|<script|nan|inf\b", text),
           f"{file.name} refers to something else, or has a figure that is none")
    expect(len(text) < 40_000, f"{file.name} has {len(text)} bytes")
    numbers = [float(value) for curve in curves_of(drawing).values() for at in curve for value in at]
    expect(numbers and 0 <= min(numbers) and max(numbers) <= 900, f"{file.name} leaves its frame")
    return drawing, [text.text for text in drawing.iter(f"{SVG}text")]


def check_latency(file, figures):
    drawing, texts = look_at(file)
    curves = curves_of(drawing)
    expect(set(curves) == {POOLED, UNPOOLED}, f"curves of the latencies: {sorted(curves)}")
    for name, kind in ((POOLED, "reused"), (UNPOOLED, "new")):
        requests = figures[kind]["requests"]
        expect(len(curves[name]) == 2 * requests - 1, f"{name}: {len(curves[name])} points")
        expect(curves[name] == sorted(curves[name], key=lambda at: (at[0], -at[1])),
               f"{name}: not a distribution")
        expect(any(re.fullmatch(re.escape(name) + r": \d+", text) for text in texts),
               f"{name}: no requests per second")
    middle = {name: curves[name][len(curves[name]) // 2][0] for name in curves}
    expect(middle[POOLED] < middle[UNPOOLED], "the medians are not as they were measured")
    expect("requests per second" in texts, "an axis has no unit")


def check_connections(file, figures):
    drawing, texts = look_at(file)
    curves = curves_of(drawing)
    expect(set(curves) == {"leased", "idle", "dialing", "waiting"},
           f"curves of the connections: {sorted(curves)}")
    expect(texts.count("ms") == 2, "an axis has no unit")
    limit = float(next(drawing.iterfind(f".//{SVG}line[@class='level']")).get("y1"))
    bottom = curves["leased"][0][1]
    expect(min(y for _, y in curves["leased"]) >= limit, "the limit is not held")
    expect(curves["leased"][-1][1] == bottom and curves["idle"][-1][1] == limit,
           "the connections are not idle at the end")
    expect(len({y for _, y in curves["waiting"]}) > 1, "nobody waits")
    expect(f"{len(figures['turns'])} tasks share {figures['limit']} connections" in texts, "no title")


def main():
    demo = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="httpool-plot-") as temporary:
        folder = pathlib.Path(temporary) / "new" / "pictures"
        done = run(demo, "--json", "--plot", folder)
        expect(done.returncode == 0 and not done.stderr, f"exit {done.returncode}: {done.stderr}")
        sections = json.loads(done.stdout)["sections"]
        expect({file.name for file in folder.iterdir()} == {"latency.svg", "connections.svg"},
               "not the files that are promised")
        check_latency(folder / "latency.svg", sections[7]["figures"])
        check_connections(folder / "connections.svg", sections[1]["figures"])

        (folder / "latency.svg").unlink()
        (folder / "latency.svg").mkdir()
        done = run(demo, "--plot", folder)
        expect(done.returncode == 1 and "claims behind this were checked, and hold" in done.stdout and
               re.fullmatch(r"connection_pool_demo: cannot write [^\n]*latency\.svg\n", done.stderr),
               f"exit {done.returncode}: {done.stderr}{done.stdout}")


main()

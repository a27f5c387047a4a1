#!/usr/bin/env python3
"""usage: links.py FOLDER

Every relative link of the pages (*.md) in the source tree FOLDER leads to a file or folder that is
there, and every anchor to a heading; every page is reached from README.md by two clicks at most, and
doc/README.md has all pages of its folder.
"""

import pathlib
import re
import sys

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~)")


def prose_of(page):
    """The lines that are no code, with their numbers."""
    in_code = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line.lstrip()):
            in_code = not in_code
        elif not in_code:
            yield number, line


def anchors_of(page):
    """What headings can be linked by, as GitHub and others make it of them."""
    anchors, counts = set(), {}
    for _, line in prose_of(page):
        heading = re.match(r"^#{1,6}\s+(.*?)\s*#*$", line)
        if heading:
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            seen = counts.get(slug, 0)
            counts[slug] = seen + 1
            anchors.add(f"{slug}-{seen}" if seen else slug)
        anchors.update(re.findall(r'<a (?:id|name)="([^"]+)"', line))
    return anchors


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    pages = [root / "README.md", root / "CHANGELOG.md", *sorted((root / "doc").glob("**/*.md"))]
    faults, links, count = [], {page: set() for page in pages}, 0
    for page in pages:
        for number, line in prose_of(page):
            for match in LINK.finditer(re.sub(r"`[^`]*`", "", line)):
                target = match.group(1) or match.group(2)
                if re.match(r"[a-z][a-z0-9+.-]*:", target):
                    continue
                count += 1
                path, _, anchor = target.partition("#")
                to = (page.parent / path).resolve() if path else page
                where = f"{page.relative_to(root)}:{number}: {target}"
                if not to.exists() or not to.is_relative_to(root):
                    faults.append(f"{where}: there is no such file")
                elif anchor and (to.suffix != ".md" or anchor not in anchors_of(to)):
                    faults.append(f"{where}: there is no such heading")
                elif to in links:
                    links[page].add(to)
    near = {pages[0]} | links[pages[0]]
    near |= set().union(*(links[page] for page in near))
    faults += [
        f"{page.relative_to(root)}: more than two clicks from README.md"
        for page in pages
        if page not in near
    ]
    index = root / "doc" / "README.md"
    faults += [
        f"doc/README.md: {page.name} is missing"
        for page in pages
        if page.parent == index.parent and page != index and page not in links[index]
    ]
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults or count == 0:
        sys.exit(1)
    print(f"{len(pages)} pages, {count} relative links: all lead somewhere")


main()

#!/usr/bin/env python3
"""usage: recipes.py FOLDER

The recipes for vcpkg and Conan in the source tree FOLDER can be read, are of its version, and name
options that it has.
"""

import ast
import json
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
version = re.search(r"project\(httpool\s+VERSION ([0-9.]+)", (root / "CMakeLists.txt").read_text()).group(1)
options = set(re.findall(r"option\((HTTPOOL_\w+)", (root / "CMakeLists.txt").read_text()))

port = root / "packaging/vcpkg/httpool"
manifest = json.loads((port / "vcpkg.json").read_text())
assert manifest["version-semver"] == version, "vcpkg.json has another version"

recipe = (root / "packaging/conan/conanfile.py").read_text()
ast.parse(recipe)

for text in ((port / "portfile.cmake").read_text(), recipe):
    named = set(re.findall(r"HTTPOOL_(?:WITH|BUILD)_\w+", text))
    assert named and named <= options, f"no such options: {named - options}"
print(f"recipes of {version}: they can be read")

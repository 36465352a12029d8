#!/usr/bin/env python3
"""Holds the sources against the rules of the house; see docs/ARCHITECTURE.md and README.md here.

    check_house.py ROOT [--compile-commands FILE]

Fails on an include against the dependency rule, on a platform header outside platform/, on a source
file or a test that no target builds, on a module folder without README.md, and on words that say that
something is unfinished. Long files are named, and pass.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

# Lower floors first: a file includes from its own floor and those below.
FLOORS = ["protos", "gateway", "sync", "firmware", "boards", "cross"]
# Inside gateway: base, then ports, then everything else.
GATEWAY_FLOORS = {"base": 0, "ports": 1}
PLATFORM_HEADER = re.compile(
    r"^(boost/(asio|beast)(/|\.hpp)|lmdb\.h$|mqtt/|MQTT(Async|Client)|mbedtls/|psa/|unistd\.h$|sys/"
    r"|netinet/|arpa/|netdb\.h$|fcntl\.h$|poll\.h$|pthread\.h$)")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
# Spelled in two halves, so that this file passes its own check.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
LINES_MAX = 400
SOURCE_SUFFIXES = {".cpp", ".hpp", ".cc", ".h", ".c"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".py", ".sh", ".cmake", ".md", ".toml", ".proto", ".txt", ".json"}


def floor_of(path):
    top = path.split("/", 1)[0]
    return FLOORS.index(top) if top in FLOORS else None


def check_include(path, quoted, header):
    """What is wrong with this include of this file, or None."""
    in_tests = path.startswith("tests/")
    # firmware/wharfd owns the network thread, so it may name its event loop.
    owns_loop = path.startswith("firmware/wharfd/")
    if (PLATFORM_HEADER.match(header) and not in_tests and not owns_loop
            and "platform" not in path.split("/")[:-1]):
        return f"platform header {header} outside platform/"
    if header.startswith("wharf/v1/"):
        header = "protos/" + header
    elif not quoted:
        return None
    if header.startswith("tests/"):
        return None if in_tests else f"includes {header}: nothing includes tests"
    mine, theirs = floor_of(path), floor_of(header)
    if theirs is None:
        if quoted and "/" not in header:
            return f"includes {header}: paths start at the root of the repository"
        return None
    if mine is not None and theirs > mine:
        return f"includes {header}: {FLOORS[mine]} must not know {FLOORS[theirs]}"
    if path.startswith("gateway/") and header.startswith("gateway/"):
        my_floor = GATEWAY_FLOORS.get(path.split("/")[1], 2)
        their_floor = GATEWAY_FLOORS.get(header.split("/")[1], 2)
        if their_floor > my_floor:
            return f"includes {header}: gateway/{path.split('/')[1]} must not know it"
    # The core is sans-I/O: it does not reach into platform/ either. Platform code and programs do.
    if (path.split("/")[0] in ("gateway", "sync") and "platform" not in path.split("/")[:-1]
            and "platform" in header.split("/")[:-1]):
        return f"includes {header}: the core must not know a platform folder"
    return None


def check_text(path, text):
    """Findings (line, words) of one file."""
    found = []
    if pathlib.PurePath(path).suffix in SOURCE_SUFFIXES:
        for match in INCLUDE.finditer(text):
            wrong = check_include(path, match.group(1) == '"', match.group(2))
            if wrong:
                found.append((text.count("\n", 0, match.start()) + 1, wrong))
    for match in UNFINISHED.finditer(text):
        found.append((text.count("\n", 0, match.start()) + 1, f"unfinished: {match.group(0)}"))
    return found


def strip_cmake_comments(text):
    return re.sub(r"#[^\n]*", "", text)


def built_sources(root, paths):
    """Sources that the CMake files name, themselves or by a glob."""
    built = set()
    for path in paths:
        if pathlib.PurePath(path).name != "CMakeLists.txt":
            continue
        folder = pathlib.PurePath(path).parent
        text = strip_cmake_comments((root / path).read_text())
        for word in re.findall(r"[\w./*{}$-]+\.cpp\b", text):
            word = re.sub(r"^\$\{(CMAKE_CURRENT_SOURCE_DIR|PROJECT_SOURCE_DIR)\}/", "", word)
            for base in (folder, pathlib.PurePath()):
                full = (base / word).as_posix()
                if "*" in word:
                    built.update(p for p in paths if pathlib.PurePath(p).match(full)
                                 and p.count("/") == full.count("/"))
                elif full in paths:
                    built.add(full)
    return built


def is_module(path):
    """A folder of the product with a target of its own."""
    parts = pathlib.PurePath(path).parent.parts
    return len(parts) >= 2 and parts[0] in ("gateway", "sync", "firmware")


def check_tree(root, paths, compile_commands=None):
    """All findings as (path, line, words), and the warnings."""
    findings, warnings = [], []
    paths = sorted(paths)
    for path in paths:
        suffix = pathlib.PurePath(path).suffix
        if suffix not in TEXT_SUFFIXES and path not in ("dev", ".ci/run"):
            continue
        if path.startswith("tests/fuzz/corpus/"):
            continue
        try:
            text = (root / path).read_text()
        except UnicodeDecodeError:
            findings.append((path, 1, "is not UTF-8"))
            continue
        findings += [(path, line, words) for line, words in check_text(path, text)]
        if suffix in (".cpp", ".hpp") and text.count("\n") > LINES_MAX:
            warnings.append((path, text.count("\n"), f"is longer than {LINES_MAX} lines"))

    sources = [p for p in paths if p.endswith(".cpp")]
    named = built_sources(root, set(paths))
    for path in sources:
        if path not in named:
            what = "this test" if path.startswith("tests/") else "this source"
            findings.append((path, 1, f"no target builds {what}"))
    if compile_commands:
        # Fuzzers and benches are only in a build of their own.
        compiled = {str(pathlib.Path(entry["file"]).resolve())
                    for entry in json.loads(compile_commands.read_text())}
        for path in sources:
            if not path.startswith(("tests/fuzz/", "tests/bench/")) and str((root / path).resolve()) not in compiled:
                findings.append((path, 1, "named in CMake, but not part of this build"))

    for path in paths:
        if pathlib.PurePath(path).name == "CMakeLists.txt" and is_module(path):
            text = strip_cmake_comments((root / path).read_text())
            folder = pathlib.PurePath(path).parent.as_posix()
            if re.search(r"\bwharf_(module|program)\s*\(", text) and f"{folder}/README.md" not in paths:
                findings.append((path, 1, f"{folder} has no README.md"))
    return findings, warnings


def tree_of(root):
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=root,
                            check=True, capture_output=True).stdout.decode()
    return {path for path in listed.split("\0") if path and (root / path).is_file()}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--compile-commands", type=pathlib.Path)
    given = parser.parse_args()
    findings, warnings = check_tree(given.root.resolve(), tree_of(given.root),
                                    given.compile_commands)
    for path, lines, words in warnings:
        print(f"{path}:{lines}: warning: {words}")
    for path, line, words in findings:
        print(f"{path}:{line}: {words}")
    print(f"house rules: {len(findings)} findings, {len(warnings)} warnings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

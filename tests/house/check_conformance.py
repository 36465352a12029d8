#!/usr/bin/env python3
"""Holds docs/conformance.md against the tests that it names.

    check_conformance.py ROOT

Fails on a row without a test, on a test that is not there, on a statement that stands twice, and where
a test of tests/integration/conformance and the table do not name each other."""

import ast
import pathlib
import re
import sys

TABLE = "docs/conformance.md"
ROW = re.compile(r"^\| MQTT-(\d+\.\d+\.\d+-\d+) \| ([^|]+) \| (.*) \|$")
CITED = re.compile(r"\[(3\.1\.1: )?MQTT-(\d+\.\d+\.\d+-\d+)\]")
CASE = re.compile(r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"')


def python_tests(text):
    """Of one file: name of the test: the statements that it names."""
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found[node.name] = {((old or "") + number)
                                for old, number in CITED.findall(ast.get_docstring(node) or "")}
    return found


def rows(text):
    """(line, statement, tests); a statement of 3.1.1 begins with `3.1.1: `."""
    version = None
    for line, words in enumerate(text.splitlines(), 1):
        if words.startswith("## "):
            version = {"## MQTT 5.0": "", "## MQTT 3.1.1": "3.1.1: "}.get(words)
        match = ROW.match(words)
        if match and version is not None:
            yield line, version + match.group(1), re.findall(r"`([^`]+)`", match.group(3))
        elif words.startswith("| MQTT-"):
            yield line, None, []


def check(table, cpp, py):
    """Findings (line of the table, words). cpp, py: texts of the tests' files by name."""
    cases = {f"{name} {case}" for name, text in cpp.items() for case in CASE.findall(text)}
    cites = {f"{name} {test}": statements for name, text in py.items()
             for test, statements in python_tests(text).items()}
    findings, seen = [], {}
    for line, statement, tests in rows(table):
        if statement is None:
            findings.append((line, "is no row: | MQTT-number | words | `file test`, ... |"))
            continue
        if statement in seen:
            findings.append((line, f"{statement} stands twice"))
        seen[statement] = set(tests)
        if not tests:
            findings.append((line, f"{statement} has no test"))
        for test in tests:
            if test not in cases and test not in cites:
                findings.append((line, f"there is no test `{test}`"))
            elif test in cites and statement not in cites[test]:
                findings.append((line, f"`{test}` does not name {statement}"))
    for test, statements in sorted(cites.items()):
        for statement in sorted(statements):
            if test not in seen.get(statement, set()):
                findings.append((1, f"`{test}` names {statement}, whose row does not name it"))
    return findings


def main(root):
    cpp = {p.name: p.read_text() for folder in ("mqtt", "broker")
           for p in sorted((root / "tests/unit" / folder).glob("*.cpp"))}
    py = {p.name: p.read_text()
          for p in sorted((root / "tests/integration/conformance").glob("test_*.py"))}
    table = (root / TABLE).read_text()
    findings = check(table, cpp, py)
    for line, words in findings:
        print(f"{TABLE}:{line}: {words}")
    count = sum(1 for _ in rows(table))
    print(f"{count} statements, {len(findings)} findings")
    return 1 if findings or not count else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))

#!/usr/bin/env python3
"""docs/formats/fleet.asyncapi.yaml is a valid AsyncAPI 3 document, with the topics of the schema's page."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from fleet_rig import HERE, tool

DOCS = HERE.parents[2] / "docs" / "formats"
PROJECT = HERE / "asyncapi"


def parser():
    """@asyncapi/parser, in the version that package.json names, installed into the build folder."""
    tool("node")
    folder = os.environ.get("WHARF_NPM_FOLDER")
    if not folder:
        raise unittest.SkipTest("WHARF_NPM_FOLDER names no folder to install @asyncapi/parser into")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = (PROJECT / "package-lock.json").read_bytes()
    installed = folder / "installed-lock.json"
    if not installed.exists() or installed.read_bytes() != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PROJECT / name, folder)
        done = subprocess.run([tool("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                              cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest("npm could not install the parser: " +
                                    done.stderr.strip()[-300:])
        installed.write_bytes(lock)
    return folder


class Document(unittest.TestCase):
    def check(self, text):
        folder = parser()
        document = folder / "document.yaml"
        document.write_text(text)
        shutil.copy(PROJECT / "check.mjs", folder)
        return subprocess.run([tool("node"), "check.mjs", str(document)], cwd=folder,
                              capture_output=True, text=True, check=False, timeout=60)

    def test_it_is_valid_and_has_the_topics_of_the_page(self):
        done = self.check((DOCS / "fleet.asyncapi.yaml").read_text())
        self.assertEqual(done.returncode, 0, done.stderr)
        topics = re.findall(r"^\| `(wharf-fleet/\S+)`", (DOCS / "fleet.md").read_text(), re.M)
        self.assertEqual(json.loads(done.stdout),
                         sorted(one.replace("<", "{").replace(">", "}") for one in topics))

    def test_a_mistake_in_it_is_found(self):
        text = (DOCS / "fleet.asyncapi.yaml").read_text()
        self.assertEqual(self.check(text.replace("action: receive", "action: take")).returncode, 1)


if __name__ == "__main__":
    unittest.main()

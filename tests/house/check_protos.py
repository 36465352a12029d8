#!/usr/bin/env python3
"""Holds protos/ against the schemas that were accepted before: protos/baseline.binpb.

    check_protos.py ROOT [--accept | --accept-breaking]

Fails where `buf lint` does, where what changed would break a reader of older or newer data
(protos/buf.yaml says what that is), and where a harmless change is not yet in the baseline: from the
day it is merged it can be in somebody's journal. --accept takes harmless changes into the baseline,
--accept-breaking others too; that one is for schemas of which no byte is kept anywhere.

buf comes from npm, in the version that buf/package-lock.json pins, into build/tools/buf.
"""

import argparse
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = HERE.parents[1] / "build" / "tools" / "buf"


def installed_buf():
    """The path of buf, installed when it is not there in the pinned version."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    installed = TOOLS / "installed-lock.json"
    wanted = HERE / "buf" / "package-lock.json"
    with open(TOOLS / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / "buf" / name, TOOLS / name)
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                                  cwd=TOOLS, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit("schemas: npm could not install buf: " + done.stderr.strip()[:500])
            shutil.copy(wanted, installed)
    return TOOLS / "node_modules" / ".bin" / "buf"


class schemas:
    def __init__(self, folder):
        self.folder = folder
        self.baseline = folder / "baseline.binpb"
        self.buf = installed_buf()

    def run_buf(self, *args):
        """What buf finds, as text; nothing where all is well."""
        environment = os.environ | {"BUF_CACHE_DIR": str(TOOLS / "cache")}
        done = subprocess.run([self.buf, *map(str, args)], cwd=self.folder, env=environment,
                              capture_output=True, text=True, check=False)
        # 100: findings. Anything else that is not 0 is a buf that does not work.
        if done.returncode not in (0, 100):
            return f"buf {args[0]} failed: {done.stderr.strip()}"
        return (done.stdout + done.stderr).strip() if done.returncode == 100 else ""

    def image(self):
        """The schemas as they are, compiled, without comments and positions."""
        with tempfile.TemporaryDirectory() as scratch:
            out = pathlib.Path(scratch) / "image.binpb"
            failed = self.run_buf("build", "--exclude-source-info", "-o", out)
            if failed or not out.exists():
                sys.exit(failed or "schemas: buf build wrote nothing")
            return out.read_bytes()

    def check(self):
        """Findings, and what to do about them."""
        found = self.run_buf("lint")
        if found:
            return found
        if not self.baseline.exists():
            return f"{self.baseline.name} is missing: ./dev protos --accept writes it"
        found = self.run_buf("breaking", "--against", self.baseline)
        if found:
            return (found + "\nschemas: this breaks what reads older or newer data: keep what was"
                    " there and add beside it.\nOnly where no byte of it is kept anywhere yet:"
                    " ./dev protos --accept-breaking, and commit protos/baseline.binpb")
        if self.image() != self.baseline.read_bytes():
            return ("schemas: a harmless change is not in the baseline yet: ./dev protos --accept,"
                    " and commit protos/baseline.binpb")
        return ""

    def accept(self, breaking):
        found = self.run_buf("lint")
        if found:
            return found
        found = self.run_buf("breaking", "--against", self.baseline) if self.baseline.exists() else ""
        if found and not breaking:
            return found + "\nschemas: not accepted, this breaks what reads older or newer data"
        if found:
            print(found + "\nschemas: accepted all the same")
        self.baseline.write_bytes(self.image())
        return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--accept", action="store_true")
    how.add_argument("--accept-breaking", action="store_true")
    given = parser.parse_args()
    mine = schemas(given.root.resolve() / "protos")
    if given.accept or given.accept_breaking:
        found = mine.accept(given.accept_breaking)
    else:
        found = mine.check()
    if found:
        print(found)
        return 1
    print("schemas: lint is clean, and they are those of protos/baseline.binpb")
    return 0


if __name__ == "__main__":
    sys.exit(main())

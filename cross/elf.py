"""What a program's file says about itself, read with binutils' readelf, which knows every machine."""
import pathlib
import re
import subprocess


def readelf(path, *options):
    done = subprocess.run(["readelf", "-W", *options, str(path)], capture_output=True, text=True,
                          check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    return done.stdout


class Elf:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.header = readelf(path, "-h")
        self.segments = readelf(path, "-l")
        self.dynamic = readelf(path, "-d")
        self.sections = readelf(path, "-S")
        symbols = [line.split() for line in readelf(path, "--dyn-syms").splitlines()]
        symbols = [words for words in symbols if len(words) >= 8 and words[0].rstrip(":").isdigit()]
        self.imports = {words[7].split("@")[0] for words in symbols if words[6] == "UND"}
        self.exports = {words[7].split("@")[0] for words in symbols if words[6] != "UND"}
        self.versions = {words[7].split("@")[-1] for words in symbols
                         if words[6] == "UND" and "@" in words[7]}

    @property
    def needed(self):
        return re.findall(r"\(NEEDED\).*\[(.*)\]", self.dynamic)

    @property
    def is_64_bit(self):
        return "ELF64" in self.header

    @property
    def is_arm64(self):
        return "AArch64" in self.header


def demangled(names):
    done = subprocess.run(["c++filt"], input="\n".join(sorted(names)), capture_output=True,
                          text=True, check=True)
    return done.stdout.splitlines()

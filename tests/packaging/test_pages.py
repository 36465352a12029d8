#!/usr/bin/env python3
"""Whether the packaged manual pages and the completion have everything that the programs and the
example of a configuration have, and are what man(1) and bash(1) take.

    test_pages.py PROGRAM ...
"""
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = []


def help_of(program, verb):
    return subprocess.run([program, *verb, "--help"], check=True, capture_output=True, text=True).stdout


def verbs_of(program, verb=()):
    """Every verb, those that have verbs of their own among them."""
    below = help_of(program, verb).partition("\nSubcommands:\n")[2].partition("\n\n")[0]
    for word in re.findall(r"(?m)^  ([a-z]\S*)", below):
        yield (*verb, word)
        yield from verbs_of(program, (*verb, word))


def options_of(program, verb):
    below = help_of(program, verb).partition("\nOptions:\n")[2].partition("\n\n")[0]
    return set(re.findall(r"(?m)^  (?:-\w,)?(--[a-z0-9-]+)", below))


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        subprocess.run([sys.executable, "-B", ROOT / "firmware" / "package" / "pages.py", "--version", "1.2.3",
                        "--date", "2026-01-02", "--out", cls.folder,
                        "--toml", f"wharf.toml={ROOT / 'docs' / 'configuration.md'}",
                        "--toml", f"wharf-bridge.toml={ROOT / 'docs' / 'bridge.md'}#Settings",
                        *map(str, PROGRAMS)], check=True)

    def page(self, name):
        """As a person reads it, in one line."""
        file = next(self.folder.glob(f"{name}.[158]"))
        shown = subprocess.run(["man", "--local-file", "-Tutf8", file], check=True, capture_output=True,
                               text=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
                                               "MANROFFOPT": "-rHY=0 -c", "MANWIDTH": "500"}).stdout
        return re.sub(r"\s+", " ", re.sub(".\x08", "", shown))

    def completed(self, program, line):
        """What bash offers behind this line."""
        words = line.split(" ")
        script = (f". {shlex.quote(str(self.folder / program.name))}.bash\n"
                  f"COMP_WORDS=({' '.join(map(shlex.quote, words))}) COMP_CWORD={len(words) - 1}\n"
                  f"_{program.name.replace('-', '_')} {shlex.quote(words[0])} {shlex.quote(words[-1])} "
                  f"{shlex.quote(words[-2])}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"")
        said = subprocess.run(["bash", "-eu", "-c", script], check=True, capture_output=True, text=True)
        self.assertEqual(said.stderr, "")
        return set(said.stdout.split())

    def tool(self, name):
        if shutil.which(name) is None:
            self.skipTest(f"{name} is not installed: apt-get install man-db")

    def test_every_verb_and_option_is_in_the_page(self):
        self.tool("man")
        for program in PROGRAMS:
            page = self.page(program.name)
            for verb in [(), *verbs_of(program)]:
                self.assertIn(" ".join(verb), page, program.name)
                for option in options_of(program, verb):
                    self.assertIn(option, page, (program.name, verb))

    def test_every_verb_and_option_is_completed(self):
        for program in PROGRAMS:
            for verb in [(), *verbs_of(program)]:
                line = " ".join([program.name, *verb, ""])
                offered = self.completed(program, line)
                self.assertLessEqual(options_of(program, verb), offered | {"--help"}, line)
                below = {each[-1] for each in verbs_of(program) if each[:-1] == verb}
                self.assertLessEqual(below, offered, line)

    def test_completion_goes_on_behind_a_number_and_behind_options(self):
        ctl = next((each for each in PROGRAMS if each.name == "wharfctl"), None)
        if ctl is None:
            self.skipTest("wharfctl is not among the programs")
        self.assertIn("--reason", self.completed(ctl, "wharfctl --journal /mnt/j dead discard 12 "))
        self.assertEqual(self.completed(ctl, "wharfctl dead discard 12 --rea"), {"--reason"})
        self.assertEqual(self.completed(ctl, "wharfctl dead discard 12 --reason "), set())

    def test_every_key_of_the_example_is_in_the_page(self):
        self.tool("man")
        for name, least in (("wharf", 40), ("wharf-bridge", 15)):
            page = self.page(f"{name}.toml")
            text = (ROOT / "docs" / f"{name}.example.toml").read_text()
            keys = re.findall(r"(?m)^#? ?([a-z0-9_]+) = ", text)
            self.assertGreater(len(keys), least)
            for key in keys:
                self.assertRegex(page, rf"[ .]{key}[ ,]", name)

    def test_man_and_the_index_of_pages_take_them(self):
        self.tool("lexgrog")
        for file in sorted(self.folder.glob("*.[158]")):
            said = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", file],
                                  check=True, capture_output=True, text=True,
                                  env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANROFFSEQ": ""})
            self.assertEqual(said.stderr, "", file.name)
            indexed = subprocess.run(["lexgrog", file], check=True, capture_output=True, text=True)
            self.assertIn(f"{file.stem} - ", indexed.stdout)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAMS = [pathlib.Path(each).resolve() for each in sys.argv[1:]]
    unittest.main(argv=sys.argv[:1])

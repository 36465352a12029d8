#!/usr/bin/env python3
"""The checks of the house can fail: each rule is broken once and kept once."""

import json
import pathlib
import tempfile
import unittest

import check_house


class includes(unittest.TestCase):
    def wrong(self, path, header, quoted=True):
        return check_house.check_include(path, quoted, header)

    def test_a_lower_floor_does_not_know_a_higher_one(self):
        self.assertIn("gateway must not know sync",
                      self.wrong("gateway/journal/a.cpp", "sync/lanes/b.hpp"))
        self.assertIn("sync must not know firmware",
                      self.wrong("sync/lanes/a.cpp", "firmware/wharfd/b.hpp"))
        self.assertIsNone(self.wrong("sync/lanes/a.cpp", "gateway/journal/b.hpp"))
        self.assertIsNone(self.wrong("firmware/wharfd/a.cpp", "sync/lanes/b.hpp"))

    def test_base_knows_nothing_and_ports_know_base(self):
        self.assertIsNotNone(self.wrong("gateway/base/a.hpp", "gateway/ports/b.hpp"))
        self.assertIsNotNone(self.wrong("gateway/ports/a.hpp", "gateway/journal/b.hpp"))
        self.assertIsNone(self.wrong("gateway/ports/a.hpp", "gateway/base/b.hpp"))
        self.assertIsNone(self.wrong("gateway/journal/a.hpp", "gateway/ports/b.hpp"))

    def test_nothing_includes_tests(self):
        self.assertIsNotNone(self.wrong("firmware/wharfd/a.cpp", "tests/erp/b.hpp"))
        self.assertIsNone(self.wrong("tests/unit/a.cpp", "tests/erp/b.hpp"))

    def test_platform_headers_stay_under_platform(self):
        for header in ("boost/asio/post.hpp", "boost/beast/http.hpp", "lmdb.h", "mqtt/client.h",
                       "mbedtls/sha256.h", "unistd.h", "sys/stat.h"):
            with self.subTest(header):
                self.assertIsNotNone(self.wrong("gateway/journal/a.cpp", header, quoted=False))
                self.assertIsNone(self.wrong("gateway/platform/log/a.cpp", header, quoted=False))
                self.assertIsNone(self.wrong("tests/unit/a.cpp", header, quoted=False))
        self.assertIsNone(self.wrong("gateway/journal/a.cpp", "string", quoted=False))

    def test_the_core_does_not_reach_into_platform(self):
        self.assertIsNotNone(self.wrong("gateway/journal/a.cpp", "gateway/platform/lmdb_store.hpp"))
        self.assertIsNone(self.wrong("sync/platform/a.cpp", "gateway/platform/system_clock.hpp"))
        self.assertIsNone(self.wrong("firmware/ctl/a.cpp", "gateway/platform/lmdb_store.hpp"))

    def test_paths_start_at_the_root(self):
        self.assertIsNotNone(self.wrong("gateway/base/a.cpp", "a.hpp"))

    def test_includes_are_found_with_their_line(self):
        found = check_house.check_text("gateway/base/a.cpp", '// x\n#  include "sync/a.hpp"\n')
        self.assertEqual([line for line, _ in found], [2])


class tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        self.paths = set()
        self.write("gateway/a/CMakeLists.txt", "wharf_module(a SOURCES a.cpp LINKS b)\n")
        self.write("gateway/a/README.md", "a\n")
        self.write("gateway/a/a.cpp", '#include "gateway/base/b.hpp"\n')

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)
        self.paths.add(path)

    def findings(self, **more):
        found, self.warnings = check_house.check_tree(self.root, self.paths, **more)
        return [f"{path}: {words}" for path, _, words in found]

    def test_a_good_tree_has_no_findings(self):
        self.assertEqual(self.findings(), [])

    def test_a_source_that_no_target_builds(self):
        self.write("gateway/a/orphan.cpp", "")
        self.assertEqual(self.findings(), ["gateway/a/orphan.cpp: no target builds this source"])

    def test_a_test_that_no_target_builds(self):
        self.write("tests/unit/a/CMakeLists.txt", "wharf_test(t SOURCES a_test.cpp) # b_test.cpp\n")
        self.write("tests/unit/a/a_test.cpp", "")
        self.write("tests/unit/a/b_test.cpp", "")
        self.assertEqual(self.findings(), ["tests/unit/a/b_test.cpp: no target builds this test"])

    def test_a_glob_builds_its_folder_alone(self):
        self.write("gateway/c/CMakeLists.txt", "file(GLOB s *.cpp)\nwharf_module(c SOURCES ${s})\n")
        self.write("gateway/c/README.md", "c\n")
        self.write("gateway/c/c.cpp", "")
        self.write("gateway/c/deeper/d.cpp", "")
        self.assertEqual(self.findings(), ["gateway/c/deeper/d.cpp: no target builds this source"])

    def test_a_module_without_a_readme(self):
        self.paths.discard("gateway/a/README.md")
        self.assertEqual(self.findings(), ["gateway/a/CMakeLists.txt: gateway/a has no README.md"])

    def test_a_source_outside_the_build_that_was_made(self):
        commands = self.root / "compile_commands.json"
        commands.write_text(json.dumps([]))
        self.assertIn("gateway/a/a.cpp: named in CMake, but not part of this build",
                      self.findings(compile_commands=commands))
        commands.write_text(json.dumps([{"file": str(self.root / "gateway/a/a.cpp")}]))
        self.assertEqual(self.findings(compile_commands=commands), [])

    def test_unfinished_words(self):
        word = "TO" + "DO"
        self.write("docs/a.md", f"fine\n{word}: more\n")
        self.assertEqual(self.findings(), [f"docs/a.md: unfinished: {word}"])

    def test_a_long_file_is_a_warning(self):
        self.write("gateway/a/a.cpp", "\n" * 401)
        self.assertEqual(self.findings(), [])
        self.assertEqual(len(self.warnings), 1)


if __name__ == "__main__":
    unittest.main()

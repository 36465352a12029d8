#!/usr/bin/env python3
"""The check of the schemas can fail: a copy of protos/ is broken in each way that matters."""

import pathlib
import shutil
import tempfile
import unittest

import check_protos

PROTOS = pathlib.Path(__file__).resolve().parents[2] / "protos"


class a_copy_of_the_schemas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Not the baseline of the tree: that may be behind while a schema is being changed.
        cls.image = check_protos.schemas(PROTOS).image()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        copy = pathlib.Path(folder.name) / "protos"
        shutil.copytree(PROTOS, copy)
        self.schemas = check_protos.schemas(copy)
        self.schemas.baseline.write_bytes(self.image)

    def change(self, file, old, new):
        path = self.schemas.folder / "wharf" / "v1" / file
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1))

    def assert_broken(self, words):
        found = self.schemas.check()
        self.assertIn(words, found)
        self.assertIn("--accept-breaking", found)
        before = self.schemas.baseline.read_bytes()
        self.assertIn("not accepted", self.schemas.accept(breaking=False))
        self.assertEqual(self.schemas.baseline.read_bytes(), before)

    def test_another_field_number_is_refused(self):
        self.change("event.proto", "uint32 scale = 2;", "uint32 scale = 3;")
        self.assert_broken('field "2" with name "scale" on message "Decimal" was deleted')

    def test_another_field_type_is_refused(self):
        self.change("journal.proto", "fixed32 epoch = 2;", "uint32 epoch = 2;")
        self.assert_broken("type")
        self.assertEqual(self.schemas.accept(breaking=True), "")
        self.assertEqual(self.schemas.check(), "")

    def test_another_name_is_refused_because_names_are_the_json(self):
        self.change("event.proto", "string event_id = 2;", "string event_name = 2;")
        self.assert_broken('"event_id"')

    def test_a_field_taken_away_is_refused_even_where_its_number_is_reserved(self):
        self.change("update.proto", "string code = 3;", 'reserved 3; reserved "code";')
        self.assert_broken('"code"')

    def test_a_new_field_waits_for_its_place_in_the_baseline(self):
        self.change("event.proto", "uint32 scale = 2;", "uint32 scale = 2;\n  uint32 extra = 3;")
        found = self.schemas.check()
        self.assertIn("./dev protos --accept,", found)
        self.assertEqual(self.schemas.accept(breaking=False), "")
        self.assertEqual(self.schemas.check(), "")

    def test_a_comment_changes_nothing(self):
        self.change("event.proto", "// Not zero; negative takes away.", "// Other words.")
        self.assertEqual(self.schemas.check(), "")

    def test_bad_style_and_what_does_not_compile_are_refused(self):
        self.change("event.proto", "uint32 scale = 2;", "uint32 theScale = 2;")
        self.assertIn("lower_snake_case", self.schemas.check())
        self.change("event.proto", "uint32 theScale = 2;", "uint32 scale = ;")
        self.assertIn("event.proto", self.schemas.check())

    def test_no_baseline_is_a_finding(self):
        self.schemas.baseline.unlink()
        self.assertIn("--accept", self.schemas.check())


if __name__ == "__main__":
    unittest.main()

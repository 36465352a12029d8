#!/usr/bin/env python3
"""Each rule of check_conformance.py can fail."""
import unittest

from check_conformance import check

CPP = {"a_test.cpp": 'TEST_CASE("it works") {}\nTEST_CASE(\n    "it \\"too\\"") {}'}
PY = {"test_b.py": 'def test_x():\n    """[MQTT-1.0.0-1] [3.1.1: MQTT-1.0.0-1]"""\n'}
GOOD = ["## MQTT 5.0", "| MQTT-1.0.0-1 | words | `a_test.cpp it works`, `test_b.py test_x` |",
        "## MQTT 3.1.1", "| MQTT-1.0.0-1 | words | `test_b.py test_x` |"]


class Conformance(unittest.TestCase):
    def findings(self, *lines):
        return [words for _, words in check("\n".join(lines), CPP, PY)]

    def test_a_table_and_tests_that_name_each_other_pass(self):
        self.assertEqual(self.findings(*GOOD), [])

    def test_a_row_without_a_test_fails(self):
        self.assertIn("1.0.0-2 has no test",
                      self.findings(*GOOD[:2], "| MQTT-1.0.0-2 | words |  |", *GOOD[2:]))

    def test_a_row_that_cannot_be_read_fails(self):
        self.assertEqual(len(self.findings(*GOOD, "| MQTT-1.0.0 | words |")), 1)

    def test_a_statement_that_stands_twice_fails(self):
        self.assertIn("1.0.0-1 stands twice", self.findings(*GOOD[:2], *GOOD[1:]))

    def test_a_test_that_is_not_there_fails(self):
        for gone in ("a_test.cpp it fails", "test_b.py test_y"):
            self.assertIn(f"there is no test `{gone}`",
                          self.findings(*GOOD, f"| MQTT-1.0.0-2 | words | `{gone}` |"))

    def test_a_test_that_does_not_name_the_statement_fails(self):
        self.assertIn("`test_b.py test_x` does not name 3.1.1: 1.0.0-2",
                      self.findings(*GOOD, "| MQTT-1.0.0-2 | words | `test_b.py test_x` |"))

    def test_a_statement_whose_row_does_not_name_its_test_fails(self):
        self.assertIn("`test_b.py test_x` names 3.1.1: 1.0.0-1, whose row does not name it",
                      self.findings(*GOOD[:2]))


if __name__ == "__main__":
    unittest.main()

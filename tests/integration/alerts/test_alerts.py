#!/usr/bin/env python3
"""Alert rules and dashboard, by promtool where it is installed."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs"
RULES = DOCS / "alerts" / "wharf.rules.yml"
DASHBOARD = DOCS / "dashboards" / "wharf.json"


def promtool(*words, **options):
    path = shutil.which("promtool")
    if path is None:
        raise unittest.SkipTest("promtool is not installed (Debian's package prometheus)")
    return subprocess.run([path, *map(str, words)], capture_output=True, text=True, timeout=100,
                          check=False, **options)


def queries():
    """Every query of the dashboard with the panel it is of."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


class Rules(unittest.TestCase):
    def assert_good(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_rules_are_rules(self):
        self.assert_good(promtool("check", "rules", RULES))

    def test_the_rules_alert_when_they_should_and_not_else(self):
        self.assert_good(promtool("test", "rules", RULES.with_suffix(".test.yml"),
                                  cwd=RULES.parent))


class Dashboard(unittest.TestCase):
    def test_panels_do_not_overlap_and_each_has_a_query(self):
        taken = {}
        for panel in json.loads(DASHBOARD.read_text())["panels"]:
            at = panel["gridPos"]
            for x in range(at["x"], at["x"] + at["w"]):
                for y in range(at["y"], at["y"] + at["h"]):
                    self.assertNotIn((x, y), taken, (panel["title"], taken.get((x, y))))
                    taken[x, y] = panel["title"]
            self.assertLessEqual(at["x"] + at["w"], 24)
            if panel["type"] != "row":
                self.assertTrue(panel["targets"], panel["title"])
        self.assertGreater(len(list(queries())), 20)

    def test_every_query_can_be_read(self):
        groups = []
        for number, (title, query) in enumerate(queries()):
            query = query.replace("$__rate_interval", "5m")
            query = re.sub(r"\$(instance|destination)", ".*", query)
            self.assertNotIn("$", query, title)
            groups.append({"record": f"panel:{number}", "expr": query})
        rules = {"groups": [{"name": "dashboard", "rules": groups}]}
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump(rules, file)  # JSON is YAML
            file.flush()
            done = promtool("check", "rules", file.name)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()

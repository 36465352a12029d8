#!/usr/bin/env python3
"""How exposed the packaged services are, in the words and by the weights of systemd-analyze(1)."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

DEBIAN = pathlib.Path(__file__).resolve().parents[2] / "firmware" / "package" / "debian"
EXPOSURE_MAX = 2.0


class Units(unittest.TestCase):
    def setUp(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed: apt-get install systemd")
        self.units = sorted(DEBIAN.glob("*.service"))

    def exposure(self, text):
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder) / "checked.service"
            unit.write_text(text)
            said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
                                  check=True, capture_output=True, text=True).stdout
        return float(re.search(r"exposure level for \S+: ([\d.]+)", said).group(1))

    def test_each_is_exposed_little(self):
        self.assertTrue(self.units)
        for unit in self.units:
            with self.subTest(unit.name):
                exposure = self.exposure(unit.read_text())
                print(f"{unit.name}: {exposure}")
                self.assertLess(exposure, EXPOSURE_MAX)

    def test_one_without_bounds_is_found(self):
        bounds = re.compile(r"(?m)^(Protect|Private|Restrict|System|Capability|NoNew|Memory|Lock).*\n")
        for unit in self.units:
            self.assertGreater(self.exposure(bounds.sub("", unit.read_text())), EXPOSURE_MAX)


if __name__ == "__main__":
    unittest.main()

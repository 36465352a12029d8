#!/usr/bin/env python3
"""The check of the packages' contents can fail: each promise of packages that keep it is broken once.

    test_contents.py ARCH DEB ...
"""
import copy
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "firmware" / "package"))
import contents  # noqa: E402

ARCH, PACKAGES = None, []
MACHINE_AT, X86_64, ARM64 = 18, b"\x3e\x00", b"\xb7\x00"  # in an ELF header


class Contents(unittest.TestCase):
    def broken(self, name, change):
        """The findings after this change to the package."""
        packages = [copy.copy(each) for each in PACKAGES]
        package = next(each for each in packages if each.name == name)
        for part in ("fields", "depends", "members", "files", "settings"):
            setattr(package, part, copy.deepcopy(getattr(package, part)))
        change(package)
        return " ".join(contents.check(ARCH, packages))

    def member(self, package, path):
        return next(each for each in package.members if each.name == f"./{path}")

    def test_these_have_no_finding(self):
        self.assertEqual(contents.check(ARCH, PACKAGES), [])

    def test_a_package_that_is_missing_or_too_many_is_found(self):
        self.assertIn("wharf-bridge: there is no such package", " ".join(contents.check(
            ARCH, [each for each in PACKAGES if each.name != "wharf-bridge"])))
        self.assertIn("other: nobody asked for it",
                      self.broken("wharf", lambda package: setattr(package, "name", "other")))

    def test_another_architecture_is_found(self):
        other = "armhf" if ARCH != "armhf" else "arm64"
        self.assertIn(f"wharf-bridge: is for {other}", self.broken(
            "wharf-bridge", lambda package: package.fields.update(Architecture=other)))

        def foreign(package):
            program = package.files["usr/bin/wharfctl"]
            machine = ARM64 if ARCH == "amd64" else X86_64
            package.files["usr/bin/wharfctl"] = program[:MACHINE_AT] + machine + program[MACHINE_AT + 2:]
        self.assertIn("wharf: usr/bin/wharfctl is for", self.broken("wharf", foreign))

    def test_owners_and_modes_are_looked_at(self):
        self.assertIn("is wharf:root's", self.broken("wharf", lambda package: setattr(
            self.member(package, "etc/wharf/wharf.toml"), "uname", "wharf")))
        self.assertIn("has mode 4755 and not 755", self.broken("wharf", lambda package: setattr(
            self.member(package, "usr/bin/wharfd"), "mode", 0o4755)))

    def test_files_that_are_missing_or_too_many_are_found(self):
        for path in ("usr/bin/wharf-bridge", "lib/systemd/system/wharf-bridge.service",
                     "usr/share/man/man8/wharf-bridge.8.gz", "etc/wharf/bridge.toml",
                     "usr/share/bash-completion/completions/wharf-bridge"):
            self.assertIn(f"{path} is missing", self.broken(
                "wharf-bridge", lambda package, path=path: package.files.pop(path)))
        self.assertIn("usr/lib/left-over.a is not expected", self.broken(
            "wharf", lambda package: package.files.update({"usr/lib/left-over.a": b""})))
        self.assertIn("the settings that dpkg keeps are []", self.broken(
            "wharf-bridge", lambda package: package.settings.clear()))

    def test_dependencies_are_looked_at(self):
        self.assertIn("wharf: depends on wharf-bridge", self.broken(
            "wharf", lambda package: package.depends.add("wharf-bridge")))
        self.assertIn("wharf-bridge: does not depend on libpaho-mqtt1.3", self.broken(
            "wharf-bridge", lambda package: package.depends.discard("libpaho-mqtt1.3")))

    def test_symbols_of_other_programs_are_found(self):
        def exchanged(package):
            path = next(each for each in package.files if contents.BUILD_ID.fullmatch(each))
            package.files[path.replace(".debug", "00.debug")] = package.files.pop(path)
        found = self.broken("wharf-bridge-dbgsym", exchanged)
        self.assertIn("no symbols of usr/bin/wharf-bridge", found)
        self.assertIn("of nothing in wharf-bridge", found)

    def test_versions_that_differ_are_found(self):
        self.assertIn("several versions", self.broken(
            "wharf-bridge", lambda package: package.fields.update(Version="1")))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    ARCH = sys.argv[1]
    PACKAGES = [contents.Package(pathlib.Path(each)) for each in sys.argv[2:]]
    unittest.main(argv=sys.argv[:1])

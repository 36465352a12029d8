#!/usr/bin/env python3
"""The life of an installed package in a Debian 12 of its own: install, run as its unit says, upgrade,
refused downgrade, remove, purge.

    test_install.py PACKAGE.deb REFERENCE_ERP
"""
import pathlib
import re
import shutil
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration" / "daemon"))

from container import wait_until
from installation import CONFIGURATION, Installation
from test_start import rewrite_format_version

UNIT = "wharfd.service"
JOURNAL = "var/lib/wharf/journal"
ERP_PORT = 8080
DAMAGED = 65
CONNECTIONS = 5000  # what a large site has
# What an administrator adds, and has to find again after every upgrade.
ADMINISTRATOR = f"""
[gateway]
name = "WH7"
site = "ber1"

[[destination]]
name = "erp"
url = "http://localhost:{ERP_PORT}"
connect_timeout_ms = 500
backoff_max_ms = 1000
"""

PACKAGE, ERP = None, None


class Install(Installation):
    service, user = UNIT, "wharf"
    erp = None

    def wharf(self, version):
        return self.variant(PACKAGE, version)

    def configure(self):
        config = self.box.root / "etc/wharf/wharf.toml"
        text = config.read_text().replace("[gateway]\n", "", 1)
        config.write_text(text.replace("#size_max_mb = 1024", "size_max_mb = 64") + ADMINISTRATOR)

    def start_erp(self):
        type(self).erp = self.box.beside(ERP, "--db", str(self.folder / "erp.db"), "--port", str(ERP_PORT))

    def stop_erp(self):
        self.erp.terminate()
        self.erp.wait(30)

    # --- install ----------------------------------------------------------------------------------------

    def test_01_it_installs_and_waits_for_its_configuration(self):
        said = self.dpkg("-i", self.put(PACKAGE))
        self.assertIn("gateway.name", said)
        self.assertIn("systemctl start wharfd", said)
        self.assertEqual(self.unit("ActiveState", "UnitFileState"), ["inactive", "enabled"])
        self.assertEqual(self.box.output("systemd-analyze", "verify", "--man=no", UNIT), "")
        self.assertEqual(self.mode("/var/lib/wharf"), "drwxr-x--- wharf:wharf")
        self.assertEqual(self.mode("/etc/wharf/secrets"), "drwxr-x--- root:wharf")
        self.assertEqual(self.mode("/run/wharf-bridge"), "drwxr-s--- wharf:wharf-bridge")
        self.assertEqual(self.mode("/etc/wharf/wharf.toml"), "-rw-r--r-- root:root")
        self.assertIn("/usr/sbin/nologin", self.box.output("getent", "passwd", "wharf"))

    def test_02_it_runs_as_its_own_user_within_the_units_bounds(self):
        self.configure()
        self.start()
        self.assert_running()
        said = self.log()
        self.assertIn("listening", said)
        # The write-ahead ring is written directly: no system call of it is filtered.
        self.assertNotIn("O_DIRECT", said)
        pid = self.unit("MainPID")
        self.assert_confined(pid)
        limits = self.box.output("cat", f"/proc/{pid}/limits")
        descriptors = int(re.search(r"Max open files +(\d+)", limits).group(1))
        self.assertGreaterEqual(descriptors, CONNECTIONS + 128)
        mounts = self.box.output("cat", f"/proc/{pid}/mountinfo")
        self.assertRegex(mounts, r"(?m)^\d+ \d+ \S+ \S+ / ro,")
        self.assertRegex(mounts, r"(?m)^\d+ \d+ \S+ \S+ /var/lib/wharf rw,")
        self.assertEqual(self.mode("/run/wharf"), "drwxr-x--- wharf:wharf")
        self.assertEqual(self.mode("/run/wharf/wharfd.sock"), "srw-rw---- wharf:wharf")

    def test_03_it_takes_events_and_answers_its_operator(self):
        self.publish(50)
        self.assertEqual(self.accepted(), 50)
        self.assertEqual(self.wharfctl("status")["gateway"], "WH7")
        self.assertIn("The journal is sound", self.box.output("wharfctl", "journal", "verify"))

    def test_04_a_site_may_widen_what_the_documentation_names(self):
        """docs/install.md: another disk, a port below 1024."""
        config = self.box.root / "etc/wharf/wharf.toml"
        before = config.read_text()
        config.write_text(before.replace("/var/lib/wharf/journal", "/data/wharf/journal").replace(
            "[listener]\n", "[listener]\nport = 883\n"))
        self.box.run("install", "-d", "-o", "wharf", "-g", "wharf", "-m", "0750", "/data/wharf", check=True)
        with self.drop_in("ReadWritePaths=/data/wharf", "AmbientCapabilities=CAP_NET_BIND_SERVICE",
                          "CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "PrivateUsers=no"):
            self.assert_running()
            self.assertEqual(self.accepted(), 0)
            self.assertIn("port=883", self.log())
            config.write_text(before)
        self.assertEqual(self.accepted(), self.published)

    # --- what the unit does when something goes wrong --------------------------------------------------

    def restarted_after(self, act):
        before = self.unit("MainPID")
        act()
        wait_until(lambda: self.unit("MainPID") not in ("0", before) and
                   self.unit("ActiveState") == "active", "it runs again")
        self.assertEqual(self.accepted(), self.published)

    def test_10_it_comes_back_when_it_was_killed(self):
        self.restarted_after(lambda: self.signal("KILL"))

    def test_11_it_comes_back_when_it_hangs(self):
        with self.drop_in("WatchdogSec=3", "TimeoutAbortSec=3"):
            self.restarted_after(lambda: self.signal("STOP"))
        self.assertIn("watchdog", self.box.output("journalctl", "--unit", UNIT, "--no-pager").lower())

    def test_12_a_damaged_journal_is_not_opened_again_and_again(self):
        self.box.run("systemctl", "stop", UNIT, check=True)
        data = self.box.root / JOURNAL / "data.mdb"
        data.rename(data.with_suffix(".away"))
        self.assert_fails_for_good(DAMAGED)
        data.with_suffix(".away").rename(data)

    def test_13_a_journal_of_a_later_version_is_left_alone(self):
        data = self.box.root / JOURNAL / "data.mdb"
        before = data.read_bytes()
        later = bytearray(before)
        self.assertGreater(rewrite_format_version(later, b"WH7", 99), 0)
        data.write_bytes(later)
        self.assert_fails_for_good(CONFIGURATION)
        self.assertTrue(data.read_bytes() == later, "nothing was changed in it")
        data.write_bytes(before)
        self.start()
        self.assertEqual(self.accepted(), self.published)

    # --- upgrade and downgrade -------------------------------------------------------------------------

    def test_20_an_upgrade_keeps_the_configuration_and_the_journal(self):
        later = self.wharf("99.0").edit(
            "etc/wharf/wharf.toml", lambda text: text + "\n# A later version says more.\n").pack()
        before, epoch = self.unit("MainPID"), self.wharfctl("journal", "stat")["created_at"]
        self.dpkg("--force-confold", "-i", self.put(later))
        self.assert_running()
        self.assertNotEqual(self.unit("MainPID"), before)
        config = (self.box.root / "etc/wharf/wharf.toml").read_text()
        self.assertIn('name = "WH7"', config)
        self.assertNotIn("A later version", config)
        self.assertIn("A later version", (self.box.root / "etc/wharf/wharf.toml.dpkg-dist").read_text())
        self.assertEqual(self.wharfctl("journal", "stat")["created_at"], epoch)
        self.assertEqual(self.accepted(), self.published)
        self.publish(50)
        self.assertEqual(self.accepted(), self.published)

    def test_21_events_of_before_and_after_reach_the_erp_once(self):
        self.start_erp()
        wait_until(lambda: self.wharfctl("books")["destinations"][0]["pending"] == 0,
                   "all is delivered")
        self.stop_erp()
        with sqlite3.connect(self.folder / "erp.db") as erp:
            ids = [row[0] for row in erp.execute("SELECT event_id FROM applied ORDER BY n")]
        self.assertEqual(ids, [f"a-{n}" for n in range(1, self.published + 1)])

    def test_22_a_downgrade_that_cannot_read_the_journal_is_refused(self):
        older = self.wharf("0.0.1").edit("DEBIAN/preinst", lambda text: re.sub(
            r'-gt "\d+"', '-gt "0"', text)).pack()
        before = self.unit("MainPID")
        said = self.dpkg("-i", self.put(older), ends=1)
        self.assertIn("wharf 0.0.1 is not installed over 99.0", said)
        self.assertIn("has format 1", said)
        self.assertEqual(self.box.output("dpkg-query", "-W", "-f", "${Status} ${Version}", "wharf"),
                         "install ok installed 99.0")
        self.assertEqual(self.unit("MainPID"), before)
        self.assertEqual(self.accepted(), self.published)

    def test_23_a_downgrade_that_can_read_it_goes_back(self):
        self.dpkg("--force-confold", "-i", self.put(PACKAGE))
        self.assert_running()
        self.assertEqual(self.accepted(), self.published)

    def test_24_a_refused_configuration_stops_the_upgrade_and_not_the_gateway(self):
        config = self.box.root / "etc/wharf/wharf.toml"
        good = config.read_text()
        config.write_text(good + "\n[nonsense]\n")
        before = self.unit("MainPID")
        said = self.dpkg("--force-confold", "-i", self.put(self.wharf("99.1").pack()), ends=1)
        self.assertIn("nonsense", said)
        self.assertEqual(self.unit("MainPID"), before)
        self.publish(1)
        config.write_text(good)
        self.dpkg("--configure", "wharf")
        self.assert_running()
        self.assertNotEqual(self.unit("MainPID"), before)
        self.assertEqual(self.accepted(), self.published)

    # --- remove and purge -----------------------------------------------------------------------------

    def test_30_removing_keeps_configuration_and_journal(self):
        self.dpkg("-r", "wharf")
        self.assertNotEqual(self.unit("ActiveState"), "active")
        self.assertTrue((self.box.root / "etc/wharf/wharf.toml").exists())
        self.assertTrue((self.box.root / JOURNAL / "data.mdb").exists())

    def test_31_purging_keeps_what_is_undelivered_and_says_so(self):
        said = self.dpkg("-P", "wharf")
        self.assertIn("Updates undelivered: 1, messages in quarantine: 0", said)
        self.assertFalse((self.box.root / "etc/wharf").exists())
        self.assertTrue((self.box.root / JOURNAL / "data.mdb").exists())

    def test_32_installed_again_it_delivers_what_was_kept(self):
        self.dpkg("-i", self.put(PACKAGE))
        self.configure()
        self.start()
        self.start_erp()
        wait_until(lambda: self.wharfctl("books")["destinations"][0]["pending"] == 0,
                   "all is delivered")
        self.stop_erp()
        self.assertEqual(self.accepted(), self.published)

    def test_33_purging_keeps_a_journal_that_nobody_looked_into(self):
        other = self.box.root / "var/lib/wharf/other"
        other.mkdir()
        (other / "made").touch()
        said = self.dpkg("-P", "wharf")
        self.assertIn("/var/lib/wharf/other\n", said)
        self.assertTrue((other / "made").exists())
        shutil.rmtree(other)

    def test_34_purging_takes_a_journal_that_holds_nothing_more(self):
        self.dpkg("-i", self.put(PACKAGE))
        said = self.dpkg("-P", "wharf")
        self.assertNotIn("is kept", said)
        self.assertFalse((self.box.root / "var/lib/wharf").exists())
        self.assertFalse((self.box.root / "etc/wharf").exists())


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    PACKAGE, ERP = (str(pathlib.Path(each).resolve()) for each in sys.argv[1:3])
    Install.packages = [PACKAGE]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], failfast=True, verbosity=2)

#!/usr/bin/env python3
"""The life of an installed package in a Debian 12 of its own: install, run as its unit says, upgrade,
refused downgrade, remove, purge. The tests go in the order of their names, each from where the one
before ended.

    test_install.py PACKAGE.deb REFERENCE_ERP
"""
import contextlib
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration" / "daemon"))

from container import Container, wait_until
from test_start import rewrite_format_version
from variants import Variant

UNIT = "wharfd.service"
JOURNAL = "var/lib/wharf/journal"
TOPIC = "wharf/1/ber1/scanner-07/stock"
ERP_PORT = 8080
EVENT = ('{{"event_id": "a-{0}", "inventory_adjusted": {{"stock": {{"location": "A-01", "sku": "4711"}},'
         ' "delta": {{"value": "1", "unit": "EA"}}, "reason": "test"}}}}')
DAMAGED, CONFIGURATION = 65, 78
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


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        build = pathlib.Path(__file__).resolve().parents[2] / "build" / "package"
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="test-", dir=build))
        cls.box = Container(PACKAGE, cls.folder)
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", cls.folder])
        cls.addClassCleanup(cls.box.end)
        (cls.box.root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        cls.box.boot()
        cls.published = 0
        cls.erp = None

    # --- what the tests speak of ---------------------------------------------------------------------

    def put(self, package):
        """The package, where dpkg in the container finds it."""
        name = pathlib.Path(package).name
        subprocess.run(["cp", package, self.box.root / "root" / name], check=True)
        return f"/root/{name}"

    def dpkg(self, *arguments, ends=0):
        done = self.box.run("dpkg", *arguments)
        self.assertEqual(done.returncode, ends, done.stdout)
        return done.stdout

    def variant(self, version):
        return Variant(PACKAGE, self.folder / f"wharf-{version}").version(version)

    def unit(self, *names):
        shown = self.box.output("systemctl", "show", UNIT, "--property", ",".join(names))
        found = dict(line.split("=", 1) for line in shown.splitlines())
        return found[names[0]] if len(names) == 1 else [found[name] for name in names]

    def log(self):
        return self.box.output("journalctl", "--unit", UNIT, "--output", "cat", "--no-pager")

    def wharfctl(self, *arguments):
        return json.loads(self.box.output("wharfctl", "--json", *arguments))

    def accepted(self):
        return self.wharfctl("books")["intake"]["accepted"]

    def publish(self, count):
        first = self.published + 1
        type(self).published += count
        lines = "\n".join(EVENT.format(n) for n in range(first, self.published + 1))
        publisher = subprocess.run(
            ["nsenter", "-t", self.box.leader, "-n", "mosquitto_pub", "-V", "5", "-q", "1", "-l",
             "-i", "scanner-07", "-t", TOPIC], input=lines + "\n", text=True, timeout=120)
        self.assertEqual(publisher.returncode, 0)

    def configure(self):
        config = self.box.root / "etc/wharf/wharf.toml"
        text = config.read_text().replace("[gateway]\n", "", 1)
        config.write_text(text.replace("#size_max_mb = 1024", "size_max_mb = 64") + ADMINISTRATOR)

    def signal(self, name):
        self.box.run("systemctl", "kill", "--kill-who=main", f"--signal={name}", UNIT, check=True)

    @contextlib.contextmanager
    def drop_in(self, *lines):
        """The service with these lines more, as systemctl edit would add them; afterwards without."""
        folder = self.box.root / "etc/systemd/system/wharfd.service.d"
        folder.mkdir(parents=True)
        (folder / "site.conf").write_text("\n".join(["[Service]", *lines, ""]))
        self.box.run("systemctl", "daemon-reload", check=True)
        self.box.run("systemctl", "restart", UNIT, check=True)
        yield
        shutil.rmtree(folder)
        self.box.run("systemctl", "daemon-reload", check=True)
        self.box.run("systemctl", "restart", UNIT, check=True)

    def start_erp(self):
        type(self).erp = self.box.beside(ERP, "--db", str(self.folder / "erp.db"), "--port", str(ERP_PORT))

    def stop_erp(self):
        self.erp.terminate()
        self.erp.wait(30)

    def assert_running(self):
        self.assertEqual(self.unit("ActiveState", "User"), ["active", "wharf"], self.log())

    def mode(self, path):
        return self.box.output("stat", "-c", "%A %U:%G", path)

    # --- install ----------------------------------------------------------------------------------------

    def test_01_it_installs_and_waits_for_its_configuration(self):
        said = self.dpkg("-i", self.put(PACKAGE))
        self.assertIn("gateway.name", said)
        self.assertIn("systemctl start wharfd", said)
        self.assertEqual(self.unit("ActiveState", "UnitFileState"), ["inactive", "enabled"])
        self.assertEqual(self.box.output("systemd-analyze", "verify", "--man=no", UNIT), "")
        self.assertEqual(self.mode("/var/lib/wharf"), "drwxr-x--- wharf:wharf")
        self.assertEqual(self.mode("/etc/wharf/secrets"), "drwxr-x--- root:wharf")
        self.assertEqual(self.mode("/etc/wharf/wharf.toml"), "-rw-r--r-- root:root")
        self.assertIn("/usr/sbin/nologin", self.box.output("getent", "passwd", "wharf"))

    def test_02_it_runs_as_its_own_user_within_the_units_bounds(self):
        self.configure()
        self.box.run("systemctl", "start", UNIT, check=True)
        self.assert_running()
        said = self.log()
        self.assertIn("listening", said)
        # The write-ahead ring is written directly: no system call of it is filtered.
        self.assertNotIn("O_DIRECT", said)
        pid = self.unit("MainPID")
        held = dict(line.split(":\t") for line in
                    self.box.output("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
        self.assertEqual((held["Seccomp"], held["NoNewPrivs"]), ("2", "1"))
        self.assertEqual({held[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")}, {"0" * 16})
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

    def assert_fails_for_good(self, code):
        self.assertNotEqual(self.box.run("systemctl", "start", UNIT).returncode, 0)
        self.assertEqual(self.unit("ActiveState", "SubState", "ExecMainStatus"),
                         ["failed", "failed", str(code)])

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
        self.assertGreater(rewrite_format_version(later, b"WH7", 2), 0)
        data.write_bytes(later)
        self.assert_fails_for_good(CONFIGURATION)
        self.assertTrue(data.read_bytes() == later, "nothing was changed in it")
        data.write_bytes(before)
        self.box.run("systemctl", "start", UNIT, check=True)
        self.assertEqual(self.accepted(), self.published)

    # --- upgrade and downgrade -------------------------------------------------------------------------

    def test_20_an_upgrade_keeps_the_configuration_and_the_journal(self):
        later = self.variant("99.0").edit(
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
        older = self.variant("0.0.1").edit("DEBIAN/preinst", lambda text: re.sub(
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
        said = self.dpkg("--force-confold", "-i", self.put(self.variant("99.1").pack()), ends=1)
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
        self.box.run("systemctl", "start", UNIT, check=True)
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
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], failfast=True, verbosity=2)

#!/usr/bin/env python3
"""The life of wharf-bridge, installed beside wharf: it waits for its settings, reads a Mosquitto as its
unit says and delivers to wharfd; upgrade, remove, purge.

    test_install_bridge.py WHARF.deb WHARF_BRIDGE.deb
"""
import pathlib
import subprocess
import sys
import unittest

from container import wait_until
from installation import CONFIGURATION, Installation

UNIT = "wharf-bridge.service"
SETTINGS = "etc/wharf/bridge.toml"
SECRET = "etc/wharf/bridge-secrets/site.password"
SOCKET = "/run/wharf-bridge/bridge.sock"
BROKER_PORT = 1884
# What an administrator adds to either file.
GATEWAY = f"""
[gateway]
name = "WH7"
site = "ber1"

[bridge]
socket = "{SOCKET}"
expected = ["wms/site"]
"""
BRIDGE = f"""
[bridge]
name = "wms"

[[broker]]
name = "site"
url = "tcp://localhost:{BROKER_PORT}"
topics = ["wharf/#"]
user = "wharf"
password_file = "/{SECRET}"
backoff_max_ms = 1000
"""
AT_BROKER = ("-p", str(BROKER_PORT), "-u", "wms", "-P", "of the wms")

WHARF, PACKAGE = None, None


class InstallBridge(Installation):
    service, user = UNIT, "wharf-bridge"

    # --- what the tests speak of ---------------------------------------------------------------------

    def start_broker(self):
        """Mosquitto, with names and passwords: the bridge has to read its secret."""
        folder = self.folder / "broker"
        folder.mkdir()
        for word, name, password in (("-c", "wms", "of the wms"), (None, "wharf", "of the bridge")):
            subprocess.run(["mosquitto_passwd", *filter(None, [word]), "-b", folder / "passwords", name,
                            password], check=True)
        (folder / "conf").write_text(
            f"listener {BROKER_PORT} 127.0.0.1\nallow_anonymous false\nuser root\n"
            f"password_file {folder}/passwords\nmax_queued_messages 10000\nlog_dest none\n")
        broker = self.box.beside("mosquitto", "-c", str(folder / "conf"))
        self.addClassCleanup(broker.wait)
        self.addClassCleanup(broker.terminate)
        wait_until(lambda: self.answers() or self.assertIsNone(broker.poll()), "Mosquitto listens")

    def answers(self):
        probe = self.box.beside("mosquitto_pub", *AT_BROKER, "-t", "probe", "-n",
                                stderr=subprocess.DEVNULL)
        return probe.wait(30) == 0

    def complete(self, path, text, *empty):
        """As an administrator does, who fills in the sections that stand empty in the file."""
        file = self.box.root / path
        before = file.read_text()
        for section in empty:
            before = before.replace(f"{section}\n", "", 1)
        file.write_text(before + text)

    def all_accepted(self):
        wait_until(lambda: self.accepted() == self.published, f"{self.published} events are accepted")

    def through_the_bridge(self, count):
        self.publish(count, *AT_BROKER)
        self.all_accepted()

    def of_brokers(self):
        """The processes of the brokers."""
        main = self.unit("MainPID")
        return self.box.output("cat", f"/proc/{main}/task/{main}/children").split()

    def stops(self, unit):
        self.box.run("systemctl", "stop", unit, check=True)

    # --- install ---------------------------------------------------------------------------------------

    def test_01_it_installs_and_is_not_enabled(self):
        self.dpkg("-i", self.put(WHARF))
        self.complete("etc/wharf/wharf.toml", GATEWAY, "[gateway]")
        self.box.run("systemctl", "start", "wharfd", check=True)
        said = self.dpkg("-i", self.put(PACKAGE))
        self.assertIn("bridge.name", said)
        self.assertIn("systemctl enable --now wharf-bridge", said)
        self.assertEqual(self.unit("ActiveState", "UnitFileState"), ["inactive", "disabled"])
        self.assertEqual(self.box.output("systemd-analyze", "verify", "--man=no", UNIT), "")
        self.assertEqual(self.mode("/etc/wharf/bridge-secrets"), "drwxr-x--- root:wharf-bridge")
        self.assertEqual(self.mode(f"/{SETTINGS}"), "-rw-r--r-- root:root")
        self.assertIn("/usr/sbin/nologin", self.box.output("getent", "passwd", "wharf-bridge"))

    def test_02_without_its_settings_it_says_what_is_missing(self):
        self.assert_fails_for_good(CONFIGURATION)
        shown = self.box.run("systemctl", "status", "--no-pager", "--lines=20", UNIT).stdout
        self.assertIn("failed", shown)
        self.assertIn("bridge.name: is required", shown)
        self.assertIn("expected at least one [[broker]]", self.log())

    def test_03_it_reads_the_broker_for_wharfd(self):
        self.start_broker()
        self.complete(SETTINGS, BRIDGE, "[bridge]")
        (self.box.root / SECRET).write_text("of the bridge\n")
        self.box.run("chown", "root:wharf-bridge", f"/{SECRET}", check=True)
        self.box.run("chmod", "0640", f"/{SECRET}", check=True)
        self.box.run("systemctl", "enable", "--now", UNIT, check=True)
        self.assert_running()
        self.through_the_bridge(50)
        shown = self.box.output("wharfctl", "status")
        self.assertIn("wms/site", shown)

    def test_04_each_of_its_processes_is_its_own_users_within_the_units_bounds(self):
        pids = [self.unit("MainPID"), *self.of_brokers()]
        self.assertEqual(len(pids), 2)
        user = self.box.output("id", "-u", "wharf-bridge")
        for pid in pids:
            self.assert_confined(pid)
            self.assertEqual(self.status_of(pid)["Uid"].split()[0], user)
        mounts = self.box.output("cat", f"/proc/{pids[1]}/mountinfo")
        self.assertRegex(mounts, r"(?m)^\d+ \d+ \S+ \S+ / ro,")

    def test_05_of_wharfds_it_reaches_the_bridge_port_alone(self):
        self.assertEqual(self.mode(SOCKET), "srw-rw---- wharf:wharf-bridge")
        self.assertEqual(self.box.output("id", "-Gn", "wharf-bridge"), "wharf-bridge")
        for place in ("/var/lib/wharf", "/etc/wharf/secrets", "/run/wharf"):
            said = self.box.run("runuser", "-u", "wharf-bridge", "--", "ls", place)
            self.assertIn("Permission denied", said.stdout)
        # What hands over messages makes no socket that others would take for wharfd's.
        said = self.box.run("runuser", "-u", "wharf-bridge", "--", "touch", "/run/wharf-bridge/other")
        self.assertIn("Permission denied", said.stdout)

    # --- when something is away --------------------------------------------------------------------------

    def test_10_what_is_published_while_wharfd_is_away_is_delivered(self):
        self.stops("wharfd")
        self.publish(20, *AT_BROKER)
        self.box.run("systemctl", "start", "wharfd", check=True)
        self.all_accepted()

    def test_11_what_is_published_while_it_is_away_itself_is_delivered(self):
        self.stops(UNIT)
        self.assertEqual(self.unit("Result", "ExecMainStatus"), ["success", "0"])
        self.publish(20, *AT_BROKER)
        self.start()
        self.all_accepted()

    def test_12_it_comes_back_when_it_was_killed(self):
        before = self.unit("MainPID")
        self.signal("KILL")
        wait_until(lambda: self.unit("MainPID") not in ("0", before) and
                   self.unit("ActiveState") == "active", "it runs again")
        self.through_the_bridge(5)

    def test_13_a_brokers_process_comes_back_when_it_was_killed(self):
        main, (before,) = self.unit("MainPID"), self.of_brokers()
        self.box.run("sh", "-c", f"kill -KILL {before}", check=True)
        wait_until(lambda: self.of_brokers() not in ([], [before]), "another is there")
        self.assertEqual(self.unit("MainPID"), main)
        self.through_the_bridge(5)

    def test_14_a_file_that_is_missing_is_named(self):
        self.stops(UNIT)
        for path, words in ((SETTINGS, "cannot be read"), (SECRET, "No such file or directory")):
            file = self.box.root / path
            away = file.with_suffix(".away")
            file.rename(away)
            self.assert_fails_for_good(CONFIGURATION)
            self.assertIn(f"/{path}: {words}", self.log())
            away.rename(file)
        self.start()
        self.through_the_bridge(5)

    # --- upgrade -----------------------------------------------------------------------------------------

    def test_20_an_upgrade_keeps_the_settings_and_restarts_it(self):
        later = self.variant(PACKAGE, "99.0").edit("DEBIAN/control", lambda text: text.replace(
            "wharf (>= 99.0)", "wharf")).edit(
            SETTINGS, lambda text: text + "\n# A later version says more.\n").pack()
        before = self.unit("MainPID")
        self.dpkg("--force-confold", "-i", self.put(later))
        self.assert_running()
        self.assertNotEqual(self.unit("MainPID"), before)
        self.assertEqual(self.unit("UnitFileState"), "enabled")
        settings = (self.box.root / SETTINGS).read_text()
        self.assertIn('name = "wms"', settings)
        self.assertNotIn("A later version", settings)
        self.assertIn("A later version", (self.box.root / f"{SETTINGS}.dpkg-dist").read_text())
        self.through_the_bridge(5)

    def test_21_refused_settings_stop_the_upgrade_and_not_the_bridge(self):
        settings = self.box.root / SETTINGS
        good = settings.read_text()
        settings.write_text(good + "\n[nonsense]\n")
        before = self.unit("MainPID")
        said = self.dpkg("--force-confold", "-i", self.put(PACKAGE), ends=1)
        self.assertIn("nonsense", said)
        self.assertEqual(self.unit("MainPID"), before)
        self.through_the_bridge(5)
        settings.write_text(good)
        self.dpkg("--configure", "wharf-bridge")
        self.assert_running()
        self.assertNotEqual(self.unit("MainPID"), before)
        self.through_the_bridge(5)

    def test_22_wharf_is_upgraded_below_it(self):
        before = self.unit("MainPID")
        self.dpkg("--force-confold", "-i", self.put(self.variant(WHARF, "99.0").pack()))
        self.through_the_bridge(5)
        self.assertEqual(self.unit("MainPID"), before)

    # --- remove and purge --------------------------------------------------------------------------------

    def test_30_wharf_is_not_removed_below_it(self):
        self.assertIn("wharf-bridge depends on wharf", self.dpkg("-r", "wharf", ends=1))
        self.assert_running()

    def test_31_removing_keeps_the_settings_and_wharfd_goes_on(self):
        self.dpkg("-r", "wharf-bridge")
        self.assertNotEqual(self.unit("ActiveState"), "active")
        self.assertTrue((self.box.root / SETTINGS).exists())
        self.assertTrue((self.box.root / SECRET).exists())
        # As after a start of the machine, with the port for bridges still in its settings.
        self.stops("wharfd")
        self.box.run("rm", "-r", "/run/wharf-bridge", check=True)
        self.box.run("systemd-tmpfiles", "--create", check=True)
        self.box.run("systemctl", "start", "wharfd", check=True)
        self.assertEqual(self.unit("ActiveState", of="wharfd"), "active")
        self.assertEqual(self.accepted(), self.published)

    def test_32_installed_again_it_goes_on_where_it_was(self):
        self.publish(5, *AT_BROKER)
        self.dpkg("-i", self.put(PACKAGE))
        self.assert_running()
        self.all_accepted()

    def test_33_purging_takes_settings_and_secrets_and_leaves_wharfs(self):
        self.dpkg("-P", "wharf-bridge")
        for path in (SETTINGS, "etc/wharf/bridge-secrets", "etc/systemd/system/multi-user.target.wants/" + UNIT):
            self.assertFalse((self.box.root / path).is_symlink() or (self.box.root / path).exists(), path)
        self.assertTrue((self.box.root / "etc/wharf/wharf.toml").exists())
        self.assertEqual(self.unit("ActiveState", of="wharfd"), "active")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    WHARF, PACKAGE = (str(pathlib.Path(each).resolve()) for each in sys.argv[1:3])
    InstallBridge.packages = [WHARF, PACKAGE]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], failfast=True, verbosity=2)

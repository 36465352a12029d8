#!/usr/bin/env python3
"""A gateway as a whole, and the device beneath it: drained, restarted, rebooted, updated, ended."""
import hashlib
import json
import os
import pathlib
import threading
import time
import unittest

from fleet_rig import SITE, FleetTest, event, wait_until

TOPIC = f"wharf/1/{SITE}/scanner-07/stock"

HELPER = r"""#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/asked"
case $1 in
describe)
    echo '{"can":["reboot","update","factory_reset"],"software":"1.0","boot":"'"$(cat "$here/boot")"'"}' ;;
reboot) ;;
update)
    [ "$(sha256sum "$3" | cut -d' ' -f1)" = "$4" ] || { echo '{"words":"the digest is not right"}'; exit 1; }
    for percent in 10 50 90; do echo '{"step":"write","percent":'$percent'}'; sleep 0.5; done
    echo "$5" > "$here/installed" ;;
factory-reset) [ -e "$here/refuses" ] && exit 1; touch "$here/reset" ;;
esac
exit 0
"""


class DeviceTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.fleet()
        self.erp_1 = self.erp().start()
        self.gateway_1 = self.managed("dock-1", destinations=[
            {"name": "erp", "url": self.erp_1.url, "backoff_min_ms": 10, "backoff_max_ms": 50}])
        self.ann, self.bob, self.eve = (self.people[name] for name in ("ann", "bob", "eve"))

    def begin(self):
        self.gateway_1.start()
        self.seen("dock-1")

    def helper(self):
        if os.geteuid() != 0:
            self.skipTest("a helper is a file of root's")
        folder = pathlib.Path(self.folder) / "helper"
        folder.mkdir()
        file = folder / "helper"
        file.write_text(HELPER)
        file.chmod(0o755)
        (folder / "boot").write_text("boot-1")
        self.gateway_1.sections["device"] = {"helper": str(file)}
        return folder

    def again(self):
        """After a kill, whatever it does then: drained gateways do not listen."""
        self.gateway_1.start(ready=False)
        self.up()

    def up(self):
        def answers():
            try:
                return self.gateway_1.status()
            except OSError:
                return None
        return wait_until(answers, "it answers on its socket", patience_s=30)

    def orders(self, *words, good=(0,), person=None):
        return (person or self.ann).orders("dock-1", *words, good=good)

    def in_background(self, *words):
        said = {}

        def run():
            said["done"] = self.ann.run("--json", "--on", "gateway=dock-1", *words, seconds=180)
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join, 180)

        def outcome():
            thread.join(180)
            return json.loads(said["done"].stdout)[f"{SITE}/dock-1"]
        return outcome

    def state(self):
        payloads = self.broker.listen(f"wharf-fleet/1/{SITE}/dock-1/state/json", 1)
        return json.loads(payloads[0])

    def trail(self, kind, **more):
        """Ends of such commands, by the gateway's own word."""
        told = json.loads(self.gateway_1.ctl("--json", "audit", "--limit", "1000"))["answer"]
        return [one for one in told if one["command"] == kind and one["step"] == "done"
                and all(one[key] == value for key, value in more.items())]

    def accepts(self):
        try:
            self.client(self.gateway_1, "probe")
            return True
        except OSError:
            return False


class Draining(DeviceTest):
    def test_it_takes_nothing_delivers_what_is_there_and_stays_so(self):
        self.begin()
        self.orders("pause", "erp", person=self.bob)
        device = self.client(self.gateway_1)
        device.deliver(TOPIC, event(1))
        device.deliver(TOPIC, event(2), 1, 2)
        said = self.orders("drain", "--within", "10", good=(3,), person=self.bob)
        self.assertEqual(said["code"], "failed")
        self.assertIn("pending: 2 (erp: 2, paused)", said["message"])
        self.assertTrue(said["answer"]["doors_shut"])
        self.assertEqual(said["progress"][-1]["pending"], 2)
        self.assertFalse(self.accepts())
        self.gateway_1.kill()
        self.again()
        self.assertFalse(self.accepts())
        self.assertEqual(self.gateway_1.status()["drain"]["by"], "bob")
        self.assertEqual(self.gateway_1.status()["status"], "failing")
        wait_until(lambda: self.state()["health"] == "failing", "its state says so")
        state = self.state()
        self.assertEqual(int(state["drain_pending"]), 2)
        self.assertIn("it is drained", state["reasons"][0])
        self.orders("resume", "erp")
        self.assertIn("drained; pending: 0", self.orders("drain")["message"])
        self.assertEqual(sorted(self.erp_1.applied()), ["e-1", "e-2"])
        self.assertEqual(self.orders("drain", "--end", person=self.eve, good=(3,))["code"],
                         "forbidden")
        pid = self.gateway_1.process.pid
        self.assertEqual(self.orders("drain", "--end")["message"], "it takes events")
        self.assertEqual(self.gateway_1.process.pid, pid)
        self.client(self.gateway_1).deliver(TOPIC, event(3))
        wait_until(lambda: len(self.erp_1.applied()) == 3, "it is delivered")
        self.assertEqual(self.gateway_1.end(), 0)

    def test_killed_meanwhile_it_is_over_once(self):
        self.begin()
        self.orders("pause", "erp")
        self.client(self.gateway_1).deliver(TOPIC, event(1))
        outcome = self.in_background("drain", "--within", "120")
        wait_until(lambda: self.gateway_1.status()["drain"], "it is drained")
        for _ in range(2):
            self.gateway_1.kill()
            self.again()
        self.orders("resume", "erp")
        self.assertEqual(outcome()["code"], "ok")
        self.assertEqual(len(self.trail("drain")), 1)
        self.assertEqual(self.erp_1.applied(), ["e-1"])
        # Who waits for it hears that it was ended.
        self.orders("pause", "erp")
        self.orders("drain", "--end")
        self.client(self.gateway_1).deliver(TOPIC, event(2))
        outcome = self.in_background("drain", "--within", "120")
        wait_until(lambda: self.gateway_1.status()["drain"], "it is drained")
        self.orders("drain", "--end")
        self.assertEqual(outcome()["message"], "the drain was ended")

    def test_on_the_gateway_itself(self):
        self.begin()
        told = self.gateway_1.ctl("drain")
        self.assertIn("drained; pending: 0", told)
        self.assertIn("drained", self.gateway_1.ctl("status", good=(1,)))
        self.assertIn("it takes events", self.gateway_1.ctl("drain", "--end"))
        self.assertIn("a new run has begun", self.gateway_1.ctl("restart"))
        self.client(self.gateway_1).deliver(TOPIC, event(1))


class Restarting(DeviceTest):
    def test_done_when_the_new_run_takes_events(self):
        self.begin()
        before = self.state()["started_at_us"]
        self.assertEqual(self.orders("restart", person=self.bob, good=(3,))["code"], "forbidden")
        self.assertEqual(self.orders("restart")["message"], "a new run has begun")
        self.client(self.gateway_1).deliver(TOPIC, event(1))
        wait_until(lambda: self.state()["started_at_us"] != before, "its state is the new run's")
        self.assertEqual(len(self.trail("restart")), 1 + 1)  # bob's, which was forbidden

    def test_killed_at_any_time_it_is_reported_once(self):
        self.begin()
        for number in range(4):
            outcome = self.in_background("restart")
            time.sleep(0.8 + 0.3 * number)
            self.gateway_1.kill()
            self.again()
            self.assertEqual(outcome()["code"], "ok")
        self.assertEqual(len(self.trail("restart", code="ok")), 4)


class Ending(DeviceTest):
    def key_file(self):
        return pathlib.Path(self.gateway_1.sections["fleet"]["key_file"])

    def ends(self):
        wait_until(lambda: not self.key_file().exists(), "its key is destroyed", patience_s=60)
        wait_until(lambda: self.state()["health"] == "decommissioned", "its last words are kept")

    def listed(self, person, good=(0,)):
        return person.asks("fleet", "list", good=good)[0]

    def test_for_good_and_its_key_is_never_believed_again(self):
        self.begin()
        topic = f"wharf-fleet/1/{SITE}/dock-1/state"
        earlier = self.broker.listen(topic, 1)[0]
        self.client(self.gateway_1).deliver(TOPIC, event(1))
        for words, why in ((("decommission", "dock-9"), "name: expected"),
                           (("decommission", "dock-1"), "still takes events")):
            self.assertIn(why, self.orders(*words, good=(3,))["message"])
        self.assertEqual(self.orders("decommission", "dock-1", person=self.bob, good=(3,))["code"],
                         "forbidden")
        self.orders("drain")
        said = self.orders("--because", "site closed", "decommission", "dock-1")
        self.assertEqual(said["message"], "it was decommissioned by ann, because: site closed")
        self.ends()
        self.assertEqual(self.listed(self.ann)["health"], "decommissioned")
        asked = self.ann.run("--on", "gateway=dock-1", "books")
        self.assertEqual(asked.returncode, 3)
        self.assertIn("it has ended", asked.stderr)
        # Whoever has the key, or what it signed, is not believed.
        self.broker.put(topic, earlier, who="device", retain=True)
        listed = self.listed(self.ann, good=(1,))
        self.assertEqual(listed["health"], "not believed")
        self.assertIn("retired", listed["complaint"])
        self.ann.run("--accept-changed-keys", "fleet", "list")
        self.assertIn("retired", self.listed(self.ann, good=(1,))["complaint"])
        # On the gateway a person sees it, and nothing changes it.
        for _ in range(2):
            self.up()
            self.assertIn("it was decommissioned by ann", self.gateway_1.status()["ended"])
            self.assertFalse(self.accepts())
            refused = self.gateway_1.ctl("drain", "--end", good=(3,))
            self.assertEqual(refused, "")
            self.gateway_1.kill()
            self.again()
        self.assertFalse(self.key_file().exists())
        self.assertEqual(json.loads(self.gateway_1.ctl("--json", "operators", "show"))["answer"]
                         ["operators"], [])
        self.assertEqual(len(self.trail("decommission", code="ok")), 1)

    def test_killed_between_its_steps_it_ends_once_and_wholly(self):
        self.begin()
        self.orders("drain")
        outcome = self.in_background("decommission", "dock-1")
        for number in range(6):
            time.sleep(0.7 + 0.2 * number)
            self.gateway_1.kill()
            self.again()
        self.assertEqual(outcome()["code"], "ok")
        self.ends()
        self.up()
        self.assertEqual(len(self.trail("decommission", code="ok")), 1)
        self.gateway_1.kill()
        self.again()
        self.assertEqual(self.state()["health"], "decommissioned")

    def test_with_something_left_it_takes_an_export_of_all_that_is_here(self):
        self.begin()
        self.orders("pause", "erp")
        self.client(self.gateway_1).deliver(TOPIC, event(1))
        export = pathlib.Path(self.folder) / "export"

        def exported(name):
            file = export.with_suffix(name)
            self.assertEqual(self.gateway_1.end(), 0)
            self.gateway_1.ctl("journal", "export", str(file))
            return str(file)
        early = exported(".1")
        self.begin()
        self.client(self.gateway_1).deliver(TOPIC, event(2))
        self.orders("drain", "--within", "1", good=(3,))
        self.assertIn("2 updates are pending",
                      self.orders("decommission", "dock-1", good=(3,))["message"])
        self.assertIn("export it again", self.orders("decommission", "dock-1", "--exported", early,
                                                     good=(3,))["message"])
        late = exported(".2")
        self.again()
        self.seen_failing()
        said = self.orders("decommission", "dock-1", "--exported", late)
        self.assertEqual(said["answer"]["left_to_the_export"],
                         {"pending": 2, "dead": 0, "quarantined": 0})
        self.ends()
        time.sleep(1)
        self.assertEqual(self.erp_1.applied(), [])

    def seen_failing(self):
        wait_until(lambda: self.state()["health"] == "failing", "it is there, drained")


class Beneath(DeviceTest):
    def test_without_a_helper_it_is_refused_with_words(self):
        self.begin()
        for words in (("reboot",), ("factory-reset", "dock-1"),
                      ("update", "/x", "--sha256", "00" * 32, "--version", "2")):
            said = self.orders(*words, good=(3,))
            self.assertEqual(said["code"], "unsupported", words)
            self.assertIn("not a Wharf image", said["message"])
        self.assertNotIn("device_can", self.state())
        self.client(self.gateway_1).deliver(TOPIC, event(1))

    def test_a_reboot_is_over_when_the_device_has_started_again(self):
        folder = self.helper()
        self.begin()
        wait_until(lambda: self.state().get("device_can") == ["reboot", "update", "factory_reset"],
                   "its state says what the device can")
        outcome = self.in_background("reboot")
        asked = folder / "asked"
        wait_until(lambda: "reboot " in asked.read_text(), "the device is asked")
        # The process alone: it is asked again, under the same id.
        self.gateway_1.kill()
        self.begin()
        wait_until(lambda: asked.read_text().count("reboot ") == 2, "it is asked again")
        ids = {line.split()[1] for line in asked.read_text().splitlines()
               if line.startswith("reboot ")}
        self.assertEqual(len(ids), 1)
        self.gateway_1.kill()
        (folder / "boot").write_text("boot-2")
        self.begin()
        self.assertEqual(outcome()["message"], "the device has started again")
        self.assertEqual(asked.read_text().count("reboot "), 2)
        self.assertEqual(len(self.trail("reboot")), 1)

    def test_an_update_is_installed_and_waits_for_its_restart(self):
        folder = self.helper()
        self.begin()
        image = pathlib.Path(self.folder) / "image"
        image.write_bytes(b"a version")
        digest = hashlib.sha256(b"a version").hexdigest()
        for source, code in (("http://example.com/x", "invalid"), ("--x", None),
                             ("/a b", "invalid")):
            done = self.ann.run("--json", "--on", "gateway=dock-1", "update", source, "--sha256",
                                digest, "--version", "2.0")
            self.assertNotEqual(done.returncode, 0)
            if code:
                self.assertEqual(json.loads(done.stdout)[f"{SITE}/dock-1"]["code"], code)
        self.assertNotIn("update", (folder / "asked").read_text())
        wrong = self.orders("update", str(image), "--sha256", "00" * 32, "--version", "2.0",
                            good=(3,))
        self.assertEqual(wrong["message"], "the digest is not right")
        said = self.orders("update", str(image), "--sha256", digest, "--version", "2.0")
        self.assertEqual(said["answer"], {"version": "2.0", "waits_for_restart": True})
        self.assertEqual(said["progress"][0]["step"], "write")
        self.assertEqual((folder / "installed").read_text(), "2.0\n")
        (folder / "installed").unlink()
        outcome = self.in_background("update", str(image), "--sha256", digest, "--version", "2.1")
        wait_until(lambda: self.gateway_1.status()["work"].startswith("update"), "it works on it")
        self.gateway_1.kill()
        self.begin()
        self.assertEqual(outcome()["code"], "ok")
        self.assertEqual((folder / "installed").read_text(), "2.1\n")
        self.assertEqual(len(self.trail("update", code="ok")), 2)
        self.assertIn("2.2 is installed and waits", self.gateway_1.ctl(
            "update", str(image), "--sha256", digest, "--version", "2.2"))

    def test_a_factory_reset_loses_nothing_unsaid(self):
        folder = self.helper()
        self.begin()
        self.orders("pause", "erp")
        self.client(self.gateway_1).deliver(TOPIC, event(1))
        refused = self.orders("factory-reset", "dock-1", good=(3,))
        self.assertIn("refused: 1 update is pending", refused["message"])
        self.assertFalse((folder / "reset").exists())
        (folder / "refuses").touch()
        said = self.orders("factory-reset", "dock-1", "--lose-undelivered")
        self.assertEqual(said["answer"]["lost"], {"pending": 1, "dead": 0, "quarantined": 0})
        key = pathlib.Path(self.gateway_1.sections["fleet"]["key_file"])
        wait_until(lambda: not key.exists(), "its key is destroyed", patience_s=60)
        self.assertEqual(self.state()["health"], "reset")
        asked = folder / "asked"
        wait_until(lambda: "factory-reset " in asked.read_text(), "the device is asked")
        self.gateway_1.kill()
        (folder / "refuses").unlink()
        self.again()
        wait_until(lambda: (folder / "reset").exists(), "it is reset", patience_s=60)
        ids = {line.split()[1] for line in asked.read_text().splitlines()
               if line.startswith("factory-reset ")}
        self.assertEqual(len(ids), 1)


if __name__ == "__main__":
    unittest.main()

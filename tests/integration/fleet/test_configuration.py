#!/usr/bin/env python3
"""A gateway's configuration is changed from afar, on trial, and goes back by itself."""
import hashlib
import json
import pathlib
import threading
import time
import unittest

from fleet_rig import SITE, FleetTest, event, wait_until

TOPIC = f"wharf/1/{SITE}/scanner-07/stock"


class Configuration(FleetTest):
    def setUp(self):
        super().setUp()
        self.fleet()
        self.gateway_1 = self.managed("dock-1").start()
        self.seen("dock-1")
        self.ann = self.people["ann"]

    def overlay(self, text, name="overlay.toml"):
        file = pathlib.Path(self.folder) / name
        file.write_text(text)
        return str(file)

    def orders(self, *words, good=(0,)):
        return self.ann.orders("dock-1", *words, good=good)

    def apply(self, text, *more, good=(0,)):
        return self.orders("config", "apply", self.overlay(text), *more, good=good)

    def shown(self):
        return self.orders("config", "show")["answer"]

    def state(self):
        return json.loads(self.broker.listen(f"wharf-fleet/1/{SITE}/dock-1/state/json", 1)[0])

    def wait_for(self, version, on_trial, patience_s=40):
        def there():
            state = self.state()
            return (state["health"] != "gone"
                    and int(state.get("configuration_version", 0)) == version
                    and (int(state.get("configuration_confirm_by_us", 0)) != 0) == on_trial
                    and state)
        return wait_until(there, f"version {version}, on trial: {on_trial}", patience_s)

    def wait_for_problem(self, words, patience_s=60):
        def told():
            state = self.state()
            return words in state.get("configuration_problem", "") and state
        state = wait_until(told, f"it says: {words}", patience_s)
        self.assertEqual(int(state.get("configuration_version", 0)), 0)
        return state

    def record(self):
        return pathlib.Path(f"{self.gateway_1.journal}.configuration")

    def test_live_without_dropping_a_connection(self):
        device = self.client(self.gateway_1)
        device.deliver(TOPIC, event(1))
        text = 'log.level = "debug"\ntarget.count.within_ms = 500\n'
        said = self.apply(text, "--confirm-within", "60")
        self.assertEqual(said["answer"], {"confirmed": 0, "in_effect": 1, "on_trial": 1,
                                          "confirm_within_s": 60, "begins_anew": False})
        shown = self.shown()
        self.assertTrue(shown["on_trial"])
        self.assertIn("level = 'debug'", shown["effective"])
        self.assertEqual(shown["overlay"], text)
        self.assertEqual(self.orders("config", "confirm")["code"], "ok")
        device.deliver(TOPIC, event(2), 1, 2)  # the same connection
        state = self.wait_for(1, False)
        self.assertEqual(state.get("configuration_problem", ""), "")
        self.assertEqual(self.gateway_1.end(), 0)
        self.gateway_1.start()
        self.seen("dock-1")
        self.assertEqual(self.shown()["confirmed"], 1)
        self.assertIn("with version 1", self.gateway_1.check()[1])
        self.assertEqual(self.gateway_1.intake()["accepted"], 2)
        # Drift is told by the digest of what is wanted.
        drift = self.ann.asks("config", "drift", self.overlay(text))
        self.assertEqual([one["drift"] for one in drift], [False])
        self.assertEqual(drift[0]["overlay_sha256"], hashlib.sha256(text.encode()).hexdigest())
        drift = self.ann.asks("config", "drift", self.overlay("log.level = 'warn'"), good=(1,))
        self.assertEqual([one["drift"] for one in drift], [True])

    def test_live_goes_back_by_itself(self):
        device = self.client(self.gateway_1)
        self.apply('log.level = "debug"\n', "--confirm-within", "10")
        self.wait_for(1, True)
        state = self.wait_for_problem(
            "version 1 of the configuration was not confirmed within 10 s")
        self.assertIn("the configuration: version 1", " ".join(state["reasons"]))
        device.deliver(TOPIC, event(1))
        shown = self.shown()
        self.assertNotIn("debug", shown["effective"])
        # A person took note.
        self.assertEqual(self.orders("config", "revert")["code"], "ok")
        self.assertEqual(self.shown()["problem"], "")

    def test_with_a_new_run_and_confirmed_by_the_tool(self):
        pid = self.gateway_1.process.pid
        self.client(self.gateway_1).deliver(TOPIC, event(1))
        difference = self.ann.run("--on", "gateway=dock-1", "config", "diff",
                                  self.overlay("listener.receive_maximum = 17\n"))
        self.assertEqual(difference.returncode, 1, difference.stderr)
        self.assertIn("+listener.receive_maximum = 17", difference.stdout)
        self.assertIn("begins anew", difference.stdout)
        said = self.ann.run("--on", "gateway=dock-1", "config", "apply",
                            self.overlay("listener.receive_maximum = 17\n"), "--confirm-within",
                            "60", "--auto-confirm", seconds=90)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        self.assertIn("version 1 of the configuration holds", said.stdout)
        self.assertIsNone(self.gateway_1.process.poll())
        self.assertEqual(self.gateway_1.process.pid, pid)
        self.wait_for(1, False)
        self.client(self.gateway_1).deliver(TOPIC, event(2), 1, 2)
        self.assertEqual(self.gateway_1.intake()["accepted"], 2)
        # An earlier state of things, anew and on trial.
        self.assertEqual(self.orders("config", "revert", "0", "--confirm-within",
                                     "60")["answer"]["on_trial"], 2)
        self.wait_for(2, True)
        self.assertEqual(self.orders("config", "confirm")["code"], "ok")
        self.assertNotIn("receive_maximum", self.shown()["effective"])
        versions = [(one["version"], one["by"], one["held"]) for one in self.shown()["kept"]]
        self.assertEqual(versions, [(1, "ann", True), (2, "ann", True)])

    def test_one_that_cuts_the_link_goes_back_by_itself(self):
        self.apply('fleet.url = "ssl://127.0.0.1:1"\n', "--confirm-within", "10")
        self.wait_for_problem("not confirmed within 10 s")
        self.assertIsNone(self.gateway_1.process.poll())
        self.client(self.gateway_1).deliver(TOPIC, event(1))

    def test_one_with_which_it_cannot_start_goes_back_at_once(self):
        taken = self.managed("dock-2").start()
        self.apply(f"listener.port = {taken.port}\n", "--confirm-within", "600")
        self.wait_for_problem("exit code 71")
        self.assertIsNone(self.gateway_1.process.poll())

    def test_a_kill_or_an_end_in_the_trial_ends_it(self):
        for end in (self.gateway_1.kill, self.gateway_1.end):
            version = self.apply("listener.receive_maximum = 17\n", "--confirm-within",
                                 "600")["answer"]["on_trial"]
            self.wait_for(version, True)
            end()
            self.gateway_1.start()
            self.seen("dock-1")
            self.wait_for_problem(f"version {version} of the configuration was on trial when")
            self.assertEqual(self.orders("config", "confirm", str(version), good=(3,))["code"],
                             "failed")

    def test_what_is_not_valid_or_not_for_the_fleet_is_refused_by_its_key(self):
        for text, key in (("listener.port = 70000\n", "listener.port: expected"),
                          ("log.levle = 1\n", "log.levle: unknown key (did you mean level?)"),
                          ('gateway.name = "x"\n', "gateway.name: is set in the gateway's own file"),
                          ('journal.path = "/tmp/x"\n', "journal.path: is set in"),
                          ('listener.tls.certificate = "/etc/shadow"\nlistener.tls.key = "/x"\n',
                           "listener.tls.certificate: expected a file"),
                          ('[[route]]\ntopic = "a/{nothing}"\ncodec = "json"\n', "topic")):
            said = self.apply(text, good=(3,))
            self.assertEqual(said["code"], "invalid", text)
            self.assertIn(key, " ".join(said["answer"]["problems"]))
            self.assertEqual(self.orders("config", "validate", self.overlay(text),
                                         good=(3,))["code"], "invalid")
        bob = self.people["bob"].orders("dock-1", "config", "apply",
                                        self.overlay("log.level = 'debug'"), good=(3,))
        self.assertEqual(bob["code"], "forbidden")
        self.assertEqual(self.shown()["kept"], [])
        self.apply("log.level = 'debug'\n")
        second = self.apply("log.level = 'warn'\n", good=(3,))
        self.assertEqual(second["code"], "busy")
        self.orders("config", "revert")
        other = self.apply("log.level = 'warn'\n", "--over", "7", good=(3,))
        self.assertIn("conflict", other["message"])

    def test_its_own_file_against_the_overlay_and_a_bad_day(self):
        self.apply("listener.receive_maximum = 17\n", "--auto-confirm")
        self.wait_for(1, False)
        self.assertEqual(self.gateway_1.end(), 0)
        # Another file of its own, with which the overlay does not go together any more.
        kept = self.record() / "1.toml"
        text = kept.read_text()
        kept.write_text("listener.receive_maximum = 18\n")
        self.gateway_1.start()
        self.seen("dock-1")
        self.wait_for_problem("is not what was applied")
        self.assertEqual(self.gateway_1.end(), 0)
        kept.write_text(text)
        self.assertIn("with version 1", self.gateway_1.check()[1])
        self.gateway_1.start()
        self.seen("dock-1")
        self.wait_for(1, False)
        self.gateway_1.ctl("config", "clear")
        self.wait_for(0, False)
        self.assertEqual(self.gateway_1.end(), 0)
        self.assertIn("its own file alone", self.gateway_1.ctl("config", "show"))
        self.gateway_1.ctl("config", "clear")

    def test_a_record_that_is_damaged_is_set_aside(self):
        self.apply("listener.receive_maximum = 17\n", "--auto-confirm")
        self.wait_for(1, False)
        self.gateway_1.kill()
        record = self.record() / "record"
        self.assertEqual(record.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.record().stat().st_mode & 0o777, 0o700)
        bent = bytearray(record.read_bytes())
        bent[-1] ^= 1
        record.write_bytes(bytes(bent))
        self.gateway_1.start()
        self.seen("dock-1")
        self.wait_for_problem("is damaged")
        self.apply("listener.receive_maximum = 19\n", "--auto-confirm")
        self.assertEqual(self.wait_for(1, False).get("configuration_problem", ""), "")


class Cut(FleetTest):
    """Killed at a time that nobody chose, again and again, while it is changed."""

    def test_it_runs_with_one_or_the_other_and_every_order_has_one_outcome(self):
        self.fleet()
        gateway = self.managed("dock-1").start()
        self.seen("dock-1")
        ann = self.people["ann"]
        for number in range(8):
            file = pathlib.Path(self.folder) / "overlay.toml"
            file.write_text(f"listener.receive_maximum = {100 + number}\n")
            order = threading.Thread(target=ann.run, args=(
                "--on", "gateway=dock-1", "--timeout", "25", "config", "apply", str(file),
                "--confirm-within", "600"))
            order.start()
            time.sleep(0.9 + 0.1 * number)
            gateway.kill()
            gateway.start()
            order.join(60)
            time.sleep(2)  # a new run that is on its way
            self.seen("dock-1")
            shown = ann.orders("dock-1", "config", "show")["answer"]
            self.assertEqual(shown["overlay_problem"], "")
            if shown["in_effect"] == 0:
                self.assertNotIn("receive_maximum", shown["effective"])
                continue
            self.assertTrue(shown["on_trial"])
            self.assertIn(shown["overlay"].split(" = ")[1], shown["effective"])
            self.assertEqual(ann.orders("dock-1", "config", "revert",
                                        str(shown["in_effect"]))["code"], "ok")
            time.sleep(2)
            self.seen("dock-1")
        trail = ann.orders("dock-1", "audit", "--limit", "1000")["answer"]
        ids = [entry["id"] for entry in trail
               if entry["command"] == "configuration_apply" and entry["step"] == "done"]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertGreater(len(ids), 2)


if __name__ == "__main__":
    unittest.main()

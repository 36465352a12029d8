#!/usr/bin/env python3
"""A configuration goes over a fleet in waves: the good one to all, the bad one no further than the
first."""
import hashlib
import json
import pathlib
import signal
import subprocess
import time
import unittest

from fleet_rig import SITE, FleetTest, Trickle, free_port, program, wait_until

COUNT = 4
QUICK = ("--gate-s", "6", "--timeout", "40")


class Rollout(FleetTest):
    def setUp(self):
        super().setUp()
        self.fleet()
        self.the_erp = self.erp().start()
        self.gateways = []
        for number in range(1, COUNT + 1):
            one = self.managed(f"dock-{number}", destinations=[self.destination(self.the_erp.url)])
            one.sections["gateway"]["tags"] = ["test" if number == 1 else "production"]
            self.gateways.append(one.start())
        self.names = [one.name for one in self.gateways]
        self.seen(*self.names)
        self.ann = self.people["ann"]
        self.trickle = Trickle(self.gateways, 0.5)

    def destination(self, url):
        return {"name": "erp", "url": url, "batch_max_delay_ms": 50, "backoff_min_ms": 50,
                "backoff_max_ms": 500}

    def overlay(self, text, name="overlay.toml"):
        file = pathlib.Path(self.folder) / name
        file.write_text(text)
        return str(file)

    def roll_out(self, *words, on="gateway=*", good=0, seconds=300):
        done = self.ann.run("--json", "--on", on, *QUICK[2:], "rollout", *words, *QUICK[:2],
                            seconds=seconds)
        self.assertEqual(done.returncode, good, done.stdout + done.stderr)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def shown(self):
        answers = self.ann.asks("config", "show")
        return {name.split("/")[1]: one["answer"] for name, one in answers.items()}

    def running(self):
        """What each runs with: the overlay, and whether it is on trial."""
        return {name: (one["overlay"], one["on_trial"]) for name, one in self.shown().items()}

    def assert_all_run(self, text, names=None):
        running = self.running()
        for name in names or self.names:
            self.assertEqual(running[name], (text, False), running)

    def assert_books_and_erp(self):
        sent = self.trickle.end()
        def all_there():
            return sorted(self.the_erp.applied()) == sorted(sent)
        wait_until(all_there, "each event was applied, once", 60)
        for one in self.gateways:
            self.assert_balanced(one.books())

    def test_good_one_then_a_bad_one_then_back(self):
        good = "listener.receive_maximum = 17\n"
        file = self.overlay(good)
        plan = self.roll_out(file, "--dry-run")
        self.assertEqual([len(wave["gateways"]) for wave in plan["waves"]], [1, 3])
        self.assert_all_run("")
        said = self.roll_out(file, "--waves", "1,50%,100%")
        self.assertEqual([(len(wave["gateways"]), wave["result"]) for wave in said["waves"]],
                         [(1, "confirmed"), (1, "confirmed"), (2, "confirmed")])
        self.assertEqual((said["result"], said["gateways"], said["to_do"]), ("done", COUNT, 0))
        self.assertEqual(said["overlay_sha256"], hashlib.sha256(good.encode()).hexdigest())
        self.assert_all_run(good)
        # Once more: nothing is to do.
        said = self.roll_out(file)
        self.assertEqual((said["already"], said["waves"]), (COUNT, []))

        dead = f"http://127.0.0.1:{free_port()}"
        bad = "[[destination]]\n" + "".join(
            f"{key} = {json.dumps(value)}\n" for key, value in self.destination(dead).items())
        told = self.ann.run("--timeout", "40", "rollout", self.overlay(bad), "--gate-s", "10",
                            "--waves", "50%,100%", seconds=300)
        self.assertEqual(told.returncode, 1, told.stdout + told.stderr)
        self.assertIn("Stopped: ", told.stdout)
        self.assertIn("dock-1: destination erp does not answer", told.stderr)
        self.assertIn("2 of 2 were seen without it", told.stderr)
        shown = self.shown()
        for name in self.names:
            self.assertEqual(shown[name]["overlay"], good)
            # The gateways of the second wave never had it.
            self.assertEqual(len(shown[name]["kept"]), 2 if name in self.names[:2] else 1, shown)

        other = "listener.receive_maximum = 18\n"
        self.roll_out(self.overlay(other), "--waves", "100%", on="tag=production")
        self.assert_all_run(other, self.names[1:])
        # Not all run the same: which one is meant?
        words = self.roll_out("--back", good=3)
        self.assertIn("--on configuration=", words)
        digest = hashlib.sha256(other.encode()).hexdigest()
        said = self.roll_out("--back", "--waves", "1,100%", on=f"configuration={digest[:12]}")
        self.assertEqual((said["kind"], said["gateways"], len(said["waves"])),
                         ("back", COUNT - 1, 2))
        self.assert_all_run(good)
        self.assert_books_and_erp()

    def test_promoted_from_the_test_set(self):
        text = "listener.receive_maximum = 19\n"
        words = self.roll_out("--from", "tag=test", on="tag=production", good=3)
        self.assertIn("own file alone", words)
        self.roll_out(self.overlay(text), on="tag=test")
        self.assert_all_run("", self.names[1:])
        said = self.roll_out("--from", "tag=test", on="tag=production")
        self.assertEqual(said["gateways"], COUNT - 1)
        self.assert_all_run(text)
        live = text + 'gateway.tags = ["production", "cold-store"]\n'
        self.roll_out(self.overlay(live), on="gateway=dock-2")
        listed = self.ann.asks("--on", "tag=cold-*", "fleet", "list", good=(0, 1))
        self.assertEqual([one["gateway"] for one in listed], ["dock-2"])
        words = self.roll_out("--from", "gateway=dock-[", on="tag=test", good=3)
        self.assertIn("no gateway fits --from", words)
        words = self.roll_out("--from", "tag=production", on="tag=test", good=3)
        self.assertIn("nothing is promoted", words)
        self.assert_books_and_erp()

    def test_cut_off_and_gone_on(self):
        file = self.overlay("listener.receive_maximum = 20\n")
        tool = subprocess.Popen(
            [program("WHARFCTL"), "--fleet", str(self.ann.config), "--timeout", "40", "rollout",
             file, "--waves", "1,2,100%", "--gate-s", "6"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(tool.kill)
        self.assertIn("Rolling out", tool.stderr.readline())
        self.assertIn("Wave 1 of 3", tool.stderr.readline())
        time.sleep(1)
        tool.send_signal(signal.SIGINT)
        out, err = tool.communicate(timeout=120)
        self.assertEqual(tool.returncode, 1, out + err)
        self.assertIn("this wave is brought to its end first", err)
        self.assertIn("The same command goes on", out)
        running = self.running()
        self.assertEqual(sum(text != "" for text, _ in running.values()), 1, running)
        self.assertFalse(any(trial for _, trial in running.values()))
        # As far as it is asked to go, and then to the end.
        said = self.roll_out(file, "--waves", "1,2,100%", "--waves-max", "1")
        self.assertEqual((said["result"], said["already"], said["gateways"]), ("paused", 1, 1))
        # One is away: it is left out, with words, until it is there again.
        self.gateways[3].end()
        said = self.roll_out(file, "--waves", "1,2,100%", good=1)
        self.assertEqual([one["gateway"] for one in said["left_out"]], [f"{SITE}/dock-4"])
        self.gateways[3].start()
        self.seen("dock-4")
        said = self.roll_out(file, "--waves", "1,2,100%")
        self.assertEqual((said["result"], said["gateways"]), ("done", 1))
        self.assert_all_run("listener.receive_maximum = 20\n")
        self.assert_books_and_erp()

    def test_refused_and_killed(self):
        # Not valid anywhere; a port that is taken on one of them.
        said = self.roll_out(self.overlay("listener.port = 70000\n"), good=1)
        self.assertIn("invalid", said["waves"][0]["failed"][0]["why"][0])
        taken = self.overlay(f"listener.port = {self.gateways[1].port}\n")
        said = self.roll_out(taken, on="gateway=dock-1", good=1)
        self.assertIn("exit code 71", said["waves"][0]["failed"][0]["why"][0])
        # One may fail: the others keep it.
        said = self.roll_out(taken, "--waves", "100%", "--failures-max", "1", "--dry-run")
        self.assertEqual(said["result"], "planned")
        # A tool that is killed confirms nothing.
        file = self.overlay("listener.receive_maximum = 21\n")
        tool = subprocess.Popen(
            [program("WHARFCTL"), "--fleet", str(self.ann.config), "--timeout", "5", "rollout",
             file, "--waves", "2", "--gate-s", "60", "--confirm-within", "70"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(tool.kill)
        wait_until(lambda: sum(trial for _, trial in self.running().values()) == 2,
                   "two have it on trial", 30)
        tool.kill()
        tool.wait()
        words = self.roll_out(file, good=3)
        self.assertIn("another roll-out of it is under way", words)
        self.assertEqual(self.people["bob"].run("--on", "gateway=dock-4", "rollout", file, *QUICK[:2],
                                                seconds=120).returncode, 1)
        self.ann.asks("--on", "gateway=dock-1", "config", "revert")
        self.ann.asks("--on", "gateway=dock-2", "config", "revert")
        wait_until(lambda: not any(trial for _, trial in self.running().values()),
                   "they are as before", 30)
        self.assert_books_and_erp()


if __name__ == "__main__":
    unittest.main()

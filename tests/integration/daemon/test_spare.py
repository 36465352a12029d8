#!/usr/bin/env python3
"""A killed gateway's journal is taken over by a spare, which goes on without loss or repetition;
and both run by mistake. Witnesses: what the devices saw acknowledged, and the ERP's tables."""
import json
import struct
import subprocess
import threading
import time
import unittest

from daemon_rig import DaemonTest, Erp, event, program, wait_until
from mqtt_bytes import PUBLISH, SUBACK, SUBSCRIBE, Closed, packet, text

TOPIC = "wharf/1/ber1/{}/stock"
KEYS = 4
FENCED = "another gateway has taken over this one's journal"


class SpareTest(DaemonTest):
    SETTINGS = {"batch_max_delay_ms": 10, "batch_max_items": 8, "request_timeout_ms": 1500,
                "connect_timeout_ms": 500, "backoff_min_ms": 20, "backoff_max_ms": 200,
                "circuit_failures": 5, "settle_ms": 2000}

    def setUp(self):
        super().setUp()
        self.central = self.erp()
        self.acknowledged = []
        self.old = self.make("old")
        self.spare = self.make("spare")
        self.file = self.folder / "old.export"

    def make(self, name):
        return self.gateway(name=name, destinations=[{"name": "erp", "url": self.central.url,
                                                      **self.SETTINGS}])

    def publish(self, gateway, device, numbers):
        """One device: waits for each acknowledgement, so that its order is one."""
        client = self.client(gateway, device)
        for number in numbers:
            name = f"{device}-{number}"
            client.deliver(TOPIC.format(device),
                           event(name, stock=f"{device}-{number % KEYS}"),
                           packet_id=number % 60000 + 1)
            self.acknowledged.append(f"e-{name}")
        client.close()

    def take_over(self, gateway=None, *options, source=None):
        spare = gateway or self.spare
        old = source or self.old
        if not self.file.exists():
            old.ctl("journal", "export", str(self.file))
        spare.write_config()
        return json.loads(spare.ctl("--json", "journal", "import", str(self.file), "--into",
                                    str(spare.journal), *options))

    def drain(self, gateway, patience_s=40):
        def drained():
            return gateway.books()["destinations"][0]["pending"] == 0
        try:
            wait_until(drained, "everything is delivered", patience_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{gateway.books()}\n{gateway.tail()}") from None

    def books_of(self, stopped):
        return json.loads(stopped.ctl("--json", "--journal", str(stopped.journal), "books"))

    def refused_by(self, gateway, *words):
        with self.assertRaises(AssertionError) as caught:
            gateway.ctl(*words)
        return str(caught.exception)

    def assert_each_once(self, expected=None, at=None):
        at = at or self.central
        applied = at.applied()
        self.assertEqual(len(applied), len(set(applied)), "nothing twice")
        if expected is None:
            self.assertEqual(set(self.acknowledged) - set(applied), set(), "nothing lost")
        else:
            self.assertEqual(set(applied), set(expected))
        by_key = {}
        for name in applied:
            device, number = name[2:].rsplit("-", 1)
            by_key.setdefault((device, int(number) % KEYS), []).append(int(number))
        for key, numbers in by_key.items():
            self.assertEqual(numbers, sorted(numbers), f"{key} in order")
        stock = at.rows("quantity", "stock", "stock_key")
        self.assertEqual(sum(int(row[0]) for row in stock), len(applied) * 10 ** 9)

    def wait_until_fenced(self, gateway):
        return wait_until(lambda: gateway.status()["fenced"], "it is fenced")


class Takeover(SpareTest):
    def device(self, name, stop):
        """Publishes until the gateway dies; what it does not hear of it sends again to the spare."""
        number = 0
        try:
            client = self.client(self.old, name)
            while not stop.is_set():
                number += 1
                client.deliver(TOPIC.format(name), event(f"{name}-{number}",
                                                         stock=f"{name}-{number % KEYS}"),
                               packet_id=number % 60000 + 1)
                self.acknowledged.append(f"e-{name}-{number}")
        except (Closed, OSError):
            pass
        self.unheard[name] = number

    def test_a_gateway_killed_in_the_middle_of_traffic_is_continued(self):
        self.central.start("--misbehave", json.dumps({
            "delay_after_ms": {"min": 5, "max": 60}, "drop_after": 0.1, "error_503": 0.1}))
        self.old.start()
        watcher = self.client(self.old, "watcher", clean=False)
        wanted = text("wharf/1/ber1/d0/#") + b"\x01"
        watcher.send(packet(SUBSCRIBE, 2, struct.pack(">H", 1) + wanted))
        watcher.expect(SUBACK, 1)
        watcher.close()
        self.client(self.old, "bad").deliver(TOPIC.format("bad"), b"not json")
        self.unheard = {}
        stop = threading.Event()
        devices = [threading.Thread(target=self.device, args=(f"d{n}", stop)) for n in range(3)]
        for one in devices:
            one.start()
        wait_until(lambda: len(self.acknowledged) > 300, "some traffic", 60)
        self.old.kill()
        for one in devices:
            one.join()
        before = self.books_of(self.old)
        told = json.loads(self.old.ctl("--json", "journal", "export", str(self.file)))
        self.assertEqual(told["last_event"], before["intake"]["accepted"])
        taken = self.take_over()
        self.assertEqual((taken["takeover"], taken["after"]), (1, told["last_event"]))
        self.assertEqual(self.books_of(self.spare), before)

        self.spare.start()
        status = self.spare.status()
        self.assertEqual((status["takeover"], status["epoch"]), (1, taken["epoch"]))
        # The devices do as devices do: what was not acknowledged comes again, then they go on.
        for name, number in self.unheard.items():
            self.publish(self.spare, name, range(number, number + 40))
        self.central.control({"clear": True})
        self.drain(self.spare)
        self.assert_each_once()
        books = self.spare.books()
        self.assert_balanced(books)
        self.assertEqual(books["destinations"][0]["applied"], len(self.central.applied()))
        self.assertEqual(books["intake"]["accepted"], len(self.central.applied()))
        self.assertEqual(books["intake"]["quarantined"], 1)
        self.assertEqual(self.spare.status()["quarantine"], 1)

        # Names: those from before are kept, new ones are of the takeover.
        epochs = dict(self.central.rows("sequence, epoch", order="sequence"))
        old_epoch = json.loads(self.old.ctl("--json", "journal", "stat"))["epoch"]
        for sequence, epoch in epochs.items():
            self.assertEqual(epoch, old_epoch if sequence <= taken["after"]
                             else int(taken["epoch"], 16))
        self.assertEqual(len(epochs), books["intake"]["accepted"])
        self.assertEqual(self.central.rows("takeover, epoch", "gateways", "gateway"),
                         [(1, taken["epoch"])])

        # A session that was made at the old one has its messages from there.
        watcher = self.client(self.spare, "watcher", clean=False)
        self.assertTrue(watcher.session_present)
        self.assertIn(b"d0-1", watcher.expect(PUBLISH).body)
        self.assertEqual(self.spare.end(), 0)
        self.assertIn("sound", self.spare.ctl("journal", "verify"))

    def test_what_the_old_one_knew_as_a_duplicate_is_one(self):
        self.old.start()
        self.publish(self.old, "d", range(1, 11))
        self.old.kill()
        self.take_over()
        self.spare.start()
        self.publish(self.spare, "d", range(1, 11))
        self.assertEqual(self.spare.intake(), {"received": 20, "refused": 0, "quarantined": 0,
                                               "duplicate": 10, "accepted": 10})

    def test_through_a_pipe_and_back_to_the_first(self):
        self.central.start()
        self.old.start()
        self.publish(self.old, "d", range(1, 11))
        self.assertEqual(self.old.end(), 0)
        self.spare.write_config()
        ctl = program("WHARFCTL")
        done = subprocess.run(f"{ctl} --config {self.old.config} journal export - | "
                              f"{ctl} --config {self.spare.config} journal import - "
                              f"--into {self.spare.journal}", shell=True, capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("takeover 1", done.stdout)
        self.spare.start()
        self.publish(self.spare, "d", range(11, 21))
        self.drain(self.spare)
        self.assertEqual(self.spare.end(), 0)
        # The first is mended: it takes over in its turn.
        back = self.make("back")
        self.assertEqual(self.take_over(back, source=self.spare)["takeover"], 2)
        back.start()
        self.publish(back, "d", range(21, 31))
        self.drain(back)
        self.assert_each_once([f"e-d-{n}" for n in range(1, 31)])
        self.assertEqual(len({row[0] for row in self.central.rows("epoch")}), 3)


class Refusals(SpareTest):
    def test_a_running_gateway_is_not_exported(self):
        self.old.start()
        said = self.refused_by(self.old, "journal", "export", str(self.file))
        self.assertIn("Stop its wharfd first", said)
        self.assertFalse(self.file.exists())

    def test_an_import_replaces_nothing_and_takes_the_name(self):
        self.old.start()
        self.publish(self.old, "d", range(1, 4))
        self.old.kill()
        self.take_over()
        again = ("journal", "import", str(self.file), "--into", str(self.spare.journal))
        self.assertIn("has a journal already", self.refused_by(self.spare, *again))
        self.assertIn("replaces no file",
                      self.refused_by(self.old, "journal", "export", str(self.file)))
        other = self.gateway(name="other", gateway={"name": "WH8"})
        other.write_config()
        self.assertIn("Set gateway.name",
                      self.refused_by(other, "journal", "import", str(self.file), "--into",
                                      str(other.journal)))
        self.assertFalse(other.journal.exists())


class Both(SpareTest):
    """The old gateway runs although a spare has taken over."""

    def leave_a_backlog(self, count=20):
        self.old.start()
        self.publish(self.old, "d", range(1, count + 1))
        self.old.kill()

    def assert_fenced(self, gateway):
        self.wait_until_fenced(gateway)
        status = gateway.status()
        self.assertEqual(status["status"], "failing")
        self.assertIn(FENCED, status["reasons"][0])
        self.assertFalse(status["listener"]["listening"])
        self.assertEqual(status["destinations"][0]["circuit"], "stopped")
        self.assertIn("taken over", self.refused_by(gateway, "resume", "erp"))

    def test_the_old_one_is_fenced_for_good_and_nothing_is_lost_or_twice(self):
        self.leave_a_backlog()
        self.take_over()
        # It comes back by itself, takes events, and the ERP is away: nobody has told it yet.
        self.old.start()
        self.publish(self.old, "late", range(1, 6))
        self.old.kill()
        self.central.start()
        self.spare.start()
        self.publish(self.spare, "d", range(21, 31))
        self.drain(self.spare)

        self.central.end()
        self.old.start()
        device = self.client(self.old, "waits")
        self.central.start()
        self.assert_fenced(self.old)
        self.assertEqual(device.rest(), [], "the door is closed")
        self.assert_each_once([f"e-d-{n}" for n in range(1, 31)])
        self.assertEqual(self.old.end(), 0)
        asked = self.central.stats()["requests"]
        self.old.start(ready=False)
        wait_until(lambda: self.old.said("nothing is taken and nothing is delivered"), "it starts")
        self.assert_fenced(self.old)
        time.sleep(0.5)
        self.assertEqual(self.central.stats()["requests"], asked, "it does not even ask")
        self.assertEqual(self.old.end(), 0)

        # What a person does: the runbook.
        left = [json.loads(line) for line in self.old.ctl(
            "--json", "journal", "dump", "--undelivered", "--from", "21").splitlines()]
        self.assertEqual([one["stored"]["event"]["event_id"] for one in left],
                         [f"e-late-{n}" for n in range(1, 6)])
        client = self.client(self.spare, "person")
        for number, one in enumerate(left, 1):
            stored = one["stored"]
            self.assertTrue(one["idempotency_key"].startswith("WH7-"))
            topic = f"wharf/1/{stored['site']}/{stored['device']}/{stored['stream']}"
            client.deliver(topic, json.dumps(stored["event"]).encode(), packet_id=number)
        self.publish(self.spare, "late", range(5, 7))  # its last one again, and a new one
        self.drain(self.spare)
        self.assert_each_once()
        self.assertEqual(self.spare.intake()["duplicate"], 1)

    def test_both_at_once_with_an_erp_that_knows_takeovers(self):
        self.leave_a_backlog(200)
        self.take_over()
        self.central.start("--misbehave", json.dumps({"delay_after_ms": {"min": 5, "max": 30}}))
        self.old.start()
        self.spare.start()
        self.wait_until_fenced(self.old)
        self.drain(self.spare)
        self.assert_each_once([f"e-d-{n}" for n in range(1, 201)])
        self.assertGreater(self.central.stats()["fenced"], 0)
        self.assert_balanced(self.old.books())
        self.assert_balanced(self.spare.books())

    def test_both_at_once_with_an_erp_that_does_not(self):
        self.leave_a_backlog(200)
        self.take_over()
        self.central.start("--no-takeovers", "--misbehave",
                           json.dumps({"delay_after_ms": {"min": 5, "max": 30}}))
        self.old.start()
        self.spare.start()
        self.publish(self.old, "o", range(1, 21))
        self.publish(self.spare, "s", range(1, 21))
        self.drain(self.old)
        self.drain(self.spare)
        # The same sequences, other events: under names of their own.
        self.assert_each_once([f"e-d-{n}" for n in range(1, 201)] +
                              [f"e-{d}-{n}" for d in "os" for n in range(1, 21)])

    def test_a_fence_of_one_destination_stops_all_of_them(self):
        (self.folder / "far").mkdir()
        far = Erp(self.folder / "far", "--no-takeovers")
        self.addCleanup(far.cleanup)
        for one in (self.old, self.spare):
            one.sections["destination"].append({"name": "far", "url": far.url, **self.SETTINGS})
        self.leave_a_backlog()
        self.take_over()
        self.central.start()
        self.spare.start()
        wait_until(lambda: self.spare.books()["destinations"][0]["pending"] == 0, "one has it all")
        self.old.start()
        self.assert_fenced(self.old)
        wait_until(lambda: {one["circuit"] for one in self.old.status()["destinations"]} ==
                   {"stopped"}, "both have stopped")
        far.start()
        wait_until(lambda: self.spare.books()["destinations"][1]["pending"] == 0, "so has the other")
        time.sleep(0.5)
        self.assertEqual(self.old.books()["destinations"][1]["pending"], 20)
        self.assertEqual(far.stats()["items_already_applied"], 0)
        for each in (far, self.central):
            self.assert_each_once([f"e-d-{n}" for n in range(1, 21)], at=each)

    def test_of_two_spares_of_one_export_the_first_to_speak_goes_on(self):
        self.leave_a_backlog()
        self.take_over()
        second = self.make("second")
        self.take_over(second)
        self.central.start()
        self.spare.start()
        self.drain(self.spare)
        second.start()
        self.assert_fenced(second)
        # The first is lost with its disk: a person gives the second a higher number.
        self.spare.kill()
        second.end()
        third = self.make("third")
        self.assertEqual(self.take_over(third, "--takeover", "2")["takeover"], 2)
        third.start()
        self.publish(third, "d", range(21, 26))
        self.drain(third)
        self.assert_each_once([f"e-d-{n}" for n in range(1, 26)])


if __name__ == "__main__":
    unittest.main()

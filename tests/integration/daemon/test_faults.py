#!/usr/bin/env python3
"""Kills, failing writes, a full disk and a full journal: what was acknowledged is there, what
cannot be made durable is not acknowledged, and the gateway says why."""
import json
import random
import re
import signal
import threading
import time
import unittest

from daemon_rig import DaemonTest, event, free_port, wait_until
from mqtt_bytes import PUBACK, PUBCOMP, PUBREC, Closed

TOPIC = "wharf/1/ber1/scanner-07/stock"
COMMIT_UNKNOWN = 70


def event_ids(gateway):
    """Of all events in the journal, in its order."""
    lines = gateway.ctl("journal", "dump", "--json").splitlines()
    return [json.loads(line)["stored"]["event"]["event_id"] for line in lines]


class Kills(DaemonTest):
    def publish_until_it_dies(self, gateway, device, number, acknowledged):
        """One device: sends on without waiting, and notes what was acknowledged."""
        try:
            client = self.client(gateway, device)
            packet_id = 0
            while True:
                for _ in range(20):
                    packet_id += 1
                    client.publish(TOPIC, event(f"{device}-{number}-{packet_id}"), 1, packet_id)
                for _ in range(20):
                    answer = client.expect(PUBACK)
                    acknowledged.append(f"e-{device}-{number}-{answer.packet_id()}")
        except (Closed, OSError):
            pass

    def test_nothing_acknowledged_is_lost_by_kills(self):
        gateway = self.gateway()
        rng = random.Random(7)
        acknowledged = []
        for number in range(6):
            gateway.start()
            before = len(acknowledged)
            threads = [threading.Thread(target=self.publish_until_it_dies,
                                        args=(gateway, f"scanner-{d}", number, acknowledged))
                       for d in range(3)]
            for thread in threads:
                thread.start()
            wait_until(lambda: len(acknowledged) > before + rng.randrange(20, 200), "some messages")
            gateway.kill()
            for thread in threads:
                thread.join()
        gateway.start()
        books = gateway.books()
        self.assert_balanced(books)
        stored = event_ids(gateway)
        self.assertEqual(len(stored), len(set(stored)))
        self.assertEqual(set(acknowledged) - set(stored), set())
        self.assertEqual(books["intake"]["accepted"], len(stored))
        self.assertEqual(books["intake"]["received"], books["intake"]["accepted"])


class FailingCommits(DaemonTest):
    """Faults of the lost-writes layer: tests/chaos/README.md."""

    JOURNAL = {"ring_mb": 0}

    def setUp(self):
        super().setUp()
        self.daemon = self.gateway(journal=self.JOURNAL).start_with_faults()

    def assert_ends_without_an_answer(self, fault, words):
        client = self.client(self.daemon, "scanner")
        client.deliver(TOPIC, event(1), packet_id=1)
        self.daemon.plan_faults(fault)
        client.publish(TOPIC, event(2), 1, 2)
        self.assertEqual(client.rest(), [], "no PUBACK, and the connection is gone")
        self.assertEqual(self.daemon.wait(), COMMIT_UNKNOWN)
        last = self.daemon.said("cannot go on")
        self.assertIsNotNone(last, self.daemon.tail())
        self.assertIn(words, last["reason"])
        self.assertEqual(last["level"], "error")

        # The client does as clients do: it sends it again.
        self.daemon.start()
        self.assertEqual(event_ids(self.daemon)[0], "e-1")
        client = self.client(self.daemon, "scanner")
        client.publish(TOPIC, event(2), 1, 2, dup=True)
        client.expect(PUBACK, 2)
        self.assertEqual(event_ids(self.daemon), ["e-1", "e-2"])
        self.assert_balanced(self.daemon.books())
        self.assertEqual(self.daemon.intake()["accepted"], 2)

    def test_a_failed_sync_ends_the_process(self):
        self.assert_ends_without_an_answer("fdatasync:EIO:1", "Input/output error")

    def test_a_failed_meta_write_ends_the_process(self):
        self.assert_ends_without_an_answer("meta:EIO:1", "Input/output error")

    def test_a_failed_page_write_ends_the_process(self):
        self.assert_ends_without_an_answer("pwrite:EIO:1", "Input/output error")

    def test_a_meta_write_without_space_ends_the_process(self):
        self.assert_ends_without_an_answer("meta:ENOSPC:1", "No space left")

    def test_without_a_durable_first_commit_it_does_not_listen(self):
        self.daemon.end()
        with self.assertRaisesRegex(AssertionError, "wharfd ended with 71"):
            self.daemon.start_with_faults("fdatasync:EIO:1+")
        self.assertIsNone(self.daemon.said("listening"))
        self.assertIn("Input/output error", self.daemon.said("cannot start")["reason"])


class FailingRing(FailingCommits):
    """The same before LMDB: a record that cannot be written, a checkpoint that fails."""
    JOURNAL = {"ring_mb": 4, "checkpoint_s": 1}

    # A record is a durable write of its own, as a meta page is.
    def test_a_failed_record_ends_the_process(self):
        self.assert_ends_without_an_answer("meta:EIO:1", "write to the ring")

    def assert_a_checkpoint_ends_it(self, fault):
        client = self.client(self.daemon, "scanner")
        self.daemon.plan_faults(fault)
        client.deliver(TOPIC, event(1), packet_id=1)
        self.assertEqual(self.daemon.wait(), COMMIT_UNKNOWN)
        self.assertIn("Input/output error", self.daemon.said("cannot go on")["reason"])
        self.daemon.start()
        self.assertEqual(event_ids(self.daemon), ["e-1"], "what was acknowledged is in the ring")
        self.assert_balanced(self.daemon.books())

    def test_a_failed_sync_ends_the_process(self):
        self.assert_a_checkpoint_ends_it("fdatasync:EIO:1")

    def test_a_failed_page_write_ends_the_process(self):
        self.assert_a_checkpoint_ends_it("pwrite:EIO:1")

    def test_without_space_a_checkpoint_waits_and_devices_do_not(self):
        client = self.client(self.daemon, "scanner")
        self.daemon.plan_faults("pwrite:ENOSPC:1+")
        client.deliver(TOPIC, event(1), packet_id=1)

        def refused():
            _, _, page = self.daemon.page("/metrics")
            found = re.search(r"^wharf_journal_checkpoints_refused_total (\d+)$", page, re.M)
            return int(found[1])

        wait_until(lambda: refused() > 0, "a checkpoint is put off")
        client.deliver(TOPIC, event(2), packet_id=2)
        self.assertIsNone(self.daemon.said("withheld"))
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(event_ids(self.daemon), ["e-1", "e-2"])


class FullDisk(DaemonTest):
    def test_acknowledgements_wait_for_space_and_then_come_without_a_restart(self):
        gateway = self.gateway(journal={"ring_mb": 0}).start_with_faults()
        process = gateway.process.pid
        scanner = self.client(gateway, "scanner")
        other = self.client(gateway, "other", version=5)
        scanner.deliver(TOPIC, event(1), packet_id=1)
        gateway.plan_faults("pwrite:ENOSPC:1+")
        for number in range(2, 12):
            scanner.publish(TOPIC, event(number), 1, number)
        other.publish(TOPIC, event("other"), 2, 1)
        wait_until(lambda: gateway.said("acknowledgements are withheld"), "it says so")
        for client in (scanner, other):
            client.ping()  # the only answer: no PUBACK came before it
        self.assertEqual(gateway.intake()["received"], 1)
        self.assertIn("No space left", gateway.said("acknowledgements are withheld")["reason"])
        status, _, text = gateway.page("/healthz")
        self.assertEqual((status, json.loads(text)["status"]), (503, "failing"))
        self.assertIsNone(scanner.receive(timeout_s=0.5))

        gateway.plan_faults("")
        for number in range(2, 12):
            scanner.expect(PUBACK, number)
        other.expect(PUBREC, 1)
        other.release(1)
        other.expect(PUBCOMP, 1)
        self.assertIsNone(gateway.process.poll())
        self.assertEqual(gateway.process.pid, process)
        self.assertEqual(gateway.intake(), {"received": 12, "refused": 0, "quarantined": 0,
                                            "duplicate": 0, "accepted": 12})
        self.assertIsNotNone(gateway.said("there is space again"))
        withheld = [line for line in gateway.log_lines() if "withheld" in line["message"]]
        self.assertEqual(len(withheld), 1, "said once, not once a try")

    def test_a_kill_while_the_disk_is_full_loses_nothing_acknowledged(self):
        gateway = self.gateway(journal={"ring_mb": 0}).start_with_faults()
        client = self.client(gateway, "scanner")
        client.deliver(TOPIC, event(1), packet_id=1)
        gateway.plan_faults("pwrite:ENOSPC:1+")
        client.publish(TOPIC, event(2), 1, 2)
        wait_until(lambda: gateway.said("acknowledgements are withheld"), "it says so")
        gateway.kill()
        self.assertEqual(client.rest(), [])
        gateway.start()
        self.assertEqual(event_ids(gateway), ["e-1"])


class FullJournal(DaemonTest):
    """An ERP that is away and a small quota: what is undelivered is never taken away."""
    EVENTS = 50  # of a message
    WINDOW = 16  # messages under way

    def fill(self, gateway, client):
        """Publishes until nothing is acknowledged any more: how many messages were."""
        references = [{"type": "order", "id": "x" * 60 + str(n)} for n in range(16)]
        sent, acknowledged = 0, 0
        while sent < 2000:
            while sent - acknowledged < self.WINDOW:
                sent += 1
                events = [json.loads(event(f"{sent}-{n}", references=references))
                          for n in range(self.EVENTS)]
                client.publish(TOPIC, json.dumps(events).encode(), 1, sent)
            answer = client.receive(timeout_s=1.5)
            if answer is None:
                return acknowledged
            acknowledged += 1
            self.assertEqual((answer.kind, answer.packet_id()), (PUBACK, acknowledged))
        self.fail(f"the journal of 16 MiB is not full after {sent * self.EVENTS} events")

    def test_when_the_erp_is_back_space_comes_and_the_acknowledgements_follow(self):
        central = self.erp()
        gateway = self.gateway(
            journal={"size_max_mb": 16},
            destinations=[{"name": "erp", "url": central.url, "backoff_min_ms": 20,
                           "backoff_max_ms": 200, "circuit_failures": 1000}])
        gateway.start()
        client = self.client(gateway, "scanner")
        messages = self.fill(gateway, client)
        central.start()
        for packet_id in range(messages + 1, messages + self.WINDOW + 1):
            client.expect(PUBACK, packet_id)
        count = (messages + self.WINDOW) * self.EVENTS
        wait_until(lambda: gateway.books()["destinations"][0]["applied"] == count,
                   "everything is in the ERP")
        self.assert_balanced(gateway.books())
        applied = central.applied()
        self.assertEqual((len(applied), len(set(applied))), (count, count))
        self.assertIsNotNone(gateway.said("there is space again"))

    def test_what_may_be_shed_gives_way_and_nothing_else(self):
        central = self.erp()
        gateway = self.gateway(
            journal={"size_max_mb": 16},
            **{"lane.telemetry": {"sheddable": True}, "lanes.kinds": {"milestone": "telemetry"}},
            destinations=[{"name": "erp", "url": central.url, "backoff_min_ms": 20,
                           "backoff_max_ms": 200}])
        gateway.start()
        client = self.client(gateway, "scanner")

        def publish(number):
            """Ten of stock and ninety that only tell of where something is."""
            events = [json.loads(event(f"{number}-{n}")) for n in range(10)]
            events += [{"event_id": f"m-{number}-{n}",
                        "references": [{"type": "document", "id": "x" * 50 + f"{number}-{n}-{k}"}
                                       for k in range(16)],
                        "milestone": {"shipment": f"s-{number}-{n}", "code": "departed"}}
                       for n in range(90)]
            client.publish(TOPIC, json.dumps(events).encode(), 1, number)
        # Many times what fits: each is acknowledged in the end, because others gave way.
        count = 400
        for number in range(1, count + 1):
            publish(number)
            answer = client.receive(timeout_s=30)
            self.assertEqual((answer.kind, answer.packet_id()), (PUBACK, number))
        at = gateway.books()["destinations"][0]
        self.assertGreater(at["shed"], 10_000)
        self.assert_balanced(gateway.books())
        self.assertIsNotNone(gateway.said("lanes that may be shed"))
        gateway.kill()
        gateway.start()
        gateway.ctl("journal", "verify")
        central.start()
        wait_until(lambda: gateway.books()["destinations"][0]["pending"] == 0, "it is delivered",
                   patience_s=60)
        applied = central.applied()
        self.assertEqual(len(applied), len(set(applied)))
        stock = {one for one in applied if one.startswith("e-")}
        self.assertEqual(len(stock), 10 * count)
        at = gateway.books()["destinations"][0]
        self.assertEqual((at["applied"] + at["shed"], at["dead"]), (100 * count, 0))
        self.assertEqual(at["applied"], len(applied))
        self.assert_balanced(gateway.books())

    def test_at_the_quota_it_withholds_pings_and_does_not_spin(self):
        gateway = self.gateway(
            journal={"size_max_mb": 16},
            destinations=[{"name": "erp", "url": f"http://127.0.0.1:{free_port()}"}])
        gateway.start()
        client = self.client(gateway, "scanner")
        stored = self.fill(gateway, client) * self.EVENTS
        self.assertGreater(stored, 1000)

        cpu_s, began = gateway.cpu_s(), time.monotonic()
        while time.monotonic() - began < 2:
            client.ping()
            time.sleep(0.2)
        self.assertLess(gateway.cpu_s() - cpu_s, 0.4, "two seconds of waiting")
        self.assertTrue(gateway.status()["journal"]["full"])
        self.client(gateway, "newcomer", clean=False).ping()

        books = gateway.books()
        self.assert_balanced(books)
        self.assertEqual(books["intake"]["accepted"], stored)
        self.assertEqual(books["destinations"][0]["pending"], stored)

        gateway.signal(signal.SIGTERM)
        self.assertEqual([p.kind for p in client.rest()], [])
        self.assertEqual(gateway.wait(), 0)
        gateway.start()
        self.assertEqual(gateway.intake()["accepted"], stored)


if __name__ == "__main__":
    unittest.main()

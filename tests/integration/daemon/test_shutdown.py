#!/usr/bin/env python3
"""The daemon as its service manager and its monitoring see it: ready, asked to stop, healthy, and
what its log never says."""
import json
import math
import os
import re
import signal
import socket
import threading
import unittest

from daemon_rig import DaemonTest, event, free_port, wait_until
from mqtt_bytes import DISCONNECT, PUBACK, Closed, publish_packet

TOPIC = "wharf/1/ber1/scanner-07/stock"


class Stop(DaemonTest):
    def publish_until_goodbye(self, client, sent, acknowledged, goodbyes):
        packet_id = 0
        try:
            while True:
                for _ in range(10):
                    packet_id += 1
                    sent.append(packet_id)
                    client.publish(TOPIC, event(f"{id(client)}-{packet_id}"), 1, packet_id)
                for _ in range(10):
                    answer = client.receive()
                    if answer.kind == DISCONNECT:
                        goodbyes.append(answer.body[:1])
                        return
                    acknowledged.append(answer.packet_id())
        except (Closed, OSError):
            goodbyes.append(None)
        finally:
            client.close()

    def test_publishes_in_flight_are_committed_or_unanswered_and_it_ends_with_0(self):
        gateway = self.gateway().start()
        devices = []
        for number in range(6):
            client = self.client(gateway, f"scanner-{number}", version=5 if number % 2 else 4)
            parts = ([], [], [])
            thread = threading.Thread(target=self.publish_until_goodbye, args=(client, *parts))
            devices.append((client, thread, *parts))
            thread.start()
        wait_until(lambda: all(len(acknowledged) > 30 for *_, acknowledged, _ in devices),
                   "traffic")
        gateway.signal(signal.SIGTERM)
        self.assertEqual(gateway.wait(), 0)
        for client, thread, *_, goodbyes in devices:
            thread.join()
            self.assertEqual(goodbyes, [b"\x8b"] if client.version == 5 else [None])
        self.assertEqual(gateway.log_lines()[-1]["message"], "stopped")

        gateway.start()
        stored = gateway.ctl("journal", "dump", "--json")
        for client, _, sent, acknowledged, _ in devices:
            for packet_id in acknowledged:
                self.assertIn(f'"e-{id(client)}-{packet_id}"', stored)
            self.assertLessEqual(len(acknowledged), len(sent))
        count = sum(len(acknowledged) for *_, acknowledged, _ in devices)
        self.assertGreaterEqual(gateway.intake()["accepted"], count)
        self.assert_balanced(gateway.books())

    def test_what_came_before_the_signal_is_acknowledged_before_the_goodbye(self):
        gateway = self.gateway(journal={"ring_mb": 0}).start_with_faults()
        client = self.client(gateway, "scanner", version=5)
        gateway.plan_faults("pwrite:ENOSPC:1+")
        client.send(b"".join(publish_packet(TOPIC, event(n), 1, n, 5) for n in range(1, 51)))
        wait_until(lambda: gateway.said("withheld"), "the acknowledgements are withheld")
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: gateway.said("stopping"), "it stops")
        gateway.plan_faults("")
        answers = client.rest()
        client.close()
        self.assertEqual([a.kind for a in answers], [PUBACK] * 50 + [DISCONNECT])
        self.assertEqual(gateway.wait(), 0)

    def test_an_idle_client_is_told_and_the_listener_takes_nobody_any_more(self):
        gateway = self.gateway().start()
        client = self.client(gateway, "idle", version=5)
        gateway.signal(signal.SIGTERM)
        self.assertEqual([(p.kind, p.body[:1]) for p in client.rest()], [(DISCONNECT, b"\x8b")])
        client.close()
        self.assertEqual(gateway.wait(), 0)
        with socket.socket() as probe:
            self.assertNotEqual(probe.connect_ex(("127.0.0.1", gateway.port)), 0)
        self.assertFalse(gateway.socket.exists(), "its admin socket is gone")

    def test_sigint_is_a_stop_too(self):
        gateway = self.gateway().start()
        gateway.signal(signal.SIGINT)
        self.assertEqual(gateway.wait(), 0)


class ServiceManager(DaemonTest):
    def setUp(self):
        super().setUp()
        self.path = str(self.folder / "notify")
        self.inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.inbox.close)
        self.inbox.bind(self.path)
        self.inbox.settimeout(10)

    def next(self):
        return self.inbox.recv(4096).decode().splitlines()

    def next_with(self, what):
        """Others, such as a watchdog's, may come between."""
        for _ in range(100):
            if what in (found := self.next()):
                return found
        self.fail(f"{what} did not come")

    def test_it_is_told_when_the_gateway_listens_and_when_it_stops(self):
        gateway = self.gateway().start({"NOTIFY_SOCKET": self.path}, ready=False)
        self.next_with("READY=1")
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5):
            pass  # it listens
        gateway.signal(signal.SIGTERM)
        self.next_with("STOPPING=1")
        self.assertEqual(gateway.wait(), 0)

    def test_it_hears_that_the_gateway_is_alive_where_it_watches(self):
        self.gateway().start({"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": "60000000"}, ready=False)
        self.next_with("READY=1")
        for _ in range(2):
            self.assertEqual(self.next(), ["WATCHDOG=1"])

    def test_it_is_not_told_ready_by_a_gateway_that_cannot_start(self):
        gateway = self.gateway()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", gateway.port))
            taken.listen()
            gateway.start({"NOTIFY_SOCKET": self.path}, ready=False)
            self.assertEqual(gateway.wait(), 71)
        self.inbox.setblocking(False)
        self.assertRaises(BlockingIOError, self.inbox.recv, 4096)


SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def parse_metrics(text):
    """Prometheus' text: {(name, labels): value} and {family: type}. Raises where it is not that."""
    samples, types, helps = {}, {}, set()
    if not text.endswith("\n"):
        raise ValueError("the last line has no end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            if name in helps:
                raise ValueError(f"two HELP lines: {line}")
            helps.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if name in types or kind not in ("counter", "gauge", "histogram", "summary"):
                raise ValueError(f"bad TYPE line: {line}")
            types[name] = kind
        elif line and not line.startswith("#"):
            found = SAMPLE.match(line)
            if not found:
                raise ValueError(f"not a sample: {line}")
            labels = found[2] or ""
            if LABEL.sub("", labels):
                raise ValueError(f"bad labels: {line}")
            key = (found[1], tuple(sorted(LABEL.findall(labels))))
            if key in samples:
                raise ValueError(f"twice: {line}")
            family = re.sub("_(bucket|sum|count)$", "", found[1])
            if found[1] not in types and types.get(family) != "histogram":
                raise ValueError(f"no TYPE before {line}")
            samples[key] = float(found[3])
    return samples, types


class Monitoring(DaemonTest):
    def test_healthz_and_metrics_are_well_formed_and_say_what_happened(self):
        gateway = self.gateway().start()
        client = self.client(gateway, "scanner")
        for number in range(1, 6):
            client.deliver(TOPIC, event(number), packet_id=number)
        client.deliver(TOPIC, b"not an event", packet_id=6)
        client.deliver(TOPIC, event(1), packet_id=7)

        status, kind, text = gateway.page("/healthz")
        self.assertEqual((status, kind), (200, "application/json"))
        health = json.loads(text)
        self.assertEqual(health["status"], "degraded")
        self.assertIn("1 message in quarantine", " ".join(health["reasons"]))

        status, kind, text = gateway.page("/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(kind.startswith("text/plain; version=0.0.4"), kind)
        samples, types = parse_metrics(text)
        for name, family in types.items():
            self.assertTrue(name.startswith("wharf_"), name)
            if family == "counter":
                self.assertTrue(name.endswith("_total"), name)
        self.assertFalse([key for key, value in samples.items() if math.isnan(value)])
        intake = {dict(labels)["outcome"]: value for (name, labels), value in samples.items()
                  if name == "wharf_events_intake_total"}
        self.assertEqual(intake, {"refused": 0, "quarantined": 1, "duplicate": 1, "accepted": 5})
        self.assertEqual(samples["wharf_events_received_total", ()], 7)
        self.assert_histograms(samples, types)

    def assert_histograms(self, samples, types):
        for family in (name for name, kind in types.items() if kind == "histogram"):
            buckets = [(dict(labels)["le"], value) for (name, labels), value in samples.items()
                       if name == family + "_bucket"]
            values = [value for le, value in sorted(buckets, key=lambda b: float(b[0]))]
            self.assertEqual(values, sorted(values), f"{family} is cumulative")
            self.assertIn("+Inf", [le for le, _ in buckets])

    def test_other_paths_and_methods_are_refused(self):
        gateway = self.gateway().start()
        self.assertEqual(gateway.page("/v1/books")[0], 404, "commands are for the Unix socket")
        self.assertEqual(gateway.page("/")[0], 404)
        self.assertEqual(gateway.ask("/nothing")[0], 404)
        self.assertEqual(gateway.ask("/v1/books", "DELETE")[0], 405)

    def test_the_admin_socket_is_for_its_owner_and_group_alone(self):
        gateway = self.gateway().start()
        self.assertEqual(os.stat(gateway.socket).st_mode & 0o007, 0)

    def test_no_secret_and_no_payload_in_the_log(self):
        token = self.folder / "token"
        token.write_text("s3cret-t0ken-4711\n")
        gateway = self.gateway(
            destinations=[{"name": "erp", "url": f"http://127.0.0.1:{free_port()}",
                           "token_file": str(token), "backoff_min_ms": 50}],
            log={"level": "trace"})
        gateway.start()
        client = self.client(gateway, "scanner", version=5)
        client.deliver(TOPIC, event(1, user="private-person"), packet_id=1)
        client.deliver(TOPIC, b"unreadable private-words", packet_id=2)
        client.send(publish_packet("wharf/#", b"", 0, 0, 5))
        client.rest()
        client.close()
        status = gateway.ask("/v1/status")[1]
        status += gateway.page("/metrics")[2] + gateway.page("/healthz")[2]
        self.assertEqual(gateway.end(), 0)
        said = gateway.log.read_text()
        for secret in ("s3cret-t0ken-4711", "private-person", "private-words"):
            self.assertNotIn(secret, said)
            self.assertNotIn(secret, status)
        self.assertTrue(all("time" in line and "level" in line for line in gateway.log_lines()
                            if not line["message"].startswith(str(gateway.config))))


if __name__ == "__main__":
    unittest.main()

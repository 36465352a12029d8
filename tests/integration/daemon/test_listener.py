#!/usr/bin/env python3
"""The listener with many connections, with too many of them, and with silent ones."""
import json
import subprocess
import threading
import time
import unittest

from daemon_rig import DaemonTest, event, tool, wait_until
from mqtt_bytes import DISCONNECT, PUBACK, Client, Closed, connect_packet

TOPIC = "wharf/1/ber1/scanner-07/stock"


class Connections(DaemonTest):
    def test_two_hundred_devices_at_once_are_all_served(self):
        gateway = self.gateway().start()
        clients = [self.client(gateway, f"scanner-{n}", version=4 + n % 2) for n in range(200)]
        for number, client in enumerate(clients):
            for part in range(5):
                client.publish(TOPIC, event(f"{number}-{part}"), 1, part + 1)
        for client in clients:
            for part in range(5):
                client.expect(PUBACK, part + 1)
        self.assertEqual(gateway.intake()["accepted"], 1000)
        self.assertEqual(gateway.status()["listener"]["connections"], 200)

    def test_above_the_configured_number_the_newcomer_is_turned_away(self):
        gateway = self.gateway(listener={"max_connections": 3}).start()
        kept = [self.client(gateway, f"scanner-{n}") for n in range(3)]
        newcomer = self.client(gateway, connect=False)
        with self.assertRaises((Closed, ConnectionError)):
            newcomer.send(connect_packet("one-too-many"))
            newcomer.receive()
        kept.pop().close()
        wait_until(lambda: gateway.status()["listener"]["connections"] == 2, "one has left")
        self.client(gateway, "now-there-is-room").ping()
        for client in kept:
            client.ping()
        self.assertGreaterEqual(gateway.status()["listener"]["connections_refused"], 1)

    def test_a_system_with_few_descriptors_gets_fewer_connections(self):
        gateway = self.gateway().start(before=[tool("prlimit"), "--nofile=48:48"])
        self.assertTrue(gateway.said("fewer connections than configured"))
        kept = [self.client(gateway, f"scanner-{n}") for n in range(24)]
        with self.assertRaises((Closed, ConnectionError)):
            newcomer = self.client(gateway, connect=False)
            newcomer.send(connect_packet("one-too-many"))
            newcomer.receive()
        kept[0].deliver(TOPIC, event(1))

    def test_who_never_reads_is_let_go_all_the_same(self):
        gateway = self.gateway().start()
        deaf = self.client(gateway, "deaf", keep_alive_s=1)
        deaf.socket.setblocking(False)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += deaf.socket.send(b"\xc0\x00" * 32768)
        except BlockingIOError:
            pass
        wait_until(lambda: gateway.status()["listener"]["connections"] == 0, "it is let go")
        self.client(gateway, "scanner").deliver(TOPIC, event(1))

    def test_a_message_of_many_bad_events_is_kept_once(self):
        gateway = self.gateway(journal={"size_max_mb": 64}).start()
        padding = b'{"no_such_field":"' + b"x" * 900 + b'"}'
        self.client(gateway, "wms").deliver(TOPIC, b"[" + b",".join([padding] * 256) + b"]")
        self.assertEqual(gateway.intake()["quarantined"], 256)
        self.assertLess(gateway.status()["journal"]["bytes_used"], 2 << 20)
        listed = json.loads(gateway.ctl("quarantine", "list", "--json"))
        self.assertEqual([entry["events"] for entry in listed], [256])

    def test_without_descriptors_it_waits_for_some_and_does_not_spin(self):
        gateway = self.gateway().start()
        subprocess.run([tool("prlimit"), f"--pid={gateway.process.pid}", "--nofile=48:48"], check=True)
        kept = self.client(gateway, "first")
        more = [self.client(gateway, connect=False) for _ in range(60)]
        wait_until(lambda: gateway.said("Too many open files"), "it runs out of descriptors")
        before, began = gateway.cpu_s(), time.monotonic()
        number = 0
        while time.monotonic() - began < 1:
            number += 1
            kept.deliver(TOPIC, event(number), packet_id=number)
            time.sleep(0.1)
        self.assertLess(gateway.cpu_s() - before, 0.3)
        for one in more:
            one.close()
        self.client(gateway, "later").ping()
        self.assertEqual(gateway.intake()["accepted"], number)

    def test_a_silent_client_is_ended_after_one_and_a_half_keep_alives(self):
        gateway = self.gateway().start()
        for version, answer in ((4, []), (5, [(DISCONNECT, b"\x8d")])):
            with self.subTest(version=version):
                client = self.client(gateway, "silent", version=version, keep_alive_s=1)
                began = time.monotonic()
                self.assertEqual([(p.kind, p.body[:1]) for p in client.rest()], answer)
                self.assertGreater(time.monotonic() - began, 1.3)

    def test_a_client_that_pings_stays(self):
        gateway = self.gateway().start()
        client = self.client(gateway, "talker", keep_alive_s=1)
        began = time.monotonic()
        while time.monotonic() - began < 2.5:
            client.ping()
            time.sleep(0.4)

    def test_clients_that_come_and_go_leave_nothing_behind(self):
        gateway = self.gateway().start()
        self.client(gateway, "warm-up").close()

        def come_and_go(name):
            for number in range(60):
                client = Client(gateway.port, f"{name}-{number % 7}", version=4 + number % 2)
                if number % 3:
                    client.publish(TOPIC, event(f"{name}-{number}"), 1, 1)
                client.close()
        threads = [threading.Thread(target=come_and_go, args=(f"t{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: gateway.status()["listener"]["connections"] == 0, "all have gone")
        self.client(gateway, "afterwards").deliver(TOPIC, event("afterwards"))
        self.assert_balanced(gateway.books())
        self.assertEqual(gateway.end(), 0)


if __name__ == "__main__":
    unittest.main()

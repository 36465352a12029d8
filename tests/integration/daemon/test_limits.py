#!/usr/bin/env python3
"""What one client can do to the others: floods, connections that never sign in, and too much of all.

WHARF_HALF_OPEN says how many connections never sign in (2000): ten thousand need as many descriptors.
"""
import os
import resource
import socket
import threading
import time
import unittest

from daemon_rig import event, wait_until
from mqtt_bytes import PUBACK, Client, Closed, connect_packet, publish_packet
from test_access import OTHERS, OWN, AccessTest

HALF_OPEN = int(os.environ.get("WHARF_HALF_OPEN", "2000"))


def resident_kb(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


class Flood(AccessTest):
    limits = {"identity_messages_per_s": 200, "burst_s": 1}

    def test_a_flood_is_slowed_to_its_rate_and_the_other_one_does_not_notice(self):
        loud = self.sign_in("scanner-07")
        quiet = self.sign_in("scanner-08")
        loud.socket.settimeout(60)
        flood = b"".join(publish_packet(OWN, event(n), 1, n % 1000 + 1) for n in range(1200))
        counted = []

        def listen():
            try:
                while len(counted) < 1200:
                    if loud.receive(30) is None:
                        return
                    counted.append(time.monotonic())
            except (Closed, OSError):
                pass

        began = time.monotonic()
        threads = [threading.Thread(target=loud.send, args=(flood,)),
                   threading.Thread(target=listen)]
        for thread in threads:
            thread.start()
        slowest = 0
        for number in range(100):
            sent = time.monotonic()
            quiet.deliver(OTHERS, event(f"quiet-{number}"), 1, number + 1)
            slowest = max(slowest, time.monotonic() - sent)
            time.sleep(0.02)
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        self.assertEqual(len(counted), 1200, "all of it is acknowledged in the end")
        self.assertGreater(took, 4)  # 1200 at 200 a second, less the burst
        self.assertLess(slowest, 1, "the quiet one's acknowledgements came")
        self.assertGreaterEqual(self.metric("mqtt_reads_paused_total"), 2)
        print(f"\nflood: {1200 / took:.0f} messages/s of 200 allowed (burst 200), the quiet one's "
              f"slowest acknowledgement took {slowest * 1000:.1f} ms")

    def test_who_is_slowed_down_is_not_taken_for_dead(self):
        loud = self.sign_in("scanner-07", keep_alive_s=1)
        # Three seconds of its rate, in pings: nothing else comes from it meanwhile.
        loud.send(b"\xc0\x00" * 1000)
        time.sleep(3)
        loud.publish(OWN, event(1), 1, 1)
        while True:
            found = loud.receive()
            self.assertIsNotNone(found)
            if found.kind == PUBACK:
                break


class Crowd(AccessTest):
    limits = {"identity_connections": 3, "address_connections": 8, "address_half_open": 4,
              "address_attempts_per_s": 1000, "this_machine_too": True}

    def test_one_identity_has_so_many_connections(self):
        kept = [self.sign_in("scanner-07", f"c-{n}", version=5) for n in range(3)]
        self.assertEqual(self.connack("c-3", user="scanner-07",
                                      password=self.passwords["scanner-07"])[0], 0x97)
        self.sign_in("scanner-08").ping()
        kept.pop().close()
        wait_until(lambda: self.daemon.status()["listener"]["connections"] <= 3, "one has gone")
        self.sign_in("scanner-07", "c-4").ping()

    def turned_away(self):
        one = self.client(self.daemon, connect=False)
        try:
            one.send(connect_packet("c", 5))
            return one.receive() is None
        except (Closed, OSError):
            return True

    def test_one_address_has_so_many_connections_and_so_many_that_have_not_signed_in(self):
        kept = [self.sign_in(name, f"{name}-{n}") for name in self.passwords for n in range(3)]
        silent = [self.client(self.daemon, connect=False) for _ in range(2)]
        wait_until(lambda: self.daemon.status()["listener"]["connections"] == 8, "they are there")
        self.assertTrue(self.turned_away())
        for one in kept[:4] + silent:
            one.close()
        wait_until(lambda: self.daemon.status()["listener"]["connections"] == 2, "they have gone")
        silent = [self.client(self.daemon, connect=False) for _ in range(4)]
        wait_until(lambda: self.daemon.status()["listener"]["connections"] == 6, "they are there")
        self.assertTrue(self.turned_away())
        self.assertGreaterEqual(self.metric('mqtt_limited_total{why="address_connections"}'), 2)


class HalfOpen(AccessTest):
    def test_thousands_that_never_sign_in_leave_the_others_alone(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = HALF_OPEN + 100
        if hard < wanted:
            self.skipTest(f"{wanted} descriptors are needed, {hard} are granted")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        kept = self.sign_in("scanner-07", version=5)
        kept.deliver(OWN, event("before"))
        before_kb = resident_kb(self.daemon.process)
        silent, slowest, slowest_login = [], 0, 0
        self.addCleanup(lambda: [one.close() for one in silent])
        for number in range(HALF_OPEN):
            silent.append(socket.create_connection(("127.0.0.1", self.daemon.port), timeout=30))
            if number % 2:
                silent[-1].sendall(b"\x10\xff\x60\x00\x04MQTT")  # a CONNECT that does not end
            if number % 100 == 0:
                sent = time.monotonic()
                kept.deliver(OWN, event(f"during-{number}"), 1, number // 100 + 1)
                slowest = max(slowest, time.monotonic() - sent)
                sent = time.monotonic()
                self.sign_in("scanner-08").close()
                slowest_login = max(slowest_login, time.monotonic() - sent)
        kept.deliver(OWN, event("after"), 1, 999)
        wait_until(lambda: self.metric("mqtt_half_open") <= 512, "no more than the bound are kept")
        self.assertLessEqual(self.daemon.status()["listener"]["connections"], 512 + 2)
        self.assertGreaterEqual(self.metric('mqtt_limited_total{why="half_open"}'),
                                HALF_OPEN - 512 - 300)
        grown_kb = resident_kb(self.daemon.process) - before_kb
        self.assertLess(grown_kb, 48 * 1024)
        self.assertLess(slowest, 2)
        print(f"\n{HALF_OPEN} half-open connections: slowest acknowledgement {slowest * 1000:.1f} ms, "
              f"slowest login {slowest_login * 1000:.1f} ms, memory grew by {grown_kb} kB")

    def test_a_packet_before_the_login_is_small(self):
        one = self.client(self.daemon, connect=False)
        one.send(b"\x10\xff\xff\x03")
        self.assertEqual(one.rest(), [])


class Memory(AccessTest):
    limits = {"buffers_mb": 8, "identity_connections": 0, "identity_bytes_per_s": 0}

    def test_packets_that_never_end_cost_whoever_sends_the_most_of_them(self):
        quiet = self.sign_in("scanner-08")
        loud = [self.sign_in("scanner-07", f"c-{n}") for n in range(64)]
        whole = publish_packet(OWN, b"x" * 250_000, 1, 1)
        for one in loud:
            try:
                one.send(whole[:-10])
            except OSError:
                pass
        wait_until(lambda: self.metric('mqtt_limited_total{why="memory"}') >= 20, "some have to go")
        quiet.deliver(OTHERS, event(1))
        self.assertLess(self.metric('mqtt_limited_total{why="memory"}'), 64)


if __name__ == "__main__":
    unittest.main()

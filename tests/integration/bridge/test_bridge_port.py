#!/usr/bin/env python3
"""The bridge port itself, byte for byte: what comes again, who takes over, what is no bridge. The
frames are made here by hand (docs/formats/bridge.md)."""
import json
import socket
import struct
import threading
import unittest
import urllib.request

from bridge_rig import DaemonTest
from daemon_rig import event, wait_until

TOPIC = "wharf/1/ber1/scanner-07/stock"
HELLO, WELCOME, ROOM, SESSION, OPENED, MESSAGE, ANSWER, HEALTH, BYE = range(1, 10)
KEYLESS = json.dumps({"inventory_adjusted": {
    "stock": {"location": "A-01", "sku": "4711"}, "reason": "found",
    "delta": {"value": "1", "unit": "EA"}}}).encode()


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, value):
    if isinstance(value, (bool, int)):
        return varint(number << 3) + varint(int(value))
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def frame(kind, fields):
    body = field(kind, b"".join(field(n, v) for n, v in fields.items()))
    return struct.pack("<I", len(body)) + body


def taken_apart(data):
    out, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            out[tag >> 3] = number()
        else:
            size = number()
            out[tag >> 3] = data[at:at + size]
            at += size
    return out


class Guest:
    def __init__(self, path, broker="site", version=1, not_reused=False, fresh=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.input = b""
        self.send(HELLO, {1: version, 2: "wms", 3: broker, 4: not_reused})
        self.welcome = self.expect(WELCOME) if version == 1 else None
        if version == 1:
            self.send(SESSION, {1: fresh})
            self.expect(OPENED)

    def send(self, kind, fields):
        self.socket.sendall(frame(kind, fields))

    def receive(self):
        while len(self.input) < 4 or len(self.input) < 4 + struct.unpack("<I", self.input[:4])[0]:
            more = self.socket.recv(65536)
            if not more:
                return None, None
            self.input += more
        size = struct.unpack("<I", self.input[:4])[0]
        (kind, body), = taken_apart(self.input[4:4 + size]).items()
        self.input = self.input[4 + size:]
        return kind, taken_apart(body)

    def expect(self, kind):
        found, fields = self.receive()
        if found != kind:
            raise AssertionError(f"expected frame {kind}, got {found} {fields}")
        return fields

    def message(self, payload, token=1, packet_id=7, dup=False, present=True, again=False, **more):
        self.send(MESSAGE, {1: token, 2: more.get("topic", TOPIC), 3: payload, 4: 1, 5: packet_id,
                            6: dup, 8: present, 9: again})

    def deliver(self, payload, **how):
        """accepted, duplicate, quarantined."""
        self.message(payload, **how)
        answer = self.expect(ANSWER)
        return tuple(answer.get(n, 0) for n in (2, 3, 4))


class Port(DaemonTest):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "bridge.sock"
        self.daemon = self.gateway(bridge={"socket": str(self.path), "expected": ["wms/other"]})
        self.daemon.start()

    def guest(self, **how):
        made = Guest(self.path, **how)
        self.addCleanup(made.socket.close)
        return made

    def test_an_event_with_an_id_is_a_duplicate_however_it_comes_again(self):
        guest = self.guest()
        self.assertEqual(guest.deliver(event(1)), (1, 0, 0))
        self.assertEqual(guest.deliver(event(1), token=2, packet_id=8), (0, 1, 0))
        self.client(self.daemon).deliver(TOPIC, event(1))
        self.assertEqual(guest.deliver(b"{", token=3), (0, 0, 1))
        self.assertEqual(self.daemon.intake(), {"received": 4, "refused": 0, "quarantined": 1,
                                                "duplicate": 2, "accepted": 1})

    def test_what_the_bridge_sends_again_is_the_same_even_without_an_id(self):
        guest = self.guest()
        self.assertEqual(guest.deliver(KEYLESS, packet_id=7), (1, 0, 0))
        guest.socket.close()
        self.daemon.kill()
        self.daemon.start()
        guest = self.guest(fresh=False)
        self.assertEqual(guest.deliver(KEYLESS, packet_id=7, again=True), (0, 1, 0))
        # Another message, as far as can be known.
        self.assertEqual(guest.deliver(KEYLESS, packet_id=8), (1, 0, 0))

    def test_what_the_broker_repeats_without_an_id_is_ambiguous_or_known(self):
        for not_reused, expected in ((False, (0, 0, 1)), (True, (0, 1, 0))):
            with self.subTest(packet_ids_not_reused=not_reused):
                broker = f"b{int(not_reused)}"
                self.guest(broker=broker).deliver(KEYLESS, packet_id=7)
                guest = self.guest(broker=broker, not_reused=not_reused, fresh=False)
                self.assertEqual(guest.deliver(KEYLESS, packet_id=7, dup=True), expected)
                # In a session that began anew a packet id says nothing.
                guest = self.guest(broker=broker, not_reused=not_reused, fresh=True)
                self.assertEqual(guest.deliver(KEYLESS, packet_id=7, dup=True), (1, 0, 0))

    def test_a_later_connection_of_the_same_name_takes_over(self):
        first = self.guest()
        second = self.guest(fresh=False)
        self.assertIn(b"took over", first.expect(BYE)[1])
        self.assertEqual(first.receive(), (None, None))
        self.assertEqual(second.deliver(event(1)), (1, 0, 0))
        self.assertEqual(len([b for b in self.daemon.status()["bridges"] if b["attached"]]), 1)

    def test_a_device_cannot_have_the_name_of_a_bridges_session(self):
        guest = self.guest()
        for name in ("bridge:wms/site", "wms/site"):
            self.client(self.daemon, name, clean=False)
        self.assertEqual(guest.deliver(event(1)), (1, 0, 0))

    def test_several_messages_are_answered_together_and_in_order(self):
        guest = self.guest()
        for number in range(20):
            guest.message(event(number), token=number + 1, packet_id=number + 1)
        self.assertEqual([guest.expect(ANSWER)[1] for _ in range(20)], list(range(1, 21)))

    def test_what_is_no_bridge_ends_with_words(self):
        self.assertIn(b"expected version 1", self.guest(version=9).expect(BYE)[1])
        stranger = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(stranger.close)
        stranger.settimeout(10)
        stranger.connect(str(self.path))
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        self.assertIn(b"a frame of", stranger.recv(4096))
        self.assertEqual(stranger.recv(4096), b"")
        # The others do not notice.
        self.assertEqual(self.guest().deliver(event(1)), (1, 0, 0))

    def test_text_that_is_not_utf_8_goes_to_quarantine(self):
        guest = self.guest()
        self.assertEqual(guest.deliver(event(1), topic=b"wharf/1/ber1/\xff/stock"), (0, 0, 1))
        shown = self.daemon.ctl("quarantine", "show", "1")
        self.assertIn("its topic or its properties are not UTF-8", shown)
        self.assertEqual(guest.deliver(event(1), token=2), (1, 0, 0))

    def test_health_is_told_and_one_that_was_expected_is_missed(self):
        guest = self.guest()
        guest.send(HEALTH, {1: False, 2: 1, 3: "connect: \x1b refused", 8: 7})
        wait_until(lambda: self.daemon.status()["bridges"][1]["connections"] == 7, "health is told")
        page = self.daemon.page("/healthz")[2]
        self.assertIn("bridge wms/site is not connected to its broker: connect: ? refused", page)
        self.assertIn("bridge wms/other has not come (bridge.expected)", page)

    def test_a_stop_answers_what_was_handed_over(self):
        guest = self.guest()
        for number in range(20):
            guest.message(event(number), token=number + 1, packet_id=number + 1)
        self.assertEqual(guest.expect(ANSWER)[1], 1)
        self.assertEqual(self.daemon.end(), 0)
        answered = 1
        while True:
            kind, fields = guest.receive()
            if kind != ANSWER:
                break
            answered += 1
        self.assertEqual((answered, kind), (20, BYE))
        self.assertIn(b"stopping", fields[1])
        self.daemon.start()
        self.assertEqual(self.daemon.intake()["accepted"], 20)


class Fenced(DaemonTest):
    def test_a_fenced_gateway_lets_its_bridges_go_though_it_owes_them_answers(self):
        central = self.erp()
        central.start()
        # A spare has taken over and has spoken.
        urllib.request.urlopen(urllib.request.Request(
            central.url + "/v1/updates/query", b'{"items": [{"idempotency_key": "x"}]}',
            {"Content-Type": "application/json", "Wharf-Gateway": "WH7", "Wharf-Takeover": "1",
             "Wharf-Epoch": "0000000a"}), timeout=5).close()
        path = self.folder / "bridge.sock"
        daemon = self.gateway(bridge={"socket": str(path)},
                              destinations=[{"name": "erp", "url": central.url}])
        daemon.start()
        guest = Guest(path)
        self.addCleanup(guest.socket.close)
        room = threading.Semaphore(60)  # of a window of 64: some wait, whenever the fence comes

        def hand_over():
            try:
                for number in range(1, 1 << 20):
                    room.acquire()
                    guest.message(event(number), token=number, packet_id=number % 60000 + 1)
            except OSError:
                pass  # let go
        threading.Thread(target=hand_over, daemon=True).start()
        answered = 0
        try:
            while (kind := guest.receive()[0]) == ANSWER:
                answered += 1
                room.release()
            self.assertEqual(kind, BYE)
        except ConnectionError:
            pass  # all had their answer just then, and the next was on its way
        room.release()
        wait_until(lambda: daemon.status()["fenced"], "the fence is durable")
        self.assertFalse(path.exists())
        self.assertGreaterEqual(daemon.intake()["accepted"], answered)
        self.assertEqual(central.applied(), [])


if __name__ == "__main__":
    unittest.main()

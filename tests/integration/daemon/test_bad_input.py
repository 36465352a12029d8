#!/usr/bin/env python3
"""What no client should send. Each bad connection is answered as docs/formats/mqtt.md says and
closed; the gateway goes on, and a client that behaves notices nothing."""
import json
import random
import struct
import unittest

from daemon_rig import DaemonTest, event
from mqtt_bytes import (CONNACK, CONNECT, DISCONNECT, PINGREQ, PUBACK, PUBLISH, PUBREL, SUBACK,
                        SUBSCRIBE, Client, connect_packet, length, packet, publish_packet, text)

TOPIC = "wharf/1/ber1/scanner-07/stock"
PACKET_BYTES_MAX = 4096


def bad_packets(version):
    """Name, bytes after a good CONNECT, MQTT 5's reason."""
    properties = b"\x00" if version == 5 else b""
    yield "remaining length of five bytes", b"\x30\xff\xff\xff\xff\x7f", 0x81
    yield "packet type 0", packet(0, 0, b""), 0x81
    yield "PUBLISH with QoS 3", packet(PUBLISH, 6, text(TOPIC) + b"\x00\x01" + properties), 0x81
    yield "topic longer than its packet", packet(PUBLISH, 0, b"\xff\xff" + b"wharf"), 0x81
    yield "topic that is not UTF-8", packet(PUBLISH, 0, text(b"wharf/\xc3\x28") + properties), 0x81
    yield "wildcard in a topic name", packet(PUBLISH, 0, text("wharf/#") + properties), 0x81
    yield "packet id 0", publish_packet(TOPIC, event(1), 1, 0, version), 0x82
    yield "DUP with QoS 0", publish_packet(TOPIC, event(1), 0, 0, version, dup=True), 0x82
    yield "PUBREL with wrong flags", packet(PUBREL, 0, b"\x00\x01"), 0x81
    yield "PINGREQ with a body", packet(PINGREQ, 0, b"x"), 0x81
    yield "SUBSCRIBE without a filter", packet(SUBSCRIBE, 2, b"\x00\x01" + properties), None
    yield "a second CONNECT", connect_packet("scanner-again", version), 0x82
    yield "a packet that only a server sends", packet(CONNACK, 0, b"\x00\x00" + properties), 0x82
    yield "larger than allowed", publish_packet(TOPIC, b"x" * PACKET_BYTES_MAX, 1, 1, version), 0x95
    yield "larger than allowed, only its header", b"\x32" + length(PACKET_BYTES_MAX), 0x95
    if version == 5:
        yield "topic alias 0", packet(PUBLISH, 0, text(TOPIC) + b"\x03\x23\x00\x00"), 0x94
        alias = packet(PUBLISH, 0, text("") + b"\x03\x23\x00\x01")
        yield "topic alias that stands for nothing", alias, 0x82
        yield "property twice", packet(PUBLISH, 0, text(TOPIC) + b"\x04\x01\x00\x01\x00"), 0x82


class BadInput(DaemonTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.gateway(listener={"max_packet_bytes": PACKET_BYTES_MAX}).start()
        self.witness = self.client(self.daemon, "witness")
        self.delivered = 0

    def assert_undisturbed(self):
        """The one that was connected all along is served, and a new one is taken."""
        self.delivered += 1
        self.witness.ping()
        self.witness.deliver(TOPIC, event(f"witness-{self.delivered}"), 1, self.delivered)
        self.client(self.daemon).ping()

    def raw(self, data, **options):
        client = self.client(self.daemon, connect=False, **options)
        client.send(data)
        return client

    def test_malformed_packets_end_their_connection_and_nothing_else(self):
        for version in (4, 5):
            for name, data, reason in bad_packets(version):
                with self.subTest(version=version, packet=name):
                    client = self.client(self.daemon, "bad", version=version)
                    client.send(data)
                    answers = client.rest()
                    if version == 4:
                        self.assertEqual(answers, [])
                    else:
                        self.assertEqual([p.kind for p in answers], [DISCONNECT])
                        if reason is not None:
                            self.assertEqual(hex(answers[0].body[0]), hex(reason))
        self.assert_undisturbed()
        self.assertEqual(self.daemon.intake()["accepted"], 1)

    def test_a_malformed_connect_is_answered_in_the_words_of_its_version(self):
        flags_reserved = bytes([0x03])
        cases = [
            ("MQTT 3.1", packet(CONNECT, 0, text("MQIsdp") + b"\x03\x02\x00\x3c" + text("a")),
             b"\x00\x01"),
            ("a level above 5", packet(CONNECT, 0, text("MQTT") + b"\x06\x02\x00\x3c\x00"
                                       + text("a")), b"\x00\x84"),
            ("reserved flag in 5", packet(CONNECT, 0, text("MQTT") + b"\x05" + flags_reserved
                                          + b"\x00\x3c\x00" + text("a")), b"\x00\x81"),
            ("reserved flag in 3.1.1", packet(CONNECT, 0, text("MQTT") + b"\x04" + flags_reserved
                                              + b"\x00\x3c" + text("a")), None),
            ("another protocol", packet(CONNECT, 0, text("HTTP") + b"\x04\x02\x00\x3c"
                                        + text("a")), None),
            ("no client id and no clean session", connect_packet("", 4, clean=False), b"\x00\x02"),
            ("a client id that is too long", connect_packet("x" * 300, 5), b"\x00\x85"),
            ("an HTTP request", b"GET / HTTP/1.1\r\nHost: wharf\r\n\r\n", None),
            ("a first packet that is no CONNECT", packet(PINGREQ, 0, b""), None),
            ("a CONNECT larger than allowed", b"\x10" + length(PACKET_BYTES_MAX), None),
        ]
        for name, data, answer in cases:
            with self.subTest(name):
                answers = self.raw(data).rest()
                if answer is None:
                    self.assertEqual(answers, [])
                else:
                    self.assertEqual([(p.kind, p.body[:2]) for p in answers], [(CONNACK, answer)])
        self.assert_undisturbed()

    def test_a_packet_cut_off_anywhere_leaves_nothing_behind(self):
        whole = publish_packet(TOPIC, event(1), 1, 1)
        for cut in range(1, len(whole), 7):
            client = self.client(self.daemon, "cut")
            client.send(whole[:cut])
            client.close()
        for cut in range(1, 16):
            self.raw(connect_packet("cut")[:cut]).close()
        self.assert_undisturbed()
        self.assertEqual(self.daemon.intake()["received"], 1)

    def test_a_packet_that_comes_byte_by_byte_is_a_packet(self):
        client = self.client(self.daemon, "slow")
        for byte in publish_packet(TOPIC, event(1), 1, 1):
            client.send(bytes([byte]))
        client.expect(PUBACK, 1)
        self.assertEqual(self.daemon.intake()["accepted"], 1)

    def test_noise_never_stops_the_gateway(self):
        rng = random.Random(20260302)
        for _ in range(150):
            client = Client(self.daemon.port, "noise", version=rng.choice((4, 5)))
            data = bytearray(publish_packet(TOPIC, event(1), 2, 1, client.version))
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                client.send(bytes(data) + rng.randbytes(rng.randrange(64)))
            except OSError:
                pass  # closed already: as good as any answer
            client.close()
        self.assert_undisturbed()
        self.assert_balanced(self.daemon.books())

    def test_a_shared_subscription_is_refused_and_its_client_may_publish(self):
        for version, answer in ((4, b"\x80"), (5, b"\x9e")):
            with self.subTest(version=version):
                client = self.client(self.daemon, "subscriber", version=version)
                client.send(packet(SUBSCRIBE, 2, b"\x00\x05" + (b"\x00" if version == 5 else b"")
                                   + text("$share/team/commands/#") + b"\x01"))
                self.assertEqual(client.expect(SUBACK, 5).body[-1:], answer)
                client.deliver(TOPIC, event(version))

    def test_more_than_the_receive_maximum_is_a_violation_in_version_5_only(self):
        self.witness.close()
        self.daemon.end()
        self.daemon.sections["listener"]["receive_maximum"] = 2
        self.daemon.start_with_faults()
        clients = [self.client(self.daemon, f"eager-{v}", version=v) for v in (4, 5)]
        self.daemon.plan_faults("pwrite:ENOSPC:1+")  # so that nothing is acknowledged
        for client in clients:
            client.send(b"".join(publish_packet(TOPIC, event(f"{client.version}-{n}"), 1, n,
                                                client.version) for n in (1, 2, 3)))
        self.assertEqual([(p.kind, p.body[:1]) for p in clients[1].rest()], [(DISCONNECT, b"\x93")])
        self.daemon.plan_faults("")
        for packet_id in (1, 2, 3):
            clients[0].expect(PUBACK, packet_id)


class Unreadable(DaemonTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.gateway().start()

    def test_what_cannot_be_read_is_acknowledged_into_quarantine_with_the_reason(self):
        good = json.loads(event(1))
        cases = [
            ("unreadable", TOPIC, b"\x00\xff not JSON"),
            ("unreadable", TOPIC, b""),
            ("unreadable", TOPIC, json.dumps(good).encode()[:-5]),
            ("unreadable", TOPIC, b"\xef\xbb\xbf" + json.dumps(good).encode()),
            ("unreadable", "wharf/1/ber1/scanner-07/stock.pb", b"\xff\xff\xff"),
            ("unknown_topic", "somewhere/else", json.dumps(good).encode()),
            ("invalid", TOPIC, json.dumps({**good, "event_id": "e-2", "colour": "red"}).encode()),
            ("invalid", "wharf/1/other-site/scanner-07/stock", json.dumps(good).encode()),
        ]
        client = self.client(self.daemon, "scanner-07")
        for packet_id, (_, topic, payload) in enumerate(cases, 1):
            client.deliver(topic, payload, qos=1 + packet_id % 2, packet_id=packet_id)
        client.deliver(TOPIC, json.dumps(good).encode(), packet_id=100)
        self.assertEqual(self.daemon.intake(), {"received": 9, "refused": 0, "quarantined": 8,
                                                "duplicate": 0, "accepted": 1})
        found = json.loads(self.daemon.ctl("quarantine", "list", "--json"))
        self.assertEqual([one["reason"] for one in found], [reason for reason, _, _ in cases])
        self.assertEqual([one["topic"] for one in found], [topic for _, topic, _ in cases])

    def test_the_same_key_with_other_content_is_quarantined_as_a_conflict(self):
        client = self.client(self.daemon, "scanner-07")
        client.deliver(TOPIC, event(1), packet_id=1)
        client.deliver(TOPIC, event(1, user="m.keller"), packet_id=2)
        self.assertEqual(self.daemon.intake(), {"received": 2, "refused": 0, "quarantined": 1,
                                                "duplicate": 0, "accepted": 1})
        found = json.loads(self.daemon.ctl("quarantine", "list", "--json"))
        self.assertEqual(found[0]["reason"], "conflict")

    def test_one_bad_event_of_an_array_is_quarantined_alone(self):
        events = [json.loads(event(n)) for n in range(5)]
        del events[2]["inventory_adjusted"]["reason"]
        self.client(self.daemon, "scanner-07").deliver(TOPIC, json.dumps(events).encode())
        self.assertEqual(self.daemon.intake(), {"received": 5, "refused": 0, "quarantined": 1,
                                                "duplicate": 0, "accepted": 4})


if __name__ == "__main__":
    unittest.main()

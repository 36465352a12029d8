#!/usr/bin/env python3
"""CONNECT and CONNACK."""
import struct
import time
import unittest

from conformance import BOTH, ConformanceTest
from peer import (AUTH, CONNACK, CONNECT, DISCONNECT, PUBACK, Closed, connect_bytes, packet, props,
                  publish_bytes, subscribe_bytes, text)


class Connect(ConformanceTest):
    def refused(self, data, version, *codes):
        """The connection ends, with a CONNACK that has one of the codes or without any."""
        peer = self.raw(data, version=version)
        packets = peer.rest()
        if packets:
            self.assertEqual([p.kind for p in packets], [CONNACK], packets)
            self.assertEqual(packets[0].body[0], 0, "Session Present with a refusal")
            self.assertIn(packets[0].body[1], codes)
        return packets

    def test_another_packet_before_connect_ends_the_connection(self):
        """[MQTT-3.1.0-1] [3.1.1: MQTT-3.1.0-1]"""
        for version in BOTH:
            for data in (publish_bytes(version, "a", b"x"), packet(12, 0, b""),
                         subscribe_bytes(version, [("a", 0)])):
                self.assertEqual(self.raw(data, version=version).rest(), [])

    def test_a_second_connect_ends_the_connection(self):
        """[MQTT-3.1.0-2] [3.1.1: MQTT-3.1.0-2] [MQTT-3.2.0-2]"""
        for version in BOTH:
            peer = self.peer(version=version)
            peer.send(connect_bytes(self.name(), version))
            self.assert_ended(peer, 0x82)

    def test_another_protocol_name_or_level_is_refused(self):
        """[MQTT-3.1.2-1] [MQTT-3.1.2-2] [3.1.1: MQTT-3.1.2-1] [3.1.1: MQTT-3.1.2-2]"""
        def connect(name, level):
            return packet(CONNECT, 0, text(name) + bytes([level, 2]) + b"\x00\x3c" +
                          (b"\x00" if level >= 5 else b"") + text("x"))
        self.refused(connect("hj", 4), 4)
        self.refused(connect("mqtt", 5), 5, 0x84)
        self.assertTrue(self.refused(connect("MQTT", 3), 4, 0x01))
        self.refused(connect("MQTT", 6), 5, 0x84, 0x01)

    def test_the_reserved_connect_flag_has_to_be_0(self):
        """[MQTT-3.1.2-3] [3.1.1: MQTT-3.1.2-3] [MQTT-3.1.4-1] [3.1.1: MQTT-3.1.4-1]"""
        for version in BOTH:
            found = self.refused(connect_bytes(self.name(), version, flags=0x03), version, 0x81,
                                 0x82)
            if version == 4:
                self.assertEqual(found, [])

    def test_flags_and_payload_that_contradict_each_other_are_refused(self):
        """[MQTT-3.1.2-9] [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13] [MQTT-3.1.2-16]
        [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19] [MQTT-3.1.3-1] [3.1.1: MQTT-3.1.2-9]
        [3.1.1: MQTT-3.1.2-11] [3.1.1: MQTT-3.1.2-13] [3.1.1: MQTT-3.1.2-14]
        [3.1.1: MQTT-3.1.2-15] [3.1.1: MQTT-3.1.2-18] [3.1.1: MQTT-3.1.2-19]
        [3.1.1: MQTT-3.1.2-20] [3.1.1: MQTT-3.1.2-21] [3.1.1: MQTT-3.1.2-22]
        [3.1.1: MQTT-3.1.3-1]"""
        will = ("w", b"x", 0, False, b"")
        for version in BOTH:
            for flags, more in ((0x0A, {}),             # a Will QoS without a will
                                (0x22, {}),             # Will Retain without a will
                                (0x06, {}),             # a will that is not there
                                (0x1E, {"will": will}),  # Will QoS 3
                                (0x82, {}),             # a user name that is not there
                                (0x02, {"username": "u"}),
                                (0x82, {"username": "u", "password": "p"}),
                                (0xC2, {"username": "u"})):
                with self.subTest(version=version, flags=hex(flags)):
                    self.refused(connect_bytes(self.name(), version, flags=flags, **more), version,
                                 0x81, 0x82, 0x9B)
        self.refused(connect_bytes(self.name(), 4, flags=0x42, password="p"), 4)

    def test_a_password_without_a_user_name_is_well_formed_in_5(self):
        """[MQTT-3.1.2-19]"""
        if not self.is_wharf:
            self.skipTest("whether it is let in is the other broker's affair")
        self.assertEqual(self.peer(password="p").code, 0)

    def test_a_client_identifier_of_23_letters_and_digits_is_allowed(self):
        """[MQTT-3.1.3-2] [MQTT-3.1.3-3] [MQTT-3.1.3-4] [MQTT-3.1.3-5] [MQTT-3.1.4-5]
        [MQTT-3.2.0-1] [MQTT-3.2.2-1] [3.1.1: MQTT-3.1.3-2] [3.1.1: MQTT-3.1.3-3]
        [3.1.1: MQTT-3.1.3-4] [3.1.1: MQTT-3.1.3-5] [3.1.1: MQTT-3.1.4-4] [3.1.1: MQTT-3.2.0-1]"""
        for version in BOTH:
            for name in ("0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ",
                         "KLMNOPQRSTUVWXYZ"):
                peer = self.raw(connect_bytes(name, version), version=version)
                peer.read_connack()
                self.assertEqual((peer.code, peer.connack_flags), (0, 0))
                peer.bye()

    def test_without_a_client_identifier_one_is_assigned(self):
        """[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] [3.1.1: MQTT-3.1.3-6]"""
        names = []
        for version in (4, 5, 5):
            peer = self.raw(connect_bytes("", version), version=version)
            peer.read_connack()
            self.assertEqual(peer.code, 0)
            if version == 5:
                names.append(peer.answer["assigned_client_identifier"])
        self.assertEqual(len(set(names)), 2)
        self.assertTrue(all(names))

    def test_3_1_1_without_an_identifier_has_to_ask_for_a_clean_session(self):
        """[3.1.1: MQTT-3.1.3-7] [3.1.1: MQTT-3.1.3-8] [3.1.1: MQTT-3.2.2-4]
        [3.1.1: MQTT-3.2.2-5]"""
        self.assertTrue(self.refused(connect_bytes("", 4, clean=False), 4, 2))

    def test_texts_that_are_no_utf_8_are_refused(self):
        """[MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-3.1.3-11] [MQTT-3.1.3-12] [3.1.1: MQTT-1.5.3-1]
        [3.1.1: MQTT-1.5.3-2] [3.1.1: MQTT-3.1.3-10] [3.1.1: MQTT-3.1.3-11]"""
        for version in BOTH:
            for bad in (b"\xc3", b"a\x00b", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"):
                for data in (connect_bytes(bad, version),
                             connect_bytes("x", version, username=bad),
                             connect_bytes("x", version, will=(bad, b"", 0, False, b""))):
                    with self.subTest(version=version, bad=bad):
                        self.refused(data, version, 0x81, 0x82, 0x85)

    def test_a_byte_order_mark_is_part_of_a_text(self):
        """[MQTT-1.5.4-3] [3.1.1: MQTT-1.5.3-3]"""
        topic = "\ufeff" + self.name()
        for version in BOTH:
            hears, says = self.pair(version, topic)
            says.say(topic, b"x")
            self.assertEqual(hears.take().topic, topic)

    def test_a_second_connection_takes_the_name_over(self):
        """[MQTT-3.1.4-3] [3.1.1: MQTT-3.1.4-2]"""
        for version in BOTH:
            first = self.peer(version=version)
            second = self.peer(version=version)
            self.assert_ended(first, 0x8E)
            self.assert_alive(second)

    def test_what_follows_a_refused_connect_is_not_processed(self):
        """[MQTT-3.1.4-6] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [3.1.1: MQTT-3.1.4-5] [MQTT-4.13.2-1]"""
        hears = self.peer("hears")
        hears.subscribe((self.name(), 0))
        bad = packet(CONNECT, 0, text("MQTT") + b"\x03\x02\x00\x3c" + text("x"))
        self.raw(bad + publish_bytes(4, self.name(), b"x"), version=4).rest()
        self.assertTrue(hears.silent())

    def test_packets_sent_with_the_connect_are_processed_after_it(self):
        """[MQTT-3.1.4-5] [MQTT-3.2.0-1] [3.1.1: MQTT-3.1.4-4]"""
        for version in BOTH:
            peer = self.raw(connect_bytes(self.name(), version) +
                            publish_bytes(version, self.name(), b"x", 1, 7), version=version)
            peer.read_connack()
            peer.expect(PUBACK, 7)

    def test_session_present_says_what_there_is(self):
        """[MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.4-4] [MQTT-3.2.2-2]
        [MQTT-3.2.2-3] [3.1.1: MQTT-3.1.2-4] [3.1.1: MQTT-3.1.2-6] [3.1.1: MQTT-3.1.4-3]
        [3.1.1: MQTT-3.2.2-1] [3.1.1: MQTT-3.2.2-2] [3.1.1: MQTT-3.2.2-3]"""
        keep = props(session_expiry=600)
        for version in BOTH:
            seen = []
            for clean in (True, False, False, True, False):
                peer = self.peer(version=version, clean=clean, properties=keep)
                seen.append(peer.session_present)
                peer.bye()
            # In 3.1.1 a clean session ends with its connection.
            self.assertEqual(seen, [False, version == 5, True, False, version == 5])
            self.peer(version=version).bye()

    def test_properties_that_may_be_there_once_or_have_no_place_are_refused(self):
        """[MQTT-2.2.2-1] [MQTT-3.1.4-1]"""
        for bad in (props(("session_expiry", 1), ("session_expiry", 1)), props(receive_maximum=0),
                    props(maximum_packet_size=0), props(topic_alias=1),
                    props(request_problem_information=2), props(authentication_data=b"x"),
                    b"\x01\x7f"):
            with self.subTest(bad=bad):
                self.refused(connect_bytes(self.name(), 5, properties=bad), 5, 0x81, 0x82)
        without = packet(CONNECT, 0, text("MQTT") + b"\x05\x02\x00\x3c")
        self.refused(without, 5, 0x81, 0x82)

    def test_the_connack_has_known_reasons_and_properties_and_no_response_information(self):
        """[MQTT-3.2.2-8] [MQTT-3.1.2-28] [MQTT-2.2.2-1] [MQTT-4.12.0-6]"""
        peer = self.peer(properties=props(request_response_information=0))
        self.assertEqual(peer.code, 0)
        self.assertFalse({"response_information", "authentication_method"} & set(peer.answer))
        # Absent: QoS 2, retained messages, wildcards and identifiers are offered.
        self.assertEqual(peer.answer.get("maximum_qos", 2), 2)
        for name in ("retain_available", "wildcard_available", "identifiers_available"):
            self.assertEqual(peer.answer.get(name, 1), 1, name)

    def test_enhanced_authentication_is_refused(self):
        """[MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-3.1.4-2]"""
        found = self.refused(connect_bytes(self.name(), 5,
                                           properties=props(authentication_method="GS2")), 5, 0x8C)
        self.assertTrue(found)

    def test_an_auth_without_a_method_ends_the_connection(self):
        """[MQTT-4.12.0-7] [MQTT-3.15.1-1]"""
        for data in (packet(AUTH, 0, b"\x18\x00"), packet(AUTH, 1, b"")):
            peer = self.peer()
            peer.send(data)
            self.assert_ended(peer, 0x81, 0x82)

    def test_a_silent_client_is_disconnected_after_one_and_a_half_keep_alives(self):
        """[MQTT-3.1.2-22] [MQTT-3.2.2-22] [3.1.1: MQTT-3.1.2-24]"""
        for version in BOTH:
            began = time.monotonic()
            peer = self.peer(version=version, keep_alive_s=1)
            if peer.answer.get("server_keep_alive"):
                self.skipTest("the broker has a keep-alive of its own")
            self.assert_ended(peer, 0x8D)
            self.assertGreater(time.monotonic() - began, 1.4)

    def test_packets_other_than_pings_keep_a_client_alive(self):
        """[MQTT-3.1.2-22] [3.1.1: MQTT-3.1.2-24]"""
        for version in BOTH:
            peer = self.peer(version=version, keep_alive_s=2)
            for _ in range(5):
                time.sleep(0.8)
                peer.say(self.name(), b"x", 0)
            self.assert_alive(peer)

    def test_a_ping_is_answered(self):
        """[MQTT-3.12.4-1] [3.1.1: MQTT-3.12.4-1]"""
        for version in BOTH:
            self.assert_alive(self.peer(version=version))

    def test_a_reason_string_is_left_out_where_the_client_does_not_want_or_cannot_take_it(self):
        """[MQTT-3.1.2-29] [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.9.2-1] [MQTT-3.14.2-3]
        [MQTT-3.1.2-24] [MQTT-3.9.2-2] [MQTT-3.14.2-4]"""
        peer = self.peer(properties=props(request_problem_information=0))
        peer.send(subscribe_bytes(5, [("$share/g/a", 0)], 9))
        self.assertEqual(peer.expect(9, 9).body[2], 0)
        small = self.peer("small", properties=props(maximum_packet_size=40))
        small.send(packet(CONNECT, 0, b""))
        last = small.ended()
        self.assertTrue(last is None or (last.kind == DISCONNECT and len(last.body) <= 38))

    def test_a_server_disconnect_has_no_session_expiry_and_is_the_last_packet(self):
        """[MQTT-3.14.0-1] [MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-3.14.4-1] [MQTT-3.14.4-2]"""
        peer = self.peer()
        peer.send(publish_bytes(5, "a/#", b"x", 1) + packet(12, 0, b""))
        packets = peer.rest()
        self.assertLessEqual(len(packets), 1)
        for found in packets:
            self.assertEqual(found.kind, DISCONNECT)
            self.assertIn(found.body[0], (0x81, 0x82, 0x90))
            self.assertNotIn(b"\x11", found.body[2:3])

    def test_a_connection_before_its_connack_gets_no_disconnect(self):
        """[MQTT-3.14.0-1] [3.1.1: MQTT-3.2.2-6]"""
        for version in BOTH:
            peer = self.raw(struct.pack(">BB", 0x10, 2) + b"\x00\x04", version=version)
            self.assertNotIn(DISCONNECT, [p.kind for p in peer.rest()])

    def test_a_good_bye_is_the_end_and_what_follows_it_is_not_read(self):
        """[MQTT-3.14.1-1] [3.1.1: MQTT-3.14.1-1]"""
        for version in BOTH:
            hears, says = self.pair(version)
            says.send(packet(DISCONNECT, 0, b"") + publish_bytes(version, self.name(str(version)),
                                                                 b"x"))
            self.assertEqual(says.rest(), [])
            self.assertTrue(hears.silent())
            bad = self.peer("bad", version)
            bad.send(packet(DISCONNECT, 1, b""))
            self.assert_ended(bad, 0x81)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""PUBLISH in both directions and its acknowledgements."""
import time
import unittest

from conformance import BOTH, ConformanceTest
from peer import (PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, packet, props,
                  publish_bytes, text)


class Publish(ConformanceTest):
    def test_each_qos_is_answered_as_it_has_to_be(self):
        """[MQTT-3.3.4-1] [MQTT-2.2.1-5] [MQTT-2.2.1-6] [MQTT-4.3.2-4] [MQTT-4.3.3-8]
        [MQTT-4.3.3-11] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.7.2-1] [3.1.1: MQTT-3.3.4-1]
        [3.1.1: MQTT-2.3.1-6] [3.1.1: MQTT-2.3.1-7] [3.1.1: MQTT-4.3.2-2] [3.1.1: MQTT-4.3.3-2]"""
        for version in BOTH:
            peer = self.peer(version=version)
            topic = self.name()
            peer.send(publish_bytes(version, topic, b"0", 0))
            self.assertTrue(peer.silent(0.2))
            peer.send(publish_bytes(version, topic, b"1", 1, 77))
            self.assertIn(peer.reason(peer.expect(PUBACK, 77)), (0, 0x10))
            peer.send(publish_bytes(version, topic, b"2", 2, 65535))
            self.assertIn(peer.reason(peer.expect(PUBREC, 65535)), (0, 0x10))
            peer.ack(PUBREL, 65535)
            self.assertEqual(peer.reason(peer.expect(PUBCOMP, 65535)), 0)

    def test_a_message_reaches_a_subscriber_at_each_qos(self):
        """[MQTT-3.3.2-3] [MQTT-2.2.1-4] [MQTT-4.3.1-1] [MQTT-4.3.2-1] [MQTT-4.3.2-2]
        [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-4] [MQTT-3.3.1-2] [MQTT-3.3.2-1] [MQTT-2.2.1-2]
        [MQTT-4.5.0-1] [3.1.1: MQTT-2.3.1-1] [3.1.1: MQTT-2.3.1-4] [3.1.1: MQTT-2.3.1-5]
        [3.1.1: MQTT-4.3.1-1] [3.1.1: MQTT-4.3.2-1] [3.1.1: MQTT-4.3.3-1]
        [3.1.1: MQTT-3.3.1-2] [3.1.1: MQTT-3.3.2-3] [3.1.1: MQTT-4.5.0-1]
        [3.1.1: MQTT-3.3.2-1]"""
        for version in BOTH:
            hears, says = self.pair(version)
            for qos in (0, 1, 2):
                says.say(self.name(str(version)), b"%d" % qos, qos)
                got = hears.take()
                self.assertEqual((got.topic, got.payload, got.qos, got.dup, got.retain),
                                 (self.name(str(version)), b"%d" % qos, qos, False, False))
                self.assertEqual(got.packet_id != 0, qos > 0)

    def test_identifiers_to_a_client_differ_while_they_are_in_use(self):
        """[MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1] [3.1.1: MQTT-2.3.1-2]
        [3.1.1: MQTT-2.3.1-4]"""
        for version in BOTH:
            hears, says = self.pair(version)
            for number in range(10):
                says.say(self.name(str(version)), b"%d" % number, 1 + number % 2)
            ids = [hears.message().packet_id for _ in range(10)]
            self.assertEqual(len(set(ids)), 10)
            self.assertNotIn(0, ids)

    def test_dup_of_the_publisher_is_not_passed_on(self):
        """[MQTT-3.3.1-3] [MQTT-3.3.1-1] [3.1.1: MQTT-3.3.1-3] [3.1.1: MQTT-3.3.1-1]"""
        for version in BOTH:
            hears, says = self.pair(version)
            says.send(publish_bytes(version, self.name(str(version)), b"x", 1, 5, dup=True))
            self.assertFalse(hears.take().dup)

    def test_qos_1_identifiers_may_be_used_again_after_the_puback(self):
        """[MQTT-4.3.2-5]"""
        for version in BOTH:
            hears, says = self.pair(version)
            for number in range(3):
                says.send(publish_bytes(version, self.name(str(version)), b"%d" % number, 1, 9))
                says.expect(PUBACK, 9)
                self.assertEqual(hears.take().payload, b"%d" % number)

    def test_a_repeated_qos_2_message_is_passed_on_once(self):
        """[MQTT-4.3.3-10] [MQTT-4.3.3-12] [3.1.1: MQTT-4.3.3-2]"""
        for version in BOTH:
            hears, says = self.pair(version)
            topic = self.name(str(version))
            for dup in (False, True, True):
                says.send(publish_bytes(version, topic, b"once", 2, 9, dup=dup))
                says.expect(PUBREC, 9)
            says.release(9)
            says.expect(PUBCOMP, 9)
            self.assertEqual(hears.take().payload, b"once")
            self.assertTrue(hears.silent())
            says.send(publish_bytes(version, topic, b"new", 2, 9))
            says.expect(PUBREC, 9)
            self.assertEqual(hears.take().payload, b"new")

    def test_a_pubrel_for_no_message_is_answered(self):
        """[MQTT-4.3.3-11] [MQTT-3.7.2-1] [3.1.1: MQTT-4.3.3-2]"""
        for version in BOTH:
            peer = self.peer(version=version)
            peer.release(1234)
            self.assertEqual(peer.reason(peer.expect(PUBCOMP, 1234)), 0x92 if version == 5 else 0)

    def test_a_pubrec_gets_a_pubrel_and_the_message_is_not_sent_again(self):
        """[MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-3.6.2-1] [MQTT-4.6.0-4]
        [3.1.1: MQTT-4.3.3-1] [3.1.1: MQTT-4.6.0-4]"""
        for version in BOTH:
            hears, says = self.pair(version)
            for number in range(4):
                says.say(self.name(str(version)), b"%d" % number, 2)
            got = [hears.message().packet_id for _ in range(4)]
            for one in got:
                hears.ack(PUBREC, one)
            self.assertEqual([hears.expect(PUBREL).packet_id() for _ in got], got)
            hears.ack(PUBREC, got[0])  # again: a lost PUBREL would look so
            found = hears.expect(PUBREL, got[0])
            self.assertEqual((found.flags, hears.reason(found)), (2, 0))
            for one in got:
                hears.ack(PUBCOMP, one)
            self.assertTrue(hears.silent(0.2))

    def test_a_pubrec_with_an_error_ends_the_exchange(self):
        """[MQTT-4.3.3-4] [MQTT-4.4.0-2]"""
        hears, says = self.pair(5)
        says.say(self.name("5"), b"x", 2)
        hears.ack(PUBREC, hears.message().packet_id, 0x97)
        self.assertTrue(hears.silent(0.2))
        says.say(self.name("5"), b"y", 1)
        self.assertEqual(hears.take().payload, b"y")

    def test_acknowledgements_leave_in_the_order_of_the_messages(self):
        """[MQTT-4.6.0-2] [MQTT-4.6.0-3] [3.1.1: MQTT-4.6.0-2] [3.1.1: MQTT-4.6.0-3]"""
        for version in BOTH:
            peer = self.peer(version=version)
            for qos, kind in ((1, PUBACK), (2, PUBREC)):
                sent = list(range(100, 110))
                peer.send(b"".join(publish_bytes(version, self.name(), b"x", qos, one)
                                   for one in sent))
                self.assertEqual([peer.expect(kind).packet_id() for _ in sent], sent)

    def test_messages_of_a_topic_and_a_qos_keep_their_order(self):
        """[MQTT-4.6.0-5] [MQTT-4.6.0-6] [3.1.1: MQTT-4.6.0-5] [3.1.1: MQTT-4.6.0-6]"""
        for version in BOTH:
            hears, says = self.pair(version)
            for qos in (0, 1, 2):
                for number in range(40):
                    says.say(self.name(str(version)), b"%d" % number, qos)
                self.assertEqual([int(hears.take().payload) for _ in range(40)], list(range(40)))

    def test_a_publish_that_cannot_be_ends_the_connection(self):
        """[MQTT-3.3.1-4] [MQTT-3.3.1-2] [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-4.7.3-1]
        [MQTT-2.2.1-3] [MQTT-4.13.1-1] [MQTT-4.7.3-2] [3.1.1: MQTT-3.3.1-4]
        [3.1.1: MQTT-3.3.2-2] [3.1.1: MQTT-2.3.1-1] [3.1.1: MQTT-4.8.0-1]
        [3.1.1: MQTT-4.7.3-1] [3.1.1: MQTT-4.7.3-2]"""
        for version in BOTH:
            none = b"\x00" if version == 5 else b""
            for head, body in ((6, text("a") + b"\x00\x01" + none),  # QoS 3
                               (0, text("a/+") + none), (0, text("#") + none),
                               (0, text("") + none), (0, text(b"a\x00") + none),
                               (2, text("a") + b"\x00\x00" + none),  # identifier 0
                               (0, b"\x00\x09a")):
                with self.subTest(version=version, head=head, body=body):
                    peer = self.peer(version=version)
                    peer.send(packet(PUBLISH, head, body))
                    self.assert_ended(peer, 0x81, 0x82, 0x90)
            peer = self.peer(version=version)
            peer.send(packet(PUBLISH, 8, text("a") + none))  # DUP with QoS 0
            if self.is_wharf:
                self.assert_ended(peer, 0x82)

    def test_properties_that_a_publish_cannot_have_end_the_connection(self):
        """[MQTT-3.3.4-6] [MQTT-3.3.2-14] [MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.3.2-13]
        [MQTT-3.3.2-19] [MQTT-4.13.1-1] [MQTT-1.5.7-1]"""
        for bad, codes in ((props(subscription_identifier=1), (0x81, 0x82)),
                           (props(response_topic="a/#"), (0x81, 0x82)),
                           (props(topic_alias=0), (0x94,)), (props(topic_alias=65535), (0x94,)),
                           (props(response_topic=b"\xff"), (0x81,)),
                           (props(content_type=b"\xff"), (0x81,)),
                           (props(user=(b"\xff", b"x")), (0x81,)),
                           (props(user=(b"x", b"\x00")), (0x81,)),
                           (props(session_expiry=1), (0x81, 0x82)),
                           (props(("message_expiry", 1), ("message_expiry", 1)), (0x82,)),
                           (props(payload_format=2), (0x81, 0x82))):
            with self.subTest(bad=bad):
                peer = self.peer()
                peer.send(publish_bytes(5, self.name(), b"x", properties=bad))
                self.assert_ended(peer, *codes)

    def test_properties_are_passed_on_unaltered_and_in_order(self):
        """[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
        [MQTT-3.3.2-20]"""
        hears, says = self.pair(5)
        users = [("b", "2"), ("a", "1"), ("a", "2"), ("", "")]
        given = props(("payload_format", 1), ("content_type", "text/x"), ("response_topic", "r/é"),
                      ("correlation_data", b"\x00\xff"), *[("user", one) for one in users])
        for qos in (0, 1, 2):
            says.say(self.name("5"), "x é".encode(), qos, properties=given)
            got = hears.take()
            self.assertEqual((got.get("payload_format"), got.get("content_type"),
                              got.get("response_topic"), got.get("correlation_data"),
                              got.all("user")), (1, "text/x", "r/é", b"\x00\xff", users))
            self.assertIsNone(got.get("message_expiry"))

    def test_a_client_of_3_1_1_gets_no_properties(self):
        """[3.1.1: MQTT-3.3.2-3]"""
        hears = self.peer("old", 4)
        hears.subscribe((self.name(), 1))
        self.peer("new").say(self.name(), b"payload", properties=props(content_type="x"))
        got = hears.take()
        self.assertEqual((got.topic, got.payload), (self.name(), b"payload"))

    def test_topic_aliases_stand_for_topics_on_their_connection(self):
        """[MQTT-3.3.2-7] [MQTT-3.3.2-12]"""
        hears = self.peer("hears")
        hears.subscribe((self.name("/#"), 0))
        says = self.peer("says", properties=props(session_expiry=60))
        maximum = says.answer["topic_alias_maximum"]
        for alias in range(1, maximum + 1):
            says.say(self.name(f"/{alias}"), b"1", 1, properties=props(topic_alias=alias))
            says.say("", b"2", 1, properties=props(topic_alias=alias))
            self.assertEqual([hears.take().topic for _ in range(2)], [self.name(f"/{alias}")] * 2)
        says.say(self.name("/new"), b"1", 1, properties=props(topic_alias=1))
        says.say("", b"2", 1, properties=props(topic_alias=1))
        self.assertEqual([hears.take().topic for _ in range(2)], [self.name("/new")] * 2)
        says.lose()
        again = self.peer("says", clean=False)
        again.send(publish_bytes(5, "", b"x", 1, 1, properties=props(topic_alias=1)))
        self.assert_ended(again, 0x82, 0x94)

    def test_aliases_to_a_client_are_within_what_it_takes(self):
        """[MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11] [MQTT-3.3.2-8]"""
        says = self.peer("says")
        for maximum in (None, 0, 2):
            given = props(**({} if maximum is None else {"topic_alias_maximum": maximum}))
            hears = self.peer("hears", properties=given)
            hears.subscribe((self.name("/#"), 1))
            known = {}
            for number in (1, 2, 3, 1, 2, 3):
                says.say(self.name(f"/{number}"), b"x")
                got = hears.take()
                alias = got.get("topic_alias")
                if alias is None:
                    self.assertEqual(got.topic, self.name(f"/{number}"))
                    continue
                self.assertLessEqual(alias, maximum or 0)
                self.assertGreater(alias, 0)
                known[alias] = got.topic or known[alias]
                self.assertEqual(known[alias], self.name(f"/{number}"))

    def test_the_client_s_receive_maximum_is_kept(self):
        """[MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]"""
        hears = self.peer("hears", properties=props(receive_maximum=2))
        hears.subscribe((self.name(), 2))
        says = self.peer("says")
        for number in range(5):
            says.say(self.name(), b"%d" % number, 1 + number % 2)
        got = [hears.message(), hears.message()]
        self.assertTrue(hears.silent(0.3))
        says.say(self.name(), b"qos 0", 0)
        self.assertEqual(hears.message().payload, b"qos 0")
        self.assert_alive(hears)
        hears.ack(PUBACK, got[0].packet_id)
        self.assertEqual(hears.message().payload, b"2")
        # Of QoS 2 only the PUBCOMP makes room.
        hears.ack(PUBREC, got[1].packet_id)
        hears.expect(PUBREL, got[1].packet_id)
        self.assertTrue(hears.silent(0.2))
        hears.ack(PUBCOMP, got[1].packet_id)
        self.assertEqual(hears.message().payload, b"3")

    def test_more_than_the_server_s_receive_maximum_ends_the_connection(self):
        """[MQTT-3.3.4-7]"""
        peer = self.peer()
        maximum = peer.answer.get("receive_maximum", 65535)
        peer.send(b"".join(publish_bytes(5, self.name(), b"x", 2, one)
                           for one in range(1, maximum + 2)))
        self.assert_ended(peer, 0x93)

    def test_a_message_above_the_client_s_maximum_packet_size_is_as_if_delivered(self):
        """[MQTT-3.1.2-24] [MQTT-3.1.2-25]"""
        hears = self.peer("hears", properties=props(maximum_packet_size=100, receive_maximum=1))
        hears.subscribe((self.name()[:30], 2))
        says = self.peer("says")
        for payload in (b"x" * 200, b"y" * 10, b"x" * 90, b"z" * 10):
            says.say(self.name()[:30], payload, 2)
        self.assertEqual([hears.take().payload for _ in range(2)], [b"y" * 10, b"z" * 10])

    def test_a_packet_above_the_server_s_maximum_ends_the_connection(self):
        """[MQTT-3.2.2-15] [MQTT-4.13.1-1]"""
        peer = self.peer()
        if "maximum_packet_size" not in peer.answer:
            self.skipTest("the broker has no maximum")
        peer.send(b"\x30\xff\xff\xff\x7f")
        self.assert_ended(peer, 0x95)

    def test_the_expiry_that_is_left_is_passed_on_and_what_has_expired_is_not(self):
        """[MQTT-3.3.2-5] [MQTT-3.3.2-6]"""
        keep = props(session_expiry=600)
        hears = self.peer("hears", properties=keep)
        hears.subscribe((self.name(), 1))
        hears.bye()
        says = self.peer("says")
        for payload, seconds in ((b"short", 1), (b"long", 50)):
            says.say(self.name(), payload, properties=props(message_expiry=seconds))
        time.sleep(2.3)
        back = self.peer("hears", clean=False)
        got = back.take()
        self.assertEqual(got.payload, b"long")
        self.assertIn(got.get("message_expiry"), (46, 47, 48))
        self.assertTrue(back.silent(0.3))

    def test_a_message_that_was_sent_is_not_expired_and_its_exchange_goes_on(self):
        """[MQTT-4.3.3-7] [MQTT-4.3.3-13]"""
        hears = self.peer("hears", properties=props(session_expiry=600))
        hears.subscribe((self.name(), 2))
        self.peer("says").say(self.name(), b"x", 2, properties=props(message_expiry=1))
        first = hears.message()
        time.sleep(1.3)
        hears.ack(PUBREC, first.packet_id)
        hears.expect(PUBREL, first.packet_id)
        hears.ack(PUBCOMP, first.packet_id)
        self.peer("says").say(self.name(), b"y", 2, properties=props(message_expiry=1))
        second = hears.message()
        hears.lose()
        time.sleep(1.3)
        back = self.peer("hears", clean=False)
        again = back.message()
        self.assertEqual((again.payload, again.packet_id, again.dup),
                         (b"y", second.packet_id, True))

    def test_an_acknowledgement_its_message_cannot_have_ends_the_connection(self):
        """[MQTT-4.3.2-3] [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.13.1-1] [3.1.1: MQTT-4.8.0-1]"""
        for version in BOTH:
            for qos, wrong in ((1, PUBREC), (1, PUBCOMP), (2, PUBACK), (2, PUBCOMP)):
                with self.subTest(version=version, qos=qos, wrong=wrong):
                    topic = self.name(f"{version}{qos}{wrong}")
                    hears, says = self.pair(version, topic)
                    says.say(topic, b"x", qos)
                    hears.ack(wrong, hears.message().packet_id)
                    self.assert_ended(hears, 0x82)

    def test_broken_acknowledgements_end_the_connection(self):
        """[MQTT-3.6.1-1] [MQTT-2.1.3-1] [3.1.1: MQTT-3.6.1-1] [3.1.1: MQTT-2.2.2-1]
        [3.1.1: MQTT-2.2.2-2] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1]"""
        for version in BOTH:
            for data in (packet(PUBREL, 0, b"\x00\x01"), packet(PUBACK, 1, b"\x00\x01"),
                         packet(PUBREC, 2, b"\x00\x01"), packet(PUBCOMP, 4, b"\x00\x01"),
                         packet(PUBACK, 0, b"\x00"), packet(12, 3, b""), b"\x00\x00"):
                with self.subTest(version=version, data=data):
                    peer = self.peer(version=version)
                    peer.send(data)
                    self.assert_ended(peer, 0x81, 0x82)
        for kind in (PUBACK, PUBREC, PUBCOMP):
            peer = self.peer()
            peer.ack(kind, 1, 0x01)
            if self.is_wharf:
                self.assert_ended(peer, 0x81, 0x82)

    def test_a_remaining_length_of_more_than_four_bytes_ends_the_connection(self):
        """[MQTT-4.13.1-1] [MQTT-1.5.5-1]"""
        for version in BOTH:
            peer = self.peer(version=version)
            peer.send(b"\xc0\xff\xff\xff\xff\x01")
            self.assert_ended(peer, 0x81)
        if self.is_wharf:
            peer = self.peer()
            peer.send(b"\xc0\x80\x00")
            self.assert_ended(peer, 0x81)

    def test_topics_are_compared_as_they_are(self):
        """[MQTT-4.7.3-4] [3.1.1: MQTT-4.7.3-4]"""
        for version in BOTH:
            hears = self.peer("hears", version)
            composed, apart = "\u00c5", "A\u030a"
            hears.subscribe((self.name(composed), 0), (self.name("/Case"), 0))
            says = self.peer("says", version)
            for topic in (self.name(apart), self.name("/case"), self.name("/Case/"),
                          self.name(composed)):
                says.say(topic, b"x", 0)
            self.assertEqual(hears.take().topic, self.name(composed))
            self.assertTrue(hears.silent(0.2))


if __name__ == "__main__":
    unittest.main()

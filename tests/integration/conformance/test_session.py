#!/usr/bin/env python3
"""Sessions that outlive their connections, and wills."""
import time
import unittest

from conformance import BOTH, ConformanceTest
from peer import DISCONNECT, PUBACK, PUBCOMP, PUBREC, PUBREL, packet, props, publish_bytes

KEEP = props(session_expiry=600)


class Sessions(ConformanceTest):
    def away(self, version, topic, options=2):
        """A session with a subscription whose client is not there."""
        peer = self.peer("away", version, clean=True, properties=KEEP)
        if version == 4:  # a clean session would end with its connection
            peer.bye()
            peer = self.peer("away", version, clean=False)
        peer.subscribe((topic, options))
        peer.bye()

    def back(self, version, **options):
        return self.peer("away", version, **{"clean": False, "properties": KEEP, **options})

    def test_messages_of_qos_1_and_2_wait_for_a_session(self):
        """[MQTT-3.1.2-5] [MQTT-3.1.2-23] [MQTT-4.5.0-1] [MQTT-4.1.0-1] [3.1.1: MQTT-3.1.2-4]
        [3.1.1: MQTT-3.1.2-5] [3.1.1: MQTT-4.1.0-1] [3.1.1: MQTT-4.1.0-2]
        [3.1.1: MQTT-4.5.0-1]"""
        for version in BOTH:
            topic = self.name(str(version))
            self.away(version, topic)
            says = self.peer("says", version)
            for qos in (1, 2, 1):
                says.say(topic, b"%d" % qos, qos)
            back = self.back(version)
            self.assertTrue(back.session_present)
            self.assertEqual([(got.payload, got.qos) for got in
                              (back.take(), back.take(), back.take())],
                             [(b"1", 1), (b"2", 2), (b"1", 1)])
            says.say(topic, b"later")  # the subscription goes on
            self.assertEqual(back.take().payload, b"later")
            back.bye()
            self.back(version, clean=True, properties=None).bye()

    def test_what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order(self):
        """[MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.2-3] [MQTT-4.3.3-3] [MQTT-4.6.0-1]
        [3.1.1: MQTT-4.4.0-1] [3.1.1: MQTT-3.3.1-1] [3.1.1: MQTT-2.3.1-3]
        [3.1.1: MQTT-4.6.0-1]"""
        for version in BOTH:
            topic = self.name(str(version))
            self.away(version, topic)
            first = self.back(version)
            says = self.peer("says", version)
            for number in range(4):
                says.say(topic, b"%d" % number, 1 + number % 2)
            sent = [first.message() for _ in range(4)]
            first.ack(PUBACK, sent[0].packet_id)
            self.assert_alive(first)
            first.lose()
            back = self.back(version)
            again = [back.message() for _ in range(3)]
            self.assertEqual([(one.payload, one.packet_id, one.dup) for one in again],
                             [(one.payload, one.packet_id, True) for one in sent[1:]])
            self.assertTrue(back.silent(0.2))
            back.bye()
            self.back(version, clean=True, properties=None).bye()

    def test_a_pubrel_is_sent_again_and_its_message_is_not(self):
        """[MQTT-4.4.0-1] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [3.1.1: MQTT-4.4.0-1]
        [3.1.1: MQTT-4.3.3-1]"""
        for version in BOTH:
            topic = self.name(str(version))
            self.away(version, topic)
            first = self.back(version)
            self.peer("says", version).say(topic, b"x", 2)
            packet_id = first.message().packet_id
            first.ack(PUBREC, packet_id)
            first.expect(PUBREL, packet_id)
            first.lose()
            back = self.back(version)
            back.expect(PUBREL, packet_id)
            self.assertEqual(back.kept, [])
            back.ack(PUBCOMP, packet_id)
            self.assert_alive(back)
            back.lose()
            self.assertTrue(self.back(version).silent(0.2))
            self.back(version, clean=True, properties=None).bye()

    def test_qos_2_identifiers_from_the_client_are_kept(self):
        """[MQTT-4.3.3-10] [MQTT-3.1.2-23] [MQTT-4.4.0-1] [3.1.1: MQTT-4.3.3-2]
        [3.1.1: MQTT-4.1.0-1]"""
        for version in BOTH:
            topic = self.name(str(version))
            self.away(version, self.name("none"))
            hears = self.peer("hears", version)
            hears.subscribe((topic, 2))
            first = self.back(version)
            first.send(publish_bytes(version, topic, b"once", 2, 5))
            first.expect(PUBREC, 5)
            first.lose()
            back = self.back(version)
            back.send(publish_bytes(version, topic, b"once", 2, 5, dup=True))
            back.expect(PUBREC, 5)
            back.release(5)
            back.expect(PUBCOMP, 5)
            self.assertEqual(hears.take().payload, b"once")
            self.assertTrue(hears.silent())
            back.bye()
            self.back(version, clean=True, properties=None).bye()

    def test_a_clean_start_forgets_and_retained_messages_stay(self):
        """[MQTT-3.1.2-4] [MQTT-3.1.4-4] [3.1.1: MQTT-3.1.2-6] [3.1.1: MQTT-3.1.2-7]
        [3.1.1: MQTT-3.1.4-3]"""
        for version in BOTH:
            topic = self.name(str(version))
            self.away(version, topic)
            says = self.peer("says", version)
            says.say(topic, b"queued")
            says.say(topic + "/r", b"retained", retain=True)
            clean = self.back(version, clean=True)
            self.assertFalse(clean.session_present)
            says.say(topic, b"not subscribed")
            self.assertTrue(clean.silent(0.3))
            late = self.peer("late", version)
            late.subscribe((topic + "/r", 1))
            self.assertEqual(late.take().payload, b"retained")
            says.say(topic + "/r", b"", retain=True)

    def test_a_session_without_an_expiry_ends_with_its_connection(self):
        """[MQTT-4.1.0-2] [MQTT-3.1.2-23] [3.1.1: MQTT-3.1.2-6]"""
        for version in BOTH:
            first = self.peer(version=version)
            first.subscribe((self.name(), 1))
            first.lose()
            self.assertFalse(self.peer(version=version, clean=False).session_present)
            self.peer(version=version).bye()

    def test_a_session_s_time_ends_and_a_disconnect_may_change_it(self):
        """[MQTT-4.1.0-2] [MQTT-3.1.2-23]"""
        first = self.peer(properties=props(session_expiry=1))
        first.bye(0, props(session_expiry=30))
        time.sleep(2.5)
        second = self.peer(clean=False, properties=props(session_expiry=1))
        self.assertTrue(second.session_present)
        second.bye()
        time.sleep(2.5)
        third = self.peer(clean=False, properties=props(session_expiry=60))
        self.assertFalse(third.session_present)
        third.bye(0, props(session_expiry=0))
        self.assertFalse(self.peer(clean=False).session_present)

    def test_a_disconnect_cannot_make_a_session_out_of_none(self):
        """[MQTT-4.13.1-1]"""
        peer = self.peer()
        peer.send(packet(DISCONNECT, 0, b"\x00" + props(session_expiry=5)))
        self.assert_ended(peer, 0x82)

    def test_a_second_connection_gets_what_the_first_did_not_acknowledge(self):
        """[MQTT-3.1.4-3] [MQTT-4.4.0-1] [3.1.1: MQTT-3.1.4-2]"""
        for version in BOTH:
            topic = self.name(str(version))
            self.away(version, topic)
            first = self.back(version)
            self.peer("says", version).say(topic, b"x")
            sent = first.message()
            second = self.back(version)
            again = second.take()
            self.assertEqual((again.payload, again.packet_id, again.dup),
                             (b"x", sent.packet_id, True))
            self.assert_ended(first, 0x8E)
            second.bye()
            self.back(version, clean=True, properties=None).bye()


class Wills(ConformanceTest):
    def watched(self, version, topic, payload=b"will", qos=1, retain=False, will=b"", more="dies",
                **options):
        hears = self.peer("hears", version)
        hears.subscribe((topic, 2))
        return hears, self.peer(more, version, will=(topic, payload, qos, retain, will), **options)

    def test_a_lost_connection_publishes_the_will_once(self):
        """[MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-9] [MQTT-3.1.2-10] [MQTT-3.1.2-14]
        [3.1.1: MQTT-3.1.2-8] [3.1.1: MQTT-3.1.2-10] [3.1.1: MQTT-3.1.2-12]
        [3.1.1: MQTT-3.1.2-16] [3.1.1: MQTT-4.8.0-2]"""
        for version in BOTH:
            for qos in (0, 1, 2):
                topic = self.name(f"{version}{qos}")
                hears, dies = self.watched(version, topic, b"%d" % qos, qos)
                dies.lose()
                got = hears.take()
                self.assertEqual((got.payload, got.qos, got.retain), (b"%d" % qos, qos, False))
                again = self.peer("dies", version)
                again.lose()
                self.assertTrue(hears.silent(0.3))
                late = self.peer("late", version)
                late.subscribe((topic, 2))
                self.assertTrue(late.silent(0.2))

    def test_a_good_bye_takes_the_will_back(self):
        """[MQTT-3.1.2-10] [MQTT-3.14.4-3] [3.1.1: MQTT-3.1.2-10] [3.1.1: MQTT-3.14.4-3]"""
        for version in BOTH:
            hears, dies = self.watched(version, self.name(str(version)))
            dies.bye()
            self.assertTrue(hears.silent())

    def test_disconnect_with_will_and_violations_publish_it(self):
        """[MQTT-3.1.2-8] [3.1.1: MQTT-3.1.2-8]"""
        hears, dies = self.watched(5, self.name("5"))
        dies.bye(0x04)
        self.assertEqual(hears.take().payload, b"will")
        for version in BOTH:
            topic = self.name(f"bad{version}")
            hears, dies = self.watched(version, topic)
            dies.send(packet(3, 6, b""))
            self.assertEqual(hears.take().payload, b"will")

    def test_a_keep_alive_that_passes_publishes_it(self):
        """[MQTT-3.1.2-8] [MQTT-3.1.2-22] [3.1.1: MQTT-3.1.2-8] [3.1.1: MQTT-3.1.2-24]"""
        for version in BOTH:
            hears, _ = self.watched(version, self.name(str(version)), keep_alive_s=1)
            self.assertEqual(hears.take().payload, b"will")

    def test_a_will_may_be_retained_and_empty(self):
        """[MQTT-3.1.2-15] [3.1.1: MQTT-3.1.2-17]"""
        for version in BOTH:
            topic = self.name(str(version))
            hears, dies = self.watched(version, topic, retain=True)
            dies.lose()
            self.assertFalse(hears.take().retain)
            late = self.peer("late", version)
            late.subscribe((topic, 1))
            got = late.take()
            self.assertEqual((got.payload, got.retain), (b"will", True))
            hears.close()
            hears, dies = self.watched(version, topic + "/e", b"", retain=False)
            dies.lose()
            self.assertEqual(hears.take().payload, b"")
            late.say(topic, b"", 1, retain=True)

    def test_the_will_has_its_properties_in_order(self):
        """[MQTT-3.1.3-10] [MQTT-3.3.2-4] [MQTT-3.3.2-15]"""
        users = [("b", "1"), ("a", "2"), ("b", "1")]
        given = props(("payload_format", 1), ("message_expiry", 30), ("content_type", "t"),
                      ("response_topic", "r"), ("correlation_data", b"c"),
                      *[("user", one) for one in users])
        hears, dies = self.watched(5, self.name(), will=given)
        dies.lose()
        got = hears.take()
        self.assertEqual((got.get("payload_format"), got.get("content_type"),
                          got.get("response_topic"), got.get("correlation_data"),
                          got.all("user")), (1, "t", "r", b"c", users))
        self.assertIn(got.get("message_expiry"), (29, 30))
        self.assertIsNone(got.get("will_delay"))

    def test_a_delayed_will_waits_for_its_time(self):
        """[MQTT-3.1.2-8] [MQTT-3.1.3-9]"""
        hears, dies = self.watched(5, self.name(), will=props(will_delay=2), properties=KEEP)
        began = time.monotonic()
        dies.lose()
        self.assertEqual(hears.take().payload, b"will")
        self.assertGreaterEqual(time.monotonic() - began, 2)

    def test_a_connection_in_time_takes_a_delayed_will_back(self):
        """[MQTT-3.1.3-9]"""
        hears, dies = self.watched(5, self.name(), will=props(will_delay=2), properties=KEEP)
        dies.lose()
        self.peer("dies", clean=False, properties=KEEP)
        self.assertTrue(hears.silent(3))

    def test_the_end_of_the_session_publishes_a_delayed_will(self):
        """[MQTT-3.1.2-8]"""
        hears, dies = self.watched(5, self.name(), will=props(will_delay=60))
        dies.lose()
        self.assertEqual(hears.take().payload, b"will")
        hears, dies = self.watched(5, self.name("2"), will=props(will_delay=60), properties=KEEP,
                                   more="dies2")
        dies.lose()
        if self.is_wharf:
            self.peer("dies2", clean=True)
            self.assertEqual(hears.take().payload, b"will")

    def test_a_will_that_cannot_be_ends_the_connect(self):
        """[MQTT-3.1.3-11] [MQTT-4.7.0-1] [3.1.1: MQTT-3.1.3-10]"""
        from peer import connect_bytes
        for version in BOTH:
            for topic in ("a/#", "+", ""):
                peer = self.raw(connect_bytes(self.name(), version,
                                              will=(topic, b"x", 0, False, b"")), version=version)
                found = peer.rest()
                self.assertTrue(all(one.kind == 2 and one.body[1] for one in found), found)


if __name__ == "__main__":
    unittest.main()

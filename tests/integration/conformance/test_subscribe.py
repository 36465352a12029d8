#!/usr/bin/env python3
"""SUBSCRIBE, UNSUBSCRIBE, topic filters and retained messages."""
import unittest

from conformance import BOTH, ConformanceTest
from peer import (PUBACK, SUBACK, SUBSCRIBE, UNSUBSCRIBE, packet, props, publish_bytes,
                  subscribe_bytes, text)


class Subscribe(ConformanceTest):
    def test_each_filter_has_its_code_in_its_place(self):
        """[MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7]
        [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT-3.1.0-1] [3.1.1: MQTT-3.8.4-1]
        [3.1.1: MQTT-3.8.4-2] [3.1.1: MQTT-3.8.4-4] [3.1.1: MQTT-3.8.4-5]
        [3.1.1: MQTT-3.9.3-1] [3.1.1: MQTT-3.9.3-2]"""
        for version in BOTH:
            peer = self.peer(version=version)
            name = self.name(str(version))
            self.assertEqual(peer.subscribe((name + "/0", 0), (name + "/2", 2), (name + "/1", 1),
                                            (name + "/2", 0)), [0, 2, 1, 0])

    def test_a_shared_subscription_is_refused_and_the_others_stand(self):
        """[MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-4.8.2-1] [MQTT-4.8.2-2]"""
        if not self.is_wharf:
            self.skipTest("whether they are offered is the broker's choice")
        peer = self.peer()
        self.assertEqual(peer.answer["shared_available"], 0)
        self.assertEqual(peer.subscribe(("a", 0), ("$share/group/a", 1), ("b", 1)), [0, 0x9E, 1])
        old = self.peer("old", 4)
        self.assertEqual(old.subscribe(("a", 0), ("$share/group/a", 1)), [0, 0x80])
        for bad in ("$share//a", "$share/g", "$share/g/", "$share/a+/b"):
            peer = self.peer("bad")
            peer.send(subscribe_bytes(5, [(bad, 0)]))
            self.assert_ended(peer, 0x8F)
        peer.close()

    def test_no_local_on_a_shared_subscription_is_an_error(self):
        """[MQTT-3.8.3-4]"""
        peer = self.peer()
        peer.send(subscribe_bytes(5, [("$share/group/a", 4)]))
        self.assert_ended(peer, 0x82)

    def test_a_broken_subscribe_ends_the_connection(self):
        """[MQTT-3.8.1-1] [MQTT-3.8.3-1] [MQTT-3.8.3-2] [MQTT-3.8.3-5] [MQTT-4.7.1-1]
        [MQTT-4.7.1-2] [MQTT-2.2.1-3] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [3.1.1: MQTT-3.8.1-1]
        [3.1.1: MQTT-3.8.3-1] [3.1.1: MQTT-3.8.3-3] [3.1.1: MQTT-3.8.3-4]
        [3.1.1: MQTT-4.7.1-1] [3.1.1: MQTT-4.7.1-2] [3.1.1: MQTT-4.7.1-3]
        [3.1.1: MQTT-4.7.3-1]"""
        for version in BOTH:
            one = [subscribe_bytes(version, [(bad, 0)]) for bad in
                   ("", "a/#/b", "a#", "#/a", "a+", "+a/b", "a/b+", b"\xff", b"a\x00")]
            one += [subscribe_bytes(version, [("a", bad)]) for bad in
                    ((3, 0x30, 0x40, 0x80) if version == 5 else (3, 4, 0x80))]
            one += [subscribe_bytes(version, [("a", 0)], flags=0), subscribe_bytes(version, []),
                    subscribe_bytes(version, [("a", 0)], packet_id=0),
                    packet(SUBSCRIBE, 2, b"\x00\x01" + (b"\x00" if version == 5 else b"") +
                           text("a"))]
            for data in one:
                with self.subTest(version=version, data=data):
                    peer = self.peer(version=version)
                    peer.send(data)
                    self.assert_ended(peer, 0x81, 0x82, 0x8F)
        for bad in (props(subscription_identifier=0),
                    props(("subscription_identifier", 1), ("subscription_identifier", 2))):
            peer = self.peer()
            peer.send(subscribe_bytes(5, [("a", 0)], properties=bad))
            self.assert_ended(peer, 0x82)

    def test_a_broken_unsubscribe_ends_the_connection(self):
        """[MQTT-3.10.1-1] [MQTT-3.10.3-1] [MQTT-3.10.3-2] [3.1.1: MQTT-3.10.1-1]
        [3.1.1: MQTT-3.10.3-1] [3.1.1: MQTT-3.10.3-2]"""
        for version in BOTH:
            for filters, flags, packet_id in (([], 2, 1), (["a"], 0, 1), (["a"], 2, 0),
                                              ([b"\xff"], 2, 1), ([""], 2, 1)):
                with self.subTest(version=version, filters=filters):
                    peer = self.peer(version=version)
                    peer.send(subscribe_bytes(version, filters, packet_id, kind=UNSUBSCRIBE,
                                              flags=flags))
                    self.assert_ended(peer, 0x81, 0x82, 0x8F)

    def test_the_qos_is_the_lower_one(self):
        """[MQTT-3.8.4-8] [3.1.1: MQTT-3.8.4-6]"""
        for version in BOTH:
            for granted in (0, 1, 2):
                topic = self.name(f"{version}{granted}")
                hears, says = self.pair(version, topic, granted)
                for sent in (0, 1, 2):
                    says.say(topic, b"x", sent)
                    self.assertEqual(hears.take().qos, min(granted, sent))

    def test_a_filter_that_is_there_already_is_replaced(self):
        """[MQTT-3.8.4-3] [3.1.1: MQTT-3.8.4-3]"""
        for version in BOTH:
            hears, says = self.pair(version, options=0)
            self.assertEqual(hears.subscribe((self.name(str(version)), 2)), [2])
            says.say(self.name(str(version)), b"x", 2)
            self.assertEqual(hears.take().qos, 2)
            self.assertTrue(hears.silent(0.2))

    def test_overlapping_subscriptions_deliver_at_the_highest_qos(self):
        """[MQTT-3.3.4-2] [3.1.1: MQTT-3.3.5-1]"""
        for version in BOTH:
            hears = self.peer("hears", version)
            name = self.name(str(version))
            hears.subscribe((name + "/#", 0), (name + "/+", 2), (name + "/a", 1))
            self.peer("says", version).say(name + "/a", b"x", 2)
            got = [hears.take()]
            while hears.kept or not hears.silent(0.3):
                got.append(hears.take())
            self.assertEqual(max(one.qos for one in got), 2)
            if self.is_wharf:
                self.assertEqual(len(got), 1)

    def test_subscription_identifiers_come_with_the_message(self):
        """[MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]"""
        hears = self.peer("hears")
        name = self.name()
        for filter_, identifier in ((name + "/#", 1), (name + "/a", 268_435_455), (name + "/+", 0)):
            given = props(subscription_identifier=identifier) if identifier else None
            hears.subscribe((filter_, 1), properties=given)
        self.peer("says").say(name + "/a", b"x")
        got = [hears.take()]
        while not self.is_wharf and not hears.silent(0.3):
            got.append(hears.take())
        found = [one for message in got for one in message.all("subscription_identifier")]
        self.assertEqual(sorted(found), [1, 268_435_455])

    def test_a_publisher_with_no_local_does_not_hear_itself(self):
        """[MQTT-3.8.3-3]"""
        both = self.peer("both")
        both.subscribe((self.name(), 1 | 4))
        other = self.peer("other")
        other.subscribe((self.name(), 1 | 4))
        both.say(self.name(), b"x")
        self.assertEqual(other.take().payload, b"x")
        self.assertTrue(both.silent())

    def test_filters_fit_topics_as_the_standard_says(self):
        """[MQTT-4.7.1-1] [MQTT-4.7.1-2] [3.1.1: MQTT-4.7.1-2] [3.1.1: MQTT-4.7.1-3]"""
        for version in BOTH:
            name = self.name(str(version))
            for filter_, fits, others in (
                    ("/s/t/p/#", ("/s/t/p", "/s/t/p/r", "/s/t/p/s/w"), ("/s/t", "/s/t/pp")),
                    ("/s/t/+", ("/s/t/p1", "/s/t/"), ("/s/t/p1/r", "/s/t")),
                    ("/+/+", ("//", "/a/b"), ("/a",)), ("/+", ("/finance", "/"), ("",))):
                with self.subTest(version=version, filter=filter_):
                    hears, says = self.pair(version, name + filter_, 0)
                    for one in (*others, *fits):
                        says.say(name + one, b"x", 0)
                    self.assertEqual([hears.message().topic for _ in fits],
                                     [name + one for one in fits])
                    hears.close()

    def test_wildcards_at_the_front_do_not_fit_what_begins_with_a_dollar(self):
        """[MQTT-4.7.2-1] [3.1.1: MQTT-4.7.2-1]"""
        for version in BOTH:
            hears = self.peer("hears", version)
            name = self.name(str(version))
            hears.subscribe(("+/" + name, 0))
            exact = self.peer("exact", version)
            exact.subscribe((f"$x{version}/+", 0))
            says = self.peer("says", version)
            says.say(f"$x{version}/{name}", b"dollar", 0)
            says.say(f"x/{name}", b"plain", 0)
            self.assertEqual(hears.take().payload, b"plain")
            self.assertEqual(exact.take().payload, b"dollar")
            self.assertTrue(hears.silent(0.2))

    def test_unsubscribe_is_answered_for_each_filter_and_ends_what_fits_to_the_letter(self):
        """[MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6]
        [MQTT-3.11.3-1] [MQTT-3.11.3-2] [3.1.1: MQTT-3.10.4-1] [3.1.1: MQTT-3.10.4-2]
        [3.1.1: MQTT-3.10.4-4] [3.1.1: MQTT-3.10.4-5] [3.1.1: MQTT-3.10.4-6]"""
        for version in BOTH:
            hears = self.peer("hears", version)
            says = self.peer("says", version)
            name = self.name(str(version))
            hears.subscribe((name + "/+", 1), (name + "/b", 1), (name + "/c", 1))
            codes = hears.unsubscribe(name + "/a", name + "/b", name + "/+", name + "/C")
            self.assertEqual(codes, [0x11, 0, 0, 0x11] if version == 5 else [])
            for one in ("/a", "/b", "/c"):
                says.say(name + one, b"x")
            self.assertEqual(hears.take().topic, name + "/c")
            self.assertTrue(hears.silent(0.2))

    def test_what_was_sent_before_an_unsubscribe_is_still_delivered_to_the_end(self):
        """[MQTT-3.10.4-3] [3.1.1: MQTT-3.10.4-3]"""
        for version in BOTH:
            keep = props(session_expiry=600)
            hears = self.peer("hears", version, clean=False, properties=keep)
            name = self.name(str(version))
            hears.subscribe((name, 1))
            self.peer("says", version).say(name, b"x")
            first = hears.message()
            hears.unsubscribe(name)
            hears.lose()
            back = self.peer("hears", version, clean=False, properties=keep)
            again = back.take()
            self.assertEqual((again.payload, again.packet_id), (b"x", first.packet_id))
            back.bye()
            self.peer("hears", version).bye()


class Retained(ConformanceTest):
    def test_a_new_subscription_gets_the_last_retained_message_with_retain_set(self):
        """[MQTT-3.3.1-5] [MQTT-3.3.1-9] [3.1.1: MQTT-3.3.1-5] [3.1.1: MQTT-3.3.1-6]
        [3.1.1: MQTT-3.3.1-7] [3.1.1: MQTT-3.3.1-8]"""
        for version in BOTH:
            says = self.peer("says", version)
            for qos in (0, 1, 2):
                name = self.name(f"{version}{qos}")
                says.say(name, b"old", 1, retain=True)
                says.say(name, b"new", qos, retain=True)
                for _ in range(2):
                    hears = self.peer("hears", version)
                    hears.subscribe((name, 2))
                    got = hears.take()
                    self.assertEqual((got.payload, got.retain, got.qos, got.dup),
                                     (b"new", True, qos, False))
                    self.assertTrue(hears.silent(0.2))
                says.say(name, b"", 1, retain=True)

    def test_a_new_subscription_gets_what_was_retained_just_before(self):
        """[MQTT-3.3.1-9] [3.1.1: MQTT-3.3.1-6]"""
        for version in BOTH:
            for number in range(20):
                peer = self.peer("same", version)
                topic = self.name(f"{version}/{number}")
                peer.send(publish_bytes(version, topic, b"x", 0, retain=True) +
                          subscribe_bytes(version, [(topic, 0)]))
                peer.expect(SUBACK)
                got = peer.take()
                self.assertEqual((got.payload, got.retain), (b"x", True))
                peer.say(topic, b"", 0, retain=True)
                peer.bye()

    def test_an_empty_payload_takes_it_away_and_is_passed_on_itself(self):
        """[MQTT-3.3.1-6] [MQTT-3.3.1-7] [3.1.1: MQTT-3.3.1-10] [3.1.1: MQTT-3.3.1-11]"""
        for version in BOTH:
            hears, says = self.pair(version)
            name = self.name(str(version))
            says.say(name, b"x", 1, retain=True)
            says.say(name, b"", 1, retain=True)
            self.assertEqual([hears.take().payload for _ in range(2)], [b"x", b""])
            late = self.peer("late", version)
            late.subscribe((name, 1))
            self.assertTrue(late.silent())

    def test_a_message_without_retain_leaves_the_retained_one(self):
        """[MQTT-3.3.1-8] [3.1.1: MQTT-3.3.1-12]"""
        for version in BOTH:
            says = self.peer("says", version)
            name = self.name(str(version))
            says.say(name, b"retained", 1, retain=True)
            says.say(name, b"other", 1)
            says.say(name, b"", 1)
            late = self.peer("late", version)
            late.subscribe((name, 1))
            self.assertEqual(late.take().payload, b"retained")
            self.assertTrue(late.silent(0.2))
            says.say(name, b"", 1, retain=True)

    def test_an_established_subscription_sees_retain_only_where_it_asks_for_it(self):
        """[MQTT-3.3.1-12] [MQTT-3.3.1-13] [3.1.1: MQTT-3.3.1-9]"""
        for version in BOTH:
            hears, says = self.pair(version, options=1)
            name = self.name(str(version))
            as_published = self.peer("rap")
            as_published.subscribe((name, 1 | 8))
            for retain in (True, False):
                says.say(name, b"x", 1, retain=retain)
                self.assertFalse(hears.take().retain)
                self.assertEqual(as_published.take().retain, retain)
            says.say(name, b"", 1, retain=True)

    def test_retain_handling(self):
        """[MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.8.4-4] [3.1.1: MQTT-3.8.4-3]"""
        says = self.peer("says")
        says.say(self.name(), b"x", 1, retain=True)
        for handling, expected in ((0, (1, 1)), (1, (1, 0)), (2, (0, 0))):
            hears = self.peer("hears")
            for count in expected:
                hears.subscribe((self.name(), 1 | handling << 4))
                if count:
                    self.assertTrue(hears.take().retain)
                self.assertTrue(hears.silent(0.2), (handling, count))
        old = self.peer("old", 4)
        for _ in range(2):
            old.subscribe((self.name(), 1))
            self.assertTrue(old.take().retain)
        says.say(self.name(), b"", 1, retain=True)

    def test_a_retained_message_keeps_its_properties_and_expires(self):
        """[MQTT-3.3.2-5] [MQTT-3.3.2-6] [MQTT-3.3.2-18]"""
        import time
        says = self.peer("says")
        users = [("z", "1"), ("a", "2")]
        given = props(("message_expiry", 3), *[("user", one) for one in users])
        says.say(self.name(), b"x", 1, retain=True, properties=given)
        hears = self.peer("hears")
        hears.subscribe((self.name(), 1), properties=props(subscription_identifier=5))
        got = hears.take()
        self.assertEqual((got.all("user"), got.get("subscription_identifier")), (users, 5))
        self.assertIn(got.get("message_expiry"), (1, 2, 3))
        time.sleep(3.2)
        late = self.peer("late")
        late.subscribe((self.name(), 1))
        self.assertTrue(late.silent())

    def test_nothing_is_lost_while_a_subscription_is_replaced(self):
        """[MQTT-3.8.4-4]"""
        hears, says = self.pair(5, options=1)
        name = self.name("5")
        wanted = [b"%d" % number for number in range(60)]
        for number, payload in enumerate(wanted):
            says.send(publish_bytes(5, name, payload, 1, number + 1))
            if number % 10 == 0:
                hears.send(subscribe_bytes(5, [(name, 1)], number + 1))
        for number in range(60):
            says.expect(PUBACK, number + 1)
        got = []
        while len(got) < 60:
            found = hears.receive()
            self.assertIsNotNone(found, got)
            if found.kind == SUBACK:
                continue
            hears.kept.append(found)
            got.append(hears.take().payload)
        self.assertEqual(got, wanted)


if __name__ == "__main__":
    unittest.main()

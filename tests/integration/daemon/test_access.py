#!/usr/bin/env python3
"""Who may sign in and what they may do: with clients that others wrote, and with one that says what
no library would."""
import json
import os
import signal
import subprocess
import time
import unittest

from daemon_rig import PATIENCE_S, DaemonTest, event, program, tool, wait_until
from mqtt_bytes import (CONNACK, DISCONNECT, PUBACK, PUBLISH, PUBREC, SUBACK, connect_packet,
                        subscribe_packet)

OWN = "wharf/1/ber1/scanner-07/stock"
OTHERS = "wharf/1/ber1/scanner-08/stock"
BAD_CREDENTIALS, NOT_AUTHORIZED = 0x86, 0x87


class AccessTest(DaemonTest):
    """A gateway at which scanner-07 and scanner-08 may sign in."""
    limits = {}

    def setUp(self):
        super().setUp()
        self.identities = self.folder / "identities.toml"
        self.daemon = self.gateway(access={"identities": str(self.identities)}, limits=self.limits)
        self.daemon.write_config()
        self.passwords = {name: self.enrol(name) for name in ("scanner-07", "scanner-08")}
        self.daemon.start()

    def enrol(self, name, *options):
        said = json.loads(self.daemon.ctl("--json", "device", "add", name, "--generate", *options))
        return said["password"]

    def sign_in(self, name, client_id=None, **options):
        return self.client(self.daemon, client_id or name, user=name,
                           password=self.passwords[name], **options)

    def connack(self, client_id="c", version=5, **options):
        """The code and the whole answer of a login that is refused."""
        one = self.client(self.daemon, connect=False)
        one.version = version
        one.send(connect_packet(client_id, version, **options))
        answer = one.expect(CONNACK)
        self.assertEqual(one.rest(), [])
        return answer.body[1], answer.body

    def metric(self, name):
        text = self.daemon.page("/metrics")[2]
        found = [line for line in text.splitlines() if line.startswith(f"wharf_{name} ")]
        self.assertEqual(len(found), 1, name)
        return float(found[0].rsplit(" ", 1)[1])

    def mosquitto_pub(self, name, password, topic, *more):
        return subprocess.run(
            [tool("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.daemon.port), "-q", "1", "-i",
             f"by-{name}", "-u", name, "-P", password, "-t", topic, "-m", event(1).decode(), *more],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False)


class Logins(AccessTest):
    def test_the_right_password_comes_in_and_every_other_way_gets_the_same_answer(self):
        right = self.passwords["scanner-07"]
        self.sign_in("scanner-07").deliver(OWN, event(1))
        for version, code in ((5, BAD_CREDENTIALS), (4, 4)):
            answers = [self.connack(version=version, **login) for login in (
                {"user": "scanner-07", "password": right[:-1]},
                {"user": "scanner-07", "password": ""},
                {"user": "scanner-07"},
                {"user": "scanner-99", "password": right},
                {})[version == 4 and 3:]]
            self.assertEqual({one[0] for one in answers}, {code})
            self.assertEqual(len({one[1] for one in answers}), 1, "nothing tells them apart")
        self.assertEqual(self.metric('mqtt_logins_total{outcome="bad_credentials"}'), 7)
        self.assertEqual(self.metric('mqtt_logins_total{outcome="admitted"}'), 1)

    def test_mosquitto_pub_signs_in_and_is_refused(self):
        done = self.mosquitto_pub("scanner-07", self.passwords["scanner-07"], OWN)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.daemon.intake()["accepted"], 1)
        for version in ("311", "5"):
            done = self.mosquitto_pub("scanner-07", "wrong-password", OWN, "-V", version)
            self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.daemon.intake()["received"], 1)

    def test_the_log_says_why_and_never_a_password(self):
        self.connack(user="scanner-07", password="a-wrong-password")
        self.connack(user="scanner-99", password="a-wrong-password")
        wait_until(lambda: self.daemon.said("there is no such identity"), "it is said")
        self.assertTrue(self.daemon.said("the password is wrong"))
        self.assertNotIn("a-wrong-password", self.daemon.log.read_text())

    def test_a_hundred_wrong_logins_are_a_few_lines_and_a_figure(self):
        for number in range(40):
            one = self.client(self.daemon, connect=False)
            one.send(connect_packet("c", 5))
            one.expect(CONNACK)
        lines = [line for line in self.daemon.log_lines() if "it gave no name" in json.dumps(line)]
        self.assertEqual(len(lines), 3)
        self.assertGreaterEqual(self.metric("mqtt_log_lines_left_out_total"), 37)

    def test_guesses_become_slow_and_the_right_one_still_comes_in(self):
        for _ in range(5):
            self.connack(user="scanner-07", password="a-guess-of-many")
        began = time.monotonic()
        self.sign_in("scanner-07").ping()
        self.assertGreater(time.monotonic() - began, 0.4)
        began = time.monotonic()
        self.sign_in("scanner-07").ping()  # known by now
        self.assertLess(time.monotonic() - began, 0.4)

    def test_who_was_found_right_before_costs_no_hash(self):
        self.sign_in("scanner-08").ping()
        before = self.daemon.cpu_s()
        for number in range(100):
            self.sign_in("scanner-08", f"scanner-08-{number}").close()
        self.assertLess(self.daemon.cpu_s() - before, 0.4)  # a hundred hashes take a second


class Rights(AccessTest):
    def test_a_message_under_another_name_is_refused_in_mqtt_5_and_the_connection_goes_on(self):
        one = self.sign_in("scanner-07", version=5)
        one.publish(OTHERS, event(1), 1, 1)
        self.assertEqual(one.expect(PUBACK, 1).body[2], NOT_AUTHORIZED)
        one.publish(OTHERS, event(2), 2, 2)
        self.assertEqual(one.expect(PUBREC, 2).body[2], NOT_AUTHORIZED)
        one.publish(OTHERS, event(3), 0)
        one.deliver(OWN, event(4), 1, 3)
        one.deliver(OWN, event(5), 2, 2)
        self.assertEqual(self.daemon.intake()["received"], 2)
        self.assertEqual(self.metric('mqtt_denied_total{what="publish"}'), 3)

    def test_in_3_1_1_the_connection_ends_without_the_acknowledgement(self):
        one = self.sign_in("scanner-07")
        one.publish(OWN, event(1), 1, 1)
        one.publish(OTHERS, event(2), 1, 2)
        self.assertEqual([(each.kind, each.packet_id()) for each in one.rest()], [(PUBACK, 1)])
        two = self.sign_in("scanner-07")
        two.publish(OTHERS, event(3), 0)
        two.ping()
        self.assertEqual(self.daemon.intake()["received"], 1)

    def test_mosquitto_pub_hears_that_it_may_not(self):
        done = self.mosquitto_pub("scanner-07", self.passwords["scanner-07"], OTHERS, "-V", "5", "-d")
        self.assertIn("RC:135", done.stdout + done.stderr)
        self.assertEqual(self.daemon.intake()["received"], 0)

    def test_a_will_that_may_not_be_published_refuses_the_login(self):
        login = {"user": "scanner-07", "password": self.passwords["scanner-07"]}
        self.assertEqual(self.connack(will_topic=OTHERS, **login)[0], NOT_AUTHORIZED)
        self.client(self.daemon, "c", version=5, will_topic=OWN, **login).ping()

    def test_rights_of_its_own_reach_as_far_as_they_say(self):
        self.passwords["wms"] = self.enrol("wms", "--publish", "wharf/1/{site}/+/#", "--client",
                                           "{user}-*")
        wait_until(lambda: self.metric("mqtt_identities") == 3, "the file was read again")
        wms = self.sign_in("wms", "wms-1", version=5)
        wms.deliver(OWN, event(1))
        wms.publish("wharf/1/muc2/scanner-07/stock", event(2), 1, 2)
        self.assertEqual(wms.expect(PUBACK, 2).body[2], NOT_AUTHORIZED)
        self.assertEqual(self.connack("other-1", user="wms", password=self.passwords["wms"])[0],
                         NOT_AUTHORIZED)


class Sessions(AccessTest):
    def test_nobody_takes_over_the_session_of_another_identity(self):
        owner = self.sign_in("scanner-07", "forklift", version=5, expiry_s=600, clean=False)
        thief = {"user": "scanner-08", "password": self.passwords["scanner-08"]}
        for clean in (True, False):
            self.assertEqual(self.connack("forklift", clean=clean, **thief)[0], NOT_AUTHORIZED)
        owner.deliver(OWN, event(1))  # nothing happened to it
        owner.close()
        wait_until(lambda: self.daemon.status()["listener"]["connections"] == 0, "it has gone")
        for clean in (True, False):
            self.assertEqual(self.connack("forklift", clean=clean, **thief)[0], NOT_AUTHORIZED)
        self.assertEqual(self.connack("forklift", version=4, **thief)[0], 5)
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start()
        self.assertEqual(self.connack("forklift", **thief)[0], NOT_AUTHORIZED)
        again = self.sign_in("scanner-07", "forklift", version=5, expiry_s=600, clean=False)
        self.assertTrue(again.session_present)

    def test_one_identity_takes_its_own_session_over(self):
        first = self.sign_in("scanner-07", "forklift", version=5)
        self.sign_in("scanner-07", "forklift", version=5).ping()
        self.assertEqual([each.body[0] for each in first.rest()], [0x8E])

    def test_what_a_removed_identity_left_behind_holds_nobody_up(self):
        self.sign_in("scanner-07", "forklift", version=5, expiry_s=600, clean=False).close()
        self.daemon.ctl("device", "remove", "scanner-07")
        wait_until(lambda: self.metric("mqtt_identities") == 1, "the file was read again")
        taken = self.sign_in("scanner-08", "forklift", version=5, expiry_s=600, clean=False)
        self.assertFalse(taken.session_present)

    def test_a_session_loses_what_its_identity_may_not_have_any_more(self):
        self.passwords["wms"] = self.enrol("wms", "--subscribe", "wharf/1/{site}/+/#")
        wait_until(lambda: self.metric("mqtt_identities") == 3, "the file was read again")
        again = {"version": 5, "expiry_s": 600, "clean": False}
        wms = self.sign_in("wms", **again)
        wms.send(subscribe_packet(1, OWN) + subscribe_packet(2, OTHERS))
        for packet_id in (1, 2):
            self.assertEqual(wms.expect(SUBACK, packet_id).body[-1], 1)
        wms.close()
        wait_until(lambda: self.daemon.status()["listener"]["connections"] == 0, "it has gone")
        for name, topic in (("scanner-07", OWN), ("scanner-08", OTHERS)):
            self.sign_in(name).deliver(topic, event(f"by-{name}"))
        text = self.identities.read_text()
        self.identities.write_text(text.replace("{site}/+/#", "{site}/scanner-07/#"))
        self.daemon.ctl("device", "reload")
        wms = self.sign_in("wms", **again)
        self.assertTrue(wms.session_present)
        self.assertIn(OWN.encode(), wms.expect(PUBLISH).body)
        self.sign_in("scanner-08").deliver(OTHERS, event(2))
        self.sign_in("scanner-07").deliver(OWN, event(3))
        self.assertIn(OWN.encode(), wms.expect(PUBLISH).body)
        wait_until(lambda: self.metric('mqtt_undelivered_total{reason="not_allowed"}') == 1,
                   "it is counted")
        wait_until(lambda: self.metric("mqtt_subscriptions") == 1, "one subscription is left")


class Changes(AccessTest):
    def test_a_removed_identity_is_disconnected_and_does_not_come_back(self):
        new = self.sign_in("scanner-07", version=5)
        old = self.sign_in("scanner-07", "old")
        other = self.sign_in("scanner-08")
        self.daemon.ctl("device", "remove", "scanner-07")
        last = new.rest()
        self.assertEqual([(each.kind, each.body[0]) for each in last], [(DISCONNECT, 0x98)])
        self.assertEqual(old.rest(), [])
        other.deliver(OTHERS, event(1))
        self.assertEqual(self.connack(user="scanner-07", password=self.passwords["scanner-07"])[0],
                         BAD_CREDENTIALS)
        self.assertEqual(self.metric("mqtt_identity_changes_total"), 2)

    def test_disabled_and_enabled_again(self):
        one = self.sign_in("scanner-07", version=5)
        self.daemon.ctl("device", "disable", "scanner-07")
        one.rest()
        self.assertEqual(self.connack(user="scanner-07", password=self.passwords["scanner-07"])[0],
                         BAD_CREDENTIALS)
        self.daemon.ctl("device", "enable", "scanner-07")
        self.sign_in("scanner-07").deliver(OWN, event(1))

    def test_a_new_password_ends_what_signed_in_with_the_old_one(self):
        one = self.sign_in("scanner-07", version=5)
        done = subprocess.run([program("WHARFCTL"), "--config", str(self.daemon.config), "passwd",
                               "scanner-07"], input="a-new-password\n", capture_output=True,
                              text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        one.rest()
        self.assertEqual(self.connack(user="scanner-07", password=self.passwords["scanner-07"])[0],
                         BAD_CREDENTIALS)
        self.passwords["scanner-07"] = "a-new-password"
        self.sign_in("scanner-07").ping()

    def test_a_hang_up_reads_the_file_again_and_a_wrong_one_changes_nothing(self):
        one = self.sign_in("scanner-07", version=5)
        before = self.identities.read_text()
        self.identities.write_text(before + "\n[[identity]]\nname = \"a/b\"\n")
        self.daemon.signal(signal.SIGHUP)
        wait_until(lambda: self.daemon.said("the identities stay as they were"), "it is said")
        one.deliver(OWN, event(1))
        self.daemon.ctl("device", "reload", good=(3,))
        self.assertIn("the identities stay as they were", self.daemon.page("/healthz")[2])
        self.identities.write_text(before + "\n[[identity]]\nname = \"new\"\n")
        self.daemon.signal(signal.SIGHUP)
        wait_until(lambda: self.metric("mqtt_identities") == 3, "it is read")
        self.assertNotIn("identities", self.daemon.page("/healthz")[2])
        one.deliver(OWN, event(2), 1, 2)

    def test_the_file_is_its_owners_and_a_reader_of_everybody_is_refused(self):
        self.assertEqual(self.identities.stat().st_mode & 0o777, 0o640)
        self.daemon.ctl("device", "disable", "scanner-08")
        self.assertEqual(self.identities.stat().st_mode & 0o777, 0o640)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.endswith(".new")], [])
        os.chmod(self.identities, 0o644)
        self.daemon.ctl("device", "reload", good=(3,))
        self.daemon.ctl("device", "list", good=(3,))
        self.sign_in("scanner-07").ping()
        self.assertEqual(self.daemon.end(), 0)
        self.daemon.start(ready=False)
        self.assertEqual(self.daemon.wait(), 78)
        self.assertTrue(self.daemon.said("expected 0600 or 0640"))


class WithoutIdentities(DaemonTest):
    def test_a_listener_that_the_network_reaches_is_refused_without_a_word_about_it(self):
        gateway = self.gateway(listener={"address": "0.0.0.0", "plain_text": "allowed"})
        gateway.start(ready=False)
        self.assertEqual(gateway.wait(), 78)
        self.assertIn("say who may come in", gateway.tail())
        gateway.sections["access"] = {"anonymous": "allowed"}
        gateway.start()
        self.client(gateway, "c").deliver(OWN, event(1))

    def test_on_this_machine_names_and_passwords_are_passed_over_as_ever(self):
        gateway = self.gateway().start()
        self.client(gateway, "c", user="anybody", password="anything").deliver(OWN, event(1))

    def test_who_comes_without_a_name_may_do_what_the_settings_say(self):
        gateway = self.gateway(access={"anonymous": "allowed",
                                       "anonymous_publish": ["wharf/1/{site}/{client}/#"]}).start()
        one = self.client(gateway, "scanner-07", version=5)
        one.deliver(OWN, event(1))
        one.publish(OTHERS, event(2), 1, 2)
        self.assertEqual(one.expect(PUBACK, 2).body[2], NOT_AUTHORIZED)


if __name__ == "__main__":
    unittest.main()

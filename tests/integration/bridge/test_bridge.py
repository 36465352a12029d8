#!/usr/bin/env python3
"""The way of a message through wharf-bridge, and what stands in it."""
import json
import os
import subprocess
import time
import unittest

from bridge_rig import BridgeTest, site
from daemon_rig import event, tool, wait_until

TOPIC = "wharf/1/ber1/scanner-07/stock"
# The shortest that there is: so long a message waits for wharfd.
KEEP_ALIVE_S = 5


class Way(BridgeTest):
    def test_messages_arrive_once_and_say_which_bridge_they_came_through(self):
        for number, version in enumerate(("5", "3.1.1")):
            with self.subTest(mqtt=version):
                name = f"v{number}"
                broker = self.broker(name).start()
                gateway = self.gateway(name=name, bridge={"socket": str(self.socket)}).start()
                bridge = self.bridge(site(broker, mqtt=version)).start()
                self.connected(gateway)
                count = 300
                began = time.monotonic()
                broker.publish_lines(TOPIC, [event(n) for n in range(count)])
                self.wait_received(gateway, count)
                print(f"MQTT {version}: {count / (time.monotonic() - began):.0f} messages/s")
                self.assertEqual(gateway.intake(), {"received": count, "refused": 0,
                                                    "quarantined": 0, "duplicate": 0,
                                                    "accepted": count})
                told = self.connected(gateway)
                self.assertEqual((told["messages"], told["accepted"]), (count, count))
                self.assertIn('"bridge":"wms/site"',
                              gateway.ctl("journal", "dump", "--json").replace(" ", ""))
                page = gateway.page("/metrics")[2]
                labels = 'bridge="wms",broker="site"'
                self.assertIn(f"wharf_bridge_messages_total{{{labels}}} {count}", page)
                self.assertIn(f"wharf_bridge_connected{{{labels}}} 1", page)
                self.assertIn("Bridge wms/site: connected to its broker", gateway.ctl("status"))
                # The same event again is a duplicate, whichever way it comes.
                broker.publish(TOPIC, event(7), version="5" if number == 0 else "311")
                self.client(gateway).deliver(TOPIC, event(8))
                self.wait_received(gateway, count + 2)
                self.assertEqual(gateway.intake()["duplicate"], 2)
                self.assertEqual(bridge.end(), 0)
                wait_until(lambda: not gateway.status()["bridges"][0]["attached"], "it is gone")
                self.assertIn("bridge wms/site has been away", gateway.page("/healthz")[2])
                self.assertEqual(gateway.end(), 0)
                self.assertFalse(self.socket.exists())

    def test_properties_of_version_5_come_along(self):
        broker = self.broker().start()
        gateway = self.bridged_gateway()
        gateway.sections["route"] = [{"topic": "wms/{device}", "codec": "cloudevents"}]
        gateway.start()
        self.bridge({**site(broker), "topics": ["wms/+"]}).start()
        self.connected(gateway)
        data = json.loads(event(1))
        del data["event_id"]
        more = []
        for name, value in (("specversion", "1.0"), ("id", "ce-1"), ("source", "wms-1"),
                            ("type", "t"), ("correlation-id", "run-7")):
            more += ["-D", "publish", "user-property", name, value]
        broker.publish("wms/scanner", json.dumps(data).encode(), "-D", "publish", "content-type",
                       "application/json", *more)
        self.wait_received(gateway, 1)
        dump = gateway.ctl("journal", "dump", "--json")
        for words in ("ce-1", "wms-1", "run-7"):
            self.assertIn(words, dump)

    def test_what_is_too_large_goes_to_quarantine_and_holds_nothing_back(self):
        broker = self.broker().start()
        gateway = self.bridged_gateway(listener={"max_packet_bytes": 2048}).start()
        self.bridge(site(broker)).start()
        self.connected(gateway)
        broker.publish(TOPIC, b"x" * 5000)
        broker.publish(TOPIC, event(1))
        self.wait_received(gateway, 2)
        self.assertEqual(gateway.intake()["accepted"], 1)
        shown = gateway.ctl("quarantine", "show", "1")
        self.assertIn("through bridge wms/site", shown)
        self.assertIn("bytes, of which the beginning is kept: at most 2048 are taken", shown)

    def test_several_brokers_do_not_wait_for_each_other(self):
        slow, quick = self.broker("slow").start(), self.broker("quick").start()
        gateway = self.bridged_gateway().start()
        bridge = self.bridge({**site(slow), "name": "slow", "keep_alive_s": 60},
                             {**site(quick), "name": "quick"}).start()
        self.connected(gateway, "wms/slow")
        self.connected(gateway, "wms/quick")
        # The one broker's process stands still, as in a callback that waits.
        children = subprocess.run(["pgrep", "-P", str(bridge.process.pid), "-f", "--", "--broker slow"],
                                  capture_output=True, text=True, check=True).stdout.split()
        subprocess.run(["kill", "-STOP", *children], check=True)
        try:
            slow.publish(TOPIC, event(1))
            quick.publish(TOPIC, event(2))
            self.wait_received(gateway, 1)
        finally:
            subprocess.run(["kill", "-CONT", *children], check=True)
        self.wait_received(gateway, 2)


class Doors(BridgeTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.bridged_gateway().start()

    def reason(self, words):
        wait_until(lambda: words in self.daemon.page("/healthz")[2], f"/healthz says {words}")
        return self.daemon.page("/healthz")[2]

    def test_refused_credentials_are_said_and_the_password_is_not(self):
        passwords = self.folder / "passwords"
        subprocess.run([tool("mosquitto_passwd"), "-c", "-b", str(passwords), "wharf", "right"],
                       check=True, capture_output=True)
        passwords.chmod(0o600)
        broker = self.broker(allow_anonymous="false", password_file=str(passwords)).start()
        secret = self.folder / "password"
        secret.write_text("very-wrong\n")
        secret.chmod(0o600)
        for version in ("5", "3.1.1"):
            with self.subTest(mqtt=version):
                bridge = self.bridge(site(broker, user="wharf", password_file=str(secret),
                                          mqtt=version)).start()
                self.reason("bridge wms/site is not connected to its broker: connect: ")
                self.assertNotIn("very-wrong", bridge.said())
                bridge.kill()
        secret.write_text("right\n")
        self.bridge(site(broker, user="wharf", password_file=str(secret))).start()
        self.connected(self.daemon)

    def test_an_unreachable_broker_is_said(self):
        broker = self.broker()
        self.bridge(site(broker)).start()
        self.reason("is not connected to its broker: connect: ")
        broker.start()
        self.connected(self.daemon)

    def test_tls_with_a_client_certificate(self):
        broker, secure = self.broker_with_tls()
        for host in ("localhost", "127.0.0.1"):
            with self.subTest(host=host):
                secure["url"] = f"ssl://{host}:{broker.port}"
                bridge = self.bridge(secure).start()
                self.connected(self.daemon)
                self.assertEqual(bridge.end(), 0)
        strange = {**secure, "ca_file": str(self.folder / "other-ca.pem")}
        bridge = self.bridge(strange).start()
        self.assertIn("is not connected to its broker", self.reason("certificate verify failed"))
        bridge.kill()
        nameless = {key: value for key, value in secure.items()
                    if key not in ("certificate_file", "key_file")}
        self.bridge(nameless).start()
        self.reason("is not connected to its broker: ")

    def test_the_later_of_two_bridges_with_one_name_takes_over(self):
        one, two = self.broker("one").start(), self.broker("two").start()
        first = self.bridge(site(one)).start("--broker", "site")
        self.connected(self.daemon)
        second = self.bridge(site(two)).start("--broker", "site")
        wait_until(lambda: "another connection of the same name took over" in first.said(),
                   "the first is told")
        first.kill()
        second.cleanup()

    def test_settings_are_checked_before_anything_is_opened(self):
        broker = self.broker()
        secret = self.folder / "password"
        secret.write_text("x\n")
        secret.chmod(0o644)
        bridge = self.bridge(site(broker, user="u", password_file=str(secret)))
        refused = bridge.run("--check")
        self.assertEqual(refused.returncode, 78)
        self.assertIn("everybody on this machine can read or change it", refused.stderr)
        secret.chmod(0o640)
        self.assertEqual(bridge.run("--check").returncode, 0)
        bridge.sections["broker"][0]["topics"] = ["a/#/b"]
        refused = bridge.run()
        self.assertEqual(refused.returncode, 78)
        self.assertIn("broker[0].topics: expected # to stand alone in the last level",
                      refused.stderr)
        self.assertEqual(bridge.run("--nonsense").returncode, 64)
        self.assertIn("wharfctl status", bridge.run("--help").stdout)

    def test_only_the_group_may_open_the_port(self):
        self.assertEqual(os.stat(self.socket).st_mode & 0o777, 0o660)


class Away(BridgeTest):
    """wharfd does not take a message: nothing is acknowledged, and the broker keeps it."""

    def setUp(self):
        super().setUp()
        self.broker_one = self.broker().start()
        self.client_id = "wharf-wms-site"

    def acknowledged(self):
        return len(self.broker_one.acknowledged_topics(self.client_id))

    def test_wharfd_is_away_for_longer_than_a_message_can_wait(self):
        gateway = self.bridged_gateway().start()
        bridge = self.bridge(site(self.broker_one, keep_alive_s=KEEP_ALIVE_S)).start()
        self.connected(gateway)
        gateway.kill()
        for number in range(5):
            self.broker_one.publish(TOPIC, event(number))
        wait_until(lambda: "exit code 75" in bridge.said(), "the message is left with the broker",
                   KEEP_ALIVE_S + 15)
        time.sleep(1)
        self.assertEqual(self.acknowledged(), 0)
        self.assertNotIn("has exceeded timeout", self.broker_one.said())
        gateway.start()
        self.wait_received(gateway, 5)
        wait_until(lambda: self.acknowledged() == 5, "the broker has its acknowledgements")
        self.assertEqual(gateway.intake()["accepted"], 5)

    def test_without_room_nothing_is_acknowledged(self):
        gateway = self.bridged_gateway(journal={"ring_mb": 0}).start_with_faults()
        bridge = self.bridge(site(self.broker_one, keep_alive_s=KEEP_ALIVE_S)).start()
        self.connected(gateway)
        gateway.plan_faults("pwrite:ENOSPC:1+")
        for number in range(5):
            self.broker_one.publish(TOPIC, event(number))
        wait_until(lambda: "exit code 75" in bridge.said(), "the message is left with the broker",
                   KEEP_ALIVE_S + 15)
        time.sleep(1)
        self.assertEqual(self.acknowledged(), 0)
        # While there is no room it stays away from the broker.
        self.assertEqual(bridge.said().count("exit code 75"), 1)
        gateway.plan_faults("")
        self.wait_received(gateway, 5)
        wait_until(lambda: self.acknowledged() == 5, "the broker has its acknowledgements")
        self.assertEqual(gateway.intake()["accepted"], 5)


if __name__ == "__main__":
    unittest.main()

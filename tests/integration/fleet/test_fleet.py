#!/usr/bin/env python3
"""The way of commands, and who stands in it."""
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

from fleet_rig import SITE, Client, FleetTest, certificate, event, program, start_program, tool, wait_until
from mqtt_bytes import publish_packet

TOPIC = f"wharf/1/{SITE}/scanner-07/stock"


class Way(FleetTest):
    def test_gateways_are_seen_asked_and_ordered(self):
        self.fleet()
        one = self.managed("dock-1").start()
        two = self.managed("dock-2").start()
        listed = self.seen("dock-1", "dock-2")
        self.assertNotEqual(listed["dock-1"]["key"], listed["dock-2"]["key"])
        self.client(one).deliver(TOPIC, event(1))
        eve = self.people["eve"]
        books = eve.asks("books")
        self.assertEqual(books[f"{SITE}/dock-1"]["answer"]["intake"]["received"], 1)
        self.assertEqual(books[f"{SITE}/dock-2"]["answer"]["intake"]["received"], 0)
        # Several gateways in one table, each under its name.
        table = eve.run("books").stdout
        self.assertIn("== ber1/dock-1", table)
        self.assertIn("== ber1/dock-2", table)
        # A role that does not suffice.
        said = eve.orders("dock-1", "log-level", "debug", good=(3,))
        self.assertEqual(said["code"], "forbidden")
        self.assertIn("eve has the role viewer", said["message"])
        self.assertEqual(self.people["bob"].orders("dock-1", "log-level", "debug")["code"], "ok")
        trail = eve.orders("dock-1", "audit")["answer"]
        self.assertEqual([entry["command"] for entry in trail][:3],
                         ["books", "books", "log_level"])
        self.assertEqual(trail[2]["code"], "forbidden")
        for before, entry in zip(trail, trail[1:]):
            self.assertEqual(entry["before_sha256"], before["sha256"])
        for gateway in (one, two):
            self.assertEqual(gateway.end(), 0)
        gone = {one["gateway"]: one["health"] for one in eve.asks("fleet", "list", good=(1,))}
        self.assertEqual(gone, {"dock-1": "gone", "dock-2": "gone"})

    def test_a_pause_lasts_over_a_kill(self):
        self.fleet()
        erp = self.erp().start()
        gateway = self.managed("dock-1", destinations=[{"name": "erp", "url": erp.url}]).start()
        self.seen("dock-1")
        bob = self.people["bob"]
        self.assertEqual(bob.orders("dock-1", "pause", "erp")["code"], "ok")
        self.client(gateway).deliver(TOPIC, event(1))
        gateway.kill()
        gateway.start()
        self.seen("dock-1")
        time.sleep(1)
        self.assertEqual(erp.applied(), [])
        self.assertEqual(bob.orders("dock-1", "pause", "nowhere", good=(3,))["code"], "not_found")
        self.assertEqual(bob.orders("dock-1", "resume", "erp")["code"], "ok")
        wait_until(lambda: erp.applied() == ["e-1"], "it is delivered")

    def test_operators_change_and_a_removed_one_is_not_obeyed(self):
        self.fleet()
        gateway = self.managed("dock-1").start()
        self.seen("dock-1")
        ann, bob = self.people["ann"], self.people["bob"]
        self.assertEqual(bob.orders("dock-1", "operators", "remove", ann.fingerprint,
                                    good=(3,))["code"], "forbidden")
        last = ann.orders("dock-1", "operators", "remove", ann.fingerprint, good=(3,))
        self.assertIn("at least one admin", last["message"])
        ann.orders("dock-1", "operators", "remove", bob.fingerprint)
        silence = bob.orders("dock-1", "--timeout", "3", "log-level", "debug", good=(3,))
        self.assertEqual(silence["code"], "no_answer")
        gateway.kill()
        gateway.start()
        self.seen("dock-1")
        shown = ann.orders("dock-1", "operators", "show")["answer"]["operators"]
        self.assertEqual([one["name"] for one in shown], ["ann", "eve"])
        ann.orders("dock-1", "operators", "add", "bob", "--key", str(bob.pem), "--role",
                   "operator")
        self.assertEqual(bob.orders("dock-1", "log-level", "debug")["code"], "ok")


class Trail(FleetTest):
    def test_orders_on_the_gateway_are_in_it_and_it_is_held_against_its_head(self):
        self.fleet()
        erp = self.erp().start()
        gateway = self.managed("dock-1", destinations=[{"name": "erp", "url": erp.url}]).start()
        self.seen("dock-1")
        gateway.ctl("pause", "erp", "--because", "ticket 77")
        gateway.ctl("resume", "erp")
        self.assertIn("ticket 77", gateway.ctl("audit"))
        bob = self.people["bob"]
        trail = bob.orders("dock-1", "audit")["answer"]
        me = f"uid {os.getuid()} on the gateway"
        self.assertEqual([(one["command"], one["by"], one["step"], one["reason"])
                          for one in trail[:4]],
                         [("pause", me, "received", "ticket 77"),
                          ("pause", me, "done", "ticket 77"),
                          ("resume", me, "received", ""), ("resume", me, "done", "")])
        # What an operator saw before is remembered.
        known = bob.folder / "known_gateways"
        wait_until(lambda: bob.asks("fleet", "list", good=(0, 1))[0]["audit_number"] >= 5,
                   "its state has the trail's head")
        name, key, head = known.read_text().split()
        self.assertEqual(name, f"{SITE}/dock-1")
        number, link = head.split(":")
        for bent in (f"{int(number) + 1000}:{link}", f"{number}:{'0' * 64}"):
            known.write_text(f"{name} {key} {bent}\n")
            listed = bob.asks("fleet", "list", good=(1,))[0]
            self.assertEqual(listed["health"], "not believed")
            self.assertIn("its audit trail is not the one it had", listed["complaint"])
        bob.run("--accept-changed-keys", "fleet", "list")
        self.assertEqual(bob.asks("fleet", "list", good=(0, 1))[0]["complaint"], "")

    def test_without_a_fleet_there_is_a_trail_too(self):
        gateway = self.gateway(destinations=[{"name": "erp", "url": "http://127.0.0.1:9"}]).start()
        gateway.ctl("pause", "erp", "--because", "the ERP is moved")
        gateway.kill()
        gateway.start()
        shown = gateway.ctl("audit")
        self.assertIn("the ERP is moved", shown)
        self.assertIn(f"uid {os.getuid()} on the gateway", shown)
        self.assertEqual(gateway.end(), 0)


    def test_who_may_open_the_socket_keeps_stock_moving_and_says_not_who_is_obeyed(self):
        if os.geteuid() != 0:
            self.skipTest("only root becomes another user")
        nobody = 65534
        gateway = self.gateway(destinations=[{"name": "erp", "url": "http://127.0.0.1:9"}]).start()
        os.chmod(self.folder, 0o755)
        os.chmod(gateway.socket, 0o666)
        made = subprocess.run([program("WHARFCTL"), "operator-key", f"{self.folder}/mallory.key"],
                              capture_output=True, text=True, check=True)
        pem = pathlib.Path(self.folder) / "mallory.pem"
        pem.write_text("".join(line + "\n" for line in made.stdout.splitlines()
                               if not line.startswith("#")))

        def orders(*words):
            return subprocess.run([program("WHARFCTL"), "--socket", str(gateway.socket), *words],
                                  capture_output=True, text=True, user=nobody, group=nobody,
                                  extra_groups=[], check=False)
        for words in (("operators", "add", "mallory", "--key", str(pem), "--role", "admin"),
                      ("support-bundle", "/dev/null")):
            refused = orders(*words)
            self.assertEqual(refused.returncode, 3, refused)
            self.assertIn("only root and wharfd's own user may", refused.stderr)
        moved = orders("pause", "erp")
        self.assertEqual(moved.returncode, 0, moved)
        trail = json.loads(gateway.ctl("--json", "audit"))["answer"]
        self.assertEqual({(one["command"], one["by"]) for one in trail},
                         {("pause", f"uid {nobody} on the gateway")})


class Events(FleetTest):
    def test_alarms_are_events(self):
        self.fleet()
        heard = pathlib.Path(self.folder) / "events"
        spy = self.broker.record(f"wharf-fleet/1/{SITE}/dock-1/event", heard)
        self.addCleanup(lambda: (spy.kill(), spy.wait()))
        time.sleep(0.5)
        gateway = self.managed("dock-1").start()

        def count(what):
            return b"".join(bytes.fromhex(line) for line in heard.read_text().split()).count(what)
        wait_until(lambda: count(b"has started") == 1, "its start is said")
        self.client(gateway).deliver(TOPIC, b"not an event")
        wait_until(lambda: count(b"1 message in quarantine") == 1, "the alarm is said")
        gateway.ctl("quarantine", "discard", "1", "--reason", "a test")
        wait_until(lambda: count(b"1 message in quarantine") == 2, "that it is over is said")


    def test_who_follows_the_fleet_sees_alarms_and_changes_of_health_as_they_come(self):
        self.fleet()
        gateway = self.managed("dock-1").start()
        other = self.managed("dock-2").start()
        self.seen("dock-1", "dock-2")
        eve = self.people["eve"]
        rows = pathlib.Path(self.folder) / "rows"
        said = pathlib.Path(self.folder) / "said"
        with rows.open("wb") as out, said.open("wb") as errors:
            watch = start_program([program("WHARFCTL"), "--fleet", str(eve.config), "--json",
                                   "--on", "gateway=dock-1", "fleet", "watch"],
                                  stdout=out, stderr=errors)
        self.addCleanup(lambda: (watch.kill(), watch.wait()))
        wait_until(lambda: "Following 1 gateway;" in said.read_text(), "it follows")

        def seen(**fields):
            return [one for one in map(json.loads, rows.read_text().splitlines())
                    if all(one.get(key) == value for key, value in fields.items())]
        for one in (gateway, other):
            self.client(one).deliver(TOPIC, b"not an event")
        wait_until(lambda: seen(kind="event", code="quarantine", raised=True), "it is raised")
        gateway.ctl("quarantine", "discard", "1", "--reason", "a test")
        wait_until(lambda: seen(kind="event", code="quarantine", raised=False), "it is over")
        # A forged one, and one of before that the broker repeats, are not shown.
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/event", b"\x0a\x02\x08\x01",
                        who="device")
        wait_until(lambda: "an event is left out" in said.read_text(), "the forged one is noticed")
        gateway.kill()
        wait_until(lambda: seen(kind="health", health="gone"), "that it is gone is said")
        gateway.start()
        try:
            wait_until(lambda: seen(kind="event", code="started"), "that it is back is said", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}: {rows.read_text()}\n{said.read_text()}\n"
                                 f"{gateway.tail()}") from error
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(20), 0)
        self.assertEqual({one["gateway"] for one in seen()}, {"dock-1"})
        numbers = [one["number"] for one in seen(kind="event")]
        self.assertEqual(numbers, sorted(set(numbers)))
        words = eve.run("fleet", "watch", "--for", "1")
        self.assertEqual(words.returncode, 0, words.stderr)
        self.assertIn("Following 2 gateways", words.stderr)
        self.assertIn("health  degraded: ", words.stdout)


class Tls(FleetTest):
    def test_a_broker_that_another_authority_vouches_for_is_refused_and_nothing_else_is_felt(self):
        self.fleet()
        gateway = self.managed("dock-1")
        gateway.sections["fleet"]["ca_file"] = certificate("stranger.pem")
        gateway.start()
        tries = wait_until(lambda: len([line for line in gateway.log_lines()
                                        if "fleet broker is not reached" in str(line)]),
                           "it is said")
        self.assertGreaterEqual(tries, 1)
        time.sleep(2)  # some tries more
        self.client(gateway).deliver(TOPIC, event(1))
        self.assertEqual(gateway.intake()["accepted"], 1)
        ann = self.people["ann"]
        ann.config.write_text(ann.config.read_text().replace("authority.pem", "stranger.pem"))
        refused = ann.run("fleet", "list")
        self.assertEqual(refused.returncode, 3)
        self.assertIn("fleet broker ssl://127.0.0.1", refused.stderr)
        self.assertEqual(gateway.end(), 0)


class Crowd(FleetTest):
    def test_a_hundred_thousand_retained_messages_that_mean_nothing(self):
        # As Debian has it, but for what it would write to disk with each of them.
        self.fleet(secure=False, persistence="false", autosave_on_changes="false",
                   max_queued_messages="1000", log_type="error")
        gateway = self.managed("dock-1").start()
        self.seen("dock-1")
        crowd = Client(self.broker.port, "crowd")
        count = 100_000
        for first in range(0, count, 1000):
            packets = b""
            for number in range(first, first + 1000):
                packet = publish_packet(f"wharf-fleet/1/site{number % 100}/gw{number}/state",
                                        b"x" * 60, 0, 0, 4)
                packets += bytes([packet[0] | 1]) + packet[1:]  # retained
            crowd.send(packets)
        crowd.ping()
        self.client(gateway).deliver(TOPIC, event(1))
        for person, words in (("bob", ("log-level", "debug")), ("eve", ("books",))):
            self.assertEqual(self.people[person].orders("dock-1", *words)["code"], "ok")
        listed = {one["gateway"]: one for one in
                  self.people["eve"].asks("fleet", "list", good=(1,))}
        self.assertEqual(listed["dock-1"]["complaint"], "")
        self.assertEqual({one["health"] for name, one in listed.items() if name != "dock-1"},
                         {"not believed"})
        self.assertEqual(self.people["eve"].orders("dock-1", "status")["code"], "ok")
        crowd.close()
        # The broker drops what it cannot queue: one that is known is there all the same.
        known = self.people["eve"].folder / "known_gateways"
        with known.open("a", encoding="utf-8") as file:
            file.writelines(f"site1/none{number} {'0' * 64}\n" for number in range(600))
        late = self.managed("dock-2").start()
        for _ in range(2):
            listed = {one["gateway"]: one["health"] for one in
                      self.people["eve"].asks("fleet", "list", good=(1,))}
            self.assertNotEqual(listed["dock-1"], "missing")
        self.assertEqual({listed[f"none{number}"] for number in range(600)}, {"missing"})
        self.assertEqual(late.end(), 0)
        self.assertEqual(gateway.end(), 0)


class BadBroker(FleetTest):
    """The broker, or who writes to it, is not to be trusted: here nobody is stopped by its rules."""

    def setUp(self):
        super().setUp()
        self.fleet(secure=False)
        self.gateway_1 = self.managed("dock-1").start()
        self.gateway_2 = self.managed("dock-2").start()
        self.seen("dock-1", "dock-2")

    def refused(self, name):
        state = self.broker.listen(f"wharf-fleet/1/{SITE}/{name}/state/json", 1)[0]
        return int(json.loads(state).get("commands_refused", 0))

    def test_what_is_repeated_or_handed_to_another_is_not_obeyed(self):
        taken = pathlib.Path(self.folder) / "taken"
        spy = self.broker.record(f"wharf-fleet/1/{SITE}/dock-1/cmd", taken)
        time.sleep(0.5)
        bob = self.people["bob"]
        self.assertEqual(bob.orders("dock-1", "log-level", "debug", "--seconds", "5")["code"], "ok")
        command = wait_until(lambda: taken.read_text().split(), "the spy has it")[0]
        spy.kill()
        spy.wait()
        command = bytes.fromhex(command)
        trail = len(bob.orders("dock-1", "audit")["answer"])
        for _ in range(5):
            self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/cmd", command)
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-2/cmd", command)
        bent = bytearray(command)
        bent[len(bent) // 2] ^= 1
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/cmd", bytes(bent))
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/cmd", b"garbage")
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/cmd", b"x" * 600_000)
        wait_until(lambda: self.refused("dock-1") >= 1 and self.refused("dock-2") == 1,
                   "they are counted", patience_s=30)
        after = bob.orders("dock-1", "audit")["answer"]
        self.assertEqual(len(after), trail + 1)  # the look at the trail itself
        # After a restart its nonce is of another run.
        self.gateway_1.kill()
        self.gateway_1.start()
        self.seen("dock-1")
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/cmd", command)
        time.sleep(1)
        done = [one["command"] for one in bob.orders("dock-1", "audit")["answer"]
                if one["step"] == "done"]
        self.assertEqual(done.count("log_level"), 1)

    def test_a_flood_is_dropped_and_orders_go_on(self):
        garbage = b"x" * 60_000
        topic = f"wharf-fleet/1/{SITE}/dock-1/cmd"
        flood = pathlib.Path(self.folder) / "flood"
        flood.write_bytes(b"\n".join([garbage] * 2000) + b"\n")
        with open(flood, "rb") as lines:
            sender = subprocess.Popen([tool("mosquitto_pub"), *self.broker.tool_options("operator"),
                                       "-t", topic, "-l"], stdin=lines)
            device = self.client(self.gateway_1)
            for number in range(50):
                device.deliver(TOPIC, event(number), 1, number + 1)
            self.assertEqual(sender.wait(60), 0)
        self.assertEqual(self.gateway_1.intake()["accepted"], 50)
        self.assertLess(self.refused("dock-1"), 2000)
        self.assertEqual(self.people["eve"].orders("dock-1", "books")["code"], "ok")

    def test_a_state_that_another_signed_is_not_believed(self):
        own = self.broker.listen(f"wharf-fleet/1/{SITE}/dock-1/state", 1)[0]
        others = self.broker.listen(f"wharf-fleet/1/{SITE}/dock-2/state", 1)[0]
        self.gateway_1.kill()
        eve = self.people["eve"]
        bent = bytearray(own)
        bent[own.index(b"dock-1") + 5] ^= 1
        for state, complaint in ((others, "another's, in its place"), (b"garbage", "cannot be read"),
                                 (own[:-1] + bytes([own[-1] ^ 1]), "not signed by its key"),
                                 (bytes(bent), "not signed by its key")):
            self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/state", state, retain=True)
            listed = {one["gateway"]: one for one in eve.asks("fleet", "list", good=(1,))}
            self.assertEqual(listed["dock-1"]["health"], "not believed")
            if complaint != "cannot be read":
                self.assertIn(complaint, listed["dock-1"]["complaint"])
            # One that is not believed hides no other.
            self.assertEqual(eve.asks("--on", "gateway=dock-2", "books")[f"{SITE}/dock-2"]["code"],
                             "ok")
        # What is no name of a gateway's topic is nobody's.
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/more/state", own, retain=True)
        self.assertEqual(len(eve.asks("fleet", "list", good=(1,))), 2)
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/state", own, retain=True)
        self.assertEqual({one["health"] for one in eve.asks("fleet", "list", good=(0, 1))},
                         {listed["dock-2"]["health"]})
        # A gateway with a new key under an old name.
        self.gateway_1.sections["fleet"]["key_file"] += ".new"
        self.gateway_1.start()

        def not_believed():
            listed = {one["gateway"]: one for one in eve.asks("fleet", "list", good=(1,))}
            return "not the one it had" in listed.get("dock-1", {}).get("complaint", "")
        wait_until(not_believed, "the key is not believed", patience_s=30)
        refused = eve.run("--on", "gateway=dock-1", "books")
        self.assertEqual(refused.returncode, 3)
        self.assertIn("--accept-changed-keys", refused.stderr)
        self.assertEqual(eve.run("--accept-changed-keys", "--on", "gateway=dock-1",
                                 "books").returncode, 0)
        self.assertEqual(eve.run("--on", "gateway=dock-1", "books").returncode, 0)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Devices, the gateway's key and its certificates, changed from afar."""
import base64
import json
import os
import pathlib
import secrets
import ssl
import subprocess
import threading
import time
import unittest

from fleet_rig import PATIENCE_S, SITE, FleetTest, certificate, event, tool, wait_until
from keys_rig import (K_GATEWAY, K_ID, K_NONCE, Authority, command_in, copied_pair, key_of, matches,
                      openssl, signed_by, state_of)
from mqtt_bytes import CONNACK, connect_packet
from tls_rig import TlsClient, client_rules

BAD_CREDENTIALS = 0x86
OWN = f"wharf/1/{SITE}/scanner-07/stock"


class KeysTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.fleet()
        self.ann = self.people["ann"]

    def orders(self, *words, good=(0,), gateway="dock-1"):
        return self.ann.orders(gateway, *words, good=good)

    def code_of_login(self, gateway, **options):
        one = self.client(gateway, connect=False)
        one.version = 5
        one.send(connect_packet("c", 5, **options))
        return one.expect(CONNACK).body[1]

    def each_step(self, *kinds):
        """Of each kind of call the first, the second and so on, until one was not reached."""
        for calls in kinds:
            for step in range(1, 40):
                self.reached = False
                yield calls, step
                if not self.reached:
                    break

    def cut_in(self, *words, step, paths, calls):
        """Orders it, and kills the gateway at the given one of its thread's calls about these
        paths. What waits for the answer, or None where it was done without that call."""
        strace = subprocess.Popen(
            [tool("strace"), "-f", "-o", "/dev/null", "-p", str(self.gateway_1.process.pid),
             *[word for path in paths for word in ("-P", str(path))], "-e", f"trace={calls}",
             "-e", f"inject={calls}:signal=KILL:when={step}"], stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (strace.kill(), strace.wait(), strace.stderr.close()))
        self.assertIn("attached", strace.stderr.readline())
        answer = {}

        def order():
            answer.update(self.orders("--timeout", "60", *words))
        asking = threading.Thread(target=order)
        asking.start()
        wait_until(lambda: self.gateway_1.process.poll() is not None or not asking.is_alive(),
                   "it is killed or done", patience_s=70)
        if not asking.is_alive():
            strace.terminate()
            strace.wait(PATIENCE_S)
            self.assertEqual(answer["code"], "ok")
            return None

        self.reached = True

        def wait():
            asking.join(90)
            return answer
        return wait

    def trail(self, kind, gateway="dock-1"):
        return [one for one in self.orders("audit", "--limit", "1000", gateway=gateway)["answer"]
                if one["command"] == kind]


class Devices(KeysTest):
    def setUp(self):
        super().setUp()
        self.identities = self.folder / "identities.toml"
        self.identities.write_text("# by hand\n")
        self.identities.chmod(0o640)
        self.gateway_1 = self.managed("dock-1", access={"identities": str(self.identities)}).start()
        self.heard = self.folder / "heard"
        spy = self.broker.record("#", self.heard)
        self.addCleanup(lambda: (spy.kill(), spy.wait()))
        self.seen("dock-1")

    def spoken(self):
        return b"".join(bytes.fromhex(line) for line in self.heard.read_text().split())

    def on_disk(self):
        """What the gateway wrote, all of it."""
        return b"".join(path.read_bytes() for path in pathlib.Path(self.folder).rglob("*")
                        if path.is_file() and "dock-1" in str(path))

    def test_a_device_is_put_lives_and_is_gone_and_nobody_hears_its_password(self):
        said = self.orders("device", "add", "scanner-07", "--generate")
        password = said["answer"]["password"]
        self.assertEqual(len(password), 26)
        one = self.client(self.gateway_1, "scanner-07", user="scanner-07", password=password,
                          version=5)
        one.deliver(OWN, event(1))
        self.assertEqual(self.identities.stat().st_mode & 0o777, 0o640)
        self.assertIn("# by hand", self.identities.read_text())
        listed = self.orders("device", "list")["answer"]
        self.assertEqual([(each["name"], each["enabled"], each["password"]) for each in listed],
                         [("scanner-07", True, True)])
        # One that is there is not put again.
        twice = self.orders("device", "add", "scanner-07", "--generate", good=(3,))
        self.assertEqual(twice["code"], "failed")
        self.assertNotIn("answer", twice)
        self.orders("device", "disable", "scanner-07")
        one.rest()
        self.assertEqual(self.code_of_login(self.gateway_1, user="scanner-07", password=password),
                         BAD_CREDENTIALS)
        self.orders("device", "enable", "scanner-07")
        one = self.client(self.gateway_1, "scanner-07", user="scanner-07", password=password,
                          version=5)
        # Another password, from a file.
        other = self.folder / "other.password"
        other.write_text("another-password-of-it\n")
        other.chmod(0o600)
        self.orders("passwd", "scanner-07", "--password-file", str(other))
        one.rest()
        self.assertEqual(self.code_of_login(self.gateway_1, user="scanner-07", password=password),
                         BAD_CREDENTIALS)
        one = self.client(self.gateway_1, "scanner-07", user="scanner-07",
                          password="another-password-of-it", version=5)
        self.orders("device", "remove", "scanner-07")
        one.rest()
        self.assertEqual(self.code_of_login(self.gateway_1, user="scanner-07",
                                            password="another-password-of-it"), BAD_CREDENTIALS)
        self.assertEqual(self.orders("device", "remove", "scanner-07", good=(3,))["code"],
                         "not_found")
        wait_until(lambda: b"device_put" in self.spoken() or len(self.spoken()) > 1000,
                   "the spy has heard something")
        time.sleep(1)
        spoken, written = self.spoken(), self.on_disk()
        self.assertIn(b"scanner-07", spoken)
        self.assertIn(b"scanner-07", written)
        for one in (password, "another-password-of-it"):
            self.assertNotIn(one.encode(), spoken)
            self.assertNotIn(one.encode(), written)
        steps = [each["step"] for each in self.trail("device_put")]
        self.assertEqual(steps, ["received", "done"] * 3)

    def test_roles_and_what_cannot_be(self):
        bob, eve = self.people["bob"], self.people["eve"]
        for person, words in ((bob, ("add", "x-1", "--generate")), (bob, ("remove", "x-1")),
                              (eve, ("disable", "x-1"))):
            said = person.orders("dock-1", "device", *words, good=(3,))
            self.assertEqual(said["code"], "forbidden")
            self.assertNotIn("answer", said)
        self.assertEqual(eve.orders("dock-1", "device", "list")["answer"], [])
        bad = self.orders("device", "add", "x-1", "--generate", "--publish", "a/#/b", good=(3,))
        self.assertIn(bad["code"], ("invalid", "failed"))
        done = self.ann.run("--on", "gateway=dock-1", "device", "add", "x-1", "--no-password",
                            "--certificate", "x-1.example", "--both")
        self.assertEqual(done.returncode, 3, done.stdout)
        other = self.managed("dock-2").start()
        self.seen("dock-2")
        self.assertEqual(self.orders("device", "list", gateway="dock-2", good=(3,))["code"],
                         "unsupported")
        self.assertEqual(other.end(), 0)

    def test_a_secret_that_is_moved_is_not_opened(self):
        self.orders("device", "add", "scanner-07", "--generate")
        raw = [bytes.fromhex(line) for line in self.heard.read_text().split()]
        signed = next(one for one in raw if b"scanner-07" in one and b"\xea\x03" in one
                      and self.is_put(one))
        command = command_in(signed)
        state = state_of(self.broker, "dock-1")
        moved = {**command, K_ID: secrets.token_bytes(16),
                 K_NONCE: base64.b64decode(state["nonce"])}
        moved[61] = moved[61].replace(b"scanner-07", b"scanner-08")
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/cmd", signed_by(self.ann, moved))
        refused = wait_until(lambda: [each for each in self.trail("device_put")
                                      if each["code"] == "invalid"], "it is refused")
        self.assertIn("it was not sealed to this key for this purpose", refused[0]["message"])
        # The same secret for another gateway.
        identities = self.folder / "others.toml"
        identities.write_text("")
        identities.chmod(0o640)
        self.managed("dock-2", access={"identities": str(identities)}).start()
        self.seen("dock-2")
        state = state_of(self.broker, "dock-2")
        moved = {**command, K_GATEWAY: key_of(state), K_NONCE: base64.b64decode(state["nonce"])}
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-2/cmd", signed_by(self.ann, moved))
        refused = wait_until(lambda: self.trail("device_put", "dock-2")[1:], "it is refused there")
        self.assertEqual((refused[0]["step"], refused[0]["code"]), ("done", "invalid"))
        self.assertEqual(identities.read_text(), "")
        self.assertNotIn("scanner-08", self.identities.read_text())

    def is_put(self, signed):
        try:
            return 61 in command_in(signed)
        except (AssertionError, IndexError, KeyError, TypeError):
            return False

    def test_killed_while_devices_are_put_each_is_there_once_and_told_once(self):
        shown = {}
        for number in range(5):
            name = f"scanner-{number}"

            def order():
                said = self.ann.run("--json", "--on", "gateway=dock-1", "--timeout", "40", "device",
                                    "add", name, "--generate")
                shown[name] = json.loads(said.stdout)[f"{SITE}/dock-1"]
            asking = threading.Thread(target=order)
            asking.start()
            time.sleep(0.75 + 0.06 * number)
            self.gateway_1.kill()
            self.gateway_1.start()
            asking.join(80)
        self.seen("dock-1")
        for name, said in shown.items():
            self.assertEqual(said["code"], "ok", said)
            self.client(self.gateway_1, name, user=name, password=said["answer"]["password"]).ping()
            self.assertEqual(self.identities.read_text().count(f'"{name}"'), 1)
        done = [each["id"] for each in self.trail("device_put") if each["step"] == "done"]
        self.assertEqual((len(done), len(set(done))), (5, 5))


class Rotation(KeysTest):
    def setUp(self):
        super().setUp()
        self.gateway_1 = self.managed("dock-1")
        self.key = pathlib.Path(self.gateway_1.sections["fleet"]["key_file"])

    def known(self, person):
        return (person.folder / "known_gateways").read_text().split()[1]

    def test_its_key_changes_and_who_knows_the_former_one_believes_it(self):
        self.gateway_1.start()
        self.seen("dock-1")
        self.orders("books")
        device = self.client(self.gateway_1)
        eve, bob = self.people["eve"], self.people["bob"]
        first = self.known(eve)
        old_words = {K_GATEWAY: bytes.fromhex(first)}
        for _ in range(3):
            done = self.ann.run("--on", "gateway=dock-1", "key", "rotate")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("as its former key says", done.stderr)
            self.assertIn("Its key is now " + self.known(self.ann), done.stdout)
        self.assertNotEqual(self.known(self.ann), first)
        device.deliver(OWN, event(1))  # no connection of a device was dropped
        self.assertEqual(self.key.stat().st_mode & 0o777, 0o600)
        self.assertEqual(list(self.key.parent.glob("*.next*")), [])
        # Who was away for three of them.
        said = eve.run("--on", "gateway=dock-1", "books")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("as its former key says", said.stderr)
        self.assertEqual(self.known(eve), self.known(self.ann))
        self.assertEqual(eve.run("fleet", "list").stderr, "")
        # Who saw it never before takes it at its word.
        self.assertEqual(bob.orders("dock-1", "books")["code"], "ok")
        # A command to the former key is refused with words.
        state = state_of(self.broker, "dock-1")
        command = {1: 1, **old_words, K_ID: secrets.token_bytes(16),
                   K_NONCE: base64.b64decode(state["nonce"]), 17: b""}
        heard = self.folder / "heard"
        spy = self.broker.record(f"wharf-fleet/1/{SITE}/dock-1/res", heard)
        time.sleep(0.5)
        self.broker.put(f"wharf-fleet/1/{SITE}/dock-1/cmd", signed_by(self.ann, command))
        wait_until(lambda: b"a key that this gateway has replaced" in b"".join(
            bytes.fromhex(line) for line in heard.read_text().split()), "it says so")
        spy.kill()
        spy.wait()
        # Of the former key's own words nothing is believed any more, and nothing without a chain.
        self.gateway_1.kill()
        pathlib.Path(f"{self.key}.succession").unlink()
        self.key.unlink()
        self.gateway_1.start()
        wait_until(lambda: "not the one it had" in eve.asks("fleet", "list",
                                                            good=(1,))[0]["complaint"],
                   "another key without a chain is not believed", patience_s=30)
        refused = self.people["bob"].orders
        self.assertRaises(AssertionError, refused, "dock-1", "books")

    def test_a_kill_at_each_step_leaves_one_key_that_holds(self):
        tool("strace")
        self.gateway_1.start()
        self.seen("dock-1")
        self.orders("books")
        self.assertEqual(self.gateway_1.end(), 0)
        rotations = 0
        paths = [f"{self.key}{more}" for more in ("", ".next", ".next.new", ".succession",
                                                  ".succession.new")]
        kills = 0
        for calls, step in self.each_step("?unlink,?unlinkat", "?openat", "?write", "?fchmod",
                                          "?fsync", "?rename,?renameat,?renameat2"):
            self.gateway_1.start()
            self.seen("dock-1", person="ann")
            answer = self.cut_in("key", "rotate", step=step, paths=paths, calls=calls)
            if answer is None:
                self.assertEqual(self.gateway_1.end(), 0)
                rotations += 1
                continue
            kills += 1
            openssl("pkey", "-in", str(self.key), "-noout")
            self.gateway_1.start()
            answer = answer()
            self.assertEqual(answer.get("code"), "ok")
            self.assertEqual(self.key.stat().st_mode & 0o777, 0o600)
            self.assertEqual(list(self.key.parent.glob("*.next*")), [])
            self.seen("dock-1", person="ann")
            listed = self.ann.asks("fleet", "list", good=(0, 1))[0]
            self.assertEqual(listed["complaint"], "")
            self.assertEqual(listed["key"], answer["answer"]["key"])
            self.assertEqual(self.gateway_1.end(), 0)
        self.assertGreaterEqual(kills, 12)
        self.gateway_1.start()
        self.seen("dock-1", person="ann")
        done = [one["id"] for one in self.trail("key_rotate") if one["step"] == "done"]
        self.assertEqual(len(done), len(set(done)))
        self.assertEqual(len(done), kills + rotations)


class Certificates(KeysTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.looks = 0
        self.pairs = self.folder / "pairs"
        self.listeners = copied_pair("server", self.pairs, "listener")
        self.fleets = copied_pair("device", self.pairs, "fleet")
        self.gateway_1 = self.managed("dock-1", **{"listener.tls": {
            "port": 0, "certificate": str(self.listeners[0]), "key": str(self.listeners[1]),
            "client_ca": certificate("authority.pem"), "client_certificates": "optional"}})
        self.gateway_1.sections["fleet"].update(certificate_file=str(self.fleets[0]),
                                                certificate_key_file=str(self.fleets[1]))
        self.gateway_1.start()
        self.seen("dock-1")

    def request(self, which, *more):
        return self.orders("certificate", "request", which, *more)["answer"]["request"]

    def install(self, which, file, *more, good=(0,)):
        return self.orders("certificate", "install", which, str(file), *more, good=good)

    def shown(self):
        """What the listener shows."""
        rules = client_rules(pathlib.Path(certificate("authority.pem")).parent)
        self.looks += 1
        one = TlsClient(self.gateway_1.tls_port, f"looks-{self.looks}", rules)
        self.addCleanup(one.close)
        return one, ssl.DER_cert_to_PEM_cert(one.socket.getpeercert(binary_form=True))

    def test_the_listeners_is_renewed_live(self):
        standing, before = self.shown()
        request = self.request("listener")
        text = openssl("req", "-noout", "-text", "-verify", data=request.encode()).decode()
        for words in ("CN = gateway", "DNS:localhost", "DNS:gateway.test", "IP Address:127.0.0.1"):
            self.assertIn(words, text)
        pending = pathlib.Path(f"{self.listeners[1]}.pending")
        self.assertEqual(pending.stat().st_mode & 0o777, 0o600)
        wrong = (
            (certificate("renewed.pem"), "it is not of the key"),
            (self.authority.sign(request, "stranger"), "no authority that the gateway knows"),
            (self.authority.sign(request, end="20210101000000Z"), "it ended at 2021"),
            (self.authority.sign(request, start="20390101000000Z"), "it begins only at 2039"),
            (self.authority.sign(request, extensions="extendedKeyUsage = clientAuth"),
             "did not make it for a server"))
        for file, why in wrong:
            refused = self.install("listener", file, good=(3,))
            self.assertEqual(refused["code"], "invalid")
            self.assertIn(why, refused["message"])
        garbage = self.folder / "garbage"
        garbage.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        self.assertEqual(self.install("listener", garbage, good=(3,))["code"], "invalid")
        self.assertEqual(self.ann.run("--on", "gateway=dock-1", "certificate", "install",
                                      "listener", str(self.listeners[1])).returncode, 3)
        self.assertEqual(self.shown()[1], before)
        good = self.authority.sign(request)
        said = self.install("listener", good)
        self.assertIn("2040", said["answer"]["good_until"])
        standing.deliver(OWN, event(1))  # the connection from before
        another, after = self.shown()
        self.assertEqual(after.split(), good.read_text().split())
        another.deliver(OWN, event(2))
        self.assertTrue(matches(*self.listeners))
        self.assertFalse(pending.exists())
        self.assertEqual(list(self.pairs.glob("*.former")) + list(self.pairs.glob("*.next")), [])
        # There is no second certificate for one request.
        self.assertIn("no certificate was requested", self.install("listener", good,
                                                                   good=(3,))["message"])
        # Names that are given, in place of those that there were.
        request = self.request("listener", "--common-name", "dock, 1", "--name", "dock-1.test",
                               "--name", "10.0.0.1")
        text = openssl("req", "-noout", "-text", data=request.encode()).decode()
        for words in ("dock, 1", "DNS:dock-1.test", "IP Address:10.0.0.1"):
            self.assertIn(words, text)
        self.assertNotIn("DNS:localhost", text)

    def test_the_fleets_is_renewed_and_one_that_the_broker_refuses_goes_back(self):
        device = self.client(self.gateway_1)
        former = self.fleets[0].read_text()
        request = self.request("fleet")
        stranger = self.authority.sign(request, "stranger")
        self.assertIn("no authority that the gateway knows",
                      self.install("fleet", stranger, good=(3,))["message"])
        back = self.install("fleet", stranger, "--other-authority", "--within", "5", good=(3,))
        self.assertEqual(back["code"], "failed")
        self.assertIn("the former certificate is in use again", back["message"])
        self.assertEqual(self.fleets[0].read_text(), former)
        self.assertTrue(matches(*self.fleets))
        self.seen("dock-1")
        # The key waits still: a good one for the same request.
        self.install("fleet", self.authority.sign(request))
        self.assertNotEqual(self.fleets[0].read_text(), former)
        self.assertTrue(matches(*self.fleets))
        device.deliver(OWN, event(1))
        self.assertEqual(self.orders("books")["code"], "ok")
        # Killed on trial: the one before, and it is said.
        former = self.fleets[0].read_text()
        stranger = self.authority.sign(self.request("fleet"), "stranger")
        answer = {}

        def order():
            answer.update(self.orders("certificate", "install", "fleet", str(stranger),
                                      "--other-authority", "--within", "60", good=(3,)))
        asking = threading.Thread(target=order)
        asking.start()
        wait_until(lambda: self.fleets[0].read_text() == stranger.read_text(), "it is on trial",
                   patience_s=30)
        time.sleep(1)
        self.gateway_1.kill()
        self.gateway_1.start()
        asking.join(120)
        self.assertIn("ended while it was on trial", answer["message"])
        self.assertEqual(self.fleets[0].read_text(), former)
        self.assertTrue(matches(*self.fleets))

    def test_a_kill_at_each_step_leaves_a_pair(self):
        tool("strace")
        self.assertEqual(self.gateway_1.end(), 0)
        pem, key = self.listeners
        paths = [f"{one}{more}" for one in (pem, key)
                 for more in ("", ".next", ".next.new", ".former", ".former.new", ".change",
                              ".change.new", ".pending")]
        kills = 0
        for calls, step in self.each_step("?unlink,?unlinkat", "?rename,?renameat,?renameat2"):
            self.gateway_1.start()
            self.seen("dock-1")
            good = self.authority.sign(self.request("listener"))
            answer = self.cut_in("certificate", "install", "listener", str(good), step=step,
                                 paths=paths, calls=calls)
            if answer is None:
                self.assertEqual(self.gateway_1.end(), 0)
                continue
            kills += 1
            self.gateway_1.start()  # with a pair that does not match it would not
            self.assertEqual(answer().get("code"), "ok")
            self.assertTrue(matches(pem, key))
            self.assertEqual(pem.read_text(), good.read_text())
            self.assertEqual(self.gateway_1.end(), 0)
        self.assertGreaterEqual(kills, 12)


class OnTheGateway(KeysTest):
    def test_the_same_orders_by_its_socket_and_none_that_needs_a_seal(self):
        gateway = self.managed("dock-1").start()
        self.seen("dock-1")
        self.orders("books")
        said = gateway.ctl("key", "rotate", "--because", "ticket 77")
        self.assertIn("Its key is now", said)
        self.seen("dock-1", person="ann")
        entry = self.trail("key_rotate")[-1]
        self.assertEqual((entry["by"], entry["reason"]),
                         (f"uid {os.getuid()} on the gateway", "ticket 77"))
        refused = subprocess.run(
            [os.environ["WHARFCTL"], "--config", str(gateway.config), "certificate", "request",
             "listener"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(refused.returncode, 3)
        self.assertIn("no certificate", refused.stderr)
        self.assertEqual(gateway.end(), 0)


if __name__ == "__main__":
    unittest.main()

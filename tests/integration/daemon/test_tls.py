#!/usr/bin/env python3
"""TLS at the listener, by clients of OpenSSL: devices, floods, new certificates."""
import json
import signal
import socket
import ssl
import subprocess
import time
import unittest

from daemon_rig import PATIENCE_S, event, tool, wait_until
from mqtt_bytes import PUBACK, Closed, connect_packet
from tls_rig import TlsClient, TlsTest, client_rules, install, tls_socket

TOPIC = "wharf/1/ber1/scanner-07/stock"


class Devices(TlsTest):
    def mosquitto_pub(self, gateway, payload, *more, good=True):
        done = subprocess.run(
            [tool("mosquitto_pub"), "-h", "localhost", "-p", str(gateway.tls_port), "-q", "1",
             "-i", "mosquitto", "-t", TOPIC, "-m", payload, *more],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode == 0, good, done)

    def test_mosquitto_publishes_over_tls_and_checks_the_gateways_name(self):
        gateway = self.tls_gateway().start()
        self.mosquitto_pub(gateway, event(1), "--cafile", str(self.certificates / "authority.pem"))
        self.mosquitto_pub(gateway, event(2), "--cafile", str(self.certificates / "stranger.pem"),
                           good=False)
        self.assertEqual(gateway.intake()["accepted"], 1)
        self.assertEqual(self.handshakes(gateway)["full"], 1)

    def test_mosquitto_shows_a_certificate_where_one_is_required(self):
        gateway = self.asking_gateway(crl="revoked").start()
        trusted = ("--cafile", str(self.certificates / "authority.pem"))

        def shown(name):
            return ("--cert", str(self.certificates / f"{name}.pem"),
                    "--key", str(self.certificates / f"{name}.key"))
        self.mosquitto_pub(gateway, event(1), *trusted, *shown("device"))
        self.mosquitto_pub(gateway, event(2), *trusted, good=False)
        self.mosquitto_pub(gateway, event(3), *trusted, *shown("revoked"), good=False)
        self.mosquitto_pub(gateway, event(4), *trusted, *shown("foreign"), good=False)
        self.assertEqual(gateway.intake()["accepted"], 1)
        self.assertTrue(gateway.said("TLS handshake of 127.0.0.1"))

    def test_an_optional_certificate_may_be_missing_and_may_not_be_wrong(self):
        gateway = self.asking_gateway(crl="revoked", asked="optional").start()
        self.tls_client(gateway, "nobody").deliver(TOPIC, event(1))
        self.tls_client(gateway, "somebody", "device").deliver(TOPIC, event(2))
        with self.assertRaises((ssl.SSLError, OSError, Closed)):
            self.tls_client(gateway, "stranger", "foreign")
        self.assertEqual(gateway.intake()["accepted"], 2)

    def test_plain_text_and_tls_are_two_ports(self):
        gateway = self.tls_gateway().start()
        self.client(gateway, "plain").deliver(TOPIC, event(1))
        self.tls_client(gateway, "secret").deliver(TOPIC, event(2))
        # Plain text at the port of TLS is not understood.
        with self.assertRaises((Closed, ConnectionError)):
            wrong = self.client(gateway, connect=False)
            wrong.close()
            wrong.socket = socket.create_connection(("127.0.0.1", gateway.tls_port), timeout=10)
            wrong.send(connect_packet("wrong"))
            while wrong.receive() is not None:
                pass
        self.assertEqual(gateway.intake()["accepted"], 2)

    def test_without_plain_text_there_is_one_port(self):
        gateway = self.tls_gateway(listener={"plain_text": "never"}).start()
        self.tls_client(gateway, "secret").deliver(TOPIC, event(1))
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", gateway.port), timeout=10)

    def test_the_network_needs_tls_or_words(self):
        def check(**listener):
            gateway = self.gateway(listener={"address": "0.0.0.0", **listener})
            gateway.write_config()
            return gateway.check()
        code, said = check()
        self.assertEqual(code, 78)
        self.assertIn("expected [listener.tls]", said)
        code, said = check(plain_text="allowed")
        self.assertEqual(code, 78)
        self.assertIn("say who may come in", said)

    def test_older_protocols_are_refused(self):
        gateway = self.tls_gateway().start()
        rules = client_rules(self.certificates)
        rules.set_ciphers("ALL:@SECLEVEL=0")
        rules.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        rules.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, OSError)):
            tls_socket(gateway.tls_port, rules)
        today = tls_socket(gateway.tls_port, client_rules(self.certificates))
        self.assertEqual(today.version(), "TLSv1.2")
        self.assertRegex(today.cipher()[0], "^ECDHE-ECDSA-.*(GCM|CHACHA20)")
        today.close()

    def test_who_comes_back_resumes(self):
        gateway = self.tls_gateway().start()
        rules = client_rules(self.certificates)
        first = tls_socket(gateway.tls_port, rules)
        session = first.session
        first.close()
        for _ in range(5):
            again = tls_socket(gateway.tls_port, rules, session)
            self.assertTrue(again.session_reused)
            again.close()
        wait_until(lambda: self.handshakes(gateway)["resumed"] == 5, "five were resumed")
        self.assertEqual(self.handshakes(gateway)["full"], 1)

    def test_two_hundred_devices_at_once(self):
        gateway = self.tls_gateway().start()
        rules = client_rules(self.certificates)
        clients = []
        for number in range(200):
            client = TlsClient(gateway.tls_port, f"scanner-{number}", rules)
            self.addCleanup(client.close)
            clients.append(client)
        for number, client in enumerate(clients):
            client.publish(TOPIC, event(number) + b" " * (number * 97), 1, 1)
        for client in clients:
            client.expect(PUBACK, 1)
        self.assertEqual(gateway.intake()["accepted"], 200)
        self.assertEqual(gateway.status()["listener"]["connections"], 200)
        self.assertEqual(gateway.end(), 0)

    def test_silent_and_half_finished_handshakes_harm_nobody(self):
        gateway = self.tls_gateway().start()
        before = self.tls_client(gateway, "before")
        to, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
        with self.assertRaises(ssl.SSLWantReadError):
            client_rules(self.certificates).wrap_bio(
                to, hello, server_hostname="localhost").do_handshake()
        first_flight = hello.read()
        flood = []
        for number in range(300):
            one = socket.create_connection(("127.0.0.1", gateway.tls_port), timeout=10)
            self.addCleanup(one.close)
            if number % 3:
                one.sendall(first_flight)
            flood.append(one)
        before.deliver(TOPIC, event(1))
        # More than there are places, so this one waits for others' patience to end.
        self.tls_client(gateway, "behind").deliver(TOPIC, event(2))
        before.ping()
        self.assertGreater(self.handshakes(gateway)["shed"], 0)

    def silent(self, gateway):
        one = socket.create_connection(("127.0.0.1", gateway.tls_port), timeout=10)
        self.addCleanup(one.close)
        return one

    def wait_for_half_open(self, gateway, count):
        wait_until(lambda: f"\nwharf_mqtt_half_open {count}\n" in gateway.page("/metrics")[2],
                   f"{count} have not signed in")

    def test_who_says_nothing_counts_for_its_address_before_its_handshake(self):
        gateway = self.tls_gateway(limits={"address_half_open": 4, "this_machine_too": True}).start()
        silent = [self.silent(gateway) for _ in range(4)]
        self.wait_for_half_open(gateway, 4)
        with self.assertRaises((ssl.SSLError, OSError, Closed)):
            self.tls_client(gateway, "too-many")
        silent.pop().close()
        self.wait_for_half_open(gateway, 3)
        self.tls_client(gateway, "device").deliver(TOPIC, event(1))
        self.wait_for_half_open(gateway, 3)

    def test_of_those_that_say_nothing_the_oldest_makes_room_for_a_handshake(self):
        gateway = self.tls_gateway(limits={"half_open": 4}).start()
        silent = [self.silent(gateway) for _ in range(4)]
        self.wait_for_half_open(gateway, 4)
        time.sleep(1.2)  # nobody has to go before he has been silent for a second
        device = self.tls_client(gateway, "device")
        self.assertEqual(silent[0].recv(1), b"")
        device.deliver(TOPIC, event(1))
        self.assertGreaterEqual(self.handshakes(gateway)["shed"], 1)


class NewCertificates(TlsTest):
    def names(self, gateway):
        """The alternative names that the gateway shows now."""
        shown = tls_socket(gateway.tls_port, client_rules(self.certificates))
        try:
            return [value for kind, value in shown.getpeercert()["subjectAltName"]
                    if kind == "DNS"]
        finally:
            shown.close()

    def test_a_new_certificate_is_used_and_who_is_connected_stays(self):
        gateway = self.tls_gateway().start()
        before = self.tls_client(gateway, "before")
        self.assertEqual(self.names(gateway), ["localhost", "gateway.test"])
        install(self.certificates, "renewed", self.in_use)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: self.names(gateway) == ["localhost"], "the new one is shown")
        before.deliver(TOPIC, event(1))
        self.tls_client(gateway, "after").deliver(TOPIC, event(2))
        self.assertTrue(gateway.said("TLS certificates read"))

    def test_files_that_change_are_noticed_without_a_signal(self):
        gateway = self.tls_gateway().start()
        install(self.certificates, "renewed", self.in_use)
        wait_until(lambda: self.names(gateway) == ["localhost"], "the new one is shown", 60)

    def test_a_bad_certificate_is_refused_with_an_alarm(self):
        gateway = self.tls_gateway().start()
        healthy = json.loads(gateway.page("/healthz")[2])["reasons"]
        install(self.certificates, "renewed", self.in_use, parts=("pem",))
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.said("the former stay in use"), "the alarm")
        self.assertEqual(self.names(gateway), ["localhost", "gateway.test"])
        status, _, text = gateway.page("/healthz")
        self.assertEqual(status, 200)
        self.assertIn("is not the key of", text)
        self.assertEqual(json.loads(text)["status"], "degraded")
        install(self.certificates, "renewed", self.in_use)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: json.loads(gateway.page("/healthz")[2])["reasons"] == healthy,
                   "the alarm is over")
        self.assertEqual(self.names(gateway), ["localhost"])

    def test_a_device_that_is_revoked_is_let_go(self):
        gateway = self.asking_gateway().start()
        good = self.tls_client(gateway, "good", "device")
        bad = self.tls_client(gateway, "bad", "revoked", version=5)
        new = self.in_use / "new.crl"
        new.write_bytes((self.certificates / "revoked.crl").read_bytes())
        new.rename(self.in_use / "crl")
        gateway.signal(signal.SIGHUP)
        with self.assertRaises(Closed):
            while bad.receive() is not None:
                pass
        good.deliver(TOPIC, event(1))
        with self.assertRaises((ssl.SSLError, OSError, Closed)):
            self.tls_client(gateway, "bad", "revoked").ping()

    def test_at_the_start_a_bad_file_is_an_error(self):
        install(self.certificates, "renewed", self.in_use, parts=("key",))
        gateway = self.tls_gateway().start(ready=False)
        self.assertEqual(gateway.wait(), 78)
        self.assertIn("is not the key of", gateway.tail())

    def test_the_log_never_holds_a_key(self):
        gateway = self.tls_gateway().start()
        key = (self.in_use / "gateway.key").read_text()
        (self.in_use / "gateway.pem").write_text(key)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.said("the former stay in use"), "the alarm")
        for line in key.splitlines()[1:-1]:
            self.assertNotIn(line, gateway.log.read_text())


if __name__ == "__main__":
    unittest.main()

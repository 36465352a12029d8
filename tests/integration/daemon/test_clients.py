#!/usr/bin/env python3
"""Clients that others wrote: mosquitto_pub, npm's mqtt, and what a session keeps for them."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from daemon_rig import HERE, PATIENCE_S, DaemonTest, event, tool, wait_until
from mqtt_bytes import PUBCOMP, PUBREC

TOPIC = "wharf/1/ber1/scanner-07/stock"


class ClientTest(DaemonTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.gateway().start()

    def assert_taken(self, count):
        """So many messages, each with one event, and none of them twice."""
        wait_until(lambda: self.daemon.intake()["received"] >= count,
                   f"{count} events in the books")
        self.assertEqual(self.daemon.intake(), {"received": count, "refused": 0, "quarantined": 0,
                                                "duplicate": 0, "accepted": count})


class MosquittoPub(ClientTest):
    def publish(self, version, qos, payload, *more):
        done = subprocess.run(
            [tool("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.daemon.port), "-V", version,
             "-q", str(qos), "-i", f"mosquitto-{version}", "-t", TOPIC, "-m", payload, *more],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_every_qos_in_both_versions_is_taken_once(self):
        number = 0
        for version in ("311", "5"):
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    number += 1
                    self.publish(version, qos, event(number))
                    self.assert_taken(number)

    def test_the_same_event_again_is_acknowledged_and_counted_as_a_duplicate(self):
        for _ in range(3):
            self.publish("5", 1, event(1))
        self.assertEqual(self.daemon.intake(), {"received": 3, "refused": 0, "quarantined": 0,
                                                "duplicate": 2, "accepted": 1})

    def test_user_properties_of_version_5_are_taken_along(self):
        self.publish("5", 1, event(1), "-D", "publish", "user-property", "correlation-id", "run-7")
        self.assert_taken(1)
        dump = self.daemon.ctl("journal", "dump", "--json")
        self.assertIn("run-7", dump)


class NpmMqtt(ClientTest):
    """The version is the one that package.json names; it is installed into the build folder."""

    @classmethod
    def setUpClass(cls):
        tool("node")
        folder = os.environ.get("WHARF_NPM_FOLDER")
        if not folder:
            raise unittest.SkipTest("WHARF_NPM_FOLDER names no folder to install npm's mqtt into")
        cls.project = pathlib.Path(folder)
        cls.project.mkdir(parents=True, exist_ok=True)
        source = HERE / "mqtt_js"
        lock = cls.project / "installed-lock.json"
        for name in ("package.json", "package-lock.json", "exercise.mjs"):
            shutil.copy(source / name, cls.project / name)
        if lock.exists() and lock.read_bytes() == (source / "package-lock.json").read_bytes():
            return
        done = subprocess.run([tool("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                              cwd=cls.project, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest("npm could not install mqtt: " + done.stderr.strip()[-300:])
        shutil.copy(source / "package-lock.json", lock)

    def exercise(self, version):
        messages = [{"topic": TOPIC, "payload": event(number).decode(), "qos": qos}
                    for number, qos in enumerate((0, 1, 2, 0, 1, 2))]
        done = subprocess.run(
            [tool("node"), "exercise.mjs", str(self.daemon.port), version, "npm-client"],
            cwd=self.project, input="\n".join(json.dumps(m) for m in messages) + "\n",
            capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual(said["sessionsPresent"], [False, True])
        self.assert_taken(len(messages))

    def test_every_qos_in_3_1_1_over_two_connections_of_one_session(self):
        self.exercise("4")

    def test_every_qos_in_5_over_two_connections_of_one_session(self):
        self.exercise("5")


class Sessions(ClientTest):
    def test_a_session_is_present_again_until_it_is_started_clean(self):
        for version, options in ((4, {}), (5, {"expiry_s": 3600})):
            with self.subTest(version=version):
                name = f"scanner-{version}"
                seen = []
                for clean in (False, False, True, False):
                    client = self.client(self.daemon, name, version=version, clean=clean, **options)
                    seen.append(client.session_present)
                    client.close()
                # In 3.1.1 a clean session ends with its connection, in 5 with its expiry.
                self.assertEqual(seen, [False, True, False, version == 5])

    def test_a_session_survives_a_restart_of_the_gateway(self):
        self.client(self.daemon, "scanner", clean=False).close()
        self.daemon.kill()
        self.daemon.start()
        self.assertTrue(self.client(self.daemon, "scanner", clean=False).session_present)

    def test_a_qos_2_message_repeated_after_a_reconnect_and_a_kill_is_taken_once(self):
        for number, interruption in enumerate(("reconnect", "kill"), 1):
            with self.subTest(interruption=interruption):
                name = f"scanner-{interruption}"
                # Without any identity of its own: only QoS 2 helps.
                payload = json.dumps({"inventory_adjusted": {
                    "stock": {"location": "A-01", "sku": "4711"}, "reason": "found",
                    "delta": {"value": "1", "unit": "EA"}}}).encode()
                client = self.client(self.daemon, name, clean=False)
                client.publish(TOPIC, payload, qos=2, packet_id=9)
                client.expect(PUBREC, 9)
                client.close()
                if interruption == "kill":
                    self.daemon.kill()
                    self.daemon.start()
                client = self.client(self.daemon, name, clean=False)
                self.assertTrue(client.session_present)
                client.publish(TOPIC, payload, qos=2, packet_id=9, dup=True)
                client.expect(PUBREC, 9)
                client.release(9)
                client.expect(PUBCOMP, 9)
                self.assert_taken(number)

    def test_a_second_connection_with_the_same_name_ends_the_first(self):
        first = self.client(self.daemon, "scanner", version=5)
        second = self.client(self.daemon, "scanner", version=5)
        goodbye = first.rest()
        self.assertEqual([(p.kind, p.body[:1]) for p in goodbye], [(14, b"\x8e")])
        second.deliver(TOPIC, event(1))
        self.assert_taken(1)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""wharf-bridge between a Mosquitto and wharfd, today and in 2040. As one process for the broker, without one
above it: that one starts itself again, which would be the emulator where one runs it."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration" / "bridge"))
from bridge_rig import BridgeTest, site  # noqa: E402
from daemon_rig import event, wait_until  # noqa: E402
from test_late_clock import TOPIC, late_environment  # noqa: E402

YEARS = "8000"  # in days: the certificates are good in 2040, too


class LateBridge(BridgeTest):
    credentials = ()

    def setUp(self):
        super().setUp()
        self.daemon = self.bridged_gateway().start()

    def goes_through(self, broker, words, environment, first):
        """Messages before and after the bridge was killed."""
        for number in (first, first + 1):
            bridge = self.bridge(words).start("--broker", "site", environment=environment)
            self.connected(self.daemon)
            broker.publish(TOPIC, event(number), *self.credentials)
            # What it had not acknowledged when it was killed comes again, as a duplicate.
            wait_until(lambda: self.daemon.intake()["accepted"] == number, f"event {number}")
            bridge.kill()

    def test_today_and_in_2040(self):
        broker = self.broker().start()
        self.goes_through(broker, site(broker), {}, 1)
        self.goes_through(broker, site(broker), late_environment(), 3)

    def test_with_tls_today_and_in_2040(self):
        broker, secure = self.broker_with_tls(YEARS)
        at = self.folder
        self.credentials = ("--cafile", at / "ca.pem", "--cert", at / "client.pem", "--key",
                            at / "client.key")
        self.goes_through(broker, secure, {}, 1)
        if os.environ["WHARF_WORD_BYTES"] == "4":
            # docs/cross.md: what cannot be judged is refused, in the library's words.
            self.bridge(secure).start("--broker", "site", environment=late_environment())
            wait_until(lambda: "certificate verify failed" in self.daemon.page("/healthz")[2],
                       "it says that it does not connect")
        else:
            self.goes_through(broker, secure, late_environment(), 3)


if __name__ == "__main__":
    unittest.main()

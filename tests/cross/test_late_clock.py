#!/usr/bin/env python3
"""January 2038 has passed: wharfd takes events, writes its log and opens its journal again. On 32-bit
ARM, where Debian 12's libraries count time in 32 bits, this is what docs/cross.md claims."""
import datetime
import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration" / "daemon"))
from daemon_rig import DaemonTest, event, wait_until  # noqa: E402

TOPIC = "wharf/1/ber1/scanner-07/stock"
LATE = datetime.datetime(2040, 1, 1, tzinfo=datetime.timezone.utc)


def late_environment():
    """Of a program that finds itself in 2040."""
    later = LATE - datetime.datetime.now(datetime.timezone.utc)
    return {"LD_PRELOAD": os.environ["WHARF_LATE_CLOCK"],
            "WHARF_LATE_CLOCK_S": str(int(later.total_seconds()) + 60)}


class AfterJanuary2038(DaemonTest):
    def late(self, gateway):
        return gateway.start(late_environment())

    def test_log_journal_and_files_are_those_of_2040(self):
        gateway = self.late(self.gateway())
        for line in gateway.log_lines():
            if "level" in line:
                self.assertEqual(line["time"][:5], "2040-", line)
        self.assertRegex(gateway.said("listening")["time"],
                         r"^2040-01-01T00:0\d:\d\d\.\d{3}Z$")
        self.client(gateway, "c").deliver(TOPIC, event(1))
        self.assertEqual(gateway.end(), 0)
        self.assertIn("2040-01-01T00:0", gateway.ctl("journal", "dump"))

        for folder, _, files in os.walk(gateway.journal):
            for path in [folder, *(os.path.join(folder, file) for file in files)]:
                os.utime(path, (LATE.timestamp(), LATE.timestamp()))
        self.late(gateway)
        self.client(gateway, "c").deliver(TOPIC, event(1))
        self.client(gateway, "c").deliver(TOPIC, event(2), packet_id=2)
        self.assertEqual(gateway.intake(), {"received": 3, "refused": 0, "quarantined": 0,
                                            "duplicate": 1, "accepted": 2})
        self.assertEqual(gateway.end(), 0)

    def test_an_update_is_delivered(self):
        erp = self.erp().start()
        gateway = self.late(self.gateway(destinations=[
            {"name": "erp", "connector": "http", "url": erp.url, "batch_max_delay_ms": 0}]))
        self.client(gateway, "c").deliver(TOPIC, event(1))
        wait_until(lambda: len(erp.applied()) == 1, "the update is applied")
        wait_until(lambda: gateway.books()["destinations"][0]["applied"] == 1, "it is known")
        self.assertEqual(gateway.end(), 0)

    def test_a_journal_of_today_is_taken_up(self):
        gateway = self.gateway().start()
        self.client(gateway, "c").deliver(TOPIC, event(1))
        gateway.kill()
        self.late(gateway)
        self.client(gateway, "c").deliver(TOPIC, event(2))
        self.assertEqual(gateway.intake()["accepted"], 2)
        self.assertEqual(gateway.end(), 0)


if __name__ == "__main__":
    unittest.main()

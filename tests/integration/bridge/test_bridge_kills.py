#!/usr/bin/env python3
"""kill -9 of the bridge, of wharfd and of the broker, at random: an event whose message the bridge
acknowledged is in the journal, no event is in the ERP twice, and the books balance.

    test_bridge_kills.py [--rounds N] [--seed S] [--messages-per-s M]

The witness for what the bridge acknowledged is the broker's own log."""
import argparse
import random
import sys
import threading
import time
import unittest

from bridge_rig import BridgeTest, site
from daemon_rig import event, wait_until
from mqtt_bytes import Client, Closed

given = argparse.Namespace(rounds=6, seed=1, rate=200)


class Publisher(threading.Thread):
    """Sends events, each on a topic of its own, again until the broker acknowledges it."""

    def __init__(self, port, rate):
        super().__init__(daemon=True)
        self.port, self.rate = port, rate
        self.stopping = threading.Event()
        self.acknowledged = []

    def run(self):
        number = 0
        while not self.stopping.is_set():
            client = None
            try:
                client = Client(self.port, "publisher", clean=True)
                while not self.stopping.is_set():
                    client.deliver(topic(number), event(number), packet_id=number % 65535 + 1)
                    self.acknowledged.append(number)
                    number += 1
                    time.sleep(1 / self.rate)
            except (OSError, Closed, AssertionError):
                time.sleep(0.05)  # it was killed: the same event again
            finally:
                if client is not None:
                    client.close()


def topic(number):
    return f"wharf/1/ber1/scanner/e-{number}"


class Kills(BridgeTest):
    def test_with_the_broker_what_was_acknowledged_is_there_and_nothing_twice(self):
        self.kill_and_judge(("bridge", "broker", "wharfd"))

    def test_without_the_broker_everything_that_was_published_is_there_once(self):
        self.kill_and_judge(("bridge", "wharfd"))

    def kill_and_judge(self, victims):
        dice = random.Random(given.seed)
        broker = self.broker().start()
        erp = self.erp().start()
        gateway = self.bridged_gateway(destinations=[
            {"name": "erp", "url": erp.url, "batch_max_delay_ms": 20}]).start()
        bridge = self.bridge(site(broker, packet_ids_not_reused=True)).start()
        self.connected(gateway)
        publisher = Publisher(broker.port, given.rate)
        publisher.start()
        kills = dict.fromkeys(victims, 0)
        for _ in range(given.rounds):
            time.sleep(dice.uniform(0.2, 1.2))
            for victim in dice.sample(victims, dice.choice((1, 1, 2))):
                kills[victim] += 1
                {"bridge": bridge, "wharfd": gateway, "broker": broker}[victim].kill()
            time.sleep(dice.uniform(0, 0.5))
            for one in (broker, gateway, bridge):
                if one.process.poll() is not None:
                    one.start()
        publisher.stopping.set()
        publisher.join(30)
        self.connected(gateway, patience_s=60)
        # Until nothing more comes.
        seen = [-1, time.monotonic()]

        def quiet():
            received = gateway.intake()["received"]
            if received != seen[0]:
                seen[:] = [received, time.monotonic()]
            return time.monotonic() - seen[1] > 3
        wait_until(quiet, "everything came", 120)
        wait_until(lambda: gateway.books()["destinations"][0]["pending"] == 0, "the ERP has it", 120)

        books = gateway.books()
        self.assert_balanced(books)
        applied = [int(name.removeprefix("e-")) for name in erp.applied()]
        self.assertEqual(len(applied), len(set(applied)), "an event is in the ERP twice")
        by_bridge = broker.acknowledged_topics("wharf-wms-site")
        acknowledged = {int(each.rsplit("-", 1)[1]) for each in by_bridge}
        published = set(publisher.acknowledged)
        print(f"seed {given.seed}: {len(published)} published, {len(applied)} applied, "
              f"{books['intake']['duplicate']} duplicates, {kills}, "
              f"{len(published - set(applied))} forgotten by the broker")
        self.assertEqual(acknowledged - set(applied), set(), "acknowledged and not there")
        self.assertEqual(books["intake"]["accepted"], len(applied))
        self.assertEqual(books["intake"]["quarantined"], 0)
        if "broker" not in victims:
            self.assertEqual(published - set(applied), set(), "published and not there")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=given.rounds)
    parser.add_argument("--seed", type=int, default=given.seed)
    parser.add_argument("--messages-per-s", dest="rate", type=int, default=given.rate)
    given, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])

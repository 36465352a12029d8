#!/usr/bin/env python3
"""From a device to the reference ERP: each event once, in order for its keys, through outages,
kills and every misbehaviour the ERP knows. The ERP's tables are the witness."""
import json
import time
import unittest

from daemon_rig import DaemonTest, event, wait_until

TOPIC = "wharf/1/ber1/scanner-07/stock"
KEYS = 4


class DeliveryTest(DaemonTest):
    SETTINGS = {"batch_max_delay_ms": 10, "batch_max_items": 8, "request_timeout_ms": 1500,
                "connect_timeout_ms": 500, "backoff_min_ms": 20, "backoff_max_ms": 200,
                "circuit_failures": 5, "settle_ms": 2000}

    def setUp(self):
        super().setUp()
        self.central = self.erp()
        self.daemon = self.gateway(destinations=[{"name": "erp", "url": self.central.url,
                                                  **self.SETTINGS}])

    def publish(self, numbers, client=None):
        """Four keys in turn: number 1, 5, 9 ... are of one stock and keep their order."""
        own = client or self.client(self.daemon, "scanner")
        for number in numbers:
            own.deliver(TOPIC, event(number, stock=f"sku-{number % KEYS}"),
                        packet_id=number % 60000 + 1)
        if client is None:
            own.close()

    def drain(self, pending=0, patience_s=20):
        """Until nothing is under way: the books of the destination."""
        def drained():
            found = self.daemon.books()["destinations"][0]
            return found if found["pending"] <= pending else None
        try:
            return wait_until(drained, "everything is delivered", patience_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.daemon.books()}\n{self.daemon.tail()}") from None

    def assert_once_and_in_order(self, count):
        applied = self.central.applied()
        self.assertEqual(len(applied), len(set(applied)), "nothing twice")
        self.assertEqual(set(applied), {f"e-{n}" for n in range(1, count + 1)}, "nothing lost")
        numbers = [int(name[2:]) for name in applied]
        for key in range(KEYS):
            of_key = [n for n in numbers if n % KEYS == key]
            self.assertEqual(of_key, sorted(of_key), f"key {key} in order")
        quantities = dict(self.central.rows("stock_key, quantity", "stock", "stock_key"))
        self.assertEqual(sum(int(q) for q in quantities.values()), count * 10 ** 9)

    def assert_agreement(self, count):
        """The books and the ERP's tables."""
        self.drain()
        books = self.daemon.books()
        self.assert_balanced(books)
        self.assertEqual(books["intake"]["accepted"], count)
        self.assertEqual(books["destinations"][0]["applied"], count)
        self.assert_once_and_in_order(count)


class Plain(DeliveryTest):
    def test_events_reach_the_erp_once_and_in_order(self):
        self.central.start()
        self.daemon.start()
        self.publish(range(1, 101))
        self.publish(range(1, 11))  # a device that repeats itself
        self.assert_agreement(100)
        self.assertEqual(self.daemon.intake()["duplicate"], 10)

    def test_what_comes_while_the_erp_is_away_is_delivered_when_it_is_back(self):
        self.daemon.start()
        self.publish(range(1, 51))
        status, _, text = self.daemon.page("/healthz")
        self.assertEqual(status, 200)
        wait_until(lambda: json.loads(self.daemon.page("/healthz")[2])["status"] == "degraded",
                   "it says that the ERP does not answer")
        self.assertEqual(self.daemon.books()["destinations"][0]["pending"], 50)
        self.central.start()
        self.publish(range(51, 61))
        self.assert_agreement(60)

    def test_an_erp_that_goes_away_in_the_middle_and_comes_back(self):
        self.central.start()
        self.daemon.start()
        client = self.client(self.daemon, "scanner")
        for round_number in range(3):
            first = round_number * 40 + 1
            self.publish(range(first, first + 20), client)
            self.central.end()
            self.publish(range(first + 20, first + 40), client)
            self.central.start()
        self.assert_agreement(120)

    def test_a_restart_delivers_what_was_pending(self):
        self.daemon.start()
        self.publish(range(1, 31))
        self.assertEqual(self.daemon.end(), 0)
        self.central.start()
        self.daemon.start()
        self.assert_agreement(30)

    def test_kills_in_the_middle(self):
        self.central.start("--misbehave", json.dumps({"delay_after_ms": {"min": 5, "max": 40}}))
        self.daemon.start()
        for round_number in range(4):
            first = round_number * 30 + 1
            self.publish(range(first, first + 30))
            self.daemon.kill()
            self.daemon.start()
        self.assert_agreement(120)

    def test_protobuf_bodies(self):
        self.central.start()
        self.daemon.sections["destination"][0]["format"] = "protobuf"
        self.daemon.start()
        self.publish(range(1, 41))
        self.assert_agreement(40)

    def test_a_batch_of_one_for_an_erp_that_takes_one(self):
        self.central.start("--misbehave", json.dumps({"max_batch_items": 1}))
        self.daemon.sections["destination"][0]["batch_max_items"] = 1
        self.daemon.start()
        self.publish(range(1, 41))
        self.assert_agreement(40)

    def test_in_order_batches(self):
        self.central.start("--misbehave", json.dumps({"in_progress": 0.2}))
        self.daemon.sections["destination"][0]["in_order"] = True
        self.daemon.start()
        self.publish(range(1, 61))
        self.assert_agreement(60)

    def test_shutting_down_does_not_wait_for_a_slow_erp(self):
        self.central.start("--misbehave", json.dumps({"delay_ms": {"min": 60000}}))
        self.daemon.sections["destination"][0]["request_timeout_ms"] = 60000
        self.daemon.start()
        self.publish(range(1, 6))
        began = time.monotonic()
        self.assertEqual(self.daemon.end(), 0)
        self.assertLess(time.monotonic() - began, 8)


class Misbehaviour(DeliveryTest):
    """Each fault strikes while events come, then the ERP is healed."""

    def struck(self, fault):
        counts = self.central.stats()
        names = ["refused_batches" if name == "max_batch_items" else f"fault_{name}"
                 for name in fault]
        return all(counts.get(name, 0) > 0 for name in names)

    def assert_survives(self, fault):
        self.central.start("--seed", "7", "--misbehave", json.dumps(fault))
        self.daemon.start()
        self.publish(range(1, 41))
        wait_until(lambda: self.struck(fault)
                   or self.daemon.books()["destinations"][0]["pending"] == 0, "the fault strikes")
        self.assertTrue(self.struck(fault), self.central.stats())
        self.central.control({"clear": True})
        self.publish(range(41, 51))
        self.assert_agreement(50)

    def test_connections_dropped_after_the_effect(self):
        self.assert_survives({"drop_after": 0.5})

    def test_connections_dropped_before_the_effect(self):
        self.assert_survives({"drop_before": 0.5})

    def test_garbage_for_an_answer(self):
        self.assert_survives({"garbage": {"form": "any", "probability": 0.5}})

    def test_a_truncated_answer(self):
        self.assert_survives({"garbage": {"form": "truncated", "probability": 0.5}})

    def test_missing_items(self):
        self.assert_survives({"missing_items": 0.5})

    def test_500_after_the_effect(self):
        self.assert_survives({"error_500_after": {"next": 3}})

    def test_500_before_the_effect(self):
        self.assert_survives({"error_500_before": {"next": 3}})

    def test_503(self):
        self.assert_survives({"error_503": 0.5})

    def test_items_in_progress(self):
        self.assert_survives({"in_progress": 0.3})

    def test_items_throttled(self):
        self.assert_survives({"item_answer": {"status": "throttled", "probability": 0.3}})

    def test_items_with_an_error_inside(self):
        self.assert_survives({"item_answer": {"status": "error", "next": 5}})

    def test_answers_that_come_too_late(self):
        self.assert_survives({"delay_after_ms": {"min": 2500, "next": 2}})

    def test_requests_that_take_effect_too_late(self):
        self.assert_survives({"delay_ms": {"min": 2500, "next": 2}})

    def test_answers_byte_by_byte(self):
        self.assert_survives({"slow_loris": {"byte_ms": 5, "next": 4}})

    def test_batches_that_are_too_large_for_it(self):
        self.daemon.sections["destination"][0]["batch_max_delay_ms"] = 300
        self.assert_survives({"max_batch_items": 3})

    def test_nobody_there_for_a_while(self):
        self.central.start()
        self.daemon.start()
        self.publish(range(1, 21))
        self.central.control({"vanish_ms": 700})
        self.publish(range(21, 51))
        self.assert_agreement(50)

    def test_429_is_kept_for_as_long_as_it_says(self):
        self.central.start("--misbehave", json.dumps({"throttle": {"next": 1, "retry_after_s": 2}}))
        self.daemon.start()
        self.publish(range(1, 2))
        began = time.monotonic()
        self.assert_agreement(1)
        self.assertGreater(time.monotonic() - began, 1.5)

    def test_all_at_once(self):
        faults = ("drop_after", "drop_before", "garbage", "missing_items", "error_503",
                  "in_progress")
        self.assert_survives({name: {"probability": 0.1, "next": 1} for name in faults})

    def test_wrong_credentials_stop_it_until_it_is_resumed(self):
        token = self.folder / "token"
        token.write_text("right\n")
        token.chmod(0o600)
        self.daemon.sections["destination"][0]["token_file"] = str(token)
        self.central.start("--misbehave", json.dumps({"status": {"code": 401}}), "--token-file",
                           str(token))
        self.daemon.start()
        self.publish(range(1, 21))

        def stopped():
            return self.daemon.status()["destinations"][0]["circuit"] == "stopped"
        wait_until(stopped, "the destination stops")
        self.assertEqual(self.daemon.books()["destinations"][0]["dead"], 0)
        self.assertIn("needs a person", self.daemon.page("/healthz")[2])
        self.central.control({"clear": True})
        self.daemon.ctl("resume", "erp")
        self.assert_agreement(20)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""What the ERP refuses waits for a person, its keys wait behind it, and wharfctl helps: on the live
journal, while the daemon runs."""
import json
import re
import threading
import unittest

from daemon_rig import DaemonTest, event, wait_until

TOPIC = "wharf/1/ber1/scanner-07/stock"


class DeadLetterTest(DaemonTest):
    def setUp(self):
        super().setUp()
        self.central = self.erp().start()
        self.daemon = self.gateway(destinations=[
            {"name": "erp", "url": self.central.url, "batch_max_delay_ms": 10, "backoff_min_ms": 20,
             "backoff_max_ms": 200}])
        self.daemon.start()
        self.scanner = self.client(self.daemon, "scanner")

    def publish(self, numbers):
        """Number 1 and 4 are of one stock, 2 and 5 of another, 3 and 6 of a third."""
        for number in numbers:
            self.scanner.deliver(TOPIC, event(number, stock=f"sku-{number % 3}"), packet_id=number)

    def destination(self):
        return self.daemon.books()["destinations"][0]

    def wait_for(self, **figures):
        def reached():
            now = self.destination()
            return all(now[name] == value for name, value in figures.items())
        try:
            wait_until(reached, f"the books say {figures}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.destination()}") from None
        self.assert_balanced(self.daemon.books())

    def refuse_two(self):
        """Number 2 is refused; 5, 8 and 11 are of its stock."""
        self.central.control({"refuse_keys": ["e-2"]})
        self.publish(range(1, 13))
        self.wait_for(dead=1, applied=8, pending=3)

    def letters(self, *words):
        return json.loads(self.daemon.ctl("dead", "list", "--json", *words))


class DeadLetters(DeadLetterTest):
    def test_later_updates_of_its_key_wait_and_all_others_go_on(self):
        self.refuse_two()
        applied = [int(name[2:]) for name in self.central.applied()]
        self.assertEqual(sorted(applied), [1, 3, 4, 6, 7, 9, 10, 12])
        self.publish([13, 14, 15])
        self.wait_for(dead=1, applied=10, pending=4)
        self.assertEqual(self.central.rows("event_id, code", "refused"), [("e-2", "test_refusal")])

    def test_it_is_listed_and_shown_in_the_erps_words(self):
        self.refuse_two()
        letters = self.letters()
        self.assertEqual(len(letters), 1)
        self.assertEqual(letters[0]["code"], "test_refusal")
        self.assertEqual(letters[0]["stored"]["event"]["event_id"], "e-2")
        self.assertEqual(len(self.letters("--waiting")), 4)
        shown = self.daemon.ctl("dead", "show", str(letters[0]["number"]))
        for words in ("test_refusal", "sku-2", "scanner-07", "Holds back"):
            self.assertIn(words, shown)
        self.assertIn("sku-2", self.daemon.ctl("dead", "list"))
        self.assertIn("1 dead letter", self.daemon.page("/healthz")[2])

    def test_retried_after_the_cause_is_mended_it_goes_first_and_the_rest_follows(self):
        self.refuse_two()
        self.central.control({"refuse_keys": []})
        self.daemon.ctl("dead", "retry", str(self.letters()[0]["number"]))
        self.wait_for(dead=0, applied=12, pending=0)
        of_stock = [name for name in self.central.applied() if int(name[2:]) % 3 == 2]
        self.assertEqual(of_stock, ["e-2", "e-5", "e-8", "e-11"])
        self.assertEqual(self.letters(), [])

    def test_retried_too_early_it_is_dead_again(self):
        self.refuse_two()
        self.daemon.ctl("dead", "retry", str(self.letters()[0]["number"]))
        wait_until(lambda: len(self.central.rows("event_id", "refused")) == 2, "it is tried")
        self.wait_for(dead=1, applied=8, pending=3)

    def test_discarded_it_never_reaches_the_erp_and_the_rest_follows(self):
        self.refuse_two()
        self.daemon.ctl("dead", "discard", str(self.letters()[0]["number"]), "--reason",
                        "counted twice, see ticket 77")
        self.wait_for(dead=0, discarded=1, applied=11, pending=0)
        of_stock = [name for name in self.central.applied() if int(name[2:]) % 3 == 2]
        self.assertEqual(of_stock, ["e-5", "e-8", "e-11"])
        self.assertIsNotNone(self.daemon.said("ticket 77"))

    def test_it_holds_its_keys_over_a_kill(self):
        self.refuse_two()
        self.daemon.kill()
        self.daemon.start()
        self.scanner = self.client(self.daemon, "scanner")
        self.publish([13, 14])
        self.wait_for(dead=1, applied=9, pending=4)
        self.central.control({"refuse_keys": []})
        self.daemon.ctl("dead", "retry", str(self.letters()[0]["number"]))
        self.wait_for(dead=0, applied=14, pending=0)
        of_stock = [name for name in self.central.applied() if int(name[2:]) % 3 == 2]
        self.assertEqual(of_stock, ["e-2", "e-5", "e-8", "e-11", "e-14"])

    def test_in_the_lane_of_counts_it_holds_nothing_back(self):
        self.central.control({"refuse_keys": ["c-1"]})
        for number in (1, 2, 3):
            counted = {"event_id": f"c-{number}", "inventory_counted": {
                "stock": {"location": "A-01", "sku": "4711"}, "document": "COUNT-1",
                "counted": {"value": str(number), "unit": "EA"}, "revision": number}}
            self.scanner.deliver(TOPIC, json.dumps(counted).encode(), packet_id=number)
        self.wait_for(dead=1, applied=2, pending=0)
        self.assertEqual(self.central.applied(), ["c-2", "c-3"])

    def test_a_number_that_is_not_parked_is_refused_with_words(self):
        self.refuse_two()
        for words in (("retry", "1"), ("retry", "999"), ("discard", "1", "--reason", "x")):
            with self.subTest(words):
                self.daemon.ctl("dead", *words, good=(3,))
        self.wait_for(dead=1, applied=8, pending=3)


class LiveJournal(DeadLetterTest):
    def test_verify_stat_and_dump_while_events_come(self):
        stop = threading.Event()
        published = []

        def go_on():
            while not stop.is_set():
                number = len(published) + 1
                self.scanner.deliver(TOPIC, event(number), packet_id=number % 60000 + 1)
                published.append(number)
        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            for _ in range(3):
                before = len(published)
                wait_until(lambda: len(published) > before + 50, "events come")
                verified = json.loads(self.daemon.ctl("journal", "verify", "--json"))
                self.assertTrue(verified["good"], verified)
                self.assertGreaterEqual(verified["events"], before)
                found = json.loads(self.daemon.ctl("journal", "stat", "--json"))
                self.assertEqual(found["gateway"], "WH7")
                self.assertGreaterEqual(found["last_event"], before)
                dumped = self.daemon.ctl("journal", "dump", "--json").splitlines()
                numbers = [json.loads(line)["number"] for line in dumped]
                self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
                self.assertGreaterEqual(len(numbers), before)
        finally:
            stop.set()
            thread.join()
        self.wait_for(applied=len(published), pending=0)
        self.assertTrue(json.loads(self.daemon.ctl("journal", "verify", "--json"))["good"])

    def test_quarantine_is_listed_page_by_page_and_shown_with_its_bytes(self):
        payloads = [f"not an event {n}".encode() for n in range(5)]
        for packet_id, payload in enumerate(payloads, 1):
            self.scanner.deliver(TOPIC, payload, packet_id=packet_id)
        listed = json.loads(self.daemon.ctl("quarantine", "list", "--json", "--limit", "3"))
        last = max(one["number"] for one in listed)
        rest = json.loads(self.daemon.ctl("quarantine", "list", "--json", "--after", str(last)))
        self.assertEqual((len(listed), len(rest)), (3, 2))
        shown = json.loads(self.daemon.ctl("quarantine", "show", str(last), "--json"))
        self.assertEqual(bytes.fromhex(shown["payload_hex"]), payloads[2])
        words = self.daemon.ctl("quarantine", "show", str(last))
        for expected in ("unreadable", "scanner-07", TOPIC):
            self.assertIn(expected, words)
        self.daemon.ctl("quarantine", "show", "999", good=(3,))

    def test_what_is_discarded_leaves_quarantine_and_stays_in_the_books(self):
        for number in (1, 2):
            self.scanner.deliver(TOPIC, b"{", packet_id=number)
        self.daemon.ctl("quarantine", "discard", "1", good=(2,))
        self.daemon.ctl("quarantine", "discard", "1", "--reason", "a test label")
        self.daemon.ctl("quarantine", "discard", "1", "--reason", "again", good=(3,))
        listed = json.loads(self.daemon.ctl("quarantine", "list", "--json"))
        self.assertEqual([entry["number"] for entry in listed], [2])
        self.assertEqual(self.daemon.books()["intake"]["quarantined"], 2)
        self.daemon.ctl("journal", "verify")

    def test_status_and_books_say_the_same_with_the_daemon_and_without_it(self):
        self.refuse_two()
        self.assertIn("WH7", self.daemon.ctl("status"))
        live = json.loads(self.daemon.ctl("books", "--json"))
        self.assertEqual(self.daemon.end(), 0)
        self.assertEqual(json.loads(self.daemon.ctl("books", "--json")), live)
        self.assertEqual(len(self.letters()), 1, "from the journal alone")
        self.daemon.ctl("status", good=(3,))
        self.assertRegex(self.daemon.ctl("books"), re.compile("balances"))


if __name__ == "__main__":
    unittest.main()

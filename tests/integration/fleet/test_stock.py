#!/usr/bin/env python3
"""Commands that are about stock on its way: tracing, releasing, pausing lanes, slowing down, seeing."""
import json
import pathlib
import threading
import time
import unittest

from fleet_rig import SITE, FleetTest, event, wait_until

TOPIC = f"wharf/1/{SITE}/scanner-07/stock"
COUNTED = {"event_id": "c-1", "inventory_counted": {
    "stock": {"location": "A-01", "sku": "counted"}, "counted": {"value": "5", "unit": "EA"}}}


class StockTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.fleet()
        self.central = self.erp().start()
        self.one = self.managed("dock-1", destinations=[
            {"name": "erp", "url": self.central.url, "batch_max_delay_ms": 10, "backoff_min_ms": 20,
             "backoff_max_ms": 200}]).start()
        self.seen("dock-1")
        self.scanner = self.client(self.one, "scanner")

    def order(self, person, *words, good=(0,)):
        return self.people[person].orders("dock-1", *words, good=good)

    def trace(self, *words):
        """As the gateway answers it over the fleet, which is what wharfctl finds on the gateway."""
        far = self.order("eve", "trace", *words)
        self.assertEqual(far["code"], "ok", far)
        near = json.loads(self.one.ctl("--json", "trace", *words))
        self.assertEqual(near["events"], far["answer"]["events"])
        return far["answer"]

    def stage(self, *words):
        return self.trace(*words)["events"][0]["destinations"][0]

    def mend(self, change, restart=True):
        """The configuration."""
        change(self.one.sections)
        self.assertEqual(self.one.end(), 0)
        self.one.write_config()
        if restart:
            self.one.start()
            self.seen("dock-1")
            self.scanner = self.client(self.one, "scanner")


class Trace(StockTest):
    def test_an_update_is_traced_from_its_arrival_to_the_erps_word(self):
        self.central.control({"refuse_keys": ["e-2"]})
        for number in (1, 2, 3):
            self.scanner.deliver(TOPIC, event(number, stock=f"sku-{number % 2}"), 1, number)
        self.scanner.deliver(TOPIC, event(4, stock="sku-0"), 1, 4)  # behind the second
        wait_until(lambda: self.one.books()["destinations"][0]["dead"] == 1, "one is dead")
        wait_until(lambda: sorted(self.central.applied()) == ["e-1", "e-3"], "two are applied")
        wait_until(lambda: self.stage("--event-id", "e-4")["state"] == "waiting", "one waits")
        good = self.trace("--event-id", "e-1")
        self.assertEqual(good["found"], 1)
        self.assertEqual(good["events"][0]["received"]["device"], "scanner-07")
        self.assertEqual(good["events"][0]["identity"]["decision"], "accepted")
        self.assertEqual(good["events"][0]["destinations"][0]["state"], "applied")
        key = good["events"][0]["destinations"][0]["idempotency_key"]
        self.assertEqual([row[0] for row in self.central.rows("idempotency_key") if row[0] == key],
                         [key])
        dead = self.stage("--event-id", "e-2")
        self.assertEqual((dead["state"], dead["code"]), ("dead", "test_refusal"))
        behind = self.stage("--event-id", "e-4")["behind"]
        self.assertEqual([(one["number"], one["state"]) for one in behind], [(2, "dead")])
        self.assertEqual(self.trace("--number", "2")["events"][0]["event_id"], "e-2")
        self.assertEqual(self.trace("--event-id", "nobody")["found"], 0)
        words = self.people["eve"].run("--on", "gateway=dock-1", "trace", "--event-id", "e-2").stdout
        for expected in ("Event 2, e-2", "scanner-07 at ber1", "erp: dead: test_refusal", "key dock-1-"):
            self.assertIn(expected, words)
        self.assertIn("Event 2, e-2", self.one.ctl("trace", "--event-id", "e-2"))
        gone = self.order("eve", "trace", "--number", "99", good=(3,))
        self.assertEqual(gone["code"], "not_found")
        self.assertIn("holds 1 to 4", gone["message"])
        self.one.ctl("trace", good=(2,))

    def test_a_duplicate_and_what_waits_in_a_paused_lane(self):
        self.order("bob", "pause", "erp", "--lane", "inventory")
        self.scanner.deliver(TOPIC, event(1), 1, 1)
        self.scanner.deliver(TOPIC, event(1), 1, 2)
        self.assertEqual(self.one.intake()["duplicate"], 1)
        found = self.trace("--event-id", "e-1")
        self.assertEqual(found["found"], 1)
        self.assertIn("duplicates", found["not_found_here"])
        stage = found["events"][0]["destinations"][0]
        self.assertEqual((stage["state"], stage["lane"]), ("pending", "inventory"))
        self.assertEqual(stage["paused"], True)


class Release(StockTest):
    def test_a_message_is_read_again_once_its_route_is_mended(self):
        topic = f"plant/{SITE}/scanner-07"
        self.scanner.deliver(topic, event(1), 1, 1)
        self.assertEqual(self.one.intake()["quarantined"], 1)
        again = self.order("bob", "quarantine", "release", "1")
        self.assertEqual(again["code"], "ok")
        self.assertIn("1 quarantined again: unknown_topic", again["message"])
        self.assertTrue(again["answer"]["still_in_quarantine"])
        self.assertEqual(self.order("eve", "quarantine", "release", "1", good=(3,))["code"],
                         "forbidden")
        self.mend(lambda sections: sections.update(route=[
            {"topic": "plant/{site}/{device}", "codec": "json"},
            {"topic": "wharf/1/{site}/{device}/{stream}", "codec": "json"}]))
        done = self.order("bob", "quarantine", "release", "1")
        self.assertEqual((done["code"], done["answer"]["accepted"]), ("ok", 1), done)
        self.assertEqual(done["answer"]["events"], [{"index": 0, "fate": "accepted", "number": 1}])
        wait_until(lambda: self.central.applied() == ["e-1"], "the ERP has it")
        books = self.one.books()
        self.assert_balanced(books)
        self.assertEqual((books["intake"]["received"], books["intake"]["quarantined"]), (1, 0))
        self.assertEqual(self.trace("--event-id", "e-1")["events"][0]["identity"]
                         ["released_from_quarantine"], 1)
        self.assertEqual(self.order("bob", "quarantine", "release", "1", good=(3,))["code"],
                         "not_found")
        trail = self.order("eve", "audit")["answer"]
        said = [one["message"] for one in trail if one["command"] == "quarantine_release"]
        self.assertIn("1 accepted, 0 duplicate, 0 quarantined again", said)
        self.assertEqual(self.one.status()["quarantine"], 0)
        self.assertEqual(self.one.end(), 0)
        self.one.ctl("journal", "verify")

    def test_on_the_gateway_itself_and_over_a_kill(self):
        self.scanner.deliver(TOPIC, json.dumps([json.loads(event(1)), {"event_id": "bad"}]).encode(), 1, 1)
        self.assertEqual(self.one.intake()["accepted"], 1)
        said = self.one.ctl("quarantine", "release", "1")
        self.assertIn("1 quarantined again: invalid", said)
        self.one.kill()
        self.one.start()
        self.assertEqual(len(json.loads(self.one.ctl("--json", "quarantine", "list"))), 1)
        self.assert_balanced(self.one.books())
        self.assertEqual(self.one.intake()["received"], 2)
        self.one.ctl("quarantine", "release", "77", good=(3,))
        wait_until(lambda: self.central.applied() == ["e-1"], "the good one is delivered once")


class Slow(StockTest):
    def test_a_paused_lane_waits_over_a_kill_while_others_go_on(self):
        self.assertEqual(self.order("bob", "pause", "erp", "--lane", "count")["code"], "ok")
        self.scanner.deliver(TOPIC, json.dumps(COUNTED).encode(), 1, 1)
        self.scanner.deliver(TOPIC, event(1), 1, 2)
        wait_until(lambda: self.central.applied() == ["e-1"], "the other lane goes on")
        self.one.kill()
        self.one.start()
        self.seen("dock-1")
        self.client(self.one).deliver(TOPIC, event(2))
        wait_until(lambda: self.central.applied() == ["e-1", "e-2"], "the other lane goes on")
        destination = self.one.status()["destinations"][0]
        self.assertEqual((destination["paused"], destination["paused_lanes"]), (False, ["count"]))
        self.assertIn("lane: expected", self.one.ask(
            "/v1/destinations/erp/pause", "POST", '{"lane": "none"}')[1])
        self.one.ctl("resume", "erp", "--lane", "count")
        wait_until(lambda: "c-1" in self.central.applied(), "it goes on")
        self.assertEqual(self.one.status()["destinations"][0]["paused_lanes"], [])

    def test_a_lane_of_a_destination_that_is_paused_as_a_whole_is_not_resumed(self):
        self.one.ctl("pause", "erp", "--lane", "count")
        self.one.ctl("pause", "erp")
        said = self.order("bob", "resume", "erp", "--lane", "count", good=(3,))
        self.assertIn("paused as a whole", said["message"])
        self.order("bob", "resume", "erp")
        self.scanner.deliver(TOPIC, json.dumps(COUNTED).encode(), 1, 1)
        wait_until(lambda: self.central.applied() == ["c-1"], "all lanes go on")

    def test_a_destination_gets_no_more_requests_than_it_may_for_a_while(self):
        said = self.order("bob", "rate-limit", "erp", "1", "--seconds", "3600")
        self.assertEqual(said["code"], "ok")
        requests = self.one.status()["destinations"][0]["requests"]
        limit = self.one.status()["destinations"][0]["rate_limit"]
        self.assertEqual(limit["requests_per_s"], 1)
        self.assertGreater(limit["for_s"], 3500)
        begin = time.monotonic()
        for number in range(1, 31):  # one stock: one update a request
            self.scanner.deliver(TOPIC, event(number, stock="one"), 1, number)
        time.sleep(max(0, 4 - (time.monotonic() - begin)))
        sent = self.one.status()["destinations"][0]["requests"] - requests
        self.assertLessEqual(sent, time.monotonic() - begin + 2)
        self.one.ctl("rate-limit", "erp", "0")
        wait_until(lambda: len(self.central.applied()) == 30, "as fast as before", patience_s=60)
        self.assertIsNone(self.one.status()["destinations"][0]["rate_limit"])
        self.one.ctl("rate-limit", "erp", "1", "--seconds", "90000", good=(2,))


class Sight(StockTest):
    def test_the_log_is_told_as_it_is_written(self):
        heard = {}

        def tail():
            heard["answer"] = self.order("eve", "log-tail", "--seconds", "8", "--level", "info")
        watcher = threading.Thread(target=tail)
        watcher.start()
        time.sleep(3)
        for _ in range(10):
            self.one.ctl("pause", "erp", "--because", "a line for the tail")
        watcher.join(120)
        answer = heard["answer"]
        self.assertEqual(answer["code"], "ok")
        lines = [line for one in answer["progress"] for line in one["lines"]]
        self.assertTrue(any("a line for the tail" in line for line in lines), answer)
        self.assertEqual(answer["answer"]["lines"], len(lines))
        self.assertIn("over the fleet", self.one.ctl("log-tail", "--help"))

    def test_a_bundle_says_what_is_asked_for_first(self):
        self.scanner.deliver(TOPIC, event(1), 1, 1)
        near = pathlib.Path(self.folder) / "near.json"
        self.assertIn("bytes", self.one.ctl("support-bundle", str(near)))
        self.assertEqual(near.stat().st_mode & 0o777, 0o600)
        self.one.ctl("support-bundle", str(near), good=(3,))  # no file is replaced
        far = pathlib.Path(self.folder) / "far"
        ann = self.people["ann"]
        done = ann.run("--on", "gateway=dock-1", "support-bundle", str(far))
        self.assertEqual(done.returncode, 0, done.stderr)
        for file in (near, far.with_name(f"far.{SITE}.dock-1.json")):
            bundle = json.loads(file.read_text())
            self.assertEqual(bundle["status"]["gateway"], "dock-1")
            self.assertEqual(bundle["books"]["intake"]["accepted"], 1)
            self.assertEqual(bundle["journal"]["last_event"], 1)
            self.assertIn("wharf_", bundle["metrics"])
            self.assertIn(self.broker.url, bundle["configuration"])
            self.assertTrue(any("managed over the fleet" in line for line in bundle["log"]))
            self.assertLess(len(json.dumps(bundle)), 256 * 1024)
        bob = self.order("bob", "support-bundle", "-", good=(3,))
        self.assertEqual(bob["code"], "forbidden")


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Answers for a whole request, keys that the ERP has forgotten, and more than one destination:
docs/formats/erp.md."""
import json
import socket
import threading
import unittest

from daemon_rig import DaemonTest, Erp, event, free_port, wait_until

TOPIC = "wharf/1/ber1/scanner-07/stock"
FAST = {"batch_max_delay_ms": 10, "batch_max_items": 8, "request_timeout_ms": 1500,
        "connect_timeout_ms": 500, "backoff_min_ms": 20, "backoff_max_ms": 200, "settle_ms": 500}


class AnswersTest(DaemonTest):
    def start(self, misbehave=None, **settings):
        self.central = self.erp()
        self.central.start("--misbehave", json.dumps(misbehave or {}))
        self.daemon = self.gateway(destinations=[{"name": "erp", "url": self.central.url, **FAST,
                                                  **settings}]).start()
        self.scanner = self.client(self.daemon, "scanner")

    def publish(self, numbers):
        for number in numbers:
            self.scanner.deliver(TOPIC, event(number), packet_id=number)

    def destination(self, index=0):
        return self.daemon.books()["destinations"][index]

    def wait_for(self, index=0, **figures):
        def reached():
            now = self.destination(index)
            return all(now[name] == value for name, value in figures.items())
        try:
            wait_until(reached, f"the books say {figures}")
        except AssertionError as error:
            found = self.destination(index)
            raise AssertionError(f"{error}: {found}\n{self.daemon.tail()}") from None
        self.assert_balanced(self.daemon.books())

    def circuit(self):
        return self.daemon.status()["destinations"][0]["circuit"]

    def wait_stopped(self):
        wait_until(lambda: self.circuit() == "stopped", "the destination stops")


class WholeRequests(AnswersTest):
    def test_answers_that_mean_later_are_retried(self):
        self.start()
        for code in (408, 409, 425, 429, 502, 504):
            with self.subTest(code=code):
                self.central.control({"status": {"code": code, "next": 2}})
                first = self.destination()["applied"] + 1
                self.publish(range(first, first + 4))
                self.wait_for(applied=first + 3, pending=0, dead=0)

    def test_answers_that_nobody_expects_stop_it_without_dead_letters(self):
        self.start()
        for code in (301, 400, 404, 410):
            with self.subTest(code=code):
                self.central.control({"status": {"code": code}})
                done = self.destination()["applied"]
                self.publish(range(done + 1, done + 5))
                self.wait_stopped()
                self.wait_for(applied=done, pending=4, dead=0)
                self.central.control({"clear": True})
                self.daemon.ctl("resume", "erp")
                self.wait_for(applied=done + 4, pending=0)

    def test_a_destination_that_stopped_is_tried_again_after_a_restart(self):
        self.start({"status": {"code": 401}})
        self.publish(range(1, 5))
        self.wait_stopped()
        self.scanner.close()
        self.assertEqual(self.daemon.end(), 0)
        self.central.control({"clear": True})
        self.daemon.start()
        self.wait_for(applied=4, pending=0)

    def test_403_for_everything_stops_it_and_parks_little(self):
        self.start({"status": {"code": 403}})
        self.publish(range(1, 41))
        self.wait_stopped()
        self.assertLess(self.destination()["dead"], 20)

    def test_413_for_one_item_alone_is_a_dead_letter(self):
        self.start({"status": {"code": 413}})
        self.publish([1])
        self.wait_for(dead=1, pending=0)

    def test_422_for_one_item_alone_is_a_dead_letter_and_the_others_go_on(self):
        self.start({"status": {"code": 422, "next": 1}})
        self.publish([1])
        self.wait_for(dead=1, pending=0)
        self.publish([2])
        self.wait_for(dead=1, applied=1)

    def test_an_erp_that_fails_with_500_for_a_while_parks_nothing_for_good(self):
        self.start({"error_500_before": 1})
        self.publish(range(1, 41))
        wait_until(lambda: self.central.stats().get("fault_error_500_before", 0) >= 12,
                   "many failures")
        self.central.control({"clear": True})
        wait_until(lambda: self.destination()["pending"] == 0, "everything is settled")
        self.assertEqual(self.destination()["dead"], 0, self.destination())
        self.assertEqual(self.destination()["applied"], 40)


class Stranger:
    """Not an ERP: takes connections, reads a little and sends the same bytes to everybody."""

    def __init__(self, port, answer):
        self.answer = answer
        self.served = 0
        self.socket = socket.create_server(("127.0.0.1", port))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer:
                try:
                    peer.settimeout(2)
                    peer.recv(65536)
                    peer.sendall(self.answer)
                except OSError:
                    pass  # it had enough: as good as any end
            self.served += 1

    def end(self):
        # Wakes the accept() that close() alone would leave waiting.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


class NotHttp(AnswersTest):
    HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    ANSWERS = {
        "nothing": b"",
        "noise": b"\x00\xff\x16\x03\x01" * 100,
        "another protocol": b"220 mail.example ESMTP\r\n",
        "half a head": b"HTTP/1.1 200 OK\r\nContent-",
        "half a body": HEAD + b"Content-Length: 1000\r\n\r\n{",
        "no body": HEAD + b"Content-Length: 20\r\n\r\n",
        "a length that is none": HEAD + b"Content-Length: -5\r\n\r\n{}",
        "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "a chunk that is none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        "endless head": HEAD + b"X-Filling: " + b"x" * 2_000_000,
        "endless body": HEAD + b"Content-Length: 9000000\r\n\r\n" + b" " * 9_000_000,
        "an empty object": HEAD + b"Content-Length: 2\r\n\r\n{}",
        "deeply nested": HEAD + b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
        "another batch's answer": HEAD + b"Content-Length: 61\r\n\r\n"
                                  b'{"items":[{"idempotency_key":"somebody","status":"applied"}]}',
    }

    def test_nothing_is_taken_for_an_answer_that_is_none(self):
        self.start()
        self.central.end()
        number = 0
        for name, answer in self.ANSWERS.items():
            with self.subTest(name):
                stranger = Stranger(self.central.port, answer)
                try:
                    number += 1
                    self.publish([number])
                    wait_until(lambda: stranger.served >= 2, "it is tried and tried again")
                finally:
                    stranger.end()
                self.wait_for(applied=0, dead=0, pending=number)
        self.central.start()
        self.wait_for(applied=number, dead=0, pending=0)
        self.assertEqual(sorted(self.central.applied()),
                         sorted(f"e-{n}" for n in range(1, number + 1)))


class ForgottenKeys(AnswersTest):
    def test_it_asks_before_it_repeats_what_may_have_been_forgotten(self):
        self.start({"drop_after": {"next": 2}}, remembers_keys_for_h=0)
        self.publish(range(1, 9))
        self.wait_for(applied=8, pending=0, dead=0)
        self.assertGreater(self.central.stats()["queries"], 0)
        applied = self.central.applied()
        self.assertEqual((len(applied), len(set(applied))), (8, 8))

    def test_what_did_not_take_effect_is_sent_again_after_the_question(self):
        self.start({"drop_before": {"next": 2}}, remembers_keys_for_h=0)
        self.publish(range(1, 9))
        self.wait_for(applied=8, pending=0, dead=0)
        applied = self.central.applied()
        self.assertEqual((len(applied), len(set(applied))), (8, 8))

    def test_where_it_cannot_ask_it_is_a_dead_letter_for_a_person(self):
        self.start({"drop_after": {"next": 1}}, remembers_keys_for_h=0, can_ask=False,
                   batch_max_items=1)
        self.publish([1])
        self.wait_for(dead=1, applied=0, pending=0)
        self.assertEqual(self.central.applied(), ["e-1"])


class SeveralDestinations(AnswersTest):
    def test_each_has_its_own_pace(self):
        first, second = self.erp(), Erp(self.folder / "second")
        second.folder.mkdir()
        self.addCleanup(second.cleanup)
        first.start()
        self.daemon = self.gateway(destinations=[
            {"name": "erp", "url": first.url, **FAST},
            {"name": "archive", "url": second.url, **FAST}]).start()
        self.scanner = self.client(self.daemon, "scanner")
        self.publish(range(1, 31))
        self.wait_for(0, applied=30, pending=0)
        self.wait_for(1, applied=0, pending=30)
        second.start()
        self.wait_for(1, applied=30, pending=0)
        self.assertEqual(sorted(second.applied()), sorted(first.applied()))

    def test_one_that_is_added_later_gets_what_comes_from_then_on(self):
        self.start()
        self.publish(range(1, 11))
        self.wait_for(applied=10)
        self.scanner.close()
        self.daemon.end()
        second = Erp(self.folder / "second")
        second.folder.mkdir()
        self.addCleanup(second.cleanup)
        second.start()
        self.daemon.sections["destination"].append({"name": "archive", "url": second.url, **FAST})
        self.daemon.start()
        self.scanner = self.client(self.daemon, "scanner")
        self.publish(range(11, 16))
        self.wait_for(1, filtered=10, applied=5, pending=0)
        self.assertEqual(second.applied(), [f"e-{n}" for n in range(11, 16)])


class Waiting(AnswersTest):
    def test_an_erp_that_is_away_costs_no_processor(self):
        self.daemon = self.gateway(destinations=[
            {"name": "erp", "url": f"http://127.0.0.1:{free_port()}",
             **FAST}]).start()
        self.scanner = self.client(self.daemon, "scanner")
        self.publish(range(1, 21))
        wait_until(lambda: self.circuit() == "open", "the circuit opens", 30)
        before = self.daemon.cpu_s()
        # A second's worth of what it does while it waits: measured, not waited for.
        self.assertIsNone(self.scanner.receive(timeout_s=1))
        self.assertLess(self.daemon.cpu_s() - before, 0.1)


if __name__ == "__main__":
    unittest.main()

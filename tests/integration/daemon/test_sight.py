#!/usr/bin/env python3
"""What the gateway says of itself: metrics that are those of docs/metrics.md, alarms that come and
go, service targets, silent devices, and the trace of an event on its way to the ERP."""
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import threading
import unittest

from daemon_rig import DaemonTest, event, free_port, wait_until
from test_shutdown import parse_metrics

TOPIC = "wharf/1/ber1/scanner-07/stock"
DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


class TracingErp:
    """Applies everything, and keeps the headers and bodies it got. The first answers may be
    failures."""

    def __init__(self, failures=0):
        self.requests = []
        erp = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                erp.requests.append((dict(self.headers.items()), body))
                if len(erp.requests) <= failures:
                    return self.answer(503, {})
                keys = [item["idempotency_key"] for item in body["items"]]
                return self.answer(200, {"items": [{"idempotency_key": key, "status": "applied"}
                                                   for key in keys]})

            def answer(self, status, what):
                text = json.dumps(what).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class SightTest(DaemonTest):
    DELIVERY = {"batch_max_delay_ms": 10, "backoff_min_ms": 20, "backoff_max_ms": 200}

    def tracing_erp(self, **options):
        made = TracingErp(**options)
        self.addCleanup(made.close)
        return made

    def towards(self, url, **sections):
        return self.gateway(destinations=[{"name": "erp", "url": url, **self.DELIVERY}], **sections)

    def alarms(self, gateway):
        return {(each["code"], each["subject"]): each for each in gateway.status()["alarms"]}


class Metrics(SightTest):
    def documented(self):
        page = (DOCS / "metrics.md").read_text()
        return dict(re.findall(r"^\| `(wharf_\w+)` \| (\w+) \|", page, re.M))

    def test_what_is_written_is_in_the_table_and_passes_promtool(self):
        erp = self.tracing_erp()
        gateway = self.towards(erp.url).start()
        client = self.client(gateway, "scanner")
        for number in range(1, 6):
            client.deliver(TOPIC, event(number), packet_id=number)
        wait_until(lambda: gateway.books()["destinations"][0]["applied"] == 5, "all is applied")
        text = gateway.page("/metrics")[2]
        samples, types = parse_metrics(text)
        self.assertEqual({name: kind for name, kind in types.items()
                          if self.documented().get(name) != kind}, {})
        lane = (("destination", "erp"), ("lane", "inventory"))
        self.assertEqual(samples["wharf_delivery_seconds_count", lane], 5)
        self.assertEqual(samples["wharf_delivery_first_sent_seconds_count", lane], 5)
        answers = samples["wharf_delivery_answer_seconds_count", (("destination", "erp"),)]
        self.assertEqual(answers, len(erp.requests))
        self.assertEqual(samples["wharf_destination_requests_total", (("destination", "erp"),)],
                         len(erp.requests))
        self.assertIn(("wharf_destination_last_success_age_seconds", (("destination", "erp"),)),
                      samples)
        wait_until(lambda: "wharf_disk_free_bytes " in gateway.page("/metrics")[2],
                   "the machine was looked at")
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("promtool is not installed (Debian's package prometheus): the text was "
                          "read by this test alone")
        checked = subprocess.run([promtool, "check", "metrics"], input=text, text=True,
                                 capture_output=True, timeout=60, check=False)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))


class Alarms(SightTest):
    def test_an_alarm_comes_with_its_cause_and_goes_with_it(self):
        port = free_port()
        gateway = self.towards(f"http://127.0.0.1:{port}", log={"level": "info"}).start()
        client = self.client(gateway, "scanner")
        client.deliver(TOPIC, b"not an event", packet_id=1)
        raised = wait_until(lambda: self.alarms(gateway).get(("quarantine", "")), "it is raised")
        self.assertEqual((raised["severity"], raised["count"]), ("warning", 1))
        wait_until(lambda: gateway.said('"alarm": "quarantine"'), "it is in the log")
        self.assertIn('wharf_alarms{code="quarantine",severity="warning"} 1',
                      gateway.page("/metrics")[2])
        gateway.ctl("quarantine", "discard", "1", "--reason", "a test")
        wait_until(lambda: ("quarantine", "") not in self.alarms(gateway), "it is over")
        wait_until(lambda: gateway.said("over: 1 message in quarantine"), "the log says so")
        self.assertIn('wharf_alarms_raised_total{code="quarantine"} 1',
                      gateway.page("/metrics")[2])

    def test_an_erp_that_is_away_is_an_alarm_until_it_answers(self):
        central = self.erp()
        gateway = self.towards(central.url).start()
        self.client(gateway, "scanner").deliver(TOPIC, event(1), packet_id=1)
        wait_until(lambda: ("destination_away", "erp") in self.alarms(gateway), "it is raised")
        central.start()
        wait_until(lambda: ("destination_away", "erp") not in self.alarms(gateway), "it is over")
        self.assertEqual(central.applied(), ["e-1"])

    def test_updates_that_are_late_raise_the_alarm_of_their_target(self):
        gateway = self.towards(f"http://127.0.0.1:{free_port()}",
                               **{"target.inventory": {"within_ms": 200}}).start()
        client = self.client(gateway, "scanner")
        for number in range(1, 6):
            client.deliver(TOPIC, event(number), packet_id=number)
        # A bucket of 15 seconds is judged once it is over.
        missed = wait_until(lambda: self.alarms(gateway).get(("target_missed", "erp/inventory")),
                            "the target is missed", 45)
        self.assertEqual(missed["severity"], "critical")
        self.assertIn("5 of 5 updates of lane inventory", missed["text"])
        health = json.loads(gateway.page("/healthz")[2])
        self.assertEqual(health["status"], "degraded")
        self.assertIn(missed["text"], health["reasons"])
        samples, _ = parse_metrics(gateway.page("/metrics")[2])
        lane = (("destination", "erp"), ("lane", "inventory"))
        self.assertEqual(samples["wharf_target_late_total", lane], 5)
        self.assertIn("late of 5, badly missed", gateway.ctl("status"))


class Devices(SightTest):
    def test_a_device_that_is_silent_for_too_long_is_named_until_it_is_heard(self):
        gateway = self.gateway()
        gateway.sections["profile"] = [{"name": "gates", "devices": ["gate-1", "scanner-*"],
                                        "silent_after_s": 2}]
        gateway.start()
        client = self.client(gateway, "gate")
        def silent():
            return [each["device"] for each in gateway.status()["devices"]["silent"]]
        wait_until(lambda: silent() == ["gate-1"], "it is silent from the start on")
        self.assertIn("gate-1 (gates): not heard since the start", gateway.ctl("status"))
        wait_until(lambda: ("devices_silent", "gates") in self.alarms(gateway), "it is an alarm")
        def heard():
            heard.number += 1
            client.deliver("wharf/1/ber1/gate-1/stock", event(heard.number),
                           packet_id=heard.number)
            return silent() == []
        heard.number = 0
        wait_until(heard, "it is heard")
        wait_until(lambda: silent() == ["gate-1"], "it is silent again")
        samples, _ = parse_metrics(gateway.page("/metrics")[2])
        self.assertEqual(samples["wharf_devices_watched", (("profile", "gates"),)], 1)


class Traces(SightTest):
    def test_the_trace_of_an_event_goes_to_the_erp_each_attempt_a_span_of_its_own(self):
        erp = self.tracing_erp(failures=1)
        gateway = self.towards(erp.url).start()
        client = self.client(gateway, "scanner")
        parent = f"00-{TRACE}-{SPAN}-01"
        client.deliver(TOPIC, event(1, traceparent=parent, tracestate="rojo=1"), packet_id=1)
        wait_until(lambda: len(erp.requests) >= 2, "it was tried again")
        wait_until(lambda: gateway.books()["destinations"][0]["applied"] == 1, "it is applied")
        spans = set()
        for headers, body in erp.requests:
            found = re.fullmatch(rf"00-{TRACE}-([0-9a-f]{{16}})-01", headers["traceparent"])
            self.assertTrue(found, headers)
            spans.add(found[1])
            self.assertEqual(headers["tracestate"], "rojo=1")
            self.assertEqual(body["items"][0]["event"]["traceparent"], parent)
            self.assertEqual(body["items"][0]["event"]["tracestate"], "rojo=1")
        self.assertEqual(len(spans), len(erp.requests))
        self.assertNotIn(SPAN, spans)
        self.assertEqual(erp.requests[0][1], erp.requests[1][1], "the bytes are the same")

    def test_a_malformed_trace_is_counted_and_the_event_is_delivered(self):
        erp = self.tracing_erp()
        gateway = self.towards(erp.url).start()
        client = self.client(gateway, "scanner")
        client.deliver(TOPIC, event(1, traceparent="not one"), packet_id=1)
        wait_until(lambda: gateway.books()["destinations"][0]["applied"] == 1, "it is applied")
        headers, body = erp.requests[-1]
        self.assertNotIn("traceparent", headers)
        self.assertNotIn("traceparent", body["items"][0]["event"])
        samples, _ = parse_metrics(gateway.page("/metrics")[2])
        self.assertEqual(samples["wharf_traces_ignored_total", ()], 1)
        self.assertEqual(samples["wharf_events_traced_total", ()], 0)


if __name__ == "__main__":
    unittest.main()

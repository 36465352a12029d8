#!/usr/bin/env python3
"""The way to an ERP with https."""
import json
import unittest

from daemon_rig import event, wait_until
from tls_rig import TlsFront, TlsTest

TOPIC = "wharf/1/ber1/scanner-07/stock"


class TheErp(TlsTest):
    def front(self, erp, **options):
        made = TlsFront(erp.port, self.certificates, **options)
        self.addCleanup(made.close)
        return made

    def destination(self, port, **more):
        return {"name": "erp", "url": f"https://localhost:{port}", "backoff_min_ms": 50,
                "backoff_max_ms": 200, "tls_ca": str(self.certificates / "authority.pem"), **more}

    def test_events_reach_an_erp_over_tls(self):
        erp = self.erp().start()
        front = self.front(erp)
        gateway = self.tls_gateway(destinations=[self.destination(front.port)]).start()
        device = self.tls_client(gateway, "scanner-07")
        for number in range(1, 51):
            device.deliver(TOPIC, event(number))
        wait_until(lambda: len(erp.applied()) == 50, "fifty are applied")
        self.assertEqual(erp.applied(), [f"e-{number}" for number in range(1, 51)])
        wait_until(lambda: gateway.books()["destinations"][0]["applied"] == 50, "the books say so")
        self.assert_balanced(gateway.books())

    def test_an_erp_that_cannot_be_verified_gets_nothing_until_it_can(self):
        erp = self.erp().start()
        front = self.front(erp, name="elsewhere")
        gateway = self.tls_gateway(destinations=[self.destination(front.port)]).start()
        self.tls_client(gateway, "scanner-07").deliver(TOPIC, event(1))
        wait_until(lambda: "expected CN" in json.dumps(gateway.status()), "the status says why")
        self.assertEqual(erp.applied(), [])
        wait_until(lambda: front.refused > 0, "the ERP has noticed")
        front.rules.load_cert_chain(self.certificates / "server.pem",
                                    self.certificates / "server.key")
        wait_until(lambda: erp.applied() == ["e-1"], "it is applied")

    def test_the_erp_may_ask_for_a_certificate_and_the_session_is_resumed(self):
        erp = self.erp().start()
        front = self.front(erp, ask_with="authority")
        gateway = self.tls_gateway(destinations=[self.destination(
            front.port, tls_certificate=str(self.certificates / "device.pem"),
            tls_key=str(self.certificates / "device.key"))]).start()
        device = self.tls_client(gateway, "scanner-07")
        device.deliver(TOPIC, event(1))
        wait_until(lambda: erp.applied() == ["e-1"], "it is applied")
        self.assertIn((("commonName", "scanner-07"),), front.peers[0]["subject"])
        # The ERP closes what was kept; the next connection is the same session.
        erp.end()
        erp.start()
        device.deliver(TOPIC, event(2), packet_id=2)
        wait_until(lambda: erp.applied() == ["e-1", "e-2"], "both are applied")
        self.assertGreater(front.resumed, 0)

    def test_at_the_start_authorities_that_are_missing_are_an_error(self):
        gateway = self.tls_gateway(destinations=[self.destination(
            1, tls_ca=str(self.folder / "nowhere.pem"))]).start(ready=False)
        self.assertNotEqual(gateway.wait(), 0)
        self.assertIn("nowhere.pem", gateway.tail())


if __name__ == "__main__":
    unittest.main()

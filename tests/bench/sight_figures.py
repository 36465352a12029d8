"""What it costs to be seen: metrics that are fetched, state over the fleet, service targets, traces."""
import threading
import time
import urllib.request

import rig
from erp import Erp
from figures import Figure, figure, middle
from gateway import Wharfd, running
from network_figures import ceiling, saturate
from peers import Mosquitto

SCRAPE_EVERY_S = 1  # a Prometheus asks every 15 s or so
TARGETS = {f"target.{lane}": {"within_ms": 5000, "objective": 0.99}
           for lane in ("shipment", "inventory", "count", "telemetry")}


class Scraper:
    """Fetches /metrics all the time that it is there."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/metrics"
        self.over = threading.Event()
        self.took_s = []
        self.size = 0
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.over.wait(SCRAPE_EVERY_S):
            begun = time.monotonic()
            with urllib.request.urlopen(self.url, timeout=10) as answer:
                self.size = len(answer.read())
            self.took_s.append(time.monotonic() - begun)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def fleet_keys(bench, broker, folder):
    operators = folder / "operators.toml"
    made = rig.run([bench.programs.wharfctl, "operator-key", folder / "operator.key"])
    key = "\n".join(line for line in made.splitlines() if not line.startswith("#"))
    operators.write_text(f'[[operator]]\nname = "ann"\nrole = "admin"\nkey = """\n{key}\n"""\n')
    return {"fleet": {"url": f"ssl://127.0.0.1:{broker.tls['port']}", "state_every_s": 5,
                      "key_file": str(folder / "gateway.key"), "operators_file": str(operators),
                      "ca_file": str(bench.programs.certificates / "authority.pem")}}


def unseen(bench, *words):
    folder = rig.fresh_folder(bench.work / "unseen")
    with running(Erp(bench)) as erp, running(Wharfd(bench.programs, folder,
                                                    erp=erp.port)) as gateway:
        report = saturate(bench, gateway, *words)
    rig.remove(folder)
    return report


def seen(bench, broker):
    folder = rig.fresh_folder(bench.work / "seen")
    more = {**TARGETS, **fleet_keys(bench, broker, folder)}
    with running(Erp(bench)) as erp, running(Wharfd(bench.programs, folder, erp=erp.port,
                                                    sections=more)) as gateway:
        rig.wait_until(lambda: "the fleet broker is reached" in gateway.child.said(),
                       "it is in the fleet")
        with Scraper(gateway.admin_port()) as scraper:
            report = saturate(bench, gateway, "--traced")
    rig.remove(folder)
    if not scraper.took_s:
        raise rig.BenchError("its metrics were never fetched")
    return report, scraper


@figure("sight", "acks/s with metrics, state over the fleet, targets and traces, and without")
def sight(bench):
    certificates = bench.programs.certificates
    tls = {"port": rig.free_port(), "certificate": str(certificates / "server.pem"),
           "key": str(certificates / "server.key")}
    runs = {"seen": [], "padded": [], "plain": []}
    fetched = []
    with running(Mosquitto(bench.work, tls)) as broker:
        # By turns, so that what else the machine does falls on all.
        for _ in range(1 if bench.quick else 7):
            runs["plain"].append(unseen(bench))
            report, scraper = seen(bench, broker)
            runs["seen"].append(report)
            fetched += scraper.took_s
            runs["padded"].append(unseen(bench, "--padded"))
    rate = {name: middle([run["acks_per_s"] for run in found]) for name, found in runs.items()}
    size = {name: found[0]["payload_bytes"] for name, found in runs.items()}
    spread = "; ".join(f"{name} {min(run['acks_per_s'] for run in found) / 1000:.0f} to "
                       f"{max(run['acks_per_s'] for run in found) / 1000:.0f} k"
                       for name, found in runs.items())
    note = (f"delivering meanwhile; /metrics, {scraper.size / 1000:.0f} kB, every "
            f"{SCRAPE_EVERY_S} s in {middle(fetched) * 1000:.2g} ms; state every 5 s or when it "
            f"changes; {spread}")
    common = {"unit": "acks/s", "value": rate["seen"], "ratio_target": ">= 0.95",
              "generator_ceiling": ceiling(bench)}
    return [Figure("acks, seen", peer=f"unseen, {size['padded']} bytes too",
                   peer_value=rate["padded"], note=note, **common),
            Figure("acks, seen", peer=f"unseen, {size['plain']} bytes without a trace",
                   peer_value=rate["plain"],
                   note=f"the trace makes an event {size['seen']} bytes", **common)]

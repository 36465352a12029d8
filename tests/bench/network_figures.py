"""Figures over real MQTT: acknowledgements per second, and their latency."""
import contextlib

import rig
from figures import Figure, figure, median_of
from gateway import Wharfd
from peers import Mosquitto, RabbitMq

# So many that a commit's wait is filled, and few enough to stay inside the gateway's own queue.
CONNECTIONS, WINDOW = 32, 256
ACKS_TARGET = ">= 400000"


@contextlib.contextmanager
def running(one):
    one.start()
    try:
        yield one
    finally:
        one.end()


def load(bench, port, *words, **options):
    given = {"connections": CONNECTIONS, "window": WINDOW, "warm-up": 1, "seconds": 5,
             "first-event": bench.next_events(), **options}
    flags = [text for name, value in given.items() for text in (f"--{name}", value)]
    return rig.run_json([bench.programs.load, "--port", port, *flags, *words])


def ceiling(bench):
    """Of the generator: the same traffic against a server that only acknowledges."""
    if bench.ceiling is None:
        port = rig.free_port()
        sink = rig.Child([bench.programs.load, "--port", port, "--sink"], bench.work / "sink.log")
        rig.wait_until(lambda: rig.is_listening(port), "the sink listens")
        bench.ceiling = load(bench, port, seconds=2)["acks_per_s"]
        sink.end()
    return bench.ceiling


def saturate(bench, broker, *words):
    seconds = 3 if bench.quick else 10
    return load(bench, broker.port, *words, seconds=seconds)


def peer_acks(bench):
    """Mosquitto and RabbitMQ, once per run of the bench."""
    if not bench.peers:
        with running(Mosquitto(bench.work)) as broker:
            bench.peers["mosquitto"] = saturate(bench, broker)["acks_per_s"]
        with running(RabbitMq(bench.work)) as broker:
            rig.run([bench.programs.load, "--port", broker.port, "--subscribe"])
            bench.peers["rabbitmq"] = saturate(bench, broker)["acks_per_s"]
    return bench.peers


@figure("acks", "durable QoS 1 acknowledgements per second, empty window")
def acks(bench):
    def once():
        with running(Wharfd(bench.programs, rig.fresh_folder(bench.work / "acks"))) as gateway:
            cpu = rig.cpu_s(gateway.pid)
            report = saturate(bench, gateway)
            report["gateway_cores"] = (rig.cpu_s(gateway.pid) - cpu) / (report["seconds"] + 1)
            return report["acks_per_s"], report

    _, report = median_of(1 if bench.quick else 3, once)
    peers = peer_acks(bench)
    note = (f"{CONNECTIONS} connections x {WINDOW}; p50 {report['p50_us'] / 1000:.3g} ms; "
            f"cores: gateway {report['gateway_cores']:.2f}, generator "
            f"{report['cpu_s'] / report['seconds']:.2f}")
    common = {"unit": "acks/s", "value": report["acks_per_s"], "generator_ceiling": ceiling(bench)}
    return [
        Figure("acks, empty window", target=ACKS_TARGET, peer=RabbitMq.name,
               peer_value=peers["rabbitmq"], note=note, **common),
        Figure("acks, empty window", peer=Mosquitto.name, peer_value=peers["mosquitto"], **common),
    ]

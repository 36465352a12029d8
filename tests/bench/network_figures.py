"""Figures over real MQTT: acknowledgements per second, and their latency."""
import json
import time

import rig
from figures import Figure, figure, median_of
from gateway import Wharfd, running
from journals import filled
from peers import Mosquitto, Nats, RabbitMq

# So many that a commit's wait is filled, and few enough to stay inside the gateway's own queue.
CONNECTIONS, WINDOW = 32, 256
ACKS_TARGET = ">= 400000"


def load(bench, port, *words, **options):
    """Runs the generator to its end; what it found."""
    return rig.run_json([bench.programs.load, "--port", port,
                         *load_words(bench, **options), *words])


def load_words(bench, **options):
    given = {"connections": CONNECTIONS, "window": WINDOW, "warm_up": 1, "seconds": 5,
             "first_event": bench.next_events(), **options}
    return [text for name, value in given.items()
            for text in ("--" + name.replace("_", "-"), str(value))]


def ceiling(bench):
    """Of the generator: the same traffic against a server that only acknowledges."""
    if "ceiling" not in bench.shared:
        port = rig.free_port()
        sink = rig.Child([bench.programs.load, "--port", port, "--sink"], bench.work / "sink.log")
        rig.wait_until(lambda: rig.is_listening(port), "the sink listens")
        bench.shared["ceiling"] = load(bench, port, seconds=2)["acks_per_s"]
        sink.end()
    return bench.shared["ceiling"]


def saturate(bench, broker, *words):
    """The report of the generator, with the cores that the broker used meanwhile."""
    before = rig.cpu_s(broker.pid)
    report = load(bench, broker.port, *words, seconds=3 if bench.quick else 10)
    report["cores"] = (rig.cpu_s(broker.pid) - before) / (report["seconds"] + 1)
    return report


def peer_acks(bench):
    """Mosquitto and RabbitMQ, once per run of the bench."""
    if "peers" not in bench.shared:
        found = {}
        with running(Mosquitto(bench.work)) as broker:
            found[broker.name] = saturate(bench, broker)["acks_per_s"]
        with running(RabbitMq(bench.work)) as broker:
            rig.run([bench.programs.load, "--port", broker.port, "--subscribe"])
            found[broker.name] = saturate(bench, broker)["acks_per_s"]
        bench.shared["peers"] = found
    return bench.shared["peers"]


def nats_acks(bench):
    with running(Nats(bench.work)) as broker:
        rig.run([bench.programs.load, "--port", broker.port, "--subscribe"])
        return saturate(bench, broker, "--json")["acks_per_s"]


def own_acks(bench, *words, **options):
    folder = rig.fresh_folder(bench.work / "acks")
    with running(Wharfd(bench.programs, folder, **options)) as gateway:
        report = saturate(bench, gateway, *words)
    rig.remove(folder)
    return report["acks_per_s"], report


def saturation_note(report):
    return (f"{CONNECTIONS} connections x {WINDOW}, {report['payload_bytes']} bytes an event; "
            f"p50 {report['p50_us'] / 1000:.3g} ms, p99 {report['p99_us'] / 1000:.3g} ms; "
            f"cores: broker {report['cores']:.2f}, generator "
            f"{report['cpu_s'] / report['seconds']:.2f}")


def beside_peers(bench, name, report):
    peers = peer_acks(bench)
    common = {"unit": "acks/s", "value": report["acks_per_s"], "generator_ceiling": ceiling(bench)}
    return [Figure(name, target=ACKS_TARGET, peer=RabbitMq.name, peer_value=peers[RabbitMq.name],
                   ratio_target=">= 10", note=saturation_note(report), **common),
            Figure(name, peer=Mosquitto.name, peer_value=peers[Mosquitto.name],
                   ratio_target=">= 1", **common)]


@figure("acks", "durable QoS 1 acknowledgements per second, empty window")
def acks(bench):
    _, report = median_of(1 if bench.quick else 3, lambda: own_acks(bench))
    found = beside_peers(bench, "acks, empty window", report)
    if bench.quick:
        return found
    for name, words in (("acks, JSON events", ["--json"]), ("acks, MQTT 5", ["--mqtt", "5"]),
                        ("acks, sessions that persist", ["--persistent"])):
        value, other = own_acks(bench, *words)
        found.append(Figure(name, "acks/s", value, peer="the same, protobuf, 3.1.1, clean",
                            peer_value=report["acks_per_s"], note=saturation_note(other),
                            generator_ceiling=ceiling(bench)))
        if words == ["--json"]:  # NATS takes no topic with a dot in it
            found.append(Figure(name, "acks/s", value, peer=Nats.name, peer_value=nats_acks(bench)))
    return found


@figure("acks-window", "the same with a full window of identities and a backlog")
def acks_window(bench):
    place = filled(bench)
    gateway = place.gateway(bench, erp=rig.free_port())  # an ERP that is away
    with running(gateway):
        report = saturate(bench, gateway)
    bench.shared["acks-window"] = report["acks_per_s"]
    return beside_peers(bench, f"acks, {place.keys_words} keys in the window", report)


def with_subscriber(bench, broker, qos):
    """The generator's report while one client has subscribed to everything, and what that got."""
    log = bench.work / "subscriber.log"
    seconds = (3 if bench.quick else 10) + 1
    subscriber = rig.Child([bench.programs.load, "--port", broker.port, "--listen", qos,
                            "--seconds", seconds + 1], log)
    time.sleep(0.2)  # its SUBACK
    report = saturate(bench, broker)
    rig.wait_until(lambda: subscriber.process.poll() is not None, "the subscriber has ended")
    report["delivered_per_s"] = json.loads(subscriber.said())["received"] / seconds
    return report


@figure("subscriber", "acknowledgements while one client has subscribed to everything")
def subscriber(bench):
    found = []
    for qos in (0, 1):
        with running(Mosquitto(bench.work)) as broker:
            peer = with_subscriber(bench, broker, qos)
        folder = rig.fresh_folder(bench.work / "subscriber")
        with running(Wharfd(bench.programs, folder)) as gateway:
            report = with_subscriber(bench, gateway, qos)
        rig.remove(folder)
        name = f"one QoS {qos} subscriber to everything"
        found += [Figure(f"acks, {name}", "acks/s", report["acks_per_s"], peer=Mosquitto.name,
                         peer_value=peer["acks_per_s"], ratio_target=">= 1",
                         note=saturation_note(report)),
                  Figure(f"delivered, {name}", "messages/s", report["delivered_per_s"],
                         peer=Mosquitto.name, peer_value=peer["delivered_per_s"],
                         note="what a slow subscriber cannot take is dropped and counted")]
    return found


def disk_loop(bench, seconds, rate=0):
    return rig.run_json([bench.programs.disk, bench.work, "--seconds", seconds, "--rate", rate])


@figure("latency", "of an acknowledgement at 1000 events/s from 200 connections")
def latency(bench):
    seconds = 4 if bench.quick else 15
    loop = disk_loop(bench, 2)
    folder = rig.fresh_folder(bench.work / "latency")
    with running(Wharfd(bench.programs, folder, size_mb=1024)) as gateway:
        report = load(bench, gateway.port, connections=200, rate=1000, seconds=seconds)
    rig.remove(folder)
    note = (f"open loop; p99.9 {report['p999_us'] / 1000:.3g} ms, max "
            f"{report['max_us'] / 1000:.3g} ms; the generator was late by "
            f"{report['late_p99_us'] / 1000:.2g} ms (p99); {report['acks']} events; "
            f"the disk alone {loop['per_s']:.0f}/s")
    return [Figure(f"ack latency at 1000/s, {name}", "ms", report[f"{name}_us"] / 1000,
                   target=target, peer="fdatasync of 4 KiB, " + name,
                   peer_value=loop[f"{name}_us"] / 1000, note=words)
            for name, target, words in (("p50", "<= 1", ""), ("p99", "<= 5", note))]


@figure("idle", "latency of a single publish on an idle gateway")
def idle(bench):
    seconds = 3 if bench.quick else 10
    folder = rig.fresh_folder(bench.work / "idle")
    loop = disk_loop(bench, seconds, rate=20)
    with running(Wharfd(bench.programs, folder, size_mb=1024)) as gateway:
        report = load(bench, gateway.port, connections=1, rate=20, seconds=seconds)
    rig.remove(folder)
    return [Figure(f"idle publish to PUBACK, {name}", "ms", report[f"{name}_us"] / 1000,
                   peer="fdatasync of 4 KiB, idle, " + name, peer_value=loop[f"{name}_us"] / 1000)
            for name in ("p50", "p99")]

"""Thousands of connected devices: what each keeps in memory; all of them back at once over TLS, and
the acknowledgements of others meanwhile."""
import contextlib
import time

import rig
from figures import Figure, figure
from fleet import Fleet, anonymous_kb
from gateway import Wharfd, running
from peers import Mosquitto

DEVICES, QUICK_DEVICES = 5000, 500
RATE = 1000  # events per second, of all
PROBES = 50  # established devices, with TLS and as many without
STORMS = {"tickets": "storm with tickets", "full": "storm without tickets"}


def with_tls(bench, make):
    certificates = bench.programs.certificates
    tls = {"port": rig.free_port(), "certificate": str(certificates / "server.pem"),
           "key": str(certificates / "server.key")}
    return make(tls), tls["port"]


def wharfd(bench):
    folder = rig.fresh_folder(bench.work / "devices")
    return with_tls(bench, lambda tls: Wharfd(bench.programs, folder, size_mb=1024, tls=tls,
                                              connections=16384))


def mosquitto(bench):
    return with_tls(bench, lambda tls: Mosquitto(bench.work, tls))


def memory(bench, make, secure, count):
    """kB of anonymous memory for each of so many devices: silent, and while they publish."""
    broker, tls_port = make(bench)
    with running(broker), contextlib.ExitStack() as stack:
        port = tls_port if secure else broker.port
        # What is kept for all of them is there before.
        stack.enter_context(Fleet(bench, port, 100, secure, "first", 15_000))
        before = anonymous_kb(broker.pid)
        stack.enter_context(Fleet(bench, port, count, secure))
        silent = anonymous_kb(broker.pid) - before
        stack.enter_context(Fleet(bench, port, 100, secure, "busy", 15_100, RATE))
        at_work = anonymous_kb(broker.pid) - before
    return silent / count, at_work / count


def latency(probes):
    """Of all acknowledgements since this was asked last, by kind of connection."""
    return {name: probe.ask("latency") for name, probe in probes.items()}


def storm(broker, probes, devices, what):
    latency(probes)
    cpu = rig.cpu_s(broker.pid)
    back = devices.ask(STORMS[what])
    back["cores"] = (rig.cpu_s(broker.pid) - cpu) / back["seconds"]
    back["fleet_cores"] = back["cpu_s"] / back["seconds"]
    back["acks"] = latency(probes)
    return back


def restart(broker, devices):
    """The broker ends and starts again, and everybody finds out by himself."""
    devices.ask("restart")
    broker.end()
    began = time.monotonic()
    broker.start()
    started_s = time.monotonic() - began
    back = devices.answer()
    back["cores"] = rig.cpu_s(broker.pid) / back["seconds"]
    back["fleet_cores"] = back["cpu_s"] / back["seconds"]
    return {**back, "started_s": started_s}


def storms(bench, make, count, rounds):
    """What each kind of storm was like; quiet seconds first."""
    found = {}
    broker, tls_port = make(bench)
    with running(broker), contextlib.ExitStack() as stack:
        probes = {name: stack.enter_context(Fleet(bench, port, PROBES, name == "TLS", "probe",
                                                  first, RATE / 2))
                  for name, port, first in (("TLS", tls_port, 15_000),
                                            ("plain text", broker.port, 15_500))}
        devices = stack.enter_context(Fleet(bench, tls_port, count, True))
        found["connected"] = devices.connected
        latency(probes)
        time.sleep(2 if bench.quick else 5)
        found["quiet"] = {"acks": latency(probes)}
        for what in STORMS:
            found[what] = [storm(broker, probes, devices, what) for _ in range(rounds)]
        for probe in probes.values():
            probe.end()
        found["restart"] = restart(broker, devices)
    return found


def typical(runs):
    """The run whose time is in the middle."""
    return sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]


def ms(probe, name):
    return probe[f"{name}_us"] / 1000


def spread(probe):
    return (f"p50 {ms(probe, 'p50'):.3g}, p99 {ms(probe, 'p99'):.3g}, max {ms(probe, 'max'):.3g} ms; "
            f"this generator late by {ms(probe, 'late_p99'):.2g} ms (p99)")


def storm_words(run):
    return (f"half of them in {run['half_s']:.2f} s; {run['resumed']} of {run['handshakes']} "
            f"handshakes resumed, {run['failed']} attempts failed, {run['session_present']} found "
            f"their session; cores: broker {run['cores']:.2f}, fleet {run['fleet_cores']:.2f}")


def storm_figures(what, words, count, own, peer):
    ours, theirs = typical(own[what]), typical(peer[what])
    found = [Figure(f"{count} devices back over TLS, {words}", "s", ours["seconds"],
                    peer=Mosquitto.name, peer_value=theirs["seconds"],
                    note=f"wharfd: {storm_words(ours)}; Mosquitto: {storm_words(theirs)}"),
             Figure(f"handshakes of that, {words}", "/s", ours["handshakes"] / ours["seconds"],
                    peer=Mosquitto.name, peer_value=theirs["handshakes"] / theirs["seconds"])]
    for name in ("TLS", "plain text"):
        mine, others = ours["acks"][name], theirs["acks"][name]
        lost = mine["lost"] + mine["refused"]
        found.append(Figure(
            f"ack p99 of other devices meanwhile, {name}, {words}", "ms", ms(mine, "p99"),
            target="<= 100", peer=Mosquitto.name, peer_value=ms(others, "p99"),
            note=f"wharfd: {spread(mine)}, {lost} lost or refused; Mosquitto: {spread(others)}"))
    return found


@figure("devices", "thousands of devices: memory of each, all back at once over TLS")
def devices(bench):
    count = QUICK_DEVICES if bench.quick else DEVICES
    found = []
    for name, secure in (("plain text", False), ("TLS", True)):
        silent, at_work = memory(bench, wharfd, secure, count)
        peer, peer_at_work = memory(bench, mosquitto, secure, count)
        found.append(Figure(
            f"memory of a device's session and connection, {name}", "kB", silent,
            peer=Mosquitto.name, peer_value=peer,
            note=f"anonymous, of {count}; with 100 more that publish {RATE}/s {at_work:.3g} and "
                 f"{peer_at_work:.3g}"))
    rounds = 1 if bench.quick else 3
    own = storms(bench, wharfd, count, rounds)
    peer = storms(bench, mosquitto, count, rounds)
    for name in ("TLS", "plain text"):
        mine, others = own["quiet"]["acks"][name], peer["quiet"]["acks"][name]
        found.append(Figure(f"ack p99 beside {count} silent devices, {name}", "ms",
                            ms(mine, "p99"), peer=Mosquitto.name, peer_value=ms(others, "p99"),
                            note=f"wharfd: {spread(mine)}; Mosquitto: {spread(others)}"))
    for what, words in (("tickets", "with tickets"), ("full", "without")):
        found += storm_figures(what, words, count, own, peer)
    ours, theirs = own["restart"], peer["restart"]
    found.append(Figure(
        f"{count} devices back over TLS after a restart", "s", ours["seconds"],
        peer=Mosquitto.name, peer_value=theirs["seconds"],
        note=f"from the order to stop; devices try again after 1 to 2 s; wharfd, which started in "
             f"{ours['started_s']:.2f} s: {storm_words(ours)}; Mosquitto, which forgot the sessions: "
             f"{storm_words(theirs)}"))
    return found

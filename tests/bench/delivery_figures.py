"""Figures of a gateway with a backlog: its start, its memory, its drain."""
import time

import rig
from erp import Erp, ceiling as erp_ceiling
from figures import Figure, figure
from gateway import Wharfd, running
from journals import filled
from network_figures import CONNECTIONS, WINDOW, ceiling, load, load_words


def first_puback_s(bench, gateway):
    """From the start of the process to its first acknowledgement."""
    began = time.monotonic()
    gateway.start()
    load(bench, gateway.port, connections=1, window=1, count=1, warm_up=0)
    return time.monotonic() - began


@figure("start", "with a backlog, to the first PUBACK, after a clean stop and after kill -9")
def start(bench):
    place = filled(bench)
    place.forget_cached()
    gateway = place.gateway(bench, erp=rig.free_port())
    clean = first_puback_s(bench, gateway)
    # Killed while it takes events.
    words = [bench.programs.load, "--port", gateway.port, *load_words(bench, seconds=60)]
    generator = rig.Child(words, bench.work / "generator.log")
    time.sleep(2)
    gateway.kill()
    generator.kill()
    place.forget_cached()
    gateway = place.gateway(bench, erp=rig.free_port())
    killed = first_puback_s(bench, gateway)
    gateway.end()
    words = f"backlog {place.backlog_words}, window {place.keys_words}, nothing of it in the page cache"
    return [Figure("start after a clean stop", "s", clean, target="<= 1"),
            Figure("start after kill -9", "s", killed, target="<= 3", note=words)]


@figure("memory", "private memory, idle and with a backlog and a full window")
def memory(bench):
    folder = rig.fresh_folder(bench.work / "memory")
    with running(Wharfd(bench.programs, folder, size_mb=1024)) as gateway:
        gateway.settle()
        idle = rig.memory_mb(gateway.pid)
    rig.remove(folder)
    place = filled(bench)
    with running(place.gateway(bench, erp=rig.free_port())) as gateway:
        load(bench, gateway.port, seconds=2 if bench.quick else 5)
        gateway.settle()
        full = rig.memory_mb(gateway.pid)
    return [Figure("private memory, idle", "MB", idle["anonymous"], target="<= 16",
                   note=f"mapped and resident besides: {idle['mapped']:.0f} MB"),
            Figure(f"private memory, backlog {place.backlog_words}, window {place.keys_words}", "MB",
                   full["anonymous"], target="<= 96",
                   note=f"after {CONNECTIONS} x {WINDOW} at full load; mapped and resident besides "
                        f"(the journal's cache): {full['mapped']:.0f} MB")]


def drained(bench, erp, wanted, seconds_max):
    """Items per second from the first one on, and how many."""
    rig.wait_until(lambda: erp.items() > 0, "the first batch arrives", 120)
    began, before = time.monotonic(), erp.items()
    count = before
    while count < wanted and time.monotonic() - began < seconds_max:
        time.sleep(0.02)
        count = erp.items()
    return (count - before) / (time.monotonic() - began), count


@figure("drain", "of a backlog to an ERP that answers at once, and ingest meanwhile")
def drain(bench):
    place = filled(bench)
    found = []
    with running(Erp(bench)) as erp, \
            running(place.gateway(bench, erp=erp.port)) as gateway:
        before, began = rig.cpu_s(gateway.pid), time.monotonic()
        rate, count = drained(bench, erp, place.backlog, 10 if bench.quick else 150)
        cores = (rig.cpu_s(gateway.pid) - before) / (time.monotonic() - began)
        found.append(Figure(
            "drain of a backlog, protobuf", "events/s", rate, target=">= 150000",
            generator_ceiling=erp_ceiling(bench),
            note=f"{count} of {place.backlog_words}; gateway {cores:.2f} cores; the ceiling is the "
                 "ERP's"))
    # Events come faster than they leave: the backlog does not run dry.
    with running(Erp(bench)) as erp, running(place.gateway(bench, erp=erp.port)) as gateway:
        rig.wait_until(lambda: erp.items() > 0, "the first batch arrives", 120)
        began, items = time.monotonic(), erp.items()
        report = load(bench, gateway.port, seconds=3 if bench.quick else 10)
        rate = (erp.items() - items) / (time.monotonic() - began)
    found.append(Figure(
        "ingest while draining", "acks/s", report["acks_per_s"],
        peer="its own without the drain", peer_value=bench.shared.get("acks-window"),
        ratio_target=">= 0.8", generator_ceiling=ceiling(bench),
        note=f"delivered meanwhile {rate:.0f}/s"
             + ("" if "acks-window" in bench.shared else "; run it with acks-window for its ratio")))
    bench.shared.pop("filled")  # its backlog is gone
    rig.remove(place.folder)
    return found

"""Figures of the storage alone, and of what it writes."""
import rig
from figures import Figure, figure, middle
from gateway import Wharfd, running, supports
from journals import filled
from network_figures import load
from erp import Erp


def groups(bench):
    return (100, 1000, 10000) if bench.quick else (1, 10, 100, 1000, 10000)


def journal_once(bench, what, path, group, size_mb, **options):
    words = [bench.programs.journal, what, "--path", path, "--size-mb", size_mb, "--group", group,
             "--seconds", 0.5 if bench.quick else 2, "--events", 2_000_000]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", value]
    return rig.run_json(words)


def alone(bench, group, full):
    """(journal, raw) of one group size, one after the other on the same disk."""
    place = filled(bench) if full else None
    folder = rig.fresh_folder(bench.work / "alone")
    path = place.journal if full else folder / "journal"
    options = {"destination": "erp"} if full else {}
    own = journal_once(bench, "measure", path, group, place.size_mb if full else 2048,
                       first_event=bench.next_events(), **options)
    raw = journal_once(bench, "raw", folder / "raw", group, 2048,
                       record_bytes=own["record_bytes"])
    rig.remove(folder)
    return own, raw


@figure("journal", "journal and identity alone, beside a bare LMDB append of the same records")
def journal(bench):
    found = []
    for full in (False, True):
        for group in groups(bench):
            runs = [alone(bench, group, full) for _ in range(1 if bench.quick else 3)]
            own, raw = sorted(runs, key=lambda run: run[0]["per_s"] / run[1]["per_s"])[
                len(runs) // 2]
            keys = filled(bench).keys_words if full else "0"
            found.append(Figure(
                f"journal alone, {keys} keys, groups of {group}", "events/s", own["per_s"],
                peer="bare LMDB append", peer_value=raw["per_s"],
                ratio_target=">= 0.8",
                note=f"{own['bytes_per_event']:.0f} bytes written per event "
                     f"of {own['record_bytes']} bytes, bare {raw['bytes_per_event']:.0f}"))
    return found


@figure("disk", "a bare loop of 4 KiB append and fdatasync")
def disk(bench):
    runs = [rig.run_json([bench.programs.disk, bench.work, "--seconds", 1 if bench.quick else 3])
            for _ in range(3)]
    return [Figure("disk: 4 KiB append + fdatasync", "1/s", middle(run["per_s"] for run in runs),
                   note=f"p50 {middle(run['p50_us'] for run in runs) / 1000:.3g} ms, p99 "
                        f"{middle(run['p99_us'] for run in runs) / 1000:.3g} ms")]


def written(bench, disk, *, ring, **load_options):
    """What one run writes per event, delivery and deletion included, as the device and as the
    process count it."""
    folder = rig.fresh_folder(disk / "written")
    keys = {"retention_hours": 0} | ({} if ring else {"ring_mb": 0})
    with running(Erp(bench)) as erp:
        gateway = Wharfd(bench.programs, folder, erp=erp.port, size_mb=2048, batch_delay_ms=1000,
                         **keys)
        with running(gateway):
            gateway.settle()
            rig.quiet_device(folder)
            device, process = rig.device_bytes_written(folder), rig.process_bytes_written(gateway.pid)
            report = load(bench, gateway.port, warm_up=0, **load_options)
            events = report["acks"]
            rig.wait_until(lambda: erp.items() >= events, "all is delivered", 120)
            gateway.settle(2)
            report["device"] = (rig.device_bytes_written(folder) - device) / events
            report["process"] = (rig.process_bytes_written(gateway.pid) - process) / events
    rig.remove(folder)
    return report


@figure("bytes", "written to the device per event, delivered and deleted")
def bytes_written(bench):
    with rig.appliance_disk(bench.work) as (disk, words):
        return bytes_on(bench, disk, words)


def bytes_on(bench, disk, words):
    found = []
    has_ring = supports(bench, "ring_mb", 0)
    for name, target, ratio, options in (
            ("saturated", "<= 600", "", {"seconds": 2 if bench.quick else 10}),
            ("at 20/s", "<= 5000", "<= 0.333", {"connections": 4, "rate": 20,
                                                "seconds": 5 if bench.quick else 30})):
        own = written(bench, disk, ring=True, **options)
        beside = has_ring and (ratio or not bench.quick)
        peer = written(bench, disk, ring=False, **options) if beside else None
        note = (f"the process's own count {own['process']:.0f}; {own['acks']} events, "
                f"p99 {own['p99_us'] / 1000:.3g} ms; {words}")
        found.append(Figure(f"bytes per event, {name}", "bytes", own["device"], target=target, ratio_target=ratio,
                            peer="the same without the ring" if peer else "",
                            peer_value=peer["device"] if peer else None, note=note))
        if name == "at 20/s":
            found.append(Figure("ack latency at 20/s, p99", "ms", own["p99_us"] / 1000,
                                target="<= 5", peer="the same without the ring" if peer else "",
                                peer_value=peer["p99_us"] / 1000 if peer else None))
    return found

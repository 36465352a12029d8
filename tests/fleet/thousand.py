#!/usr/bin/env python3
"""A fleet of many real gateways on one machine, and one configuration that goes over all of them.

    thousand.py [--gateways 1000] [--gate-s 30] [--event-every-s 10] [--json FILE]

Every gateway is a wharfd of its own with its own key, journal and TLS connection to one real Mosquitto;
each gets a trickle of events and delivers to one reference ERP. One `wharfctl rollout` brings a
configuration that stops delivery: it has to be caught in the first wave and taken back, and no other
gateway may have seen it. A second one brings a good configuration to all. At the end every gateway
runs it, every event is in the ERP once, and all books balance. Exit code 0: all of that was so.

Where the programs are: WHARFD, WHARFCTL, WHARF_REFERENCE_ERP, WHARF_TEST_CERTIFICATES. Without
Mosquitto it is skipped (77).
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "fleet"))
from fleet_rig import (SITE, FleetBroker, Person, Trickle, certificate, program,  # noqa: E402
                       tool, wait_until)
import daemon_rig  # noqa: E402  found by fleet_rig
from daemon_rig import PORTS, Erp, Gateway  # noqa: E402

SKIPPED = 77
START_AT_ONCE = 8
# What a gateway takes here: of memory (6.6 MiB were measured), and its journal, which is allocated whole.
PROCESS_MIB = 8
JOURNAL_MIB = 17
# What is left to everything else on this machine.
RESERVE_MIB = 4096


def say(text):
    print(text, flush=True)


def figure(name, value, unit=""):
    say(f"  {name:<44} {value:>10} {unit}")


def pss_kib(pid):
    """What it takes of memory, shared pages divided among who share them; and with them whole."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("Pss", "Rss", "Pss_Anon"):
            found[name] = int(rest.split()[0])
    return found


def ports(count):
    """Each once: what was drawn and is not yet listened on is nobody else's here."""
    out = []
    for port in random.sample(range(*PORTS), min(4 * count + 64, PORTS[1] - PORTS[0])):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        out.append(port)
        if len(out) == count:
            return out
    raise AssertionError(f"no {count} free ports")


class Rig:
    def __init__(self, given, folder):
        self.given, self.folder = given, folder
        self.gateways, self.figures, self.erp, self.broker = [], {}, None, None
        self.trickle = None

    # --- begin ------------------------------------------------------------------------------------

    def begin(self):
        self.broker = FleetBroker(self.folder)
        # The log has every message; a fleet's states come at once to who asks for them.
        text = self.broker.config.read_text().replace("log_type all", "log_type error")
        self.broker.config.write_text(text.replace("autosave_on_changes true",
                                                   "autosave_on_changes false"))
        self.broker.start()
        self.ann = Person(self.folder, "ann", "admin", self.broker)
        self.operators = self.folder / "operators.toml"
        self.operators.write_text(self.ann.toml())
        self.erp = Erp(self.folder).start()
        for number, port in enumerate(ports(self.given.gateways), 1):
            self.gateways.append(self.gateway(f"g-{number:04}", port))

    def destination(self, url):
        return {"name": "erp", "url": url, "batch_max_delay_ms": 250, "backoff_max_ms": 2000}

    def gateway(self, name, port):
        folder = self.folder / name
        folder.mkdir()
        out = Gateway(folder, name=name, destinations=[self.destination(self.erp.url)],
                      listener={"port": port})
        out.port = port
        out.sections["gateway"] = {"name": name, "site": SITE, "tags": ["production"]}
        out.sections["journal"].update(size_max_mb=16, ring_mb=0)
        out.sections["fleet"] = {
            "url": self.broker.url, "key_file": str(folder / "key"),
            "operators_file": str(self.operators), "state_every_s": 60,
            "ca_file": certificate("authority.pem"),
            "certificate_file": certificate("device.pem"),
            "certificate_key_file": certificate("device.key")}
        return out

    def start_gateways(self):
        begun = time.monotonic()
        waiting, starting = list(self.gateways), []
        while waiting or starting:
            while waiting and len(starting) < START_AT_ONCE:
                one = waiting.pop(0)
                one.start_once(None, ())
                starting.append(one)
            starting = [one for one in starting if not self.listens(one)]
            time.sleep(0.005)
        self.figures["start_s"] = time.monotonic() - begun
        wait_until(lambda: self.count_in_fleet() == len(self.gateways),
                   "every gateway is in the fleet", 600)
        self.figures["in_fleet_s"] = time.monotonic() - begun

    def listens(self, one):
        if one.process.poll() is not None:
            raise AssertionError(f"{one.name} ended with {one.process.returncode}:\n{one.tail()}")
        return b'"listening"' in one.log.read_bytes()

    def count_in_fleet(self):
        listed = self.ann.asks("fleet", "list", good=(0, 1), seconds=300)
        return sum(one["health"] in ("ok", "degraded") for one in listed)

    def feed(self):
        self.trickle = Trickle(self.gateways, self.given.event_every_s, threads=4)
        wait_until(lambda: len(self.trickle.acknowledged) >= 2 * len(self.gateways),
                   "every gateway has events", 600)
        wait_until(lambda: self.applied_count() >= len(self.gateways),
                   "they are in the ERP", 600)

    def applied_count(self):
        return self.erp.rows("count(*)")[0][0]

    def memory(self):
        found = [pss_kib(one.process.pid) for one in self.gateways]
        for name in ("Pss", "Rss"):
            values = sorted(one[name] for one in found)
            self.figures[f"{name.lower()}_kib"] = {"mean": sum(values) // len(values),
                                                   "max": values[-1]}

    # --- the roll-outs ----------------------------------------------------------------------------

    def roll_out(self, text, name, *words):
        file = self.folder / name
        file.write_text(text)
        begun = time.monotonic()
        with open(self.folder / f"{name}.said", "w+", encoding="utf-8") as out:
            tool_process = daemon_rig.start_program(
                [program("WHARFCTL"), "--fleet", str(self.ann.config), "--json", "--on",
                 "tag=production", "--timeout", str(self.given.timeout_s), "rollout", str(file),
                 "--waves", self.given.waves, "--gate-s", str(self.given.gate_s), *words],
                stdout=out)
            _, status, usage = os.wait4(tool_process.pid, 0)
            tool_process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            said = out.read()
        if not said:
            raise AssertionError(f"wharfctl rollout {name}: {tool_process.returncode}")
        took = {"seconds": time.monotonic() - begun,
                "cpu_s": usage.ru_utime + usage.ru_stime, "rss_kib": usage.ru_maxrss}
        return tool_process.returncode, json.loads(said), took

    def bad_one(self):
        dead = daemon_rig.free_port()
        lines = self.destination(f"http://127.0.0.1:{dead}")
        text = "[[destination]]\n" + "".join(f"{key} = {json.dumps(value)}\n"
                                             for key, value in lines.items())
        code, said, took = self.roll_out(text, "bad.toml")
        self.figures["bad"] = {"took": took, "waves": said["waves"]}
        check(code == 1 and said["result"] == "stopped", f"the bad one was stopped: {said}")
        check(len(said["waves"]) == 1, "it was caught in the first wave")
        wave = said["waves"][0]
        check(wave["result"] == "reverted" and wave["seen_back"] == len(wave["gateways"]),
              f"its wave was taken back: {wave}")
        for one in wave["failed"]:
            say(f"  caught on {one['gateway']}: {one['why'][0]}")
        return {name.split("/")[1] for name in wave["gateways"]}

    def good_one(self):
        text = "listener.receive_maximum = 500\n"
        code, said, took = self.roll_out(text, "good.toml")
        self.figures["good"] = {"took": took, "waves": said["waves"]}
        check(code == 0 and said["result"] == "done", f"the good one went through: {said}")
        check(said["gateways"] == len(self.gateways), "it is everywhere")
        return text

    # --- the end ----------------------------------------------------------------------------------

    def check_end(self, touched, text):
        sent = self.trickle.end(600)
        self.trickle = None
        wait_until(lambda: self.applied_count() >= len(sent), "all is in the ERP", 600)
        applied = self.erp.applied()
        check(len(applied) == len(set(applied)), "no event was applied twice")
        check(sorted(applied) == sorted(sent), "every acknowledged event was applied")
        self.figures["events"] = len(sent)
        digest = hashlib.sha256(text.encode()).hexdigest()
        drift = self.ann.asks("config", "drift", str(self.folder / "good.toml"),
                               seconds=300)
        check(len(drift) == len(self.gateways), "every gateway says what it runs")
        check(all(one["overlay_sha256"] == digest and not one["on_trial"] for one in drift),
              "every gateway runs the good one, confirmed")
        for name, answer in self.asked("config", "show"):
            versions = [(one["sha256"] == digest, one["held"]) for one in answer["kept"]]
            wanted = [(False, False), (True, True)] if name in touched else [(True, True)]
            check(versions == wanted, f"{name} had the bad one only in its wave: {versions}")
        wait_until(self.all_delivered, "nothing is pending", 300)

    def asked(self, *words):
        answers = self.ann.asks("--timeout", str(self.given.timeout_s), *words,
                                seconds=2 * self.given.timeout_s)
        check(len(answers) == len(self.gateways), f"every gateway answered {words}")
        return [(name.split("/")[1], one["answer"]) for name, one in answers.items()]

    def all_delivered(self):
        pending = 0
        for name, books in self.asked("books"):
            intake, (erp,) = books["intake"], books["destinations"]
            check(intake["received"] == sum(intake[part] for part in (
                "refused", "quarantined", "duplicate", "accepted")), f"{name} balances: {books}")
            check(intake["accepted"] == sum(erp[part] for part in (
                "filtered", "pending", "superseded", "applied", "handed_over", "dead", "discarded",
                "shed")), f"{name} balances: {books}")
            check(erp["dead"] == 0 and intake["quarantined"] == 0, f"{name} lost nothing: {books}")
            pending += erp["pending"]
        return pending == 0

    def end(self):
        if self.trickle is not None:
            self.trickle.ending = True
        running = [one for one in self.gateways if one.process is not None]
        for one in running:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 120
        for one in running:
            try:
                one.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()
        for one in (self.erp, self.broker):
            if one is not None:
                one.cleanup()
        for process in daemon_rig._children:  # a tool that was under way
            if process.poll() is None:
                process.kill()
                process.wait()

    def report(self):
        found = self.figures
        say(f"\n{len(self.gateways)} gateways, an event each every {self.given.event_every_s} s, "
            f"{os.cpu_count()} cores")
        figure("all gateways listen", f"{found['start_s']:.1f}", "s")
        figure("... and are in the fleet", f"{found['in_fleet_s']:.1f}", "s")
        figure("memory of a gateway, shared pages divided", found["pss_kib"]["mean"], "KiB")
        figure("... the largest", found["pss_kib"]["max"], "KiB")
        figure("... with shared pages whole", found["rss_kib"]["mean"], "KiB")
        for which in ("bad", "good"):
            took = found[which]["took"]
            for wave in found[which]["waves"]:
                part = wave["seconds"]
                figure(f"{which}: wave {wave['number']}, {len(wave['gateways'])} gateways",
                       f"{sum(part.values()):.1f}",
                       "s (ordered {order:.1f}, running {seen:.1f}, watched {gate:.1f}, "
                       "ended {end:.1f})".format(**part))
            figure(f"{which}: in all", f"{took['seconds']:.1f}", "s")
            figure(f"{which}: processor time of wharfctl", f"{took['cpu_s']:.2f}", "s")
            figure(f"{which}: memory of wharfctl", took["rss_kib"], "KiB")
        figure("events, each applied once", found["events"])


def check(good, what):
    if not good:
        raise AssertionError(f"not so: {what}")


def available_mib():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    raise AssertionError("/proc/meminfo does not say what is available")


def free_mib(folder):
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >> 20


def place_for(count, memory_mib, tmpfs_mib, disk_mib):
    """"tmpfs" where the journals go beside the processes with room to spare, for the flash is not what is
    looked at; else "disk". Nothing is begun that would take the machine from everybody else."""
    processes, journals = count * PROCESS_MIB, count * JOURNAL_MIB
    if memory_mib < processes + RESERVE_MIB:
        raise SystemExit(f"{count} gateways take about {processes} MiB of memory, and {RESERVE_MIB} MiB "
                         f"stay free: {memory_mib} MiB are available")
    if memory_mib >= processes + journals + RESERVE_MIB and tmpfs_mib >= journals:
        return "tmpfs"
    if disk_mib < journals + RESERVE_MIB:
        raise SystemExit(f"{count} journals take about {journals} MiB: neither memory "
                         f"({memory_mib} MiB) nor disk ({disk_mib} MiB) has room for them")
    return "disk"


def roomy_folder(count):
    tmpfs = free_mib("/dev/shm") if os.access("/dev/shm", os.W_OK) else 0
    place = place_for(count, available_mib(), tmpfs, free_mib(tempfile.gettempdir()))
    say(f"journals on {place}")
    return pathlib.Path(tempfile.mkdtemp(prefix="wharf-fleet-",
                                         dir="/dev/shm" if place == "tmpfs" else None))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--bin", help="a build folder, where the environment names no programs")
    options.add_argument("--gateways", type=int, default=1000)
    options.add_argument("--waves", default="1,10%,100%")
    options.add_argument("--gate-s", type=int, default=30)
    options.add_argument("--timeout-s", type=int, default=300)
    options.add_argument("--event-every-s", type=float, default=10)
    options.add_argument("--json", help="where the figures go")
    given = options.parse_args()
    if given.bin:
        os.environ.setdefault("WHARF_BIN", given.bin)
        os.environ.setdefault("WHARF_TEST_CERTIFICATES",
                              f"{given.bin}/tests/support/certificates")
    try:
        tool("mosquitto")
        certificate("authority.pem")
    except unittest.SkipTest as why:
        say(f"skipped: {why}")
        return SKIPPED
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = roomy_folder(given.gateways)
    rig = Rig(given, folder)
    good = False
    try:
        rig.begin()
        say(f"{given.gateways} gateways start")
        rig.start_gateways()
        rig.feed()
        rig.memory()
        say("a configuration that stops delivery")
        touched = rig.bad_one()
        say("a good one")
        text = rig.good_one()
        say("the end is checked")
        rig.check_end(touched, text)
        rig.report()
        good = True
    finally:
        rig.end()
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(rig.figures, indent=1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

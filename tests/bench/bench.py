#!/usr/bin/env python3
"""./dev bench [NAME ...] [--quick] [--json FILE]: every figure of docs/performance.md, each beside its
peer in the same run. Started by ./dev, which builds and installs what it needs."""
import argparse
import pathlib
import shutil
import sys
import time

import rig
import network_figures  # noqa: F401  each registers its figures, in the order of measuring
import storage_figures  # noqa: F401
import delivery_figures  # noqa: F401
import build_figures  # noqa: F401
import tls_figures  # noqa: F401
import sight_figures  # noqa: F401
import devices_figures  # noqa: F401
from figures import REGISTRY, line, table, write_json

LONG = {"devices"}  # minutes, also with --quick: only where it is named
LOAD_MAX = 0.7  # a machine that does something else measures that


class Programs:
    """Where the build put them."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.wharfd = self.build / "firmware/wharfd/wharfd"
        self.wharfctl = self.build / "firmware/ctl/wharfctl"
        self.certificates = self.build / "tests/support/certificates"
        for name in ("load", "erp", "journal", "disk", "instructions", "micro", "tls", "devices"):
            setattr(self, name, self.build / f"tests/bench/bench-{name}")


class Bench:
    """What the figures share in one run."""

    def __init__(self, build, work, quick, keys):
        self.programs = Programs(build)
        self.work = pathlib.Path(work).resolve()
        self.quick = quick
        self.keys = keys
        self.shared = {}  # what one figure found and another needs
        # Events of a run are new to every journal, also to one that an earlier run left.
        self.events_from = int(time.time()) * 10**9

    def next_events(self):
        self.events_from += 10**8
        return self.events_from


def wait_for_quiet(patience_s):
    until = time.monotonic() + patience_s
    while rig.load_average() > LOAD_MAX and time.monotonic() < until:
        time.sleep(1)
    return rig.load_average()


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="; ".join(f"{name}: {words}" for name, (_, words) in REGISTRY.items()))
    parser.add_argument("--quick", action="store_true",
                        help="all but devices in under two minutes: shorter, with a tenth of "
                             "the keys")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--keys", type=int, metavar="N",
                        help="identities in the window and events of the backlog "
                             "(10 M; quick: 1 M, 200 k)")
    parser.add_argument("--keep", action="store_true", help="leave build/bench-work for a look")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in REGISTRY]
    if unknown:
        parser.error(f"no figure {unknown[0]}; there are {', '.join(REGISTRY)}")

    pathlib.Path(given.work).mkdir(parents=True, exist_ok=True)
    bench = Bench(given.build, given.work, given.quick, given.keys)
    rig.device_of(bench.work)
    figures, failures = [], []
    load = wait_for_quiet(5 if given.quick else 60)
    began = time.monotonic()
    for name, (measure, words) in REGISTRY.items():
        if given.names and name not in given.names:
            continue
        if given.quick and not given.names and name in LONG:
            continue
        since = f"{time.monotonic() - began:4.0f} s"
        print(f"==> {since}  {name}: {words}", file=sys.stderr, flush=True)
        try:
            found = measure(bench)
            figures += found
            for one in found:
                print("          " + line(one), file=sys.stderr, flush=True)
        except rig.BenchError as why:
            failures.append(f"{name}: {why}")
            print(f"    not measured: {why}", file=sys.stderr, flush=True)
    state = {"machine": rig.machine(), "quick": given.quick, "load_before": round(load, 2),
             "seconds": round(time.monotonic() - began, 1)}
    if not given.keep:
        shutil.rmtree(bench.work, ignore_errors=True)
    print(table(figures))
    print(f"\n{state['machine']['cores']} cores, {state['machine']['cpu']}, "
          f"{'quick, ' if given.quick else ''}{state['seconds']} s; load before: {load:.2f}"
          + (" (the machine was busy: measure again)" if load > LOAD_MAX else ""))
    for failure in failures:
        print(f"NOT MEASURED  {failure}")
    if given.json:
        write_json(given.json, figures, state)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

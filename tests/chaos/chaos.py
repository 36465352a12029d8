#!/usr/bin/env python3
"""Rounds of chaos: devices publish while wharfd is killed, its unsynced writes are lost and the ERP
misbehaves; after each round everything is healed, drained and judged.

A seed draws a group of rounds that share one journal and one ERP. With --sabotage a wharfd that is
broken on purpose runs instead, and the rig passes only if its judge says so.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import rig  # noqa: E402
from group import Died, Group  # noqa: E402

# What must be reported for a sabotage to count as seen.
EXPECTED = {"no-sync": "lost", "random-keys": "applied twice", "no-order": "out of order",
            "no-queue": "not delivered"}

print_lock = threading.Lock()


def say(text):
    with print_lock:
        print(text, flush=True)


class Run:
    def __init__(self, given, programs):
        self.given = given
        self.programs = programs
        self.root = tempfile.mkdtemp(prefix="wharf-chaos-", dir=given.work)
        self.begin = time.monotonic()
        self.lock = threading.Lock()
        self.done = 0
        self.bad = 0
        self.seen = collections.Counter()
        self.faults = collections.Counter()
        self.stop = False

    def group(self, seed, rounds):
        group = Group(self.programs, self.root, seed, self.given.sabotage, self.given.no_bridge)
        kept = False
        try:
            for _ in range(rounds):
                if self.stop:
                    break
                kept |= not self.one_round(group)
            group.finish(kept)
        except (Died, rig.RigError, subprocess.TimeoutExpired, OSError) as error:
            kept = True
            self.failed(group, f"round {group.rounds}: {error}", isinstance(error, Died))
        finally:
            group.abandon()
            with self.lock:
                self.faults.update(group.faults)
        return kept

    def one_round(self, group):
        begin = time.monotonic()
        kills = group.faults["kills"]
        discarded = group.faults["bytes discarded"]
        report, verdict = group.run_round()
        with self.lock:
            self.done += 1
            number = self.done
            self.seen.update({kind: len(texts) for kind, texts in verdict.findings.items()})
        figures = verdict.figures
        say(f"round {number:>3}/{self.given.rounds}  seed {group.seed}.{group.rounds}  "
            f"published {report.get('sent', 0):>4}  acknowledged {report.get('acknowledged', 0):>4}"
            f"  duplicates {report.get('duplicates', 0) + report.get('resent', 0):>3}"
            f"  kills {group.faults['kills'] - kills}"
            f"  cut {(group.faults['bytes discarded'] - discarded) // 1024:>4} kB"
            f"  applied {figures['applied']:>5}"
            f"  lost {figures['lost']} twice {figures['applied_twice']}"
            f" out of order {figures['out_of_order']}"
            f"  delivered {figures.get('messages_delivered', 0):>5}"
            f"  {'ok' if verdict.good() else 'DISAGREEMENT'}  {time.monotonic() - begin:.1f} s")
        if verdict.good():
            return True
        if self.given.sabotage:
            if EXPECTED[self.given.sabotage] in verdict.findings:
                say(verdict.report())
                self.stop = True
            return True
        self.failed(group, verdict.report(), False)
        return False

    def failed(self, group, text, died):
        with self.lock:
            self.bad += 1
        if self.given.sabotage and died:
            # A journal that cannot be read any more is not what this run is looking for.
            say(f"seed {group.seed}: {text}")
            return
        say(f"seed {group.seed}, kept in {group.folder}:\n{text}")
        if not self.given.keep_going:
            self.stop = True

    def run(self):
        rng = random.Random(self.given.seed)
        left = self.given.rounds
        groups = []
        while left > 0:
            rounds = min(self.given.carry, left)
            groups.append((rng.randrange(1, 1 << 31), rounds))
            left -= rounds
        if self.given.group_seed:
            groups = [(self.given.group_seed, min(self.given.carry, self.given.rounds))]
        with concurrent.futures.ThreadPoolExecutor(self.given.jobs) as pool:
            kept = list(pool.map(lambda each: not self.stop and self.group(*each), groups))
        if not any(kept):
            shutil.rmtree(self.root, ignore_errors=True)
        return self.summary()

    def summary(self):
        spent = time.monotonic() - self.begin
        say(f"\n{self.done} rounds in {spent:.0f} s, seed {self.given.seed}")
        for name, count in sorted(self.faults.items()):
            say(f"  {name:<32}{count:>12}")
        if self.given.sabotage:
            wanted = EXPECTED[self.given.sabotage]
            if self.seen[wanted]:
                say(f"sabotage {self.given.sabotage}: the judge reports \"{wanted}\": "
                    f"{self.seen[wanted]}. The rig can fail.")
                return 0
            say(f"sabotage {self.given.sabotage}: the judge never reported \"{wanted}\". "
                f"THE RIG IS BLIND. It saw: {dict(self.seen)}")
            return 1
        if self.bad or self.done < self.given.rounds:
            say(f"FAILED: {self.bad} of {self.done} rounds")
            return 1
        wanted = ["kills", "cuts that discarded bytes", "messages delivered to subscribers"]
        if not self.given.no_bridge:
            wanted.append("kills of wharf-bridge")
        silent = [name for name in wanted if not self.faults[name]]
        if silent and self.given.rounds >= 10:
            say(f"FAILED: these faults never fired: {', '.join(silent)}")
            return 1
        say("0 acknowledged events lost, 0 applied twice, 0 out of order per key; 0 messages not "
            "delivered, 0 delivered twice at QoS 2, 0 out of order per topic, 0 retained wrong; the "
            "books agree with both witnesses in every round")
        return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    rig.Programs.add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None, help="of the whole run")
    parser.add_argument("--group-seed", type=int, default=None,
                        help="run one group again: the number before the dot in a progress line")
    parser.add_argument("--carry", type=int, default=10, help="rounds on one journal")
    parser.add_argument("--jobs", type=int, default=1, help="groups at the same time")
    parser.add_argument("--sabotage", choices=sorted(EXPECTED))
    parser.add_argument("--no-bridge", action="store_true",
                        help="without mosquitto and wharf-bridge")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    parser.add_argument("--work", default=None, help="where the temporary folder is made")
    given = parser.parse_args()
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(1, 1 << 31)
    rig.exit_on_signals()
    try:
        programs = rig.Programs(given)
        programs.need("wharfctl", "erp", "publisher", "layer", "cut", "subscriber")
        programs.need("sabotaged" if given.sabotage not in (None, "no-sync") else "wharfd")
        if not given.no_bridge and not given.sabotage:
            programs.need("bridge")
        return Run(given, programs).run()
    except rig.RigError as error:
        say(f"the rig cannot go on: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Rounds of chaos: devices publish while wharfd is killed, its unsynced writes are lost and the ERP
misbehaves; after each round everything is healed, drained and judged.

A seed draws a group of rounds that share one journal and one ERP. With --sabotage a wharfd that is
broken on purpose runs instead, and the rig passes only if its judge says so.
"""
import argparse
import collections
import concurrent.futures
import json
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
import judge  # noqa: E402
import rig  # noqa: E402

ROUND_S = 1.6
ERP_CHANGE_S = 0.25
DRAIN_S = 45
# What must be reported for a sabotage to count as seen.
EXPECTED = {"no-sync": "lost", "random-keys": "applied twice", "no-order": "out of order"}

print_lock = threading.Lock()


def say(text):
    with print_lock:
        print(text, flush=True)


def erp_mood(rng):
    """How the ERP behaves for the next quarter of a second."""
    mood = {"clear": True}
    if rng.random() < 0.3:
        return mood
    faults = {
        "throttle": lambda: {"probability": rng.uniform(0.1, 0.5), "retry_after_s": 0},
        "error_503": lambda: rng.uniform(0.1, 0.6),
        "error_500_before": lambda: rng.uniform(0.05, 0.3),
        "error_500_after": lambda: rng.uniform(0.05, 0.3),
        "drop_before": lambda: rng.uniform(0.1, 0.5),
        "drop_after": lambda: rng.uniform(0.1, 0.5),
        "garbage": lambda: rng.uniform(0.1, 0.4),
        "missing_items": lambda: rng.uniform(0.1, 0.5),
        "in_progress": lambda: rng.uniform(0.01, 0.2),
        "item_answer": lambda: {"probability": rng.uniform(0.01, 0.1),
                                "status": rng.choice(["throttled", "error", "in_progress"])},
        "refuse_item": lambda: rng.uniform(0.002, 0.02),
        "delay_ms": lambda: {"probability": rng.uniform(0.1, 0.6), "min": 0, "max": 900},
        "delay_after_ms": lambda: {"probability": rng.uniform(0.1, 0.4), "min": 0, "max": 900},
    }
    for name in rng.sample(sorted(faults), rng.choice([1, 1, 2, 3])):
        mood[name] = faults[name]()
    if rng.random() < 0.15:
        mood["max_batch_items"] = rng.choice([1, 3, 10])
    if rng.random() < 0.15:
        mood["vanish_ms"] = rng.randrange(100, 600)
    return mood


class Group:
    """Some rounds on one journal and one ERP."""

    def __init__(self, programs, root, seed, sabotage):
        self.programs = programs
        self.rng = random.Random(seed)
        self.seed = seed
        self.sabotage = sabotage
        self.folder = tempfile.mkdtemp(prefix=f"group-{seed}-", dir=root)
        self.faults = collections.Counter()
        self.witness = []
        self.sequence = 1
        self.late = set()
        self.rounds = 0
        self.erp = rig.Erp(programs, self.folder, seed)
        self.gateway = self._gateway()
        if sabotage == "no-sync":
            self._lose_syncs()

    def _lose_syncs(self):
        """From now on. Before that an empty journal is made durable: wharfd would refuse to go on
        with one that has vanished altogether, and then nothing would be lost in silence."""
        self.gateway.start()
        self.gateway.wait_ready()
        self.gateway.end()
        self.gateway.environment["WHARF_LOST_WRITES_SYNC"] = "off"

    def _gateway(self):
        environment = {
            "LD_PRELOAD": self.programs["layer"],
            "WHARF_LOST_WRITES_DIR": os.path.join(self.folder, "journal"),
        }
        program = "wharfd"
        if self.sabotage in ("random-keys", "no-order"):
            environment["WHARF_SABOTAGE"] = self.sabotage
            program = "sabotaged"
        return rig.Gateway(self.programs, self.folder, self.erp.url, program, environment,
                           format=self.rng.choice(["json", "protobuf"]),
                           batch_max_items=self.rng.choice([1, 5, 20, 100]),
                           batch_max_delay_ms=self.rng.choice([0, 10, 50]),
                           request_timeout_ms=self.rng.choice([400, 1000]),
                           backoff_min_ms=20, backoff_max_ms=300, **self.ring(),
                           # A batch whose bytes have changed is asked for under its new keys; the
                           # answer "not held" is to be believed before the round is over.
                           more="settle_ms = 0\n" if self.sabotage == "random-keys" else "")

    def ring(self):
        """Most often one with checkpoints that come within a round."""
        return {"ring_mb": self.rng.choice([0, 4, 4, 8]),
                "ring_block_bytes": self.rng.choice([512, 4096, 4096]),
                "checkpoint_s": self.rng.choice([1, 1, 10])}

    def power_cut(self):
        """What was not synced at the kill is lost: all of it, some pages or some sectors."""
        how = self.rng.choice([["none"], ["random"], ["random", "--torn"], ["all"]])
        # Without any sync some of the pages make no database, only none of them makes an old one.
        if self.sabotage == "no-sync":
            how = ["none"]
        done = subprocess.run([self.programs["cut"], self.gateway.journal, "--keep", *how,
                               "--seed", str(self.rng.randrange(1 << 30))],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise rig.RigError(done.stderr.strip())
        cut = json.loads(done.stdout)
        self.faults["kills"] += 1
        self.faults["kills with unsynced writes"] += 1 if cut["bytes_unsynced"] else 0
        self.faults["cuts that discarded bytes"] += 1 if cut["bytes_discarded"] else 0
        self.faults["bytes discarded"] += cut["bytes_discarded"]
        return cut

    def kill_and_restart(self):
        self.gateway.kill()
        cut = self.power_cut()
        if self.rng.random() < 0.3:
            time.sleep(self.rng.uniform(0, 0.2))
        if self.rng.random() < 0.1:
            self.gateway.configure(**self.ring())
        self.gateway.start()
        return cut

    def publisher(self, folder):
        self.witness.append(os.path.join(folder, "witness"))
        events = self.rng.randrange(35, 60)
        made = rig.Publisher(self.programs, folder, self.gateway.port, clients=12, wms=2,
                             events=events, rate=events / ROUND_S,
                             window=self.rng.choice([4, 20, 50]),
                             run=f"r{self.rounds}", first_sequence=self.sequence,
                             seed=self.rng.randrange(1 << 30), bad=0.02, duplicates=0.06)
        # More than a round can use: no two rounds share a sequence.
        self.sequence += 100_000
        return made

    def run_round(self):
        self.rounds += 1
        folder = os.path.join(self.folder, f"round-{self.rounds}")
        os.mkdir(folder)
        if self.gateway.process is None or self.gateway.died():
            self.gateway.start()
            self.gateway.wait_ready()
        publisher = self.publisher(folder)
        try:
            self._disturb(publisher)
            self.erp.heal()
            # One more kill now and then while all is well: recovery must also find its way alone.
            if self.rng.random() < 0.3:
                self.kill_and_restart()
            published = publisher.wait(DRAIN_S)
            drained = self._drain()
            return publisher.last_report(), self._judge(published, drained)
        finally:
            publisher.end()

    def _disturb(self, publisher):
        begin = time.monotonic()
        kills = [(self.rng.uniform(0.15, ROUND_S), self.kill_and_restart)
                 for _ in range(self.rng.randrange(2, 5))]
        moods = [(at * ERP_CHANGE_S, lambda: self.erp.control(erp_mood(self.rng)))
                 for at in range(int(ROUND_S / ERP_CHANGE_S))]
        for at, act in sorted(kills + moods, key=lambda each: each[0]):
            time.sleep(max(0, begin + at - time.monotonic()))
            if self.gateway.died():
                raise Died(self.gateway)
            act()
        # The publishers may be done before the last kill: that is a round as well.

    def _drain(self):
        """Waits until nothing is pending; what was refused meanwhile is sent again by hand."""
        until = time.monotonic() + DRAIN_S
        self.gateway.wait_ready()
        while time.monotonic() < until:
            if self.gateway.died():
                raise Died(self.gateway)
            try:
                books = self.gateway.books()
                dead = sum(d["dead"] for d in books["destinations"])
                if dead:
                    self._retry_dead()
                elif not sum(d["pending"] for d in books["destinations"]):
                    return True
            except rig.RigError as error:
                if self.gateway.died():
                    raise Died(self.gateway) from error
                if time.monotonic() > until:
                    raise
            time.sleep(0.05)
        return False

    def _retry_dead(self):
        for letter in self.gateway.dead():
            # A dead count lets later updates of its keys pass: after its retry it is late.
            if not letter["blocks"]:
                self.late.add(rig.event_of(letter))
            if self.gateway.retry(letter):
                self.faults["dead letters sent again"] += 1

    def _judge(self, published, drained):
        books = self.gateway.books()
        quarantine = self.gateway.quarantine()
        dead = {rig.event_of(letter) for letter in self.gateway.dead()}
        verdict = judge.judge(self.witness, self.erp.db, books, quarantine, dead, self.late,
                              drained)
        verdict.expect(published, "not acknowledged",
                       "the publishers were not done in time: " + self.folder)
        verdict.expect(drained, "not drained", f"after {DRAIN_S} s: {books['destinations']}")
        return verdict

    def finish(self, keep):
        for name, count in self.erp.stats().items():
            if name.startswith("fault_") and count:
                self.faults["ERP: " + name[len("fault_"):]] += count
        self.gateway.end()
        self.erp.end()
        if not keep:
            shutil.rmtree(self.folder)

    def abandon(self):
        if self.gateway.process is not None:
            rig.end(self.gateway.process)
        self.erp.end()


class Died(Exception):
    """wharfd ended although nobody had killed it."""

    def __init__(self, gateway):
        super().__init__(f"wharfd ended by itself with {gateway.process.returncode}:\n"
                         + rig.tail(gateway.log))


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
        group = Group(self.programs, self.root, seed, self.given.sabotage)
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
        silent = [n for n in ("kills", "cuts that discarded bytes") if not self.faults[n]]
        if silent and self.given.rounds >= 10:
            say(f"FAILED: these faults never fired: {', '.join(silent)}")
            return 1
        say("0 acknowledged events lost, 0 applied twice, 0 out of order per key; the books agree "
            "with both witnesses in every round")
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
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    parser.add_argument("--work", default=None, help="where the temporary folder is made")
    given = parser.parse_args()
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(1, 1 << 31)
    rig.exit_on_signals()
    try:
        programs = rig.Programs(given)
        programs.need("wharfctl", "erp", "publisher", "layer", "cut")
        programs.need("sabotaged" if given.sabotage in ("random-keys", "no-order") else "wharfd")
        return Run(given, programs).run()
    except rig.RigError as error:
        say(f"the rig cannot go on: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())

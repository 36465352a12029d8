"""A group of rounds: some devices, subscribers and a bridged broker on one journal and one ERP, what
befalls them, and the wait until everything is where it belongs."""
import collections
import json
import os
import random
import shutil
import subprocess
import tempfile
import time

import judge
import rig
from audience import Audience
from bridged import BridgedSite

ROUND_S = 1.6
ERP_CHANGE_S = 0.25
DRAIN_S = 45


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

    def __init__(self, programs, root, seed, sabotage=None, no_bridge=False):
        self.programs = programs
        self.rng = random.Random(seed)
        self.seed = seed
        self.sabotage = sabotage
        self.folder = tempfile.mkdtemp(prefix=f"group-{seed}-", dir=root)
        self.faults = collections.Counter()
        self.witness = []
        self.direct = []  # those of devices that publish to wharfd itself
        self.sequence = 1
        self.late = set()
        self.rounds = 0
        self.erp = rig.Erp(programs, self.folder, seed)
        self.gateway = self._gateway()
        # What a sabotage breaks is looked for alone.
        self.audience = None
        if sabotage in (None, "no-queue"):
            self.audience = Audience(programs, self.folder, self.gateway.port, self.rng)
        self.site = None
        if sabotage is None and not no_bridge:
            self.site = BridgedSite(programs, self.folder, self.gateway, self.rng)
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
        if self.sabotage not in (None, "no-sync"):
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
        self.direct.append(self.witness[-1])
        events = self.rng.randrange(35, 60)
        made = rig.Publisher(self.programs, folder, self.gateway.port, clients=12, wms=2, states=2,
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
        if self.rounds == 1:
            self._gather()
        publisher = self.publisher(folder)
        if self.site is not None:
            self.witness.append(self.site.publish(folder, f"b{self.rounds}", self.sequence))
            self.sequence += 100_000
        try:
            self._disturb()
            self.erp.heal()
            # One more kill now and then while all is well: recovery must also find its way alone.
            if self.rng.random() < 0.3:
                self.kill_and_restart()
            published = publisher.wait(DRAIN_S)
            if self.site is not None:
                published = self.site.published(DRAIN_S) and published
            drained = self._drain()
            return publisher.last_report(), self._judge(published, drained)
        finally:
            publisher.end()
            if self.site is not None:
                self.site.end_publisher()

    def _gather(self):
        """Sessions are there before the first message is published."""
        if self.audience is not None:
            self.audience.start()
        if self.site is not None:
            self.site.start()

    def _disturb(self):
        begin = time.monotonic()
        kills = [(self.rng.uniform(0.15, ROUND_S), self.kill_and_restart)
                 for _ in range(self.rng.randrange(2, 5))]
        moods = [(at * ERP_CHANGE_S, lambda: self.erp.control(erp_mood(self.rng)))
                 for at in range(int(ROUND_S / ERP_CHANGE_S))]
        bridge = [(self.rng.uniform(0.1, ROUND_S), self._kill_bridge)
                  for _ in range(self.rng.randrange(1, 3) if self.site is not None else 0)]
        for at, act in sorted(kills + moods + bridge, key=lambda each: each[0]):
            time.sleep(max(0, begin + at - time.monotonic()))
            if self.gateway.died():
                raise Died(self.gateway)
            act()
        # The publishers may be done before the last kill: that is a round as well.

    def _kill_bridge(self):
        self.site.bridge.kill_and_restart()
        self.faults["kills of wharf-bridge"] += 1

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
                elif (not sum(d["pending"] for d in books["destinations"])
                      and (self.site is None or self.site.has_arrived(self.witness, self.erp.db))):
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
        if self.audience is not None:
            # What came through a bridge is for the ERP; who is on site subscribes at its broker.
            self.audience.judge(verdict, self.direct)
        verdict.expect(published, "not acknowledged",
                       "the publishers were not done in time: " + self.folder)
        verdict.expect(drained, "not drained", f"after {DRAIN_S} s: {books['destinations']}")
        return verdict

    def finish(self, keep):
        for name, count in self.erp.stats().items():
            if name.startswith("fault_") and count:
                self.faults["ERP: " + name[len("fault_"):]] += count
        if self.audience is not None:
            self.faults["messages delivered to subscribers"] += self.audience.delivered()
        self._end_others()
        self.gateway.end()
        self.erp.end()
        if not keep:
            shutil.rmtree(self.folder)

    def _end_others(self):
        for each in (self.audience, self.site):
            if each is not None:
                each.end()

    def abandon(self):
        self._end_others()
        if self.gateway.process is not None:
            rig.end(self.gateway.process)
        self.erp.end()


class Died(Exception):
    """wharfd ended although nobody had killed it."""

    def __init__(self, gateway):
        super().__init__(f"wharfd ended by itself with {gateway.process.returncode}:\n"
                         + rig.tail(gateway.log))

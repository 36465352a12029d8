#!/usr/bin/env python3
"""wharfd on a small file system that another process fills to the last block while the ERP is away:
devices are held back, a kill with a power cut follows, the disk stays full over the start, space comes
back, everything drains without help, and the judge speaks.

    full_disk.py --bin build/release [--rounds N] [--only allocated|filled|thin]

Exit: 0 well, 1 not, 2 the rig cannot go on, 77 mounts are not allowed here.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import judge  # noqa: E402
import rig  # noqa: E402
from audience import Audience  # noqa: E402
from small_disk import NoMounts, SmallDisk  # noqa: E402

SKIPPED = 77
DISK_MB = 64
JOURNAL_MB = 16
PATIENCE_S = 120
# How the journal's file gets its blocks. What is punched has none, as on a thin volume.
DISKS = {"allocated": (), "filled": ("^extent", "^64bit"), "thin": ()}
WHO = [
    ("dashboard", True, 2, ["wharf/1/ber1/watched-01/stock", "wharf/1/ber1/watched-03/stock",
                            "site/ber1/#"], 0),
    ("handheld", False, 1, ["wharf/1/ber1/watched-02/stock", "site/ber1/state-01/#"], 300),
]


class Failed(Exception):
    """The product did not do what it promises."""


def wait_until(look, what, patience_s=PATIENCE_S):
    until = time.monotonic() + patience_s
    while not (found := look()):
        if time.monotonic() > until:
            raise Failed(f"not within {patience_s} s: {what}")
        time.sleep(0.1)
    return found


class FullDisk:
    def __init__(self, programs, root, kind, seed):
        self.programs, self.kind = programs, kind
        self.rng = random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix=f"{kind}-", dir=root)
        self.disk = SmallDisk(self.folder, os.path.join(self.folder, "journal"), DISK_MB,
                              DISKS[kind])
        self.erp = rig.Erp(programs, self.folder, seed)
        environment = {"LD_PRELOAD": programs["layer"],
                       "WHARF_LOST_WRITES_DIR": os.path.join(self.folder, "journal")}
        self.gateway = rig.Gateway(programs, self.folder, self.erp.url, environment=environment,
                                   size_max_mb=JOURNAL_MB, ring_mb=self.rng.choice([0, 4]),
                                   checkpoint_s=1, batch_max_items=500, backoff_max_ms=300)
        self.audience = Audience(programs, self.folder, self.gateway.port, self.rng, WHO)
        self.publishers = []
        self.seen = {"starts refused": 0, "bytes discarded": 0, "held back": 0,
                     "ended at a short write": 0}

    def run(self):
        self.gateway.start()
        self.gateway.wait_ready()
        if self.kind == "thin":
            self._punch()
        self.audience.start()
        self.erp.control({"error_503": 1.0})
        self._publish()
        time.sleep(1)
        if self.kind == "thin":
            self._full_and_back()
        self.disk.fill()
        self._held_back()
        self._kill_and_cut("none" if self.rng.random() < 0.5 else "random")
        if self.kind == "thin":
            # Its first commit needs blocks that nobody has: whoever starts it does so until it can.
            self._start_until_it_stays(relieve_after_s=3)
            self.erp.heal()
        else:
            self._comes_up_and_delivers()
            self._kill_and_cut("random")
            self._start_until_it_stays()
            self.disk.relieve()
        return self._end()

    def _punch(self):
        """Takes the blocks behind what the journal uses away: they have to be had again."""
        self.gateway.end()
        data = os.path.join(self.gateway.journal, "data.mdb")
        used = 1 << 20
        subprocess.run(["fallocate", "-p", "-o", str(used), "-l",
                        str(os.stat(data).st_size - used), data], check=True)
        self.gateway.start()
        self.gateway.wait_ready()

    def _publish(self):
        options = {"events": 0, "run": "r1", "bad": 0.01, "duplicates": 0.05}
        for name, more in (("load", {"clients": 16, "rate": 150, "window": 50, "references": 16,
                                     "first_sequence": 1}),
                           ("watched", {"clients": 4, "states": 2, "rate": 15, "window": 10,
                                        "first_sequence": 1})):
            place = os.path.join(self.folder, name)
            os.mkdir(place)
            self.publishers.append(rig.Publisher(
                self.programs, place, self.gateway.port, wms=0, name=name,
                seed=self.rng.randrange(1 << 30), **more, **options))

    def _report(self, name):
        return sum(each.last_report().get(name, 0) for each in self.publishers)

    def _held_back(self):
        """Nothing is acknowledged any more although there is something to acknowledge."""
        def still():
            before = self._report("acknowledged")
            time.sleep(1.5)
            return before == self._report("acknowledged") < self._report("sent")
        wait_until(still, "devices are held back")
        if self.gateway.died() and self.kind == "thin":
            # A write that the disk takes in part is none that LMDB calls "no space": the outcome is
            # unknown then (docs/adr/0001).
            self._expect(self.gateway.process.returncode == 70,
                         f"it ended with {self.gateway.process.returncode}")
            self.seen["ended at a short write"] += 1
            return False
        self._expect(not self.gateway.died(), "wharfd ended on a full disk")
        self._expect(self.disk.free_bytes() < 1 << 16, "the disk is not full any more")
        connections = self._report("connections")
        self._ping()
        time.sleep(1)
        self._expect(connections == self._report("connections"), "devices lost their connections")
        self.seen["held back"] += 1
        return True

    def _ping(self):
        """A newcomer is let in and answered."""
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=5) as peer:
            peer.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04ping" + b"\xc0\x00")
            got = b""
            while len(got) < 6:
                piece = peer.recv(64)
                self._expect(piece, f"a newcomer is turned away: {got!r}")
                got += piece
        self._expect(got == b"\x20\x02\x00\x00\xd0\x00", f"a newcomer is answered {got!r}")

    def _full_and_back(self):
        """Space comes back and devices go on, the same process."""
        pid = self.gateway.process.pid
        self.disk.fill()
        if not self._held_back():
            self.disk.relieve()
            return self._start_until_it_stays()
        said = pathlib.Path(self.gateway.log).read_text().count("acknowledgements are withheld")
        self._expect(said == 1, f"it is said {said} times that there is no space")
        before = self._report("acknowledged")
        self.disk.relieve()
        wait_until(lambda: self._report("acknowledged") > before, "devices go on")
        return self._expect(not self.gateway.died() and self.gateway.process.pid == pid, "it ended")

    def _kill_and_cut(self, keep):
        self.gateway.kill()
        # What goes back to its place may need its blocks again; the next start finds none.
        self.disk.relieve()
        done = subprocess.run([self.programs["cut"], self.gateway.journal, "--keep", keep, "--seed",
                               str(self.rng.randrange(1 << 30))],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise rig.RigError(done.stderr)
        self.seen["bytes discarded"] += json.loads(done.stdout)["bytes_discarded"]
        self.disk.fill()

    def _comes_up_and_delivers(self):
        """With the disk as full as it was: it listens, the ERP gets what it lacks, and devices go on
        in the space that this frees inside the journal."""
        self.gateway.start()
        self.gateway.wait_ready(PATIENCE_S)
        before = self._report("acknowledged")
        applied = len(judge.read_applied(self.erp.db))
        self.erp.heal()
        wait_until(lambda: len(judge.read_applied(self.erp.db)) > applied + 500, "it delivers")
        wait_until(lambda: self._report("acknowledged") > before, "devices go on")
        self._expect(self.disk.free_bytes() < 1 << 16, "the disk is not full any more")

    def _start_until_it_stays(self, relieve_after_s=None):
        """As a service manager does."""
        begin = time.monotonic()
        while True:
            if relieve_after_s is not None and time.monotonic() - begin > relieve_after_s:
                self.disk.relieve()
                relieve_after_s = None
            if self.gateway.process.poll() is not None:
                self.gateway.start()
            try:
                self.gateway.wait_ready(PATIENCE_S)
            except rig.RigError:
                self._expect(self.kind == "thin" and self.gateway.died(),
                             f"it does not start: {rig.tail(self.gateway.log)}")
                self._expect(self.gateway.process.returncode == 71,
                             f"it ended with {self.gateway.process.returncode}")
                self.seen["starts refused"] += 1
                time.sleep(0.5)
                continue
            if relieve_after_s is None:
                return
            time.sleep(0.1)

    def _end(self):
        for each in self.publishers:
            each.stop()
        published = all([each.wait(PATIENCE_S) for each in self.publishers])

        def drained():
            for letter in self.gateway.dead():
                self.gateway.retry(letter)
            return not self.gateway.pending()
        wait_until(drained, "everything drains", 2 * PATIENCE_S)
        witness = [each.witness for each in self.publishers]
        verdict = judge.judge(witness, self.erp.db, self.gateway.books(), self.gateway.quarantine())
        self.audience.judge(verdict, witness)
        verdict.expect(published, "not acknowledged", "the publishers were not done in time")
        for path in (p for folder in witness for p in pathlib.Path(folder).glob("*.log")):
            lost = path.read_text().count("\nC\t0\t")  # the first line is its first connection
            verdict.expect(lost == 0, "session lost", f"{path.stem}: {lost} times")
        return verdict

    def _expect(self, good, words):
        if not good:
            raise Failed(words)

    def end(self, keep):
        for each in self.publishers:
            each.end()
        self.audience.end()
        self.gateway.end()
        self.erp.end()
        self.disk.end()
        if not keep:
            shutil.rmtree(self.folder)


def one(programs, root, kind, seed):
    begin = time.monotonic()
    run = FullDisk(programs, root, kind, seed)
    good = False
    try:
        verdict = run.run()
        good = verdict.good()
        text = "" if good else "\n" + verdict.report()
        f = verdict.figures
        words = (f"acknowledged {f['acknowledged']}  applied {f['applied']}  lost {f['lost']}"
                 f" twice {f['applied_twice']} out of order {f['out_of_order']}"
                 f"  owed to subscribers {f['messages_owed']} not delivered {f['not_delivered']}"
                 f" twice {f['delivered_twice']}  retained wrong {f['retained_wrong']}")
    except (Failed, rig.RigError) as error:
        words, text = str(error), "\n" + rig.tail(run.gateway.log)
    finally:
        run.end(keep=not good)
    seen = "  ".join(f"{name} {count}" for name, count in run.seen.items())
    print(f"{kind:<10} seed {seed}  {words}  {seen}  {'ok' if good else 'FAILED in ' + run.folder}"
          f"  {time.monotonic() - begin:.0f} s{text}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    rig.Programs.add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=1, help="of each kind of disk")
    parser.add_argument("--only", choices=sorted(DISKS))
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = given.seed or random.SystemRandom().randrange(1, 1 << 31)
    rig.exit_on_signals()
    root = tempfile.mkdtemp(prefix="wharf-full-disk-")
    try:
        programs = rig.Programs(given)
        programs.need("wharfctl", "wharfd", "erp", "publisher", "layer", "cut", "subscriber")
        kinds = [given.only] if given.only else sorted(DISKS)
        good = [one(programs, root, kind, seed + number)
                for number in range(given.rounds) for kind in kinds]
    except NoMounts as error:
        shutil.rmtree(root)
        print(f"SKIPPED: no file system can be mounted here: {str(error).strip()}")
        return SKIPPED
    except rig.RigError as error:
        print(f"the rig cannot go on: {error}")
        return 2
    if all(good):
        shutil.rmtree(root)
    print(f"{len(good)} full disks, {good.count(False)} of them FAILED")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())

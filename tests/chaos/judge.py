#!/usr/bin/env python3
"""Says whether every event that was acknowledged is in the ERP once and in order.

The verdict comes from the two witnesses outside Wharf: the publishers' own logs (witness.hpp) and
the ERP's own table. Only afterwards Wharf's books and lists are held against them. It exits with 1
on any disagreement and names each with examples.
"""
import argparse
import collections
import decimal
import glob
import json
import os
import sqlite3
import sys

EXAMPLES_MAX = 5


class Event:
    """What a publisher says of one event."""

    __slots__ = ("device", "uid", "kind", "event_id", "keys", "quantity", "number", "what", "acks",
                 "sends", "repeats")

    def __init__(self, device, uid, what):
        self.device = device
        self.uid = uid
        self.what = what
        self.acks = 0
        self.sends = 0
        # How often the client library may have repeated it by itself after a lost connection.
        self.repeats = 0
        self.number = None

    def name(self):
        return f"{self.device} #{self.uid} ({self.kind})"


class Publishers:
    """All witness logs, in the order of the rounds."""

    def __init__(self, folders):
        self.events = {}
        self.duplicates_sent = 0
        for folder in folders:
            for path in sorted(glob.glob(os.path.join(folder, "*.log"))):
                self._read(path)

    def _read(self, path):
        device = os.path.basename(path)[: -len(".log")]
        waiting = {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                # A publisher that was killed may leave half a line: it says nothing.
                if line.endswith("\n"):
                    self._fact(device, line.rstrip("\n").split("\t"), waiting)

    def _fact(self, device, fact, waiting):
        letter = fact[0]
        if letter == "L":
            for event in waiting.values():
                event.repeats += 1
        if letter not in "SDA":
            return
        uid, what = fact[1], fact[2]
        event = self.events.get((device, uid))
        if event is None:
            event = self.events[(device, uid)] = Event(device, uid, what)
        if letter == "A":
            event.acks += 1
            waiting.pop(uid, None)
            return
        event.sends += 1
        waiting[uid] = event
        if letter == "D":
            self.duplicates_sent += 1 if fact[3] == "duplicate" else 0
            return
        event.event_id, keys, event.kind, event.quantity = fact[3], fact[5], fact[6], fact[7]
        event.keys = keys.split(",") if keys else []
        event.number = len(self.events)

    def of(self, what):
        return [e for e in self.events.values() if e.what == what]


def read_applied(path):
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        rows = base.execute("SELECT n, device, device_sequence, event_id, kind, quantity, "
                            "idempotency_key FROM applied ORDER BY n").fetchall()
    finally:
        base.close()
    return rows


def same_quantity(left, right):
    try:
        return decimal.Decimal(left) == decimal.Decimal(right)
    except decimal.InvalidOperation:
        return left == right


class Judgement:
    def __init__(self):
        self.figures = {}
        self.findings = collections.OrderedDict()

    def find(self, kind, text):
        self.findings.setdefault(kind, []).append(text)

    def expect(self, good, kind, text):
        if not good:
            self.find(kind, text)

    def count(self, kind):
        return len(self.findings.get(kind, []))

    def good(self):
        return not self.findings

    def as_json(self):
        return {"good": self.good(), "figures": self.figures,
                "findings": {k: {"count": len(v), "examples": v[:EXAMPLES_MAX]}
                             for k, v in self.findings.items()}}

    def report(self):
        lines = [f"  {name.replace('_', ' '):<28}{value:>10}"
                 for name, value in self.figures.items()]
        for kind, texts in self.findings.items():
            lines.append(f"  {kind}: {len(texts)}")
            lines += [f"      {text}" for text in texts[:EXAMPLES_MAX]]
            if len(texts) > EXAMPLES_MAX:
                lines.append(f"      ... and {len(texts) - EXAMPLES_MAX} more")
        lines.append("  verdict: " + ("the three agree" if self.good() else "DISAGREEMENT"))
        return "\n".join(lines)


def judge_effects(verdict, publishers, rows, parked, late):
    """Lost, twice, never published, other content."""
    of_event = collections.defaultdict(list)
    for row in rows:
        n, device, sequence, event_id, kind, quantity, _ = row
        event = publishers.events.get((device, str(sequence)))
        what = f"row {n}: {device} #{sequence} {event_id} ({kind})"
        if event is None or event.what != "good" or event.number is None:
            verdict.find("applied but never published as good", what)
            continue
        of_event[(device, event.uid)].append(row)
        if kind != event.kind or (event.quantity and not same_quantity(quantity, event.quantity)):
            verdict.find("applied with other content",
                         f"{what}: {kind} {quantity}, published {event.kind} {event.quantity}")
    lost = twice = 0
    for event in publishers.of("good"):
        found = of_event.get((event.device, event.uid), [])
        if len(found) > 1:
            twice += 1
            keys = ", ".join(f"row {r[0]} {r[6]}" for r in found)
            verdict.find("applied twice", f"{event.name()}: {keys}")
        is_parked = (event.device, event.uid) in parked
        if event.acks and not found and not is_parked:
            lost += 1
            verdict.find("lost", f"{event.name()}: acknowledged, in the ERP nowhere")
        if found and is_parked:
            verdict.find("dead but applied", event.name())
    out_of_order = judge_order(verdict, publishers, rows, late)
    verdict.figures.update(lost=lost, applied_twice=twice, out_of_order=out_of_order)
    return of_event


def judge_order(verdict, publishers, rows, late):
    """Per publisher and key: the ERP's rows come in the order of publication. `late`: events a
    person has sent again after later ones had been let pass."""
    last = {}
    seen = set()
    count = 0
    for n, device, sequence, *_ in rows:
        event = publishers.events.get((device, str(sequence)))
        name = (device, str(sequence))
        if event is None or event.number is None or name in seen or name in late:
            continue
        seen.add(name)
        for key in event.keys:
            before = last.get((device, key))
            if before is not None and before[0] > event.number:
                count += 1
                verdict.find("out of order",
                             f"key {key}: row {n} {event.name()} after {before[1]}")
            else:
                last[(device, key)] = (event.number, event.name())
    return count


def judge_books(verdict, publishers, rows, books, quarantine, parked, drained):
    intake = books["intake"]
    kind = "the books disagree"
    parts = sum(intake[k] for k in ("refused", "quarantined", "duplicate", "accepted"))
    verdict.expect(intake["received"] == parts, kind,
                   f"received {intake['received']}, its parts make {parts}")
    good = publishers.of("good")
    others = publishers.of("bad") + publishers.of("conflict")
    acknowledged = sum(1 for e in good if e.acks)
    verdict.expect(acknowledged <= intake["accepted"] <= len(good), kind,
                   f"accepted {intake['accepted']}, but {acknowledged} were acknowledged and "
                   f"{len(good)} published")
    again = sum(e.acks - 1 for e in good if e.acks > 1)
    verdict.expect(intake["duplicate"] >= again, kind,
                   f"duplicate {intake['duplicate']}, but {again} were acknowledged again")
    bad_acknowledged = sum(1 for e in others if e.acks)
    bad_most = sum(e.sends + e.repeats for e in others)
    verdict.expect(bad_acknowledged <= intake["quarantined"] <= bad_most, kind,
                   f"quarantined {intake['quarantined']}, but {bad_acknowledged} bad ones were "
                   f"acknowledged and at most {bad_most} can have been received")
    for to in books["destinations"]:
        parts = sum(to[k] for k in ("filtered", "pending", "superseded", "applied", "handed_over",
                                    "dead", "discarded", "shed"))
        verdict.expect(intake["accepted"] == parts, kind,
                       f"{to['name']}: accepted {intake['accepted']}, its parts make {parts}")
        if not drained:
            continue
        verdict.expect(to["pending"] == 0, kind, f"{to['name']}: pending {to['pending']}")
        verdict.expect(to["applied"] == len(rows), kind,
                       f"{to['name']}: applied {to['applied']}, the ERP has {len(rows)} rows")
        verdict.expect(to["dead"] == len(parked), kind,
                       f"{to['name']}: dead {to['dead']}, the list has {len(parked)}")
        verdict.expect(to["shed"] == 0 and to["superseded"] == 0 and to["filtered"] == 0, kind,
                       f"{to['name']}: something was shed, superseded or filtered: {to}")
    if quarantine is None:
        return
    kept = sum(entry.get("events", 1) or 1 for entry in quarantine)
    verdict.expect(kept == intake["quarantined"], kind,
                   f"quarantined {intake['quarantined']}, the list has {kept}")
    listed = collections.Counter()
    for entry in quarantine:  # one for all bad events of a message
        listed[entry.get("device", "")] += entry.get("events", 1) or 1
    wanted = collections.Counter(e.device for e in others if e.acks)
    for device, count in wanted.items():
        verdict.expect(listed[device] >= count, kind,
                       f"quarantine has {listed[device]} of {device}, "
                       f"{count} bad ones were acknowledged")


def judge(witness_folders, erp_db, books=None, quarantine=None, parked=(), late=(), drained=True):
    """`parked`, `late`: sets of (device, device sequence)."""
    verdict = Judgement()
    publishers = Publishers(witness_folders)
    rows = read_applied(erp_db)
    good = publishers.of("good")
    others = publishers.of("bad") + publishers.of("conflict")
    verdict.figures = {
        "published": len(good),
        "acknowledged": sum(1 for e in good if e.acks),
        "duplicates_sent": publishers.duplicates_sent,
        "bad_sent": len(others),
        "bad_acknowledged": sum(1 for e in others if e.acks),
        "applied": len(rows),
        "dead": len(parked),
    }
    judge_effects(verdict, publishers, rows, set(parked), set(late))
    if books is not None:
        judge_books(verdict, publishers, rows, books, quarantine, parked, drained)
    return verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("witness", nargs="+", help="folders of witness logs, in their order")
    parser.add_argument("--erp", required=True, help="the ERP's SQLite file")
    parser.add_argument("--books", help="what wharfctl books --json printed")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    books = None
    if given.books:
        with open(given.books, encoding="utf-8") as text:
            books = json.load(text)
    verdict = judge(given.witness, given.erp, books)
    print(json.dumps(verdict.as_json(), indent=2) if given.json else verdict.report())
    return 0 if verdict.good() else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Every command that changes something, with the gateway killed at each of the calls by which it
writes the command down and carries it out, and the power cut: it is done or not at all, and how it
ended is said once.

One gateway per command. WHARF_KILLS_OF names one of them."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import time
import unittest

from fleet_rig import SITE, Erp, FleetTest, event, program, start_program, wait_until

CALLS_MAX = 20
AT_ONCE = 4
STEP_DONE = 3
CODE_STALE_NONCE = 6


def fields(message):
    """Of serialized protobuf: (number, value), varints and bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        else:
            size = varint()
            yield tag >> 3, message[at:at + size]
            at += size


def ends_told(recording):
    """Of each command: how it ended, as often as another end was told. That it has to be signed
    with another nonce is not its end."""
    out = {}
    for line in recording.read_text().split():
        report = dict(fields(dict(fields(bytes.fromhex(line)))[1]))
        if report.get(4) == STEP_DONE and report.get(5) != CODE_STALE_NONCE:
            out.setdefault(report[1].hex(), set()).add((report.get(5, 0), report.get(6, b"")))
    return out


class Row:
    """One command and its gateway."""
    name = ""
    lasts = True      # what it does is still there after a restart

    def __init__(self, test):
        self.test = test
        self.number = 0
        self.gateway = None
        self.erp = None
        self.begin()

    # --- what a row says
    def prepare(self):
        """Before each order."""

    def words(self):
        raise NotImplementedError

    def done(self):
        """Whether its effect is there."""

    def once(self):
        """Before the first."""

    # --- the rest
    def begin(self):
        where = self.test.folder / self.name
        where.mkdir()
        self.erp = Erp(where)
        self.test.addCleanup(self.erp.cleanup)
        self.erp.start()
        self.gateway = self.test.managed(self.name.replace("_", "-"), destinations=[
            {"name": "erp", "url": self.erp.url, "batch_max_delay_ms": 10, "backoff_min_ms": 20,
             "backoff_max_ms": 200}])
        self.state = where / "state"
        self.gateway.journal = self.state / "journal"
        self.gateway.sections["journal"]["path"] = str(self.gateway.journal)
        self.ctl = self.gateway.ctl
        self.start()
        self.once()

    def start(self):
        self.gateway.start_with_faults(WHARF_LOST_WRITES_DIR=str(self.state))

    def asked(self, *words):
        def answer():
            try:
                return [json.loads(self.ctl("--json", *words, good=(0, 1)))]
            except AssertionError as error:
                # It begins anew with another configuration.
                if "nobody answers" in str(error) or "read: " in str(error):
                    return None
                raise
        return wait_until(answer, f"{self.name}: somebody answers")[0]

    def trail(self):
        """What the fleet has ordered of this command: id, and its entries in order."""
        out = {}
        for entry in self.asked("audit", "--limit", "1000")["answer"]:
            if entry["command"] == self.name and entry["by"] == "ann":
                out.setdefault(entry["id"], []).append(entry)
        return out

    def cut_power(self, seed):
        done = subprocess.run([program("WHARF_LOST_WRITES_CUT"), str(self.state), "--keep",
                               "random", "--seed", str(seed)], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def kill_at(self, call):
        """True: the order was over before."""
        before = self.trail()
        self.prepare()
        words = [program("WHARFCTL"), "--fleet", str(self.test.people["ann"].config), "--json",
                 "--on", f"gateway={self.gateway.name}", *self.words()]
        self.gateway.plan_faults(f"kill_after:any:{call}" if call else "kill_before:any:1")
        order = start_program(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            wait_until(lambda: self.gateway.process.poll() is not None or order.poll() is not None,
                       f"{self.name} is over, one way or the other", 60)
            over = order.poll() is not None
            if over:
                self.test.assertEqual(order.returncode, 0, order.communicate())
        finally:
            order.kill()
            order.communicate()
        self.gateway.kill()
        self.cut_power(call)
        self.start()
        self.judge(before, call)
        return over

    def heard(self):
        """What the broker still has for the gateway comes before an order of now."""
        def answered():
            try:
                return self.test.people["eve"].orders(self.gateway.name, "--timeout", "15", "books",
                                                      good=(0, 3))["code"] == "ok"
            except AssertionError:
                return None  # the broker has no state of it now
        wait_until(answered, f"{self.name}: it hears the fleet", 90)

    def judge(self, before, call):
        where = f"{self.name}, killed at call {call}"
        self.heard()

        def settled():
            new = {id: entries for id, entries in self.trail().items() if id not in before}
            return [new] if all(one[-1]["step"] == "done" for one in new.values()) else None
        new = wait_until(settled, f"{where}: what was received is done", 30)[0]
        self.test.assertLessEqual(len(new), 1, where)
        entries = [entry for one in new.values() for entry in one]
        ends = [entry for entry in entries if entry["step"] == "done"]
        self.test.assertEqual(len(ends), len(new), f"{where}: {entries}")
        good = bool(ends) and ends[0]["code"] == "ok"
        if self.lasts:
            if good:
                wait_until(self.done, f"{where}: it is done", 15)
            else:
                time.sleep(0.3)
                self.test.assertFalse(self.done(), f"{where}: {entries}")
        self.test.assert_balanced(self.asked("books"))
        return good

    def run(self):
        cases = 0
        for call in range(CALLS_MAX):
            cases += 1
            if self.kill_at(call):
                break
        else:
            raise AssertionError(f"{self.name} is not over after {CALLS_MAX} calls")
        self.test.assertEqual(self.gateway.end(), 0)
        self.ctl("journal", "verify")
        return f"{self.name}: killed {cases - 1} times"


class Pause(Row):
    name = "pause"

    def prepare(self):
        self.ctl("resume", "erp")

    def words(self):
        return ["pause", "erp"]

    def paused(self):
        return self.gateway.status()["destinations"][0]["paused"]

    def done(self):
        return self.paused()


class Resume(Pause):
    name = "resume"

    def prepare(self):
        self.ctl("pause", "erp")

    def words(self):
        return ["resume", "erp"]

    def done(self):
        return not self.paused()


class LogLevel(Row):
    name = "log_level"
    lasts = False

    def words(self):
        return ["log-level", "debug", "--seconds", "600"]


class RateLimit(Row):
    name = "rate_limit"
    lasts = False

    def words(self):
        return ["rate-limit", "erp", "100", "--seconds", "600"]


class DeadRetry(Row):
    name = "dead_retry"

    def once(self):
        self.count = CALLS_MAX
        names = [f"e-{n}" for n in range(1, self.count + 1)]
        self.erp.control({"refuse_keys": names})
        client = self.test.client(self.gateway, "scanner")
        for number in range(1, self.count + 1):
            client.deliver(f"wharf/1/{SITE}/scanner-07/stock", event(number, stock=f"s-{number}"),
                           1, number)
        client.close()
        wait_until(lambda: self.gateway.books()["destinations"][0]["dead"] == self.count,
                   "all are dead", 30)
        self.erp.control({"refuse_keys": []})

    def prepare(self):
        self.number += 1

    def words(self):
        return ["dead", "retry", str(self.number)]

    def done(self):
        return self.erp.applied().count(f"e-{self.number}") == 1


class DeadDiscard(DeadRetry):
    name = "dead_discard"

    def words(self):
        return ["dead", "discard", str(self.number), "--reason", "a test"]

    def done(self):
        return self.number not in [one["number"] for one in self.asked("dead", "list")]


class QuarantineDiscard(Row):
    name = "quarantine_discard"
    topic = f"plant/{SITE}/scanner-07"

    def once(self):
        client = self.test.client(self.gateway, "scanner")
        for number in range(1, CALLS_MAX + 1):
            client.deliver(self.topic, event(number, stock=f"s-{number}"), 1, number)
        client.close()

    def prepare(self):
        self.number += 1

    def words(self):
        return ["quarantine", "discard", str(self.number), "--reason", "a test"]

    def done(self):
        return self.number not in [one["number"] for one in self.asked("quarantine", "list")]


class QuarantineRelease(QuarantineDiscard):
    name = "quarantine_release"

    def once(self):
        super().once()
        self.gateway.kill()
        self.gateway.sections["route"] = [
            {"topic": "plant/{site}/{device}", "codec": "json"},
            {"topic": "wharf/1/{site}/{device}/{stream}", "codec": "json"}]
        self.start()

    def words(self):
        return ["quarantine", "release", str(self.number)]

    def done(self):
        left = super().done()
        applied = self.erp.applied().count(f"e-{self.number}")
        self.test.assertLessEqual(applied, 1 if left else 0)
        return left and applied == 1


class OperatorsChange(Row):
    name = "operators_change"

    def once(self):
        self.pem = self.test.people["bob"].pem

    def prepare(self):
        self.number += 1

    def words(self):
        return ["operators", "add", f"bob-{self.number}", "--key", str(self.pem), "--role",
                "operator"]

    def done(self):
        return f"bob-{self.number}" in self.ctl("operators", "show")


class ConfigurationApply(Row):
    """What is on trial ends with the process: it runs with its own file again, and says so."""
    name = "configuration_apply"
    lasts = False

    def prepare(self):
        self.number += 1
        self.overlay = self.test.folder / f"{self.name}.toml"
        # By turns live and with a new run.
        self.overlay.write_text("log.level = \"debug\"\n" if self.number % 2 else
                                f"listener.receive_maximum = {100 + self.number}\n")

    def words(self):
        return ["config", "apply", str(self.overlay), "--confirm-within", "600"]

    def judge(self, before, call):
        good = super().judge(before, call)
        shown = self.asked("config", "show")
        self.test.assertEqual(shown["confirmed"], 0)
        if good and not shown["on_trial"]:
            self.test.assertIn("was on trial when the gateway ended", shown["problem"])
        if shown["on_trial"]:
            self.clear()

    def runs(self):
        said = [line["message"] for line in self.gateway.log_lines()]
        return said.count("stopped, to begin anew"), said.count("listening")

    def clear(self):
        """Puts what is on trial away, and waits for the run after it."""
        def accepted():
            ended = self.runs()[0]
            try:
                self.ctl("config", "clear")
            except AssertionError as error:
                # The run with what is on trial has not begun yet.
                if "about to begin anew" in str(error) or "nobody answers" in str(error):
                    return None
                raise
            return [ended]
        ended = wait_until(accepted, f"{self.name}: what is on trial is put away")[0]
        wait_until(lambda: self.runs()[0] > ended and self.runs()[1] > self.runs()[0],
                   f"{self.name}: it begins anew")


class ConfigurationConfirm(Row):
    name = "configuration_confirm"

    def once(self):
        self.version = 0

    def prepare(self):
        self.number += 1
        overlay = self.test.folder / f"{self.name}.toml"
        overlay.write_text(f"log.level = \"debug\" # {self.number}\n")
        ann = self.test.people["ann"]
        self.version = ann.orders(self.gateway.name, "config", "apply", str(overlay),
                                  "--confirm-within", "600")["answer"]["on_trial"]

    def words(self):
        return ["config", "confirm", str(self.version)]

    def done(self):
        return self.asked("config", "show")["confirmed"] == self.version


ROWS = (Pause, Resume, LogLevel, RateLimit, DeadRetry, DeadDiscard, QuarantineDiscard,
        QuarantineRelease, OperatorsChange, ConfigurationApply, ConfigurationConfirm)


class Kills(FleetTest):
    def test_a_command_is_done_or_not_at_all_and_its_end_is_said_once(self):
        program("WHARF_LOST_WRITES_CUT")
        self.fleet()
        recording = pathlib.Path(self.folder) / "reports"
        self.broker.record("wharf-fleet/1/+/+/res", recording)
        chosen = os.environ.get("WHARF_KILLS_OF")
        rows = [row for row in ROWS if not chosen or row.name == chosen]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            running = {pool.submit(lambda row=row: row(self).run()): row for row in rows}
            for one in concurrent.futures.as_completed(running):
                print(one.result(), flush=True)
        time.sleep(1)
        ends = ends_told(recording)
        self.assertGreaterEqual(len(ends), len(rows))
        for command, told in ends.items():
            self.assertEqual(len(told), 1, f"{command}: {told}")


if __name__ == "__main__":
    unittest.main()

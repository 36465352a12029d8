#!/usr/bin/env python3
"""A day in a warehouse, in about a minute: what Wharf is for, seen from outside.

Thirty real MQTT clients scan, an ERP takes what they report, and things go wrong that do go wrong.
At the end what the devices saw acknowledged, the gateway's books and the ERP's own tables are put
side by side; the exit code is 0 only where the three agree.
"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import textwrap
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "chaos"))
import judge  # noqa: E402
import rig  # noqa: E402

SCANNERS = 28
WMS = 2
EVENTS_PER_S = 3
DRAIN_S = 60
# The warehouse's clock: from 6:00 to 18:00 in the time of the demo.
OPENS_H, CLOSES_H = 6, 18


class Screen:
    """Progress on one line of a terminal; elsewhere a line every few seconds."""

    def __init__(self):
        self.live = sys.stdout.isatty()
        self.open = False
        self.next_line = 0

    def bold(self, text):
        return f"\033[1m{text}\033[0m" if self.live else text

    def say(self, text=""):
        if self.open:
            print()
        self.open = False
        print(text, flush=True)

    def scene(self, clock, title, why):
        self.say()
        self.say(self.bold(f"{clock}  {title}"))
        self.say(textwrap.fill(why, 92, initial_indent="       ", subsequent_indent="       "))

    def progress(self, text):
        if self.live:
            print("\r\033[K" + text, end="", flush=True)
            self.open = True
        elif time.monotonic() >= self.next_line:
            print(text, flush=True)
            self.next_line = time.monotonic() + 3


class Day:
    def __init__(self, programs, screen, length_s):
        self.screen = screen
        self.length_s = length_s
        self.folder = tempfile.mkdtemp(prefix="wharf-demo-")
        self.erp = rig.Erp(programs, self.folder, 1)
        self.gateway = rig.Gateway(programs, self.folder, self.erp.url)
        self.programs = programs
        self.publisher = None
        self.begin = None
        self.kills = 0
        self.pending_most = 0
        self.last = {}

    def clock(self):
        part = 0.0 if self.begin is None else (time.monotonic() - self.begin) / self.length_s
        minutes = int((OPENS_H + (CLOSES_H - OPENS_H) * min(part, 1.0)) * 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"

    def scene(self, title, why):
        self.screen.scene(self.clock(), title, why)

    # One look at each of the three, for the line at the bottom.
    def look(self):
        report = self.publisher.last_report()
        self.last["acknowledged"] = report.get("acknowledged", 0)
        self.last["sent"] = report.get("sent", 0)
        pending = "down"
        if not self.gateway.died():
            try:
                pending = self.gateway.pending()
                self.pending_most = max(self.pending_most, pending)
            except rig.RigError:
                pending = "starting"
        try:
            self.last["applied"] = len(judge.read_applied(self.erp.db))
        except judge.sqlite3.Error:
            pass
        self.screen.progress(f"       {self.clock()}  published {self.last['sent']:>5}   "
                             f"acknowledged {self.last['acknowledged']:>5}   "
                             f"waiting in the gateway {pending:>8}   "
                             f"in the ERP {self.last.get('applied', 0):>5}")

    def watch(self, part):
        """Lets a part of the day pass."""
        until = time.monotonic() + part * self.length_s
        while time.monotonic() < until:
            self.look()
            time.sleep(min(0.4, max(0, until - time.monotonic())))

    def open(self):
        self.gateway.start()
        self.gateway.wait_ready()
        self.publisher = rig.Publisher(self.programs, self.folder, self.gateway.port,
                                       clients=SCANNERS + WMS, wms=WMS, rate=EVENTS_PER_S,
                                       bad=0.015, duplicates=0.04, run="day", seed=20,
                                       drain_s=DRAIN_S)
        self.begin = time.monotonic()

    def kill_gateway(self, back_after):
        self.gateway.kill()
        self.kills += 1
        self.watch(back_after)
        self.gateway.start()
        self.gateway.wait_ready()

    def close(self):
        """Nothing new is scanned; what is on its way arrives."""
        self.erp.heal()
        self.publisher.stop()
        until = time.monotonic() + DRAIN_S
        while time.monotonic() < until:
            self.look()
            if self.publisher.done() and self.gateway.pending() == 0:
                break
            time.sleep(0.2)
        self.look()
        return self.publisher.wait(1) and self.gateway.pending() == 0

    def end(self):
        if self.publisher is not None:
            self.publisher.end()
        self.gateway.end()
        self.erp.end()


def play(day):
    day.open()
    day.scene("The early shift starts",
              f"{SCANNERS} scanners and {WMS} warehouse management systems connect over MQTT 3.1.1 "
              "and 5, at QoS 1 and 2, and report receipts, picks, counts, moves and shipments. Some "
              "send things twice, a few send nonsense. A device sees its message acknowledged only "
              "when the gateway has it on disk.")
    day.watch(0.16)
    day.scene("The ERP is gone",
              "Its server restarts, or the line to the data centre is cut. Nobody in the hall "
              "notices: scanning goes on, everything is acknowledged and waits in the gateway.")
    day.erp.control({"vanish_ms": int(0.18 * day.length_s * 1000)})
    day.watch(0.18)
    day.scene("The ERP is back",
              "What waited is brought in, in the order of its keys, shipments first.")
    day.watch(0.12)
    day.scene("wharfd is killed with -9",
              "No farewell, no flush: as if someone had pulled the plug. The devices lose their "
              "connections, come back and send again what was not acknowledged. The gateway knows "
              "what it has already.")
    day.kill_gateway(0.04)
    day.watch(0.10)
    day.scene("The ERP is difficult",
              "It applies updates and loses the answer, closes connections, asks to come back "
              "later. Whether an update took effect is then unknown, so it is sent again under the "
              "same key, and the ERP applies it once.")
    day.erp.control({"drop_after": 0.3, "drop_before": 0.1, "error_503": 0.2, "garbage": 0.1,
                     "throttle": {"probability": 0.1, "retry_after_s": 0}})
    day.watch(0.14)
    day.scene("Both at once",
              "The ERP still misbehaves, and wharfd is killed in the middle of its deliveries: "
              "batches that were under way are resumed as they had been sealed.")
    day.kill_gateway(0.03)
    day.watch(0.08)
    day.scene("All is well again", "The ERP behaves, the last trucks are loaded.")
    day.erp.heal()
    day.watch(max(0.0, 1 - (time.monotonic() - day.begin) / day.length_s))
    day.scene("The gate closes", "Nothing new is scanned. What is on its way arrives.")
    return day.close()


def table(verdict, books, dash="-"):
    figures = verdict.figures
    intake = books["intake"]
    to = books["destinations"][0]
    rows = [
        ("", "the devices saw", "the gateway's books", "the ERP's tables"),
        ("good events published", figures["published"], dash, dash),
        ("acknowledged / accepted", figures["acknowledged"], intake["accepted"], dash),
        ("duplicates", f"{figures['duplicates_sent']} sent", intake["duplicate"], dash),
        ("bad or contradicting", f"{figures['bad_acknowledged']} sent",
         f"{intake['quarantined']} quarantined", dash),
        ("still pending", dash, to["pending"], dash),
        ("dead letters", dash, to["dead"], dash),
        ("applied", dash, to["applied"], figures["applied"]),
        ("lost", dash, dash, figures["lost"]),
        ("applied twice", dash, dash, figures["applied_twice"]),
        ("out of order per key", dash, dash, figures["out_of_order"]),
    ]
    lines = []
    for number, row in enumerate(rows):
        lines.append("  " + f"{row[0]:<26}" + "".join(f"{str(cell):>22}" for cell in row[1:]))
        if number == 0:
            lines.append("  " + "-" * 92)
    return "\n".join(lines)


def settle(day, drained):
    screen = day.screen
    books = day.gateway.books()
    verdict = judge.judge([day.publisher.witness], day.erp.db, books,
                          day.gateway.quarantine(), (), (), drained)
    verdict.expect(drained, "not drained", f"after {DRAIN_S} s: {books['destinations']}")
    spent = time.monotonic() - day.begin
    screen.say()
    screen.say(screen.bold(f"The day in figures ({spent:.0f} s; wharfd killed {day.kills} times; "
                           f"up to {day.pending_most} events waited for the ERP)"))
    screen.say()
    screen.say(table(verdict, books))
    screen.say()
    more = books["intake"]["duplicate"] - verdict.figures["duplicates_sent"]
    if more > 0:
        screen.say(textwrap.fill(
            f"The gateway saw {more} duplicates more than were sent on purpose: messages whose "
            "acknowledgement was lost in a kill and that the devices sent again.", 92,
            initial_indent="  ", subsequent_indent="  "))
        screen.say()
    if verdict.good():
        screen.say(screen.bold("  The three agree: nothing lost, nothing twice, everything in order."))
        return 0
    screen.say(screen.bold("  THE THREE DO NOT AGREE"))
    screen.say(verdict.report())
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    rig.Programs.add_arguments(parser)
    parser.add_argument("--seconds", type=float, default=50, help="how long the day lasts")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and tables")
    given = parser.parse_args()
    rig.exit_on_signals()
    screen = Screen()
    day = None
    code = 2
    try:
        programs = rig.Programs(given)
        programs.need("wharfd", "wharfctl", "erp", "publisher")
        day = Day(programs, screen, given.seconds)
        code = settle(day, play(day))
    except (rig.RigError, OSError) as error:
        screen.say(f"The demo cannot go on: {error}")
    finally:
        if day is not None:
            day.end()
            if given.keep or code != 0:
                screen.say(f"  Logs, journal and tables: {day.folder}")
            else:
                shutil.rmtree(day.folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())

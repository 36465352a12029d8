"""Journals that are filled in advance through the journal's own interface: so many identities in the
window, the newest of their events undelivered. Made once per run and used by several figures."""
import os

import rig
from figures import words_of
from gateway import Wharfd

FULL_KEYS, QUICK_KEYS, QUICK_BACKLOG = 10_000_000, 1_000_000, 200_000


class Filled:
    def __init__(self, folder, keys, backlog, size_mb):
        self.folder, self.keys, self.backlog, self.size_mb = folder, keys, backlog, size_mb
        self.journal = folder / "journal"
        self.keys_words = words_of(keys)
        self.backlog_words = words_of(backlog)
        self.starts = 0

    def gateway(self, bench, **options):
        self.starts += 1
        return Wharfd(bench.programs, self.folder / f"run{self.starts}", journal=self.journal,
                      size_mb=self.size_mb, **options)

    def forget_cached(self):
        """As after a reboot: the journal's pages are not in the page cache."""
        os.sync()
        for path in self.journal.iterdir():
            if path.is_file():
                fd = os.open(path, os.O_RDONLY)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(fd)


def fill(bench, journal, events, size_mb, destination=None):
    words = [bench.programs.journal, "fill", "--path", journal, "--size-mb", size_mb, "--events",
             events, "--first-event", bench.next_events(), "--group", 8000]
    if destination:
        words += ["--destination", destination]
    return rig.run_json(words, patience_s=1800)


def filled(bench):
    """The run's journal with a backlog."""
    if "filled" not in bench.shared:
        keys = bench.keys or (QUICK_KEYS if bench.quick else FULL_KEYS)
        backlog = min(keys, QUICK_BACKLOG) if bench.quick else keys
        size_mb = 4096 if keys <= QUICK_KEYS else 16384
        place = Filled(rig.fresh_folder(bench.work / "filled"), keys, backlog, size_mb)
        if keys > backlog:
            # Without a destination there is nothing to deliver: identities alone.
            fill(bench, place.journal, keys - backlog, size_mb)
        fill(bench, place.journal, backlog, size_mb, "erp")
        bench.shared["filled"] = place
    return bench.shared["filled"]

#!/usr/bin/env python3
"""The kernel's own account of one message: the acknowledgement is sent only after the record with the
event was written to the ring through its O_DSYNC descriptor; without a ring, after the page with the
event was written, fdatasync has returned and the meta page was written through the O_DSYNC
descriptor."""
import re
import unittest

from daemon_rig import DaemonTest, event, tool, wait_until
from mqtt_bytes import PUBACK, PUBCOMP, PUBREC

CALLS = "openat,recvfrom,recvmsg,fdatasync,pwrite64,pwritev,writev,write,sendmsg,sendto"
# thread, time, call(arguments) = result
LINE = re.compile(r"^(\d+) +([\d:.]+) (.*)$")
BEGIN = re.compile(r"^(\w+)\((.*)$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})+)"')
DESCRIPTOR = re.compile(r"^(\d+)")


class Call:
    """begin and end: the lines on which it was entered and had returned."""

    def __init__(self, name, arguments, begin):
        self.name, self.text, self.begin, self.end, self.result = name, arguments, begin, None, None

    def finish(self, text, end):
        self.text += text
        self.end = end
        found = re.search(r"= (-?\d+|\?)[^=]*$", self.text)
        self.result = None if found is None or found[1] == "?" else int(found[1])

    def descriptor(self):
        return int(DESCRIPTOR.match(self.text)[1])

    def bytes(self):
        found = "".join(match[1] for match in BYTES.finditer(self.text))
        return bytes.fromhex(found.replace("\\x", ""))


def read_trace(path):
    """The calls, in the order in which they were entered."""
    calls, open_calls = [], {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines()):
        found = LINE.match(line)
        if not found:
            continue
        thread, text = found[1], found[3]
        if resumed := RESUMED.match(text):
            open_calls.pop(thread).finish(resumed[2], number)
        elif begin := BEGIN.match(text):
            call = Call(begin[1], begin[2], number)
            calls.append(call)
            if text.endswith("<unfinished ...>"):
                call.text = call.text[:-len("<unfinished ...>")]
                open_calls[thread] = call
            else:
                call.finish("", number)
    return calls


class Trace:
    def __init__(self, path):
        self.calls = read_trace(path)
        opened = [c for c in self.calls if c.name == "openat" and "data.mdb" in c.text]
        self.journal = {c.result for c in opened}
        self.durable = {c.result for c in opened if "O_DSYNC" in c.text}
        self.ring = {c.result for c in self.calls
                     if c.name == "openat" and '/ring"' in c.text and "O_DSYNC" in c.text
                     and c.result is not None and c.result >= 0}

    def first(self, names, what, after=-1):
        for call in self.calls:
            if call.name in names and call.begin > after and what(call):
                return call
        return None

    def sent(self, data, after=-1):
        """The send to a socket whose bytes begin so."""
        return self.first(("sendmsg", "sendto", "write", "writev"),
                          lambda c: c.descriptor() not in self.journal | self.ring
                          and c.bytes().startswith(data), after)

    def received(self, what):
        return self.first(("recvfrom", "recvmsg"), lambda c: what in c.bytes())


class TracedTest(DaemonTest):
    def trace_of(self, exchange, ring_mb=8):
        strace = tool("strace")
        trace = self.folder / "trace"
        gateway = self.gateway(journal={"size_max_mb": 64, "ring_mb": ring_mb})
        # -D: wharfd stays our own child.
        gateway.start(before=[strace, "-D", "-f", "-tt", "-x", "-s", "20000", "-o", str(trace),
                              "-e", f"trace={CALLS}"])
        exchange(self.client(gateway, "scanner"))
        self.assertEqual(gateway.end(), 0)
        wait_until(lambda: "+++ exited with 0 +++" in trace.read_text(errors="replace"),
                   "strace has written everything")
        return Trace(trace)

    def assert_record_between(self, trace, came, answer, marker=None):
        """A whole record of the ring, durable when its write returned, within the two calls."""
        self.assertTrue(trace.ring, "the ring was opened with O_DSYNC")
        record = trace.first(("pwrite64",), lambda c: c.descriptor() in trace.ring
                             and (marker is None or marker in c.bytes()), came.end)
        self.assertIsNotNone(record, "the record was written")
        self.assertEqual(record.result, 4096)
        self.assertGreater(answer.begin, record.end, "the answer left after it")

    def assert_commit_between(self, trace, came, answer, marker=None):
        """A whole commit, each step returned before the next began, within the two calls."""
        self.assertTrue(trace.durable, "LMDB opened an O_DSYNC descriptor for its meta pages")
        data = trace.first(("pwrite64", "pwritev", "writev", "write"),
                           lambda c: c.descriptor() in trace.journal - trace.durable
                           and (marker is None or marker in c.bytes()), came.end)
        self.assertIsNotNone(data, "the page was written")
        sync = trace.first(("fdatasync",), lambda c: c.descriptor() in trace.journal, data.end)
        self.assertIsNotNone(sync, "the file was synced after the page was written")
        self.assertEqual(sync.result, 0)
        meta = trace.first(("pwrite64",), lambda c: c.descriptor() in trace.durable, sync.end)
        self.assertIsNotNone(meta, "the meta page was written after the sync")
        self.assertGreater(meta.result, 0)
        self.assertGreater(answer.begin, meta.end, "the answer left after all of it")


class PubackOrder(TracedTest):
    def test_the_puback_leaves_after_the_ring_write_returned(self):
        marker = b"e-4711"
        trace = self.trace_of(lambda client: client.deliver(
            "wharf/1/ber1/scanner/stock", event(4711), qos=1, packet_id=7))
        came = trace.received(marker)
        puback = trace.sent(b"\x40\x02\x00\x07")
        self.assertIsNotNone(came)
        self.assertIsNotNone(puback)
        self.assert_record_between(trace, came, puback, marker)

    def test_pubrec_and_pubcomp_each_leave_after_a_record_of_their_own(self):
        marker = b"e-4712"
        trace = self.trace_of(lambda client: client.deliver(
            "wharf/1/ber1/scanner/stock", event(4712), qos=2, packet_id=7))
        came = trace.received(marker)
        pubrec = trace.sent(bytes([PUBREC << 4, 2, 0, 7]))
        pubrel = trace.received(b"\x62\x02\x00\x07")
        pubcomp = trace.sent(bytes([PUBCOMP << 4, 2, 0, 7]))
        for found in (came, pubrec, pubrel, pubcomp):
            self.assertIsNotNone(found)
        self.assert_record_between(trace, came, pubrec, marker)
        self.assert_record_between(trace, pubrel, pubcomp)

    def test_without_a_ring_the_puback_leaves_after_sync_and_meta_write_returned(self):
        marker = b"e-4711"
        trace = self.trace_of(lambda client: client.deliver(
            "wharf/1/ber1/scanner/stock", event(4711), qos=1, packet_id=7), ring_mb=0)
        came = trace.received(marker)
        puback = trace.sent(b"\x40\x02\x00\x07")
        self.assertIsNotNone(came)
        self.assertIsNotNone(puback)
        self.assert_commit_between(trace, came, puback, marker)

    def test_without_a_ring_pubrec_and_pubcomp_each_leave_after_a_commit_of_their_own(self):
        marker = b"e-4712"
        trace = self.trace_of(lambda client: client.deliver(
            "wharf/1/ber1/scanner/stock", event(4712), qos=2, packet_id=7), ring_mb=0)
        came = trace.received(marker)
        pubrec = trace.sent(bytes([PUBREC << 4, 2, 0, 7]))
        pubrel = trace.received(b"\x62\x02\x00\x07")
        pubcomp = trace.sent(bytes([PUBCOMP << 4, 2, 0, 7]))
        for found in (came, pubrec, pubrel, pubcomp):
            self.assertIsNotNone(found)
        self.assert_commit_between(trace, came, pubrec, marker)
        self.assert_commit_between(trace, pubrel, pubcomp)
        self.assertIsNone(trace.sent(bytes([PUBACK << 4])))


class TheProofItself(TracedTest):
    """That it would notice: made-up traces, with the answer at every place."""

    LINES = [
        '7 10:00:00.1 openat(AT_FDCWD, "j/data.mdb", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 11',
        '7 10:00:00.2 openat(AT_FDCWD, "j/data.mdb", O_RDWR|O_DSYNC|O_CLOEXEC, 0600) = 12',
        r'7 10:00:00.3 recvfrom(16, "\x32\x65\x2d\x31", 16384, 0, NULL, NULL) = 4',
        r'8 10:00:00.4 writev(11, [{iov_base="\x00\x65\x2d\x31", iov_len=4}], 1) = 4',
        "8 10:00:00.5 fdatasync(11 <unfinished ...>",
        "8 10:00:00.6 <... fdatasync resumed>)   = 0",
        r'8 10:00:00.7 pwrite64(12, "\x00\x01", 2, 4128) = 2',
    ]
    ANSWER = r'7 10:00:00.9 sendto(16, "\x40\x02\x00\x01", 4, MSG_NOSIGNAL, NULL, 0) = 4'

    def judge(self, lines):
        path = self.folder / "trace"
        path.write_text("\n".join(lines) + "\n")
        trace = Trace(path)
        self.assert_commit_between(trace, trace.received(b"e-1"), trace.sent(b"\x40\x02"), b"e-1")

    def test_only_an_answer_after_everything_passes(self):
        self.judge([*self.LINES, self.ANSWER])
        for place in range(3, len(self.LINES)):
            with self.subTest(answer_before=self.LINES[place]):
                lines = [*self.LINES[:place], self.ANSWER, *self.LINES[place:]]
                self.assertRaises(AssertionError, self.judge, lines)

    def test_a_step_that_is_missing_or_failed_is_noticed(self):
        for first, end in ((3, 4), (4, 6), (6, 7)):
            lines = [*self.LINES[:first], *self.LINES[end:], self.ANSWER]
            with self.subTest(missing=self.LINES[first:end]):
                self.assertRaises(AssertionError, self.judge, lines)
        failed = [line.replace("resumed>)   = 0", "resumed>)   = -1 EIO (Input/output error)")
                  for line in self.LINES]
        self.assertRaises(AssertionError, self.judge, [*failed, self.ANSWER])

    RING = [
        '7 10:00:00.1 openat(AT_FDCWD, "j/data.mdb", O_RDWR|O_DSYNC|O_CLOEXEC, 0600) = 12',
        '7 10:00:00.2 openat(AT_FDCWD, "j/ring", O_RDWR|O_DSYNC|O_DIRECT|O_CLOEXEC) = 13',
        r'7 10:00:00.3 recvfrom(16, "\x32\x65\x2d\x31", 16384, 0, NULL, NULL) = 4',
        r'8 10:00:00.4 pwrite64(13, "\x00\x65\x2d\x31", 4096, 8192 <unfinished ...>',
        "8 10:00:00.5 <... pwrite64 resumed>)   = 4096",
    ]

    def judge_ring(self, lines):
        path = self.folder / "trace"
        path.write_text("\n".join(lines) + "\n")
        trace = Trace(path)
        self.assert_record_between(trace, trace.received(b"e-1"), trace.sent(b"\x40\x02"), b"e-1")

    def test_with_a_ring_only_an_answer_after_the_record_passes(self):
        self.judge_ring([*self.RING, self.ANSWER])
        for place in (3, 4):
            lines = [*self.RING[:place], self.ANSWER, *self.RING[place:]]
            self.assertRaises(AssertionError, self.judge_ring, lines)
        self.assertRaises(AssertionError, self.judge_ring, [*self.RING[:3], self.ANSWER])
        for failed in ("= -1 EIO (Input/output error)", "= 512"):
            lines = [line.replace("= 4096", failed) for line in self.RING]
            self.assertRaises(AssertionError, self.judge_ring, [*lines, self.ANSWER])
        undurable = [line.replace("O_DSYNC|O_DIRECT|", "") for line in self.RING]
        self.assertRaises(AssertionError, self.judge_ring, [*undurable, self.ANSWER])


if __name__ == "__main__":
    unittest.main()

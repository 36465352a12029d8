#!/usr/bin/env python3
"""What wharfd refuses to start with: every finding names its place, and the exit code says whether
a restart, a person or another configuration is wanted."""
import shutil
import unittest

from daemon_rig import DaemonTest, event, free_port

TOPIC = "wharf/1/ber1/scanner-07/stock"
DATA, SYSTEM, CONFIG = 65, 71, 78
GOOD = """\
[gateway]
name = "WH7"
site = "ber1"
[journal]
path = "/var/lib/wharf/journal"
[[destination]]
name = "erp"
url = "http://127.0.0.1:8080"
"""


def crc32c(data):
    """Castagnoli's, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def rewrite_format_version(data, gateway, version):
    """In every copy of the journal's header (key "A", CRC-32C of key and content, content) that the
    file holds."""
    name = b"\x1a" + bytes([len(gateway)]) + gateway  # field 3
    changed = 0
    at = data.find(name)
    while at >= 0:
        start = at - 7  # before it field 1, a varint of one byte, and field 2, a fixed32
        end = at + len(name) + 1  # field 4, a varint
        while data[end] >= 0x80:
            end += 1
        end += 1 + 2 + 16  # field 5, 16 bytes
        if data[start - 4:start] == crc32c(b"A" + data[start:end]).to_bytes(4, "little"):
            data[start + 1] = version
            data[start - 4:start] = crc32c(b"A" + data[start:end]).to_bytes(4, "little")
            changed += 1
        at = data.find(name, at + 1)
    return changed


class Configuration(DaemonTest):
    def check(self, text):
        gateway = self.gateway()
        gateway.config.write_text(text)
        return (*gateway.check(), str(gateway.config))

    def test_a_good_one_is_said_to_be(self):
        code, said, file = self.check(GOOD)
        self.assertEqual((code, said), (0, f"{file}: ok\n"))

    def test_each_finding_names_file_line_and_key(self):
        cases = [
            ("an unknown key", GOOD.replace('site = "ber1"', 'site = "ber1"\ncolour = "red"'),
             4, "gateway.colour"),
            ("a wrong type", GOOD + 'batch_max_items = "many"\n', 9,
             "destination[0].batch_max_items"),
            ("out of bounds", GOOD + "batch_max_items = 0\n", 9, "destination[0].batch_max_items"),
            ("missing", GOOD.replace('name = "WH7"\n', ""), 1, "gateway.name"),
            ("a section missing", GOOD.replace('[journal]\npath = "/var/lib/wharf/journal"\n', ""),
             1, "journal.path"),
            ("an unknown section", GOOD + "[listner]\nport = 1883\n", 9, "listner"),
            ("a bad choice", GOOD + 'format = "xml"\n', 9, "destination[0].format"),
            ("a route that makes no sense", GOOD + '[[route]]\ntopic = "a/#/b"\ncodec = "json"\n',
             10, "route[0].topic"),
        ]
        for name, text, line, key in cases:
            with self.subTest(name):
                code, said, file = self.check(text)
                self.assertEqual(code, CONFIG, said)
                self.assertIn(f"{file}:{line}: {key}", said)

    def test_all_findings_are_said_at_once(self):
        wrong = GOOD.replace('name = "WH7"\n', "nmae = 3\n") + "settle_ms = -1\n"
        code, said, _ = self.check(wrong)
        self.assertEqual(code, CONFIG)
        for key in ("gateway.name", "gateway.nmae", "destination[0].settle_ms"):
            self.assertIn(key, said)

    def test_text_that_is_not_toml_names_its_line(self):
        code, said, file = self.check(GOOD + "this is not TOML\n")
        self.assertEqual(code, CONFIG)
        self.assertIn(f"{file}:9", said)

    def test_a_file_that_is_not_there_is_named(self):
        gateway = self.gateway()
        code, said = gateway.check()
        self.assertEqual(code, CONFIG)
        self.assertIn(str(gateway.config), said)

    def test_the_daemon_itself_does_not_start_with_it(self):
        gateway = self.gateway(journal={"size_max_mb": 1})
        gateway.start(ready=False)
        self.assertEqual(gateway.wait(), CONFIG)
        self.assertIn("journal.size_max_mb", gateway.tail())
        self.assertFalse(gateway.journal.exists())


class Journal(DaemonTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.gateway().start()
        client = self.client(self.daemon, "scanner")
        for number in range(1, 21):
            client.deliver(TOPIC, event(number), packet_id=number)
        client.close()
        self.assertEqual(self.daemon.end(), 0)
        self.data = self.daemon.journal / "data.mdb"

    def assert_refused(self, code, *words):
        self.daemon.start(ready=False)
        self.assertEqual(self.daemon.wait(), code, self.daemon.tail())
        last = self.daemon.said("cannot start")
        self.assertIsNotNone(last, self.daemon.tail())
        for word in words:
            self.assertIn(word, last["reason"])
        self.assertIsNone(self.daemon.said("listening"))

    def test_a_good_one_is_recovered_and_says_what_is_in_it(self):
        self.daemon.start()
        found = self.daemon.said("journal recovered")
        self.assertEqual(found["last_sequence"], "20")
        self.assertEqual(self.daemon.intake()["accepted"], 20)

    def test_another_gateways(self):
        self.daemon.sections["gateway"]["name"] = "WH8"
        self.assert_refused(CONFIG, str(self.daemon.journal), "WH7", "WH8")

    def test_truncated(self):
        size = self.data.stat().st_size
        with open(self.data, "r+b") as file:
            file.truncate(20000)
        self.assertLess(20000, size)
        self.assert_refused(DATA, str(self.data), "truncated")

    def test_emptied(self):
        self.data.write_bytes(b"")
        self.assert_refused(DATA, str(self.data), "empty")

    def test_gone(self):
        self.data.unlink()
        self.assert_refused(DATA, str(self.data), "gone")

    def test_overwritten_with_something_else(self):
        self.data.write_bytes(b"not a journal at all " * 1000)
        self.assert_refused(DATA, str(self.daemon.journal))

    def test_of_a_newer_format(self):
        data = bytearray(self.data.read_bytes())
        self.assertGreater(rewrite_format_version(data, b"WH7", 99), 0, "the header is in the file")
        self.data.write_bytes(data)
        self.assert_refused(CONFIG, str(self.daemon.journal), "99")
        self.assertTrue(self.data.read_bytes() == data, "nothing was changed in it")

    def test_a_flipped_bit_in_a_record_is_found(self):
        data = bytearray(self.data.read_bytes())
        at = data.rfind(b"e-20")
        while at >= 0:
            data[at] ^= 1
            at = data.rfind(b"e-20", 0, at)
        self.data.write_bytes(data)
        self.assert_refused(DATA, str(self.daemon.journal), "checksum")

    def test_a_destination_with_undelivered_updates_left_out(self):
        url = f"http://127.0.0.1:{free_port()}"
        self.daemon.sections["destination"] = [{"name": "erp", "url": url}]
        self.daemon.start()
        client = self.client(self.daemon, "scanner")
        client.deliver(TOPIC, event(21))
        client.close()
        self.daemon.kill()
        del self.daemon.sections["destination"]
        self.assert_refused(CONFIG, '"erp"', "undelivered")

    def test_a_second_daemon_on_it_is_refused_and_the_first_goes_on(self):
        self.daemon.start()
        second = self.gateway(name="second", journal={"path": str(self.daemon.journal)})
        second.start(ready=False)
        self.assertEqual(second.wait(), CONFIG)
        self.assertIn("another process has the journal open", second.said("cannot start")["reason"])
        self.client(self.daemon, "scanner").deliver(TOPIC, event(21))
        self.assertEqual(self.daemon.intake()["accepted"], 21)

    def test_a_port_that_is_taken(self):
        self.daemon.start()
        second = self.gateway(name="second", listener={"port": self.daemon.port})
        second.start(ready=False)
        self.assertEqual(second.wait(), SYSTEM)
        self.assertIn(f"127.0.0.1:{self.daemon.port}", second.said("cannot start")["reason"])

    def test_a_copy_of_it_verifies(self):
        copy = self.folder / "copy"
        shutil.copytree(self.daemon.journal, copy)
        self.daemon.write_config()
        self.assertNotEqual(self.daemon.ctl("--journal", str(copy), "journal", "verify"), "")


if __name__ == "__main__":
    unittest.main()

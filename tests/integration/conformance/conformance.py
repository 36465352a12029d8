"""What the conformance tests share: one broker for each file's tests, clients that end with their test.

The broker is wharfd, or whatever WHARF_BROKER=HOST:PORT names (its host has to be 127.0.0.1), which
is how these tests are themselves held against another broker. What the standard leaves open is asserted
of wharfd alone: `self.is_wharf`."""
import os
import pathlib
import sys
import tempfile
import shutil
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "daemon"))
from daemon_rig import Gateway  # noqa: E402
from peer import DISCONNECT, Peer, packet  # noqa: E402

BOTH = (4, 5)


class ConformanceTest(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        other = os.environ.get("WHARF_BROKER", "")
        cls.is_wharf = not other
        cls.gateway = None
        if other:
            cls.port = int(other.rsplit(":", 1)[1])
            return
        folder = pathlib.Path(tempfile.mkdtemp(prefix="wharf-"))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        sections = {"broker": {"local_topics": ["#"]}, **cls.settings}
        cls.gateway = Gateway(folder, **sections)
        cls.addClassCleanup(cls.gateway.cleanup)
        cls.gateway.start()
        cls.port = cls.gateway.port

    def name(self, more=""):
        """Of a topic or a client: no other test's."""
        return f"{self._testMethodName[5:40]}{more}"

    def peer(self, more="", version=5, **options):
        """A client of this test's own, connected; more: what tells it from its others."""
        made = Peer(self.port, f"{self.name()[:14]}{abs(hash(self.id())) % 10**6}{more}{version}",
                    version, **options)
        self.addCleanup(made.close)
        return made

    def raw(self, *bytes_, version=5):
        """A connection on which just this was sent."""
        made = Peer(self.port, version=version, connect=False)
        self.addCleanup(made.close)
        for one in bytes_:
            made.send(one)
        return made

    def pair(self, version, topic=None, options=2):
        """A subscriber to the topic, and a publisher."""
        hears = self.peer("hears", version)
        hears.subscribe((topic or self.name(str(version)), options))
        return hears, self.peer("says", version)

    def assert_ended(self, peer, *reasons):
        """The server closed: MQTT 5 with a DISCONNECT that has one of these reasons."""
        last = peer.ended()
        if last is None and not (self.is_wharf and peer.version == 5 and reasons):
            return
        self.assertIsNotNone(last, "closed without a DISCONNECT")
        self.assertEqual(peer.version, 5, last)
        self.assertEqual(last.kind, DISCONNECT, last)
        if reasons:
            self.assertIn(last.body[0], reasons if self.is_wharf else (*reasons, 0x81, 0x82), last)

    def assert_alive(self, peer):
        peer.send(packet(12, 0, b""))
        peer.expect(13)

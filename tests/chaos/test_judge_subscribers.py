#!/usr/bin/env python3
"""Each finding about subscribers against a small made-up world."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import judge  # noqa: E402
import judge_subscribers  # noqa: E402

TOPIC = "wharf/1/ber1/scanner-01/stock"
STATE = "site/ber1/state-01/0"


class World(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)
        (self.folder / "witness").mkdir()
        self.facts = []
        self.heard = [("C", "0", "0"), ("U", "0")]

    def publish(self, uid, qos=1, topic=TOPIC, retained="0", what="good", kind="picked"):
        self.facts += [("P", "d" + uid, topic, str(qos), retained, uid, "0"),
                       ("S", uid, what, "id-" + uid, str(qos), "k", kind, "1", "0")]

    def again(self, uid):
        self.facts.append(("D", uid, "good", "resend", "0"))

    def acknowledge(self, *uids):
        self.facts += [("A", uid, "good", "0") for uid in uids]

    def hear(self, uid, qos=1, topic=TOPIC, retained="0"):
        self.heard.append(("M", topic, str(qos), retained, "d" + uid, "0"))

    def judged(self, qos=2, fresh=None):
        def write(path, facts):
            path.write_text("".join("\t".join(fact) + "\n" for fact in facts))
        write(self.folder / "witness" / "scanner-01.log", self.facts)
        write(self.folder / "wms.log", self.heard)
        who = judge_subscribers.Subscriber("wms", ["wharf/1/#"], qos, self.folder / "wms.log")
        newcomer = None
        if fresh is not None:
            write(self.folder / "fresh.log", fresh)
            newcomer = judge_subscribers.Subscriber("fresh", ["site/#"], 1,
                                                    self.folder / "fresh.log")
        verdict = judge.Judgement()
        judge_subscribers.judge(verdict, [self.folder / "witness"], [who], newcomer)
        return verdict

    def assert_finds(self, kind, **how):
        self.assertEqual(list(self.judged(**how).findings), [kind])

    def test_all_is_well(self):
        self.publish("1")
        self.publish("2", qos=2)
        self.acknowledge("1", "2")
        self.publish("3")  # not acknowledged: may come or not
        for uid, qos in (("1", 1), ("2", 2), ("1", 1)):
            self.hear(uid, qos)
        verdict = self.judged()
        self.assertTrue(verdict.good(), verdict.report())
        self.assertEqual(verdict.figures["messages_owed"], 2)

    def test_what_was_acknowledged_and_never_came(self):
        self.publish("1")
        self.acknowledge("1")
        self.assert_finds("not delivered")

    def test_twice_at_qos_2(self):
        self.publish("1", qos=2)
        self.acknowledge("1")
        self.hear("1", 2)
        self.hear("1", 2)
        self.assert_finds("delivered twice")

    def test_twice_where_its_publisher_said_it_twice(self):
        self.publish("1", qos=2)
        self.again("1")
        self.acknowledge("1")
        self.hear("1", 2)
        self.hear("1", 2)
        self.assertTrue(self.judged().good())

    def test_out_of_order(self):
        self.publish("1")
        self.acknowledge("1")
        self.publish("2")
        self.acknowledge("2")
        self.hear("2")
        self.hear("1")
        self.assert_finds("delivered out of order")

    def test_what_was_under_way_together_has_no_order(self):
        self.publish("1")
        self.publish("2")
        self.acknowledge("1", "2")
        self.hear("2")
        self.hear("1")
        self.assertTrue(self.judged().good())

    def test_another_qos_than_was_asked_for(self):
        self.publish("1", qos=2)
        self.acknowledge("1")
        self.hear("1", 1)
        self.assert_finds("delivered with another QoS")

    def test_what_nobody_published(self):
        self.hear("9")
        self.assert_finds("delivered but never published")

    def test_a_session_that_is_gone(self):
        self.heard.append(("C", "0", "0"))
        self.assert_finds("session lost")

    def retained(self, *seen):
        return [("M", STATE, "1", "1", digest, "0") for digest in seen]

    def test_retained(self):
        for uid in ("1", "2"):
            self.publish(uid, topic=STATE, retained="1", what="state", kind="state")
            self.acknowledge(uid)
        self.assertTrue(self.judged(fresh=self.retained("d2")).good())
        self.assert_finds("retained is wrong", fresh=self.retained("d1"))
        self.assert_finds("retained is wrong", fresh=[])
        self.publish("3", topic=STATE, retained="1", what="state", kind="state")
        for may_be in ("d2", "d3"):
            self.assertTrue(self.judged(fresh=self.retained(may_be)).good())
        self.publish("4", topic=STATE, retained="1", what="state", kind="ended")
        self.acknowledge("4")
        self.assertTrue(self.judged(fresh=[]).good())
        self.assert_finds("retained is wrong", fresh=self.retained("d3"))

    def test_filters(self):
        for topic_filter, topic, fit in (("#", "a/b", True), ("a/+", "a/b", True),
                                         ("a/+", "a/b/c", False), ("a/#", "a/b/c", True),
                                         ("a/b", "a/c", False), ("a/+/c", "a/b", False)):
            self.assertEqual(judge_subscribers.fits(topic_filter, topic), fit)


if __name__ == "__main__":
    unittest.main()

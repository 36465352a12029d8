"""The judge is what everything is believed on: each thing it is to notice, it must notice."""
import os
import pathlib
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import judge  # noqa: E402


def intake(received, quarantined, duplicate, accepted):
    return {"received": received, "refused": 0, "quarantined": quarantined,
            "duplicate": duplicate, "accepted": accepted}


def destination(applied, pending=0, dead=0):
    return {"name": "erp", "filtered": 0, "pending": pending, "superseded": 0, "applied": applied,
            "handed_over": 0, "dead": dead, "discarded": 0, "shed": 0}


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.witness = os.path.join(self.folder.name, "witness")
        os.mkdir(self.witness)
        self.db = os.path.join(self.folder.name, "erp.sqlite")
        base = sqlite3.connect(self.db)
        base.execute("CREATE TABLE applied(n INTEGER PRIMARY KEY, device, device_sequence, "
                     "event_id, kind, quantity, idempotency_key)")
        base.commit()
        base.close()
        self.lines = []

    def tearDown(self):
        self.folder.cleanup()

    def sent(self, uid, keys="k", what="good", quantity="2"):
        self.lines.append(f"S\t{uid}\t{what}\te{uid}\t1\t{keys}\tpicked\t{quantity}\t0")

    def acknowledged(self, uid, what="good"):
        self.lines.append(f"A\t{uid}\t{what}\t0")

    def published(self, *uids):
        for uid in uids:
            self.sent(uid)
            self.acknowledged(uid)

    def applied(self, *uids, quantity="2", device="d1"):
        base = sqlite3.connect(self.db)
        for uid in uids:
            base.execute("INSERT INTO applied(device, device_sequence, event_id, kind, quantity, "
                         "idempotency_key) VALUES(?, ?, ?, 'picked', ?, 'key')",
                         (device, uid, f"e{uid}", quantity))
        base.commit()
        base.close()

    def judge(self, books=None, **more):
        path = os.path.join(self.witness, "d1.log")
        with open(path, "w", encoding="utf-8") as out:
            out.write("".join(line + "\n" for line in self.lines))
        return judge.judge([self.witness], self.db, books, **more)

    def finds(self, verdict, *kinds):
        self.assertEqual(sorted(verdict.findings), sorted(kinds), verdict.report())


class Effects(Case):
    def test_what_was_acknowledged_and_applied_once_in_order_is_good(self):
        self.published(1, 2, 3)
        self.applied(1, 2, 3)
        self.finds(self.judge())

    def test_an_acknowledged_event_that_is_nowhere_is_lost(self):
        self.published(1, 2)
        self.applied(1)
        verdict = self.judge()
        self.finds(verdict, "lost")
        self.assertEqual(verdict.figures["lost"], 1)

    def test_an_event_that_was_never_acknowledged_may_be_missing(self):
        self.published(1)
        self.sent(2)
        self.applied(1)
        self.finds(self.judge())

    def test_a_dead_letter_is_not_lost(self):
        self.published(1, 2)
        self.applied(1)
        self.finds(self.judge(parked={("d1", "2")}))

    def test_a_dead_letter_that_was_applied_is_named(self):
        self.published(1)
        self.applied(1)
        self.finds(self.judge(parked={("d1", "1")}), "dead but applied")

    def test_two_rows_of_one_event_are_twice(self):
        self.published(1)
        self.applied(1, 1)
        verdict = self.judge()
        self.finds(verdict, "applied twice")
        self.assertEqual(verdict.figures["applied_twice"], 1)

    def test_the_same_number_of_another_device_is_another_event(self):
        self.published(1)
        self.applied(1)
        self.applied(1, device="d2")
        self.finds(self.judge(), "applied but never published as good")

    def test_a_bad_event_that_was_applied_is_named(self):
        self.sent("b1-7", what="bad")
        self.acknowledged("b1-7", what="bad")
        self.applied(7)
        self.finds(self.judge(), "applied but never published as good")

    def test_a_contradiction_that_won_is_named(self):
        self.published(1)
        self.applied(1, quantity="77777")
        self.finds(self.judge(), "applied with other content")

    def test_the_same_decimal_written_differently_is_the_same(self):
        self.sent(1, quantity="2.50")
        self.applied(1, quantity="2.5")
        self.finds(self.judge())

    def test_half_a_line_of_a_killed_publisher_says_nothing(self):
        self.published(1)
        self.applied(1)
        self.judge()
        with open(os.path.join(self.witness, "d1.log"), "a", encoding="utf-8") as log:
            log.write("A\t2\tgo")
        self.finds(judge.judge([self.witness], self.db))


class Order(Case):
    def test_two_events_of_one_key_the_wrong_way_round_are_out_of_order(self):
        self.published(1, 2)
        self.applied(2, 1)
        verdict = self.judge()
        self.finds(verdict, "out of order")
        self.assertEqual(verdict.figures["out_of_order"], 1)

    def test_events_without_a_common_key_have_no_order(self):
        self.sent(1, keys="a")
        self.sent(2, keys="b")
        self.applied(2, 1)
        self.finds(self.judge())

    def test_one_common_key_of_several_is_enough(self):
        self.sent(1, keys="a,c")
        self.sent(2, keys="b,c")
        self.applied(2, 1)
        self.finds(self.judge(), "out of order")

    def test_what_a_person_sent_again_late_is_excused_and_alone_excused(self):
        self.published(1, 2, 3)
        self.applied(3, 2, 1)
        self.finds(self.judge(late={("d1", "1")}), "out of order")
        self.finds(self.judge(late={("d1", "1"), ("d1", "2")}))


class Books(Case):
    def setUp(self):
        super().setUp()
        self.published(1, 2)
        self.acknowledged(2)
        self.sent("b1-3", what="bad")
        self.acknowledged("b1-3", what="bad")
        self.applied(1, 2)

    def of(self, intake_books, to, **more):
        return self.judge({"intake": intake_books, "destinations": [to]}, **more)

    def test_books_that_say_what_the_witnesses_say_are_good(self):
        quarantine = [{"device": "d1", "events": 1}]
        self.finds(self.of(intake(4, 1, 1, 2), destination(2), quarantine=quarantine))

    def test_each_disagreement_is_named(self):
        wrong = {
            "intake does not balance": (intake(9, 1, 1, 2), destination(2)),
            "a duplicate is missing": (intake(3, 1, 0, 2), destination(2)),
            "a bad one is missing": (intake(3, 0, 1, 2), destination(2)),
            "accepted too few": (intake(3, 1, 1, 1), destination(1)),
            "accepted too many": (intake(5, 1, 1, 3), destination(3)),
            "applied is not what the ERP has": (intake(4, 1, 1, 2), destination(1, dead=1)),
            "still pending": (intake(4, 1, 1, 2), destination(1, pending=1)),
            "the destination does not balance": (intake(4, 1, 1, 2), destination(5)),
        }
        for name, (of_intake, of_destination) in wrong.items():
            with self.subTest(name):
                self.finds(self.of(of_intake, of_destination), "the books disagree")

    def test_a_quarantine_list_that_lacks_a_bad_event_is_named(self):
        self.finds(self.of(intake(4, 1, 1, 2), destination(2), quarantine=[]),
                   "the books disagree")
        self.finds(self.of(intake(4, 1, 1, 2), destination(2),
                           quarantine=[{"device": "d9", "events": 1}]), "the books disagree")


if __name__ == "__main__":
    unittest.main()

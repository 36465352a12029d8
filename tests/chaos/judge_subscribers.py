"""Says whether each subscriber was sent what it was owed, and whether what is retained is what was
published last.

The verdict comes from the publishers' and the subscribers' own logs (witness.hpp, subscriber_main.cpp)
and from nothing that Wharf says. A subscriber's session is there before the first message is published:
it is owed every message that fits a filter of its and was acknowledged to its publisher.
"""
import collections
import glob
import os


class Message:
    """What its publisher says of it."""

    __slots__ = ("device", "digest", "topic", "qos", "retained", "erases", "sent_at", "acked_at",
                 "sends", "uid")

    def __init__(self, device, digest, topic, qos, retained, uid):
        self.device, self.digest, self.topic = device, digest, topic
        self.qos, self.retained, self.uid = int(qos), retained == "1", uid
        self.erases = False
        self.sent_at = self.acked_at = None
        self.sends = 0

    def name(self):
        return f"{self.device} #{self.uid} on {self.topic} (QoS {self.qos})"


class Published:
    """All publishers' logs. Of one device, facts are numbered in the order in which it wrote them."""

    def __init__(self, folders):
        self.messages = []
        self._facts = collections.Counter()
        for folder in folders:
            for path in sorted(glob.glob(os.path.join(folder, "*.log"))):
                self._read(path)
        self.by_digest = collections.defaultdict(list)
        for message in self.messages:
            self.by_digest[message.digest].append(message)

    def _read(self, path):
        device = os.path.basename(path)[: -len(".log")]
        of_uid = {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    self._facts[device] += 1
                    self._fact(device, line.rstrip("\n").split("\t"), of_uid)

    def _fact(self, device, fact, of_uid):
        if fact[0] == "P":
            _, digest, topic, qos, retained, uids, _ = fact
            uid = uids.split(",")[0]
            of_uid[uid] = Message(device, digest, topic, qos, retained, uid)
            self.messages.append(of_uid[uid])
        # A message of several events is spoken of by its first.
        message = of_uid.get(fact[1]) if fact[0] in "SDA" else None
        if message is None:
            return
        if fact[0] == "A":
            message.acked_at = message.acked_at or self._facts[device]
            return
        message.sends += 1
        message.sent_at = message.sent_at or self._facts[device]
        message.erases = message.erases or (fact[0] == "S" and fact[6] == "ended")


class Subscriber:
    """One subscriber: what it asked for, and its log."""

    def __init__(self, name, filters, qos, path):
        self.name, self.filters, self.qos = name, filters, qos
        self.sessions_lost = 0
        self.connections = 0
        self.seen = []  # (topic, qos, retained, digest)
        subscribed = False
        try:
            with open(path, encoding="utf-8") as lines:
                text = lines.read()
        except FileNotFoundError:
            text = ""
        for line in text.splitlines():
            fact = line.split("\t")
            if fact[0] == "U":
                subscribed = True
            elif fact[0] == "C":
                self.connections += 1
                self.sessions_lost += 1 if subscribed and fact[1] == "0" else 0
            elif fact[0] == "M" and len(fact) == 6:
                self.seen.append((fact[1], int(fact[2]), fact[3] == "1", fact[4]))

    def is_for(self, topic):
        return any(fits(each, topic) for each in self.filters)


def fits(topic_filter, topic):
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for at, level in enumerate(wanted):
        if level == "#":
            return True
        if at >= len(levels) or level not in ("+", levels[at]):
            return False
    return len(wanted) == len(levels)


def judge_subscriber(verdict, published, subscriber):
    who = subscriber.name
    verdict.expect(subscriber.sessions_lost == 0, "session lost",
                   f"{who}: {subscriber.sessions_lost} times it was not there any more")
    times = collections.Counter()
    first = {}
    for at, (topic, qos, _, digest) in enumerate(subscriber.seen):
        times[digest] += 1
        first.setdefault(digest, at)
        known = published.by_digest.get(digest)
        if not known or not subscriber.is_for(topic):
            verdict.find("delivered but never published", f"{who}: {topic} {digest}")
        elif qos != min(known[0].qos, subscriber.qos):
            verdict.find("delivered with another QoS", f"{who}: {qos}, {known[0].name()}")
    owed = 0
    for message in published.messages:
        # Two with the same content (the end of a retained message) cannot be told apart.
        if not subscriber.is_for(message.topic) or len(published.by_digest[message.digest]) > 1:
            continue
        found = times[message.digest]
        if message.acked_at:
            owed += 1
            if not found:
                verdict.find("not delivered",
                             f"{who}: {message.name()} was acknowledged and never came")
        if min(message.qos, subscriber.qos) == 2 and found > message.sends:
            verdict.find("delivered twice", f"{who}: {message.name()} came {found} times, "
                                            f"published {message.sends} times")
    judge_order(verdict, published, subscriber, first)
    return owed


def judge_order(verdict, published, subscriber, first):
    """Per publisher and topic: what was acknowledged before another was published comes before it."""
    latest = {}
    for digest, _ in sorted(first.items(), key=lambda each: each[1]):
        known = published.by_digest.get(digest, [])
        if len(known) != 1:
            continue
        message = known[0]
        where = (message.device, message.topic)
        after = latest.get(where)
        if after is not None and message.acked_at and message.acked_at < after.sent_at:
            verdict.find("delivered out of order",
                         f"{subscriber.name}: {message.name()} after {after.name()}")
        if after is None or message.sent_at > after.sent_at:
            latest[where] = message


def judge_retained(verdict, published, fresh):
    """`fresh`: one who has just subscribed. Of each topic the last acknowledged, or a later one."""
    allowed = {}
    for message in published.messages:
        if not message.retained or message.sent_at is None:
            continue
        if message.acked_at:
            allowed[message.topic] = [message]
        else:
            allowed.setdefault(message.topic, [None]).append(message)
    seen = collections.defaultdict(list)
    for topic, _, retained, digest in fresh.seen:
        if retained:
            seen[topic].append(digest)
    for topic, may_be in sorted(allowed.items()):
        digests = {m.digest for m in may_be if m is not None and not m.erases}
        may_lack = any(m is None or m.erases for m in may_be)
        found = seen.get(topic, [])
        if len(found) > 1:
            verdict.find("retained is wrong", f"{topic}: {len(found)} messages")
        elif not found:
            verdict.expect(may_lack, "retained is wrong", f"{topic}: nothing, but {may_be[0].name()} "
                           "was acknowledged" if may_be[0] else topic)
        elif found[0] not in digests:
            verdict.find("retained is wrong", f"{topic}: {found[0]} is not the last that was "
                         f"acknowledged, {[m.uid for m in may_be if m is not None]}")
    return len(allowed)


def judge(verdict, witness_folders, subscribers, fresh=None):
    """Adds to a judgement. `subscribers`: of Subscriber; `fresh`: a Subscriber or None."""
    published = Published(witness_folders)
    owed = sum(judge_subscriber(verdict, published, each) for each in subscribers)
    topics = judge_retained(verdict, published, fresh) if fresh is not None else 0
    verdict.figures.update(
        subscribers=len(subscribers), messages_owed=owed,
        messages_delivered=sum(len(each.seen) for each in subscribers),
        not_delivered=verdict.count("not delivered"),
        delivered_twice=verdict.count("delivered twice"),
        delivered_out_of_order=verdict.count("delivered out of order"),
        retained_topics=topics, retained_wrong=verdict.count("retained is wrong"))

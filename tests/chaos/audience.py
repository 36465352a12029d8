"""The subscribers of a group: who listens to what, and what they are owed at the end of a round."""
import os
import subprocess
import time

import judge_subscribers
import rig

EVERYTHING_READ_S = 20
# Sorts behind every retained topic of the devices: who has it has had all of them.
LAST_TOPIC = "site/ber1/zz-last"


class Audience:
    # (client id, MQTT 5, QoS, filters, how long it stays away at most)
    WHO = [
        ("wms", False, 1, ["#"], 0),
        ("dashboard", True, 2, ["wharf/1/ber1/+/stock", "site/ber1/#"], 0),
        ("handheld", False, 2, ["wharf-pb/1/ber1/+/stock", "site/ber1/state-01/#"], 300),
    ]

    def __init__(self, programs, folder, port, rng, who=None):
        self.who = who or self.WHO
        self.program = programs["subscriber"]
        self.folder = os.path.join(folder, "subscribers")
        os.mkdir(self.folder)
        self.port = port
        self.rng = rng
        self.processes = []
        self.fresh = 0

    def _path(self, name):
        return os.path.join(self.folder, name + ".log")

    def _start(self, name, mqtt5, qos, filters, *more):
        arguments = [self.program, "--port", self.port, "--client-id", name, "--log",
                     self._path(name), "--qos", qos, *more]
        for each in filters:
            arguments += ["--filter", each]
        with open(os.path.join(self.folder, name + ".err"), "ab") as err:
            return rig.start(arguments + (["--mqtt5"] if mqtt5 else []), stdout=err, stderr=err)

    def start(self):
        for name, mqtt5, qos, filters, away_ms in self.who:
            self.processes.append(self._start(name, mqtt5, qos, filters, "--away-ms", away_ms,
                                              "--seed", self.rng.randrange(1 << 30)))
        until = time.monotonic() + 20
        while not all(self._subscribed(name) for name, *_ in self.who):
            if time.monotonic() > until:
                raise rig.RigError(f"not everybody could subscribe: {self.folder}")
            time.sleep(0.01)
        done = subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-q", "1",
                               "-r", "-t", LAST_TOPIC, "-m", "last"],
                              capture_output=True, text=True, timeout=20, check=False)
        if done.returncode != 0:
            raise rig.RigError(f"mosquitto_pub: {done.stderr}")

    def _subscribed(self, name):
        try:
            with open(self._path(name), encoding="utf-8") as text:
                return any(line.startswith("U\t") for line in text)
        except FileNotFoundError:
            return False

    def _read(self):
        who = [judge_subscribers.Subscriber(name, filters, qos, self._path(name))
               for name, _, qos, filters, _ in self.who]
        for each in who:  # no device of a witness published it
            each.seen = [one for one in each.seen if one[0] != LAST_TOPIC]
        return who

    def delivered(self):
        return sum(len(each.seen) for each in self._read())

    def judge(self, verdict, witness):
        """Whoever is owed something gets so long to be sent it."""
        fresh = self._subscribe_anew(verdict)
        until = time.monotonic() + EVERYTHING_READ_S
        while True:
            trial = type(verdict)()
            judge_subscribers.judge(trial, witness, self._read())
            if not trial.count("not delivered") or time.monotonic() > until:
                break
            time.sleep(0.1)
        judge_subscribers.judge(verdict, witness, self._read(), fresh)

    def _subscribe_anew(self, verdict):
        self.fresh += 1
        name = f"fresh-{self.fresh}"
        process = self._start(name, False, 1, ["site/#"], "--until", LAST_TOPIC)
        process.wait(60)
        rig.ended(process)
        verdict.expect(process.returncode == 0, "retained is wrong",
                       f"{name}: {LAST_TOPIC} did not come ({process.returncode})")
        return judge_subscribers.Subscriber(name, ["site/#"], 1, self._path(name))

    def end(self):
        for process in self.processes:
            rig.end(process)

"""A fleet broker, gateways that are managed over it, and operators; see ../daemon/daemon_rig.py."""
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "daemon"))
sys.path.insert(0, str(HERE.parent / "bridge"))
from bridge_rig import Mosquitto  # noqa: E402
from daemon_rig import (PATIENCE_S, DaemonTest, Erp, event, free_port, program,  # noqa: E402,F401
                        start_program, tool, wait_until)

from mqtt_bytes import Client, Closed  # noqa: E402

SITE = "ber1"


def certificate(name):
    folder = os.environ.get("WHARF_TEST_CERTIFICATES")
    if not folder or not os.path.isfile(f"{folder}/{name}"):
        raise unittest.SkipTest("WHARF_TEST_CERTIFICATES names no folder of certificates")
    return f"{folder}/{name}"


class FleetBroker(Mosquitto):
    """With TLS, client certificates whose names are user names, and rights by user."""

    def __init__(self, folder, name="fleet", secure=True, **more):
        rules = pathlib.Path(folder) / f"{name}.acl"
        rules.write_text("user scanner-07\ntopic write wharf-fleet/1/#\n"
                         "topic read wharf-fleet/1/+/+/cmd\n"
                         "user ops-1\ntopic read wharf-fleet/1/#\n"
                         "topic write wharf-fleet/1/+/+/cmd\n")
        lines = {}
        if secure:
            lines = {"cafile": certificate("authority.pem"), "certfile": certificate("server.pem"),
                     "keyfile": certificate("server.key"), "require_certificate": "true",
                     "use_identity_as_username": "true", "acl_file": str(rules),
                     "allow_anonymous": "false"}
        super().__init__(folder, name, **lines, **more)
        self.secure = secure
        self.url = f"{'ssl' if secure else 'tcp'}://127.0.0.1:{self.port}"

    def tool_options(self, who):
        out = ["-h", "127.0.0.1", "-p", str(self.port), "-V", "5", "-q", "1"]
        if self.secure:
            out += ["--cafile", certificate("authority.pem"), "--cert", certificate(f"{who}.pem"),
                    "--key", certificate(f"{who}.key")]
        return out

    def put(self, topic, payload, who="operator", retain=False):
        done = subprocess.run([tool("mosquitto_pub"), *self.tool_options(who), "-t", topic, "-s",
                               *(["-r"] if retain else [])], input=payload, capture_output=True,
                              timeout=PATIENCE_S, check=False)
        if done.returncode != 0:
            raise AssertionError(f"mosquitto_pub: {done.stderr.decode()}")

    def listen(self, topic, count, seconds=PATIENCE_S, who="operator"):
        """Payloads, or fewer when the time is over."""
        done = subprocess.run([tool("mosquitto_sub"), *self.tool_options(who), "-t", topic, "-C",
                               str(count), "-W", str(seconds), "-F", "%x"], capture_output=True,
                              timeout=seconds + PATIENCE_S, check=False)
        return [bytes.fromhex(line) for line in done.stdout.decode().split()]

    def record(self, topic, file, who="operator"):
        with open(file, "wb") as out:
            return start_program([tool("mosquitto_sub"), *self.tool_options(who), "-t", topic,
                                  "-F", "%x"], stdout=out, stderr=subprocess.DEVNULL)


class Person:
    """An operator: a key, and what wharfctl needs to know."""

    def __init__(self, folder, name, role, broker):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.name, self.role = name, role
        key = self.folder / "operator.key"
        made = subprocess.run([program("WHARFCTL"), "operator-key", str(key)], capture_output=True,
                              text=True, timeout=PATIENCE_S, check=True)
        self.public = "".join(line + "\n" for line in made.stdout.splitlines()
                              if not line.startswith("#"))
        self.fingerprint = next(line.split()[-1] for line in made.stdout.splitlines()
                                if "fingerprint" in line)
        self.pem = self.folder / "operator.pem"
        self.pem.write_text(self.public)
        self.config = self.folder / "fleet.toml"
        lines = {"url": broker.url, "operator_key": str(key),
                 "known_gateways": str(self.folder / "known_gateways")}
        if broker.secure:
            lines.update(ca_file=certificate("authority.pem"),
                         certificate_file=certificate("operator.pem"),
                         certificate_key_file=certificate("operator.key"))
        self.config.write_text("[fleet]\n" + "".join(f"{key} = {json.dumps(value)}\n"
                                                     for key, value in lines.items()))

    def toml(self):
        return (f'[[operator]]\nname = "{self.name}"\nrole = "{self.role}"\n'
                f'key = """\n{self.public}"""\n\n')

    def run(self, *words, seconds=60):
        return subprocess.run([program("WHARFCTL"), "--fleet", str(self.config), *words],
                              capture_output=True, text=True, timeout=seconds, check=False)

    def asks(self, *words, good=(0,), seconds=60):
        done = self.run("--json", *words, seconds=seconds)
        if done.returncode not in good:
            raise AssertionError(f"wharfctl {' '.join(words)}: {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def orders(self, gateway, *words, good=(0,)):
        """One gateway's answer."""
        answer = self.asks("--on", f"gateway={gateway}", *words, good=good)
        return answer[f"{SITE}/{gateway}"]


class Trickle:
    """Devices: every gateway is given an event every few seconds, over all its restarts. What was not
    acknowledged is brought again under its id."""

    def __init__(self, gateways, every_s, threads=2):
        self.every_s = every_s
        self.ending = False
        self.acknowledged = []  # event ids; list.append is atomic
        self.failed = None
        shares = [gateways[i::threads] for i in range(threads)]
        self.threads = [threading.Thread(target=self.run, args=(share,), daemon=True)
                        for share in shares if share]
        for thread in self.threads:
            thread.start()

    def run(self, gateways):
        start = time.monotonic()
        step = self.every_s / len(gateways)
        lines = [{"gateway": one, "due": start + i * step, "number": 0, "client": None,
                  "open": False} for i, one in enumerate(gateways)]
        try:
            while True:
                now = time.monotonic()
                for line in lines:
                    if line["open"] or (line["due"] <= now and not self.ending):
                        self.bring(line)
                if self.ending and not any(line["open"] for line in lines):
                    break
                time.sleep(0.02)
        except Exception as error:  # noqa: BLE001  told by end()
            self.failed = error
        for line in lines:
            if line["client"] is not None:
                line["client"].close()

    def bring(self, line):
        name, now = line["gateway"].name, time.monotonic()
        if line["open"] and now < line["due"]:
            return
        line["open"] = True
        try:
            if line["client"] is None:
                line["client"] = Client(line["gateway"].port)
            event_id = f"{name}-{line['number']}"
            body = {"event_id": event_id, "inventory_adjusted": {
                "stock": {"location": "A-01", "sku": f"sku-{line['number'] % 7}"},
                "delta": {"value": "1", "unit": "EA"}, "reason": "test"}}
            line["client"].deliver(f"wharf/1/{SITE}/scanner-07/stock", json.dumps(body).encode(),
                                   1, line["number"] % 60000 + 1)
        except (OSError, Closed, AssertionError):
            # It begins anew, or is too busy to answer: again, a little later.
            if line["client"] is not None:
                line["client"].close()
            line["client"] = None
            line["due"] = now + 0.5
            return
        self.acknowledged.append(event_id)
        line["number"] += 1
        line["open"] = False
        line["due"] = max(line["due"] + self.every_s, now)

    def end(self, patience_s=60):
        """All that was begun is acknowledged: the event ids."""
        self.ending = True
        for thread in self.threads:
            thread.join(patience_s)
            if thread.is_alive():
                raise AssertionError(f"in {patience_s} s not every event was acknowledged")
        if self.failed is not None:
            raise self.failed
        return list(self.acknowledged)


class FleetTest(DaemonTest):
    def fleet(self, secure=True, **lines):
        self.broker = FleetBroker(self.folder, secure=secure, **lines)
        self.addCleanup(self.broker.cleanup)
        self.broker.start()
        self.people = {name: Person(self.folder, name, role, self.broker)
                       for name, role in (("ann", "admin"), ("bob", "operator"), ("eve", "viewer"))}
        self.operators = pathlib.Path(self.folder) / "operators.toml"
        self.operators.write_text("".join(one.toml() for one in self.people.values()))
        return self.broker

    def managed(self, name, **sections):
        """A gateway of this fleet, not started."""
        out = self.gateway(name=name, **sections)
        out.sections["gateway"] = {"name": name, "site": SITE}
        out.sections["fleet"] = {"url": self.broker.url,
                                 "key_file": str(out.folder / f"{name}.key"),
                                 "operators_file": str(self.operators), "state_every_s": 5,
                                 "backoff_min_ms": 50, "backoff_max_ms": 500}
        if self.broker.secure:
            out.sections["fleet"].update(ca_file=certificate("authority.pem"),
                                         certificate_file=certificate("device.pem"),
                                         certificate_key_file=certificate("device.key"))
        return out

    def seen(self, *names, person="eve"):
        """Waits until each of them says that it is there."""
        def there():
            listed = {one["gateway"]: one for one in
                      self.people[person].asks("fleet", "list", good=(0, 1))}
            good = all(name in listed and listed[name]["health"] in ("ok", "degraded")
                       for name in names)
            return listed if good else None
        return wait_until(there, f"{names} are in the fleet", patience_s=30)

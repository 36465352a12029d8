"""A site's broker and the bridge to it: Mosquitto, which is never killed and keeps what it has
acknowledged, and wharf-bridge, which is."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import judge
import rig


class Mosquitto:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "mosquitto"
        self.folder.mkdir()
        self.port = rig.free_port()
        self.log = self.folder / "log"
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise rig.RigError("mosquitto was not found: apt-get install mosquitto")
        lines = {"listener": f"{self.port} 127.0.0.1", "allow_anonymous": "true",
                 "persistence": "true", "persistence_location": f"{self.folder}/",
                 "max_queued_messages": "100000", "log_dest": f"file {self.log}",
                 "log_type": "error"}
        if os.getuid() == 0:
            lines["user"] = "root"
        config = self.folder / "mosquitto.conf"
        config.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
        self.process = rig.start([program, "-c", config], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise rig.RigError(f"mosquitto does not listen: {rig.tail(self.log)}")
            time.sleep(0.01)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self):
        return rig.end(self.process)


CONFIG = """\
[bridge]
name = "wms"
socket = "{socket}"

[[broker]]
name = "site"
url = "tcp://127.0.0.1:{port}"
topics = ["wharf/1/+/+/+", "wharf-pb/1/+/+/+"]
keep_alive_s = 5
backoff_min_ms = 20
backoff_max_ms = 200
packet_ids_not_reused = true

[log]
format = "json"
"""


class Bridge:
    """wharf-bridge. Its session at the broker is there before the first message is published."""

    def __init__(self, programs, folder, socket_path, port):
        self.program = programs["bridge"]
        self.config = os.path.join(folder, "bridge.toml")
        self.log = os.path.join(folder, "bridge.log")
        self.process = None
        pathlib.Path(self.config).write_text(CONFIG.format(socket=socket_path, port=port))

    def start(self):
        with open(self.log, "ab") as log:
            self.process = rig.start([self.program, "--config", self.config], stdout=log, stderr=log)

    def wait_connected(self, gateway, patience_s=20):
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            try:
                if any(one["connected"] for one in gateway.status()["bridges"]):
                    return
            except rig.RigError:
                pass  # the gateway is on its way
            time.sleep(0.02)
        raise rig.RigError(f"the bridge does not connect:\n{rig.tail(self.log)}")

    def died(self):
        return self.process.poll() is not None

    def kill_and_restart(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        rig.ended(self.process)
        self.start()

    def end(self):
        return None if self.process is None else rig.end(self.process)


class BridgedSite:
    """Both, and devices that publish there."""

    def __init__(self, programs, folder, gateway, rng):
        self.programs, self.gateway, self.rng = programs, gateway, rng
        self.broker = Mosquitto(folder)
        self.bridge = Bridge(programs, folder, os.path.join(gateway.folder, "bridge.sock"),
                             self.broker.port)
        self.publisher = None

    def start(self):
        self.bridge.start()
        self.bridge.wait_connected(self.gateway)

    def publish(self, folder, run, first_sequence):
        """A bad event would be quarantined as often as it is redelivered: all are good here."""
        events = self.rng.randrange(20, 40)
        place = os.path.join(folder, "bridged")
        os.mkdir(place)
        self.publisher = rig.Publisher(
            self.programs, place, self.broker.port, clients=3, wms=0, name="bridged",
            events=events, rate=events / 1.5, window=20, run=run, first_sequence=first_sequence,
            seed=self.rng.randrange(1 << 30), bad=0, duplicates=0.06)
        return self.publisher.witness

    def published(self, patience_s):
        return self.publisher.wait(patience_s)

    def end_publisher(self):
        if self.publisher is not None:
            self.publisher.end()

    def has_arrived(self, witness, erp_db):
        """Whether all that the broker acknowledged is in the ERP."""
        publishers = judge.Publishers(witness)
        rows = {(row[1], str(row[2])) for row in judge.read_applied(erp_db)}
        return all((event.device, event.uid) in rows for event in publishers.of("good")
                   if event.acks and event.device.startswith("bridged-"))

    def end(self):
        self.end_publisher()
        self.bridge.end()
        self.broker.end()

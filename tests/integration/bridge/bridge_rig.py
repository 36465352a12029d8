"""Mosquitto, wharf-bridge and a gateway with a bridge port, for the tests here; see
../daemon/daemon_rig.py for the rest."""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "daemon"))
from daemon_rig import (FILES, PATIENCE_S, DaemonTest, free_port, program, start_program,  # noqa: E402
                        toml_text, tool, wait_until)

FILES["WHARF_BRIDGE"] = "wharf-bridge"


class Mosquitto:
    """A broker that keeps its sessions over a kill, as far as it does: it saves on each change."""

    def __init__(self, folder, name="broker", **lines):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.port = free_port()
        self.log = self.folder / "log"
        self.config = self.folder / "mosquitto.conf"
        self.process = None
        settings = {"listener": f"{self.port} 127.0.0.1", "allow_anonymous": "true",
                    "persistence": "true", "persistence_location": f"{self.folder}/",
                    "autosave_interval": "1", "autosave_on_changes": "true",
                    "max_queued_messages": "100000", "log_dest": f"file {self.log}",
                    "log_type": "all"}
        if os.getuid() == 0:
            settings["user"] = "root"
        settings.update(lines)
        self.config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))

    def start(self):
        tool("mosquitto_pub")
        self.process = start_program([tool("mosquitto"), "-c", str(self.config)],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, "mosquitto listens")
        return self

    def answers(self):
        import socket
        if self.process.poll() is not None:
            raise AssertionError(f"mosquitto ended with {self.process.returncode}: {self.said()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def cleanup(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def publish(self, topic, payload, *more, version="5"):
        done = subprocess.run(
            [tool("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.port), "-V", version,
             "-q", "1", "-t", topic, "-s", *more], input=payload, capture_output=True,
            timeout=PATIENCE_S, check=False)
        if done.returncode != 0:
            raise AssertionError(f"mosquitto_pub: {done.stderr.decode()}")

    def publish_lines(self, topic, payloads):
        done = subprocess.run(
            [tool("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.port), "-q", "1",
             "-t", topic, "-l"], input=b"\n".join(payloads) + b"\n", capture_output=True,
            timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"mosquitto_pub: {done.stderr.decode()}")

    def acknowledged_topics(self, client_id):
        """Topics of messages that this client acknowledged, as the log has them."""
        sent, out = {}, []
        delivery = re.compile(rf"Sending PUBLISH to {re.escape(client_id)} "
                              r"\(d\d, q1, r\d, m(\d+), '([^']*)'")
        answer = re.compile(rf"Received PUBACK from {re.escape(client_id)} \(Mid: (\d+)")
        for line in self.said().splitlines():
            if found := delivery.search(line):
                sent[found[1]] = found[2]
            elif found := answer.search(line):
                out.append(sent[found[1]])
        return out


class Bridge:
    def __init__(self, folder, socket, brokers, name="wms"):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / f"{name}-bridge.toml"
        self.log = self.folder / f"{name}-bridge.log"
        self.process = None
        self.sections = {"bridge": {"name": name, "socket": str(socket)},
                         "broker": [{"backoff_min_ms": 50, "backoff_max_ms": 500, **broker}
                                    for broker in brokers],
                         "log": {"format": "json"}}

    def run(self, *words):
        self.config.write_text(toml_text(self.sections))
        return subprocess.run([program("WHARF_BRIDGE"), "--config", str(self.config), *words],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def start(self, *words, environment=None):
        self.config.write_text(toml_text(self.sections))
        with open(self.log, "ab") as log:
            self.process = start_program(
                [program("WHARF_BRIDGE"), "--config", str(self.config), *words],
                stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        return self

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def cleanup(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()


class BridgeTest(DaemonTest):
    def setUp(self):
        super().setUp()
        tool("mosquitto")
        program("WHARF_BRIDGE")
        self.socket = self.folder / "bridge.sock"

    def broker(self, name="broker", **lines):
        made = Mosquitto(self.folder, name, **lines)
        self.addCleanup(made.cleanup)
        return made

    def make_certificates(self, days):
        def openssl(*words):
            subprocess.run([tool("openssl"), *words], cwd=self.folder, check=True,
                           capture_output=True)
        for name in ("ca", "other-ca"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}",
                    "-days", days)
        (self.folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        for name in ("server", "client"):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                    "-CAcreateserial", "-out", f"{name}.pem", "-days", days, "-extfile", "names")
        for key in self.folder.glob("*.key"):
            key.chmod(0o600)

    def broker_with_tls(self, days="2"):
        """One that wants certificates of its clients, and what a bridge has to say to it."""
        self.make_certificates(days)
        at = self.folder
        broker = self.broker(cafile=at / "ca.pem", certfile=at / "server.pem",
                             keyfile=at / "server.key", require_certificate="true").start()
        return broker, site(broker, url=f"ssl://localhost:{broker.port}", ca_file=str(at / "ca.pem"),
                            certificate_file=str(at / "client.pem"), key_file=str(at / "client.key"))

    def bridged_gateway(self, **sections):
        return self.gateway(bridge={"socket": str(self.socket)}, **sections)

    def bridge(self, *brokers, name="wms"):
        made = Bridge(self.folder, self.socket, brokers, name)
        self.addCleanup(made.cleanup)
        return made

    def connected(self, gateway, name="wms/site", patience_s=30):
        def look():
            for one in gateway.status()["bridges"]:
                if f"{one['bridge']}/{one['broker']}" == name and one["connected"]:
                    return one
            return None
        return wait_until(look, f"bridge {name} is connected", patience_s)

    def wait_received(self, gateway, count, patience_s=30):
        wait_until(lambda: gateway.intake()["received"] >= count, f"{count} events", patience_s)


def site(broker, **more):
    return {"name": "site", "url": f"tcp://127.0.0.1:{broker.port}",
            "topics": ["wharf/1/ber1/+/+"], **more}

"""The peers from Debian's packages, as private processes: own configuration, ports and folder; a
system service of the same name is never touched."""
import getpass
import os
import pathlib
import shutil

import rig


def find(name, *more_folders):
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin",
                                                    *more_folders]))
    if path is None:
        raise rig.BenchError(f"{name} is not installed: ./dev bench installs it")
    return path


class Mosquitto:
    """Acknowledges from memory: the fastest that it can, and nothing survives a kill -9."""
    name = "Mosquitto, undurable"

    def __init__(self, work, tls=None):
        """tls: port, certificate and key of a second listener."""
        self.folder = rig.fresh_folder(work / "mosquitto")
        self.port = rig.free_port()
        self.tls = tls
        self.child = None

    def start(self):
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                          "persistence false\nmax_inflight_messages 0\nmax_queued_messages 0\n"
                          "log_type error\n" + self._tls_lines())
        self.child = rig.Child([find("mosquitto"), "-c", config], self.folder / "log")
        rig.wait_until(self._ready, "Mosquitto listens")
        return self

    def _tls_lines(self):
        if self.tls is None:
            return ""
        # Started by root it would become another user, who cannot read the key.
        return (f"user {getpass.getuser()}\nlistener {self.tls['port']} 127.0.0.1\ncertfile {self.tls['certificate']}\n"
                f"keyfile {self.tls['key']}\n")

    @property
    def pid(self):
        return self.child.pid

    def _ready(self):
        self.child.check_alive()
        return rig.is_listening(self.tls["port"] if self.tls else self.port)

    def end(self):
        if self.child is not None:
            self.child.end()


class Nats:
    """JetStream over MQTT: written to its file before the PUBACK once a persistent session has
    subscribed, but synced only every two minutes."""
    name = "NATS JetStream, not synced"

    def __init__(self, work):
        self.folder = rig.fresh_folder(work / "nats")
        self.port = rig.free_port()
        self.child = None

    def start(self):
        config = self.folder / "nats.conf"
        config.write_text(f"server_name: bench\nlisten: 127.0.0.1:{rig.free_port()}\n"
                          f"jetstream {{ store_dir: \"{self.folder}\" }}\n"
                          f"mqtt {{ host: 127.0.0.1, port: {self.port}, max_ack_pending: 65535 }}\n")
        self.child = rig.Child([find("nats-server"), "-c", config], self.folder / "log")
        rig.wait_until(self._ready, "NATS listens")
        return self

    @property
    def pid(self):
        return self.child.pid

    def _ready(self):
        self.child.check_alive()
        return rig.is_listening(self.port)

    def end(self):
        if self.child is not None:
            self.child.end()


class RabbitMq:
    """A durable queue: messages are on disk before their PUBACK, once a persistent session has
    subscribed to them."""
    name = "RabbitMQ, durable session"

    def __init__(self, work):
        self.folder = rig.fresh_folder(work / "rabbitmq")
        self.port = rig.free_port()
        self.epmd = None
        self.child = None

    def start(self):
        ports = {"RABBITMQ_NODE_PORT": rig.free_port(), "RABBITMQ_DIST_PORT": rig.free_port(),
                 "ERL_EPMD_PORT": rig.free_port()}
        (self.folder / "plugins").write_text("[rabbitmq_mqtt].\n")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{ports['RABBITMQ_NODE_PORT']}\n"
            f"mqtt.listeners.tcp.1 = 127.0.0.1:{self.port}\nmqtt.allow_anonymous = true\n"
            "mqtt.default_user = guest\nmqtt.default_pass = guest\nmqtt.prefetch = 1000\n"
            "disk_free_limit.absolute = 100MB\nlog.file.level = error\n")
        env = {name: str(port) for name, port in ports.items()} | {
            "ERL_EPMD_ADDRESS": "127.0.0.1", "HOME": str(self.folder),
            "RABBITMQ_NODENAME": "bench@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none")}
        # Erlang's port mapper would otherwise be started as a daemon and stay.
        self.epmd = rig.Child([find("epmd", *self._erlang())], self.folder / "epmd.log", env)
        rig.wait_until(lambda: rig.is_listening(ports["ERL_EPMD_PORT"]), "epmd listens")
        # Debian's wrapper in /usr/sbin would change to the user of the service.
        self.child = rig.Child(["/usr/lib/rabbitmq/bin/rabbitmq-server"],
                               self.folder / "server.log", env)
        rig.wait_until(self._ready, "RabbitMQ listens", every_s=0.1)
        return self

    @property
    def pid(self):
        """Of the virtual machine; the child is its shell script."""
        return int((self.folder / "pid").read_text())

    @staticmethod
    def _erlang():
        return [str(path) for path in pathlib.Path("/usr/lib/erlang").glob("erts-*/bin")]

    def _ready(self):
        self.child.check_alive()
        return rig.is_listening(self.port) and (self.folder / "pid").exists()

    def end(self):
        # Its data goes anyway: no need for its long good-bye.
        for one in (self.child, self.epmd):
            if one is not None:
                one.kill()

"""wharfd under measurement, with its own configuration and folder on a real disk."""
import contextlib
import json
import pathlib
import signal
import subprocess
import time

import rig


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value)


@contextlib.contextmanager
def running(one):
    """The gateway, a broker or an ERP, from its start to its end."""
    try:
        one.start()
        yield one
    finally:
        one.end()


def supports(bench, key, value):
    """Whether this wharfd knows the key of [journal]."""
    gateway = Wharfd(bench.programs, rig.fresh_folder(bench.work / "check"), **{key: value})
    done = subprocess.run([str(bench.programs.wharfd), "--check", "--config", str(gateway.config)],
                          capture_output=True, check=False)
    rig.remove(gateway.folder)
    return done.returncode == 0


class Wharfd:
    name = "wharfd"

    def __init__(self, programs, folder, journal=None, erp=None, fmt="protobuf", size_mb=8192,
                 batch_delay_ms=None, tls=None, connections=4096, sections=None, **journal_keys):
        """journal: a journal's folder that is there already; erp: the port of a sink; tls: keys of
        [listener.tls]; sections: more of them; the rest are keys of [journal]."""
        self.programs = programs
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = rig.free_port()
        self.journal = pathlib.Path(journal) if journal else self.folder / "journal"
        self.config = self.folder / "wharf.toml"
        self.log = self.folder / "log"
        sections = {
            **(sections or {}),
            "gateway": {"name": "WH7", "site": "ber1"},
            "listener": {"port": self.port, "max_connections": connections},
            "journal": {"path": str(self.journal), "size_max_mb": size_mb, **journal_keys},
            "admin": {"socket": str(self.folder / "s"), "http_port": 0},
            "log": {"format": "json"},
        }
        if tls is not None:
            sections["listener.tls"] = tls
        if erp is not None:
            sections["destination"] = {"name": "erp", "url": f"http://127.0.0.1:{erp}",
                                       "format": fmt}
            if batch_delay_ms is not None:
                sections["destination"]["batch_max_delay_ms"] = batch_delay_ms
        lines = []
        for name, content in sections.items():
            lines.append("[[destination]]" if name == "destination" else f"[{name}]")
            lines += [f"{key} = {toml(value)}" for key, value in content.items()]
        self.config.write_text("\n".join(lines) + "\n")
        self.child = None

    def start(self):
        self.child = rig.Child([self.programs.wharfd, "--config", self.config], self.log)
        rig.wait_until(self._ready, "wharfd listens", every_s=0.001)
        return self

    @property
    def pid(self):
        return self.child.pid

    def _ready(self):
        self.child.check_alive()
        return '"listening"' in self.child.said()

    def admin_port(self):
        line = next(line for line in self.child.said().splitlines() if '"listening"' in line)
        return int(json.loads(line)["admin_port"])

    def end(self):
        if self.child is not None:
            self.child.end()

    def kill(self):
        self.child.process.send_signal(signal.SIGKILL)
        self.child.kill()

    def settle(self, seconds=1.0):
        """Until what is put off (deletions, checkpoints) had its chance."""
        time.sleep(seconds)

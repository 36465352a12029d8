"""The programs of a run and how to handle them: what ./dev chaos and ./dev demo share.

Everything is on loopback with free ports, in one folder of its own, and only processes that were
started here are ended, by their own ids.
"""
import atexit
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

# Below the range from which the kernel takes ports for outgoing connections: a gateway that is
# down for a moment finds its port free again.
PORTS = (18000, 32000)

_children = set()
_children_lock = threading.Lock()


class RigError(Exception):
    """The rig itself cannot go on: no verdict about the product."""


@atexit.register
def end_children():
    with _children_lock:
        left = list(_children)
    for process in left:
        if process.poll() is None:
            process.kill()
            process.wait()


def exit_on_signals():
    """A terminated driver must not leave its children behind."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))


def free_port(rng=random):
    for _ in range(1000):
        port = rng.randrange(*PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RigError("no free port")


def start(arguments, **options):
    process = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, **options)
    with _children_lock:
        _children.add(process)
    return process


def ended(process):
    with _children_lock:
        _children.discard(process)


def end(process, patience_s=10):
    """SIGTERM, and SIGKILL where that does not help. The exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    ended(process)
    return process.returncode


def tail(path, lines=15):
    try:
        text = pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


class Programs:
    """Where the programs are: named one by one or found below a build folder."""

    NAMES = {
        "wharfd": "wharfd",
        "wharfctl": "wharfctl",
        "erp": "wharf-reference-erp",
        "publisher": "chaos-publisher",
        "layer": "liblost_writes.so",
        "cut": "lost-writes-cut",
        "sabotaged": "wharfd_sabotaged",
        "subscriber": "chaos-subscriber",
        "bridge": "wharf-bridge",
    }

    @classmethod
    def add_arguments(cls, parser):
        parser.add_argument("--bin", help="build folder in which the programs are looked for")
        for name, file in cls.NAMES.items():
            parser.add_argument(f"--{name}", help=f"path of {file}")

    def __init__(self, given):
        self.paths = {}
        found = {}
        if given.bin:
            wanted = set(self.NAMES.values())
            for folder, folders, files in os.walk(given.bin):
                folders[:] = [f for f in folders if f not in ("CMakeFiles", ".git")]
                for file in wanted.intersection(files):
                    found.setdefault(file, os.path.join(folder, file))
        for name, file in self.NAMES.items():
            self.paths[name] = getattr(given, name) or found.get(file)

    def need(self, *names):
        for name in names:
            if not self.paths.get(name):
                raise RigError(f"{self.NAMES[name]} was not found: build it, or give --{name}")

    def __getitem__(self, name):
        return os.path.abspath(self.paths[name])


class Erp:
    """The reference ERP. Its database is the witness on the far side."""

    def __init__(self, programs, folder, seed, options=()):
        self.db = os.path.join(folder, "erp.sqlite")
        self.log = os.path.join(folder, "erp.log")
        arguments = [programs["erp"], "--db", self.db, "--port", free_port(), "--seed", seed]
        arguments += ["--sync", "off", *options]
        with open(self.log, "ab") as log:
            self.process = start(arguments, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready port="):
            raise RigError(f"the ERP did not start: {line} {tail(self.log)}")
        self.port = int(line.split("=")[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def request(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, data=data, timeout=5) as answer:
            return json.load(answer)

    def control(self, change):
        """False where nobody is there: it has vanished for a while."""
        try:
            self.request("/control", change)
            return True
        except urllib.error.HTTPError as error:
            raise RigError(f"the ERP refuses {change}: {error.read().decode()}") from error
        except (OSError, ValueError):
            return False

    def heal(self, patience_s=30):
        until = time.monotonic() + patience_s
        while not self.control({"clear": True}):
            if time.monotonic() > until:
                raise RigError("the ERP does not come back")
            time.sleep(0.05)

    def stats(self):
        return self.request("/stats")

    def end(self):
        code = end(self.process)
        self.process.stdout.close()
        return code


CONFIG = """\
[gateway]
name = "WH7"
site = "ber1"

[listener]
address = "127.0.0.1"
port = {port}

[journal]
path = "{folder}/journal"
size_max_mb = {size_max_mb}
ring_mb = {ring_mb}
ring_block_bytes = {ring_block_bytes}
checkpoint_s = {checkpoint_s}

[[route]]
topic = "wharf/1/{{site}}/{{device}}/{{stream}}"
codec = "json"

[[route]]
topic = "wharf-pb/1/{{site}}/{{device}}/{{stream}}"
codec = "protobuf_batch"

[[destination]]
name = "erp"
connector = "http"
url = "{erp_url}"
format = "{format}"
batch_max_items = {batch_max_items}
batch_max_delay_ms = {batch_max_delay_ms}
request_timeout_ms = {request_timeout_ms}
backoff_min_ms = {backoff_min_ms}
backoff_max_ms = {backoff_max_ms}
{more}
[broker]
local_topics = ["site/#"]

[bridge]
socket = "{folder}/bridge.sock"

[admin]
socket = "{folder}/wharfd.sock"
http_port = 0

[log]
format = "json"
level = "info"
"""


class Gateway:
    """wharfd, its journal and its books. Started and killed many times."""

    def __init__(self, programs, folder, erp_url, program="wharfd", environment=None, **settings):
        self.programs = programs
        self.program = program
        self.folder = folder
        self.port = free_port()
        self.journal = os.path.join(folder, "journal")
        self.config = os.path.join(folder, "wharfd.toml")
        self.log = os.path.join(folder, "wharfd.log")
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        os.makedirs(self.journal, exist_ok=True)
        values = {
            "format": "json",
            "batch_max_items": 100,
            "batch_max_delay_ms": 20,
            "request_timeout_ms": 2000,
            "backoff_min_ms": 50,
            "backoff_max_ms": 1000,
            "more": "",
            "ring_mb": 8,
            "ring_block_bytes": 4096,
            "checkpoint_s": 10,
            "size_max_mb": 256,
            **settings,
        }
        self.values = {"port": self.port, "folder": folder, "erp_url": erp_url, **values}
        self.configure()

    def configure(self, **changes):
        """For its next start."""
        self.values.update(changes)
        pathlib.Path(self.config).write_text(CONFIG.format(**self.values))

    def start(self):
        with open(self.log, "ab") as log:
            self.process = start([self.programs[self.program], "--config", self.config],
                                 stdout=log, stderr=log, env=self.environment)

    def wait_ready(self, patience_s=20):
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RigError(f"wharfd ended with {self.process.returncode}:\n{tail(self.log)}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise RigError(f"wharfd does not listen:\n{tail(self.log)}")

    def died(self):
        return self.process is not None and self.process.poll() is not None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        ended(self.process)

    def end(self):
        return None if self.process is None else end(self.process)

    def ctl(self, *words, check=True, patience_s=30):
        done = subprocess.run([self.programs["wharfctl"], "--config", self.config, *words],
                              capture_output=True, text=True, timeout=patience_s, check=False)
        if check and done.returncode != 0:
            raise RigError(f"wharfctl {' '.join(words)}: {done.stderr.strip() or done.stdout}")
        return done.stdout

    def books(self):
        # It exits with a finding where they do not balance: the judge wants to see them then.
        text = self.ctl("books", "--json", check=False)
        try:
            return json.loads(text)
        except ValueError as error:
            raise RigError(f"no books: {tail(self.log)}") from error

    def status(self):
        text = self.ctl("status", "--json", check=False)
        try:
            return json.loads(text)
        except ValueError as error:
            raise RigError(f"no status: {tail(self.log)}") from error

    def pending(self):
        return sum(d["pending"] for d in self.books()["destinations"])

    def _pages(self, *words):
        """All entries of a list, page by page."""
        after = 0
        while True:
            page = json.loads(self.ctl(*words, "--json", "--after", str(after)))
            yield from page
            if not page:
                return
            after = max(entry["number"] for entry in page)

    def quarantine(self):
        return list(self._pages("quarantine", "list"))

    def dead(self):
        return list(self._pages("dead", "list"))

    def retry(self, letter):
        """False where there is no such dead letter any more."""
        try:
            self.ctl("dead", "retry", str(letter["number"]))
            return True
        except RigError:
            return False


def event_of(letter):
    """A dead letter's (device, device sequence), as the judge names events."""
    stored = letter["stored"]
    return stored["device"], str(stored["event"]["device_sequence"])


class Publisher:
    """The simulated devices; their witness logs are the witness on the near side."""

    def __init__(self, programs, folder, port, **options):
        self.witness = os.path.join(folder, "witness")
        os.makedirs(self.witness, exist_ok=True)
        self.out = os.path.join(folder, "publisher.out")
        arguments = [programs["publisher"], "--port", port, "--witness", self.witness]
        for name, value in options.items():
            arguments += ["--" + name.replace("_", "-"), value]
        with open(self.out, "wb") as out:
            self.process = start(arguments, stdout=out, stderr=subprocess.STDOUT)

    def done(self):
        return self.process.poll() is not None

    def stop(self):
        """No new events; what is open is brought to its end."""
        if not self.done():
            self.process.terminate()

    def wait(self, patience_s):
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return False
        ended(self.process)
        return self.process.returncode == 0

    def end(self):
        if not self.done():
            self.process.kill()
            self.process.wait()
        ended(self.process)

    def last_report(self):
        lines = [line for line in tail(self.out, 3).splitlines() if line.startswith("{")]
        try:
            return json.loads(lines[-1])
        except (IndexError, ValueError):
            return {}

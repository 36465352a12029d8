"""wharfd, the reference ERP and their folder, for the tests here: each test gets a temporary folder
and free ports on loopback, and ends only the processes that it started.

Where the programs are is said by the environment: WHARFD, WHARFCTL, WHARF_REFERENCE_ERP,
WHARF_LOST_WRITES (liblost_writes.so), WHARF_NPM_FOLDER (where npm may install); or WHARF_BIN names
a build folder in which they are looked for.
"""
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
# Below the range from which the kernel takes ports for outgoing connections: a gateway that is
# down for a moment finds its port free again.
PORTS = (18000, 32000)
PATIENCE_S = 15

FILES = {"WHARFD": "wharfd", "WHARFCTL": "wharfctl", "WHARF_REFERENCE_ERP": "wharf-reference-erp",
         "WHARF_LOST_WRITES": "liblost_writes.so", "WHARF_LOST_WRITES_CUT": "lost-writes-cut"}


_children = []


def end_children(*_):
    """A test that is terminated (by ctest's timeout, by a person) leaves nobody behind."""
    for process in _children:
        if process.poll() is None:
            process.kill()
    os._exit(143)


signal.signal(signal.SIGTERM, end_children)


def start_program(arguments, **options):
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, **options)
    _children.append(process)
    return process


def program(name):
    """Its path, or the test is skipped with the reason."""
    path = os.environ.get(name)
    if not path and os.environ.get("WHARF_BIN"):
        found = pathlib.Path(os.environ["WHARF_BIN"]).rglob(FILES[name])
        path = next((str(p) for p in found if p.is_file()), None)
    if not path or not os.path.isfile(path):
        raise unittest.SkipTest(f"{FILES[name]} is not built: {name} names no file")
    return os.path.abspath(path)


def tool(name):
    path = shutil.which(name)
    if path is None:
        raise unittest.SkipTest(f"{name} is not installed: ./dev setup")
    return path


def wait_until(condition, what, patience_s=PATIENCE_S):
    """What condition() returns once it is true. Polled: there is nothing to be told by."""
    until = time.monotonic() + patience_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"in {patience_s} s it did not happen: {what}")
        time.sleep(0.01)


def free_port():
    for _ in range(1000):
        port = random.randrange(*PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no free port")


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value)


def toml_text(sections):
    """{"listener": {...}, "destination": [{...}]} as TOML."""
    lines = []
    for name, content in sections.items():
        for one in content if isinstance(content, list) else [content]:
            lines.append(f"[[{name}]]" if isinstance(content, list) else f"[{name}]")
            lines += [f"{key} = {toml(value)}" for key, value in one.items()]
            lines.append("")
    return "\n".join(lines)


def event(number, **fields):
    """A JSON event with an id of its own. fields: stock=..., document=... and so on."""
    stock = fields.pop("stock", f"sku-{number}")
    body = {"stock": {"location": "A-01", "sku": stock}, "delta": {"value": "1", "unit": "EA"},
            "reason": "test"}
    if "document" in fields:
        body["document"] = fields.pop("document")
        body["line"] = str(number)
    return json.dumps({"event_id": f"e-{number}", "inventory_adjusted": body, **fields}).encode()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Gateway:
    """wharfd with its journal, configuration and log. Started, ended and killed many times."""

    def __init__(self, folder, name="gateway", destinations=(), **sections):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.port = free_port()
        self.config = self.folder / f"{name}.toml"
        self.journal = self.folder / f"{name}-journal"
        self.socket = self.folder / f"{name}.sock"
        self.log = self.folder / f"{name}.log"
        self.process = None
        self.sections = {
            "gateway": {"name": "WH7", "site": "ber1"},
            "listener": {"port": self.port},
            "journal": {"path": str(self.journal), "size_max_mb": 64},
            "admin": {"socket": str(self.socket), "http_port": 0},
            "log": {"format": "json"},
        }
        for section, values in sections.items():
            self.sections.setdefault(section, {}).update(values)
        self.port_is_drawn = self.sections["listener"]["port"] == self.port
        if destinations:
            self.sections["destination"] = list(destinations)

    def write_config(self):
        self.config.write_text(toml_text(self.sections))

    def start(self, environment=None, before=(), ready=True):
        """before: words of a program that runs wharfd, as `strace -D`."""
        for _ in range(5):
            self.start_once(environment, before)
            if not ready or self.is_ready():
                return self
            self.port = self.sections["listener"]["port"] = free_port()
        raise AssertionError("every port that was drawn was taken by somebody else")

    def start_once(self, environment, before):
        self.write_config()
        self.log_from = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = start_program([*before, program("WHARFD"), "--config", str(self.config)],
                                         stdout=log, stderr=log,
                                         env={**os.environ, **(environment or {})})

    def start_with_faults(self, control="", **more):
        """With the lost-writes layer, whose faults later come from the file self.faults."""
        self.faults = self.folder / f"{self.name}.faults"
        self.faults.write_text(control)
        os.makedirs(self.journal, exist_ok=True)
        return self.start({"LD_PRELOAD": program("WHARF_LOST_WRITES"),
                           "WHARF_LOST_WRITES_DIR": str(self.journal),
                           "WHARF_LOST_WRITES_CONTROL": str(self.faults), **more})

    def plan_faults(self, text):
        """From the next call on; the counts of the plan begin anew."""
        new = self.faults.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.faults)

    def is_ready(self):
        """False where the port, which was free when it was drawn, is somebody's by now."""
        def listening():
            if self.process.poll() is not None:
                refused = self.said("cannot start") or {}
                if self.port_is_drawn and "Address already in use" in refused.get("reason", ""):
                    return {"taken": True}
                raise AssertionError(f"wharfd ended with {self.process.returncode}:\n{self.tail()}")
            return self.said("listening")
        found = wait_until(listening, "wharfd listens")
        if "taken" in found:
            return False
        self.admin_port = int(found["admin_port"])
        self.tls_port = int(found["tls_port"]) if found["tls_port"] != "none" else None
        return True

    def log_lines(self):
        """Of the running or last process; what is no JSON comes as {"message": line}."""
        if not self.log.exists():
            return []
        lines = []
        for line in self.log.read_bytes()[self.log_from:].decode().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                lines.append({"message": line})
        return lines

    def said(self, words):
        """The first log line with these words in it, or None."""
        return next((line for line in self.log_lines() if words in json.dumps(line)), None)

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, patience_s=PATIENCE_S):
        return self.process.wait(patience_s)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait()

    def end(self):
        """As asked: the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def cleanup(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def ask(self, path, method="GET", body=None):
        """Of the admin socket: the status and the body."""
        connection = UnixConnection(str(self.socket))
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def books(self):
        status, text = self.ask("/v1/books")
        if status != 200:
            raise AssertionError(f"/v1/books: {status} {text}")
        return json.loads(text)

    def intake(self):
        """The five figures of the intake."""
        return {name: value for name, value in self.books()["intake"].items() if name != "balances"}

    def status(self):
        return json.loads(self.ask("/v1/status")[1])

    def page(self, path):
        """/healthz and /metrics: status, type and text."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}",
                                        timeout=10) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read().decode()

    def ctl(self, *words, good=(0,)):
        done = subprocess.run([program("WHARFCTL"), "--config", str(self.config), *words],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if done.returncode not in good:
            raise AssertionError(f"wharfctl {' '.join(words)}: {done.returncode} {done.stderr}")
        return done.stdout

    def check(self):
        """wharfd --check: the exit code and all it said."""
        done = subprocess.run([program("WHARFD"), "--check", "--config", str(self.config)],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return done.returncode, done.stdout + done.stderr

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Erp:
    """The reference ERP. Its tables are the witness on the far side."""

    def __init__(self, folder, *options, port=None):
        self.folder = pathlib.Path(folder)
        self.db = self.folder / "erp.sqlite"
        self.options = options
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self, *options):
        with open(self.folder / "erp.log", "ab") as log:
            self.process = start_program(
                [program("WHARF_REFERENCE_ERP"), "--db", str(self.db), "--port", str(self.port),
                 "--sync", "off", *self.options, *options],
                stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready port="):
            raise AssertionError("the ERP did not start: " + (self.folder / "erp.log").read_text())
        return self

    def end(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
                self.process.wait(PATIENCE_S)
            self.process.stdout.close()
            self.process = None

    def cleanup(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.end()

    def control(self, change):
        request = urllib.request.Request(self.url + "/control", json.dumps(change).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def stats(self):
        with urllib.request.urlopen(self.url + "/stats", timeout=5) as answer:
            return json.load(answer)

    def rows(self, columns="event_id", table="applied", order="n"):
        base = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=10)
        try:
            return base.execute(f"SELECT {columns} FROM {table} ORDER BY {order}").fetchall()
        finally:
            base.close()

    def applied(self):
        """The event ids in the order of application."""
        return [row[0] for row in self.rows()]


class DaemonTest(unittest.TestCase):
    """A temporary folder, and children that end with the test."""

    def setUp(self):
        # A Unix socket's address is short: no long names here.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="wharf-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def gateway(self, **options):
        made = Gateway(self.folder, **options)
        self.addCleanup(made.cleanup)
        return made

    def erp(self, *options):
        made = Erp(self.folder, *options)
        self.addCleanup(made.cleanup)
        return made

    def client(self, gateway, client_id="", **options):
        from mqtt_bytes import Client
        made = Client(gateway.port, client_id, **options)
        self.addCleanup(made.close)
        return made

    def assert_balanced(self, books):
        intake = books["intake"]
        self.assertEqual(intake["received"], sum(
            intake[name] for name in ("refused", "quarantined", "duplicate", "accepted")), books)
        for one in books["destinations"]:
            parts = sum(one[name] for name in ("filtered", "pending", "superseded", "applied",
                                               "handed_over", "dead", "discarded", "shed"))
            self.assertEqual(intake["accepted"], parts, books)

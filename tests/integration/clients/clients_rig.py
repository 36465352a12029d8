"""Clients that others wrote, each behind the same three verbs, so that each scenario of
scenarios.py is run with every one of them: publish, subscribe, and die (which leaves a will)."""
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "daemon"))
from daemon_rig import DaemonTest, free_port, tool, unittest  # noqa: E402,F401

PATIENCE_S = 60
PROPERTIES = ["text/plain", "re/ply", "corr", "name:value"]


_started = []


def start(words, **options):
    process = subprocess.Popen(words, **options)
    _started.append(process)
    return process


def end_started():
    while _started:
        process = _started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


class Heard:
    """A subscriber that runs: its lines, as they come."""

    def __init__(self, process):
        self.process = process
        self.lines = queue.Queue()
        self.ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line == "ready" or line.startswith("Subscribed"):
                self.ready.set()
            elif line.count("\t") >= 2:
                qos, retain, payload, *rest = line.split("\t")
                self.lines.put((int(qos), retain == "1", payload, rest))
        self.lines.put(None)
        self.ready.set()

    def wait_ready(self):
        if not self.ready.wait(PATIENCE_S):
            raise AssertionError("the subscriber did not get ready")
        return self

    def rest(self):
        """All it hears until it ends, which it has to do well."""
        found = []
        while True:
            one = self.lines.get(timeout=PATIENCE_S)
            if one is None:
                break
            found.append(one)
        code = self.process.wait(PATIENCE_S)
        if code != 0:
            raise AssertionError(f"the subscriber ended with {code} after {found}: " +
                                 self.process.stderr.read())
        return found


class Program:
    """A program of this folder's: README.md says what it takes. session_versions: in which it can ask
    for a session that outlives its connection."""

    def __init__(self, *words, session_versions=(4, 5)):
        self.words = list(words)
        self.session_versions = session_versions

    def arguments(self, verb, at, version, client_id, topic, count, keeps):
        return [*self.words, verb, str(at.port), str(version), client_id, topic, str(count),
                "keep" if keeps else "clean", *([at.ca] if at.ca else [])]

    def start(self, *words):
        return start(self.arguments(*words), stdin=subprocess.PIPE, text=True,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def subscribe(self, at, version, client_id, topic, count, keeps=False):
        return Heard(self.start("subscribe", at, version, client_id, topic, count, keeps))

    def publish(self, at, version, client_id, topic, said):
        """said: (qos, retain, with properties, payload)."""
        lines = "".join(f"{q} {int(r)} {int(p)} {payload}\n" for q, r, p, payload in said)
        process = self.start("publish", at, version, client_id, topic, 0, False)
        _, errors = process.communicate(lines, timeout=PATIENCE_S)
        if process.returncode != 0:
            raise AssertionError(f"the publisher ended with {process.returncode}: {errors}")

    def die(self, at, version, client_id, topic):
        process = self.start("die", at, version, client_id, topic, 0, False)
        Heard(process).wait_ready()
        process.stdin.write("\n")
        process.stdin.close()
        process.wait(PATIENCE_S)


class MosquittoTools(Program):
    """mosquitto_pub and mosquitto_sub."""

    def __init__(self):
        super().__init__()
        self.pub, self.sub = tool("mosquitto_pub"), tool("mosquitto_sub")

    def common(self, at, version, client_id, topic):
        return ["-h", "127.0.0.1", "-p", str(at.port), "-V", "5" if version == 5 else "311",
                "-i", client_id, "-t", topic, *(["--cafile", at.ca] if at.ca else [])]

    def subscribe(self, at, version, client_id, topic, count, keeps=False, more=()):
        words = [tool("stdbuf"), "-oL", self.sub, *self.common(at, version, client_id, topic),
                 "-d", "-q", "2", "-F", r"%q\t%r\t%p\t%C\t%R\t%D\t%P",
                 *(["-C", str(count)] if count else ["-E"]), *more]
        if keeps:
            words += ["-c"] + (["-x", "3600"] if version == 5 else [])
        return Heard(start(words, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE))

    def publish(self, at, version, client_id, topic, said):
        for qos, retain, with_properties, payload in said:
            words = [self.pub, *self.common(at, version, client_id, topic), "-q", str(qos), "-m",
                     payload, *(["-r"] if retain else [])]
            if version == 5:
                words += ["-D", "publish", "topic-alias", "1"]
            if version == 5 and with_properties:
                for name, *value in (("content-type", "text/plain"), ("response-topic", "re/ply"),
                                     ("correlation-data", "corr"),
                                     ("user-property", "name", "value")):
                    words += ["-D", "publish", name, *value]
            done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S,
                                  check=False)
            if (done.returncode, done.stderr) != (0, ""):
                raise AssertionError(f"mosquitto_pub: {done.returncode} {done.stderr}")

    def die(self, at, version, client_id, topic):
        heard = self.subscribe(at, version, client_id, topic + "/none", 1, more=(
            "--will-topic", topic, "--will-payload", "will", "--will-qos", "1"))
        heard.wait_ready()
        heard.process.kill()
        heard.process.wait(PATIENCE_S)


def mqtt_js():
    """npm's mqtt, in the version that package.json names, installed into the build folder."""
    tool("node")
    folder = os.environ.get("WHARF_NPM_FOLDER")
    if not folder:
        raise unittest.SkipTest("WHARF_NPM_FOLDER names no folder to install npm's mqtt into")
    project = pathlib.Path(folder)
    project.mkdir(parents=True, exist_ok=True)
    source = HERE.parent / "daemon" / "mqtt_js"
    shutil.copy(HERE / "mqtt_js_client.mjs", project)
    installed = project / "installed-lock.json"
    lock = (source / "package-lock.json").read_bytes()
    if not installed.exists() or installed.read_bytes() != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, project)
        done = subprocess.run([tool("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                              cwd=project, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest("npm could not install mqtt: " + done.stderr.strip()[-300:])
        installed.write_bytes(lock)
    return Program(tool("node"), str(project / "mqtt_js_client.mjs"))


def built(name, **options):
    path = os.environ.get(name)
    if not path or not os.path.isfile(path):
        raise unittest.SkipTest(f"{name} names no program")
    return Program(path, **options)

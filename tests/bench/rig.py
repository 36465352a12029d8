"""Processes, folders and measurements that the benches share. Whatever is started here is ended here,
by its own process group, also when the bench is interrupted."""
import atexit
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

PATIENCE_S = 60

_children = []
_mounted = []


class BenchError(Exception):
    """What kept a figure from being measured, in words."""


def _end_all():
    for child in list(_children):
        child.kill()
    for place in list(_mounted):
        subprocess.run(["umount", str(place)], check=False)


atexit.register(_end_all)
signal.signal(signal.SIGTERM, lambda *_: os._exit((_end_all(), 143)[1]))


class Child:
    """A process in a group of its own, its output in a file."""

    def __init__(self, words, log, env=None, cwd=None):
        self.words = [str(word) for word in words]
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as out:
            self.log_from = out.tell()
            self.process = subprocess.Popen(
                self.words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self.process.pid
        _children.append(self)

    def said(self):
        with open(self.log, "rb") as log:
            log.seek(self.log_from)
            return log.read().decode(errors="replace")

    def check_alive(self):
        if self.process.poll() is not None:
            raise BenchError(f"{self.words[0]} ended with {self.process.returncode}: "
                             + "\n".join(self.said().splitlines()[-5:]))

    def signal_group(self, number):
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def end(self, patience_s=PATIENCE_S):
        """As asked; else killed."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self):
        self.signal_group(signal.SIGKILL)
        self.process.wait()
        if self in _children:
            _children.remove(self)


def wait_until(condition, what, patience_s=PATIENCE_S, every_s=0.005):
    until = time.monotonic() + patience_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise BenchError(f"in {patience_s} s it did not happen: {what}")
        time.sleep(every_s)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(words, patience_s=600, env=None):
    """Its output. A failure is an error."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=patience_s, check=False, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise BenchError(f"{pathlib.Path(str(words[0])).name} ended with {done.returncode}: "
                         f"{(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def run_json(words, patience_s=600, env=None):
    """Of a program that prints lines of JSON the last one."""
    lines = [line for line in run(words, patience_s, env).splitlines() if line.startswith("{")]
    if not lines:
        raise BenchError(f"{pathlib.Path(str(words[0])).name} said nothing")
    return json.loads(lines[-1])


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


def fresh_folder(path):
    path = pathlib.Path(path)
    remove(path)
    path.mkdir(parents=True)
    return path


# --- what the system counts ----------------------------------------------------------------------


def device_of(folder):
    """The block device (as /sys/dev/block names it) that holds this folder."""
    device = os.stat(folder).st_dev
    path = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    if not (path / "stat").exists():
        raise BenchError(f"{folder} is on no block device; use a folder on a real disk")
    return path


def device_bytes_written(folder):
    return int((device_of(folder) / "stat").read_text().split()[6]) * 512


@contextlib.contextmanager
def appliance_disk(folder, size_mb=4096):
    """A file system as an appliance has it (ext4 with its journal, noatime, commit=60), on a loop
    device of its own, so that nobody else's writes are counted. (where, what it is): the folder
    itself where this user may not mount."""
    image, place = folder / "disk.img", folder / "disk"
    place.mkdir(parents=True, exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(size_mb << 20)
    try:
        for words in (["mkfs.ext4", "-q", "-F", image],
                      ["mount", "-o", "loop,noatime,commit=60", image, place]):
            subprocess.run([str(word) for word in words], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield folder, "counted on a disk that others use too: an ext4 of its own could not be mounted"
        return
    finally:
        if not os.path.ismount(place):
            image.unlink()
    _mounted.append(place)
    try:
        yield place, "ext4 of its own, with a journal, noatime, commit=60"
    finally:
        _mounted.remove(place)
        subprocess.run(["umount", str(place)], check=True)
        image.unlink()


def process_bytes_written(pid):
    text = pathlib.Path(f"/proc/{pid}/io").read_text()
    return int(re.search(r"^write_bytes: (\d+)", text, re.MULTILINE).group(1))


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    """Anonymous memory, and what is mapped from files and resident."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        found[name] = int(value.split()[0]) / 1024
    return {"anonymous": found["Anonymous"], "mapped": found["Rss"] - found["Anonymous"]}


def quiet_device(folder, patience_s=20):
    """Waits until what earlier work left in the page cache has been written: it would be counted."""
    os.sync()
    before = device_bytes_written(folder)
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        time.sleep(0.5)
        now = device_bytes_written(folder)
        if now - before < 64 * 1024:
            return
        before = now


def load_average():
    return os.getloadavg()[0]


def machine():
    """Its traits, never its name."""
    cpu = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpu)
    return {"cores": os.cpu_count(), "arch": os.uname().machine, "kernel": os.uname().release,
            "cpu": model.group(1) if model else "unknown",
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)}

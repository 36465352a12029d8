"""A Debian 12 of its own, booted with systemd in a container (systemd-nspawn) that has no network but
its own loopback. Needs root. What is run in it runs as its root, in all of its namespaces."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE_S = 120
# Where nobody answers, dpkg must not ask.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
               "DEBIAN_FRONTEND": "noninteractive"}


def wait_until(condition, what, patience_s=PATIENCE_S):
    until = time.monotonic() + patience_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"in {patience_s} s it did not happen: {what}")
        time.sleep(0.05)


class Container:
    def __init__(self, packages, folder):
        """With what these packages depend on; themselves are not installed."""
        base = subprocess.run([HERE / "base", *packages], check=True, capture_output=True, text=True)
        self.root = folder / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", base.stdout.strip(), self.root], check=True)
        self.log = folder / "console"
        self.process = None
        self.leader = None

    def boot(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--register=no", "--keep-unit", "--boot", "--private-network",
                 "--console=pipe", "--link-journal=no", f"--machine=wharf-test-{os.getpid()}",
                 f"--directory={self.root}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.leader = wait_until(self.find_leader, "systemd runs in the container")
        wait_until(lambda: self.run("systemctl", "is-system-running").stdout.strip() in
                   ("running", "degraded"), "the container has booted")

    def find_leader(self):
        if self.process.poll() is not None:
            raise AssertionError(f"systemd does not boot in a container here: {self.log.read_text()}")
        pid = self.process.pid
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return child
        return None

    def run(self, *command, check=False, patience_s=300):
        """Its output and errors together. check: it has to succeed."""
        done = subprocess.run(["nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "-C", "-r",
                               "-w", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT, timeout=patience_s)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done

    def output(self, *command):
        return self.run(*command, check=True).stdout.strip()

    def beside(self, *command, **options):
        """Starts a program of this machine that sees the container's network."""
        return subprocess.Popen(["nsenter", "-t", self.leader, "-n", *command],
                                stdin=subprocess.DEVNULL, **options)

    def end(self):
        if self.process is not None and self.process.poll() is None:
            # It asks the container's systemd to halt; asked again it ends it.
            for patience_s in (30, 30):
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(patience_s)
                    break
                except subprocess.TimeoutExpired:
                    continue
            else:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.root)

"""What the tests of installed packages share: a container of their own, and what they speak of in it. The
tests of a class go in the order of their names, each from where the one before ended."""
import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from container import Container
from variants import Variant

TOPIC = "wharf/1/ber1/scanner-07/stock"
EVENT = ('{{"event_id": "a-{0}", "inventory_adjusted": {{"stock": {{"location": "A-01", "sku": "4711"}},'
         ' "delta": {{"value": "1", "unit": "EA"}}, "reason": "test"}}}}')
CONFIGURATION = 78


class Installation(unittest.TestCase):
    packages = []  # files
    service = ""  # the unit that a test speaks of
    user = ""  # whose it is

    @classmethod
    def setUpClass(cls):
        build = pathlib.Path(__file__).resolve().parents[2] / "build" / "package"
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="test-", dir=build))
        cls.box = Container(cls.packages, cls.folder)
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", cls.folder])
        cls.addClassCleanup(cls.box.end)
        (cls.box.root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        cls.box.boot()
        cls.published = 0

    # --- packages ------------------------------------------------------------------------------------

    def put(self, package):
        """The package, where dpkg in the container finds it."""
        name = pathlib.Path(package).name
        subprocess.run(["cp", package, self.box.root / "root" / name], check=True)
        return f"/root/{name}"

    def dpkg(self, *arguments, ends=0):
        done = self.box.run("dpkg", *arguments)
        self.assertEqual(done.returncode, ends, done.stdout)
        return done.stdout

    def variant(self, package, version):
        name = pathlib.Path(package).name.split("_")[0]
        return Variant(package, self.folder / f"{name}-{version}").version(version)

    # --- the service ---------------------------------------------------------------------------------

    def unit(self, *names, of=None):
        shown = self.box.output("systemctl", "show", of or self.service, "--property", ",".join(names))
        found = dict(line.split("=", 1) for line in shown.splitlines())
        return found[names[0]] if len(names) == 1 else [found[name] for name in names]

    def log(self):
        return self.box.output("journalctl", "--unit", self.service, "--output", "cat", "--no-pager")

    def start(self):
        self.box.run("systemctl", "start", self.service, check=True)

    def signal(self, name):
        self.box.run("systemctl", "kill", "--kill-who=main", f"--signal={name}", self.service, check=True)

    def status_of(self, pid):
        """As the kernel has it."""
        return dict(line.split(":\t") for line in
                    self.box.output("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)

    @contextlib.contextmanager
    def drop_in(self, *lines):
        """The service with these lines more, as systemctl edit would add them; afterwards without."""
        folder = self.box.root / f"etc/systemd/system/{self.service}.d"
        folder.mkdir(parents=True)
        (folder / "site.conf").write_text("\n".join(["[Service]", *lines, ""]))
        self.box.run("systemctl", "daemon-reload", check=True)
        self.box.run("systemctl", "restart", self.service, check=True)
        yield
        shutil.rmtree(folder)
        self.box.run("systemctl", "daemon-reload", check=True)
        self.box.run("systemctl", "restart", self.service, check=True)

    def assert_running(self):
        self.assertEqual(self.unit("ActiveState", "User"), ["active", self.user], self.log())

    def assert_fails_for_good(self, code):
        self.assertNotEqual(self.box.run("systemctl", "start", self.service).returncode, 0)
        self.assertEqual(self.unit("ActiveState", "SubState", "ExecMainStatus"),
                         ["failed", "failed", str(code)])

    def assert_confined(self, pid):
        """No capability, none to be had, and only the system calls that the unit lets through."""
        held = self.status_of(pid)
        self.assertEqual((held["Seccomp"], held["NoNewPrivs"]), ("2", "1"))
        self.assertEqual({held[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")}, {"0" * 16})

    def mode(self, path):
        return self.box.output("stat", "-c", "%A %U:%G", path)

    # --- what goes through ---------------------------------------------------------------------------

    def wharfctl(self, *arguments):
        return json.loads(self.box.output("wharfctl", "--json", *arguments))

    def accepted(self):
        return self.wharfctl("books")["intake"]["accepted"]

    def publish(self, count, *more):
        """To wharfd, or where further words for mosquitto_pub say."""
        first = self.published + 1
        type(self).published += count
        lines = "\n".join(EVENT.format(n) for n in range(first, self.published + 1))
        publisher = subprocess.run(
            ["nsenter", "-t", self.box.leader, "-n", "mosquitto_pub", "-V", "5", "-q", "1", "-l",
             "-i", "scanner-07", "-t", TOPIC, *more], input=lines + "\n", text=True, timeout=120)
        self.assertEqual(publisher.returncode, 0)

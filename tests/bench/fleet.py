"""bench-devices: the sessions of many devices, led by lines on its standard input."""
import json
import selectors
import subprocess
import time

import rig

PATIENCE_S = 300  # a storm on a busy machine


class Fleet:
    def __init__(self, bench, port, devices, secure, prefix="device", first_number=0, rate=0,
                 one_address=False):
        words = [bench.programs.devices, "--port", port, "--devices", devices, "--prefix", prefix,
                 "--first-number", first_number, "--rate", rate, "--first-event",
                 bench.next_events()]
        if secure:
            words += ["--authority", bench.programs.certificates / "authority.pem"]
        if one_address:
            words.append("--one-address")
        self.log = open(bench.work / "fleet.log", "ab")
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.connected = self.answer()

    def tell(self, command):
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()

    def ask(self, command):
        self.tell(command)
        return self.answer()

    def answer(self):
        if not self.selector.select(PATIENCE_S):
            raise rig.BenchError(f"bench-devices said nothing for {PATIENCE_S} s")
        line = self.process.stdout.readline()
        if not line:
            raise rig.BenchError(f"bench-devices ended with {self.process.wait()}")
        return json.loads(line)

    def end(self):
        if self.log.closed:
            return
        self.process.kill()
        self.process.wait()
        self.selector.close()
        for one in (self.process.stdin, self.process.stdout, self.log):
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def anonymous_kb(pid):
    """What is this process's alone, once what is put off has had its chance."""
    time.sleep(1.5)
    return rig.memory_mb(pid)["anonymous"] * 1024

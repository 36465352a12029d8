"""The bench's ERP: answers "applied" at once and keeps nothing."""
import http.client
import json

import rig


class Erp:
    name = "bench-erp"

    def __init__(self, bench, port=None):
        self.words = [bench.programs.erp, "--port", port or rig.free_port()]
        self.port = self.words[-1]
        self.log = bench.work / "erp.log"
        self.child = None

    def start(self):
        self.child = rig.Child(self.words, self.log)
        rig.wait_until(lambda: rig.is_listening(self.port), "the ERP listens")
        return self

    @property
    def pid(self):
        return self.child.pid

    def items(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/stats")
            return json.load(connection.getresponse())["items"]
        finally:
            connection.close()

    def end(self):
        if self.child is not None:
            self.child.end()


def ceiling(bench):
    """Items per second that it takes from a client that sends prepared batches."""
    if "erp ceiling" not in bench.shared:
        erp = Erp(bench).start()
        bench.shared["erp ceiling"] = rig.run_json(
            [bench.programs.erp, "--port", erp.port, "--drive", "--seconds", 1])["per_s"]
        erp.end()
    return bench.shared["erp ceiling"]

"""What every client has to see, over TCP (test_tcp.py) and over TLS (test_tls.py)."""
import subprocess

from clients_rig import (HERE, PROPERTIES, DaemonTest, MosquittoTools, built, end_started, free_port,
                         mqtt_js, unittest)


class Scenarios:
    """For a class that is a DaemonTest too and has make_client()."""
    uses_tls = False

    def setUp(self):
        super().setUp()
        self.client = self.make_client()
        self.addCleanup(end_started)
        sections = {"broker": {"local_topics": ["local/#"]}}
        self.ca = ""
        if self.uses_tls:
            self.tls_port = free_port()
            sections["listener.tls"] = {"certificate": str(self.folder / "server.pem"),
                                        "key": str(self.folder / "server.key"),
                                        "port": self.tls_port}
        self.daemon = self.gateway(**sections)
        if self.uses_tls:
            self.daemon.write_config()
            if "listener.tls: unknown key" in self.daemon.check()[1]:
                self.skipTest("this wharfd has no [listener.tls]")
            subprocess.run(["bash", str(HERE.parents[1] / "support" / "certificates.sh"),
                            str(self.folder)], check=True, capture_output=True)
            self.ca = str(self.folder / "authority.pem")
        self.daemon.start()

    @property
    def port(self):
        return self.tls_port if self.uses_tls else self.daemon.port

    def each(self):
        return [(version, f"local/{version}") for version in (4, 5)]

    def test_every_qos_goes_both_ways(self):
        for version, topic in self.each():
            said = [(qos, False, False, f"q{qos}-{n}") for n in range(3) for qos in (0, 1, 2)]
            hears = self.client.subscribe(self, version, "hears", topic, len(said)).wait_ready()
            self.client.publish(self, version, "says", topic, said)
            found = hears.rest()
            for qos in (0, 1, 2):
                self.assertEqual([one[:3] for one in found if one[0] == qos],
                                 [(qos, False, f"q{qos}-{n}") for n in range(3)])

    def test_a_retained_message_is_there_later(self):
        for version, topic in self.each():
            self.client.publish(self, version, "says", topic, [(1, True, False, "kept")])
            found = self.client.subscribe(self, version, "hears", topic, 1).rest()
            self.assertEqual([one[:3] for one in found], [(1, True, "kept")])

    def test_a_will_is_published_where_its_client_dies(self):
        for version, topic in self.each():
            hears = self.client.subscribe(self, version, "hears", topic, 1).wait_ready()
            self.client.die(self, version, "dies", topic)
            self.assertEqual([one[:3] for one in hears.rest()], [(1, False, "will")])

    def test_a_session_has_its_messages_after_the_gateway_was_killed(self):
        for version, topic in self.each():
            if version not in self.client.session_versions:
                continue
            name = f"keeps-{version}"
            self.client.subscribe(self, version, name, topic, 0, keeps=True).rest()
            said = [(1 + n % 2, False, False, f"m{n}") for n in range(10)]
            self.client.publish(self, version, "says", topic, said)
            self.daemon.kill()
            self.daemon.start()
            found = self.client.subscribe(self, version, name, topic, 10, keeps=True).rest()
            self.assertEqual(sorted(one[2] for one in found), sorted(one[3] for one in said))
            # Nothing is left, and nothing comes twice: the next is the first that comes.
            hears = self.client.subscribe(self, version, name, topic, 1, keeps=True).wait_ready()
            self.client.publish(self, version, "says", topic, [(1, False, False, "last")])
            self.assertEqual([one[2] for one in hears.rest()], ["last"])

    def test_properties_of_version_5_go_through(self):
        said = [(qos, False, True, f"q{qos}") for qos in (0, 1, 2)]
        hears = self.client.subscribe(self, 5, "hears", "local/p", len(said)).wait_ready()
        self.client.publish(self, 5, "says", "local/p", said)
        self.assertEqual(sorted(hears.rest()),
                         sorted((qos, False, f"q{qos}", PROPERTIES) for qos in (0, 1, 2)))

    def test_what_it_publishes_is_heard_by_another_version(self):
        for version, topic in self.each():
            hears = self.client.subscribe(self, 9 - version, "hears", topic, 1).wait_ready()
            self.client.publish(self, version, "says", topic, [(1, False, True, "x")])
            self.assertEqual([one[:3] for one in hears.rest()], [(1, False, "x")])


def classes(uses_tls):
    """A TestCase for each client: {name: class}."""
    makers = {"MosquittoCommands": MosquittoTools, "NpmMqtt": mqtt_js,
              "PahoCpp": lambda: built("WHARF_PAHO_CLIENT", session_versions=(4,)),
              "Libmosquitto": lambda: built("WHARF_MOSQUITTO_CLIENT")}
    return {name: type(name, (Scenarios, DaemonTest),
                       {"uses_tls": uses_tls, "make_client": staticmethod(maker)})
            for name, maker in makers.items()}


__all__ = ["classes", "unittest"]

"""Figures of TLS: what a handshake costs the gateway, and what an idle connection keeps."""
import socket
import ssl
import time

import rig
from figures import Figure, figure
from gateway import Wharfd, running

CONNECT = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04"  # and four bytes of client id
CERTIFICATES = "tests/support/certificates"


def idle_kb(bench, count, with_tls):
    """Anonymous memory of wharfd for each of so many connections that have nothing to say."""
    folder = rig.fresh_folder(bench.work / "tls")
    certificates = bench.programs.build / CERTIFICATES
    port = rig.free_port()
    rules = ssl.create_default_context(cafile=certificates / "authority.pem")
    tls = {"port": port, "certificate": str(certificates / "server.pem"),
           "key": str(certificates / "server.key")}
    kept = []
    with running(Wharfd(bench.programs, folder, size_mb=256, tls=tls)) as gateway:
        def connect(number):
            plain = socket.create_connection(("127.0.0.1", port if with_tls else gateway.port))
            one = rules.wrap_socket(plain, server_hostname="localhost") if with_tls else plain
            one.sendall(CONNECT + b"%04d" % number)
            if one.recv(4)[:1] != b"\x20":
                raise RuntimeError("no CONNACK")
            kept.append(one)
        for number in range(100):  # what is kept for all of them
            connect(number)
        time.sleep(1)
        before = rig.memory_mb(gateway.pid)["anonymous"]
        for number in range(100, 100 + count):
            connect(number)
        time.sleep(1)
        after = rig.memory_mb(gateway.pid)["anonymous"]
        for one in kept:
            one.close()
    rig.remove(folder)
    return (after - before) * 1024 / count


@figure("tls", "TLS handshakes, and what a connection with TLS keeps")
def tls(bench):
    rounds = 100 if bench.quick else 400
    found = rig.run_json([bench.programs.tls, "--rounds", rounds])
    count = 500 if bench.quick else 2000
    plain, secret = idle_kb(bench, count, False), idle_kb(bench, count, True)
    full = 1e6 / found["p256_full_us"]
    return [
        Figure("TLS handshakes, P-256", "/s of one core", full,
               peer="the same, RSA 2048", peer_value=1e6 / found["rsa2048_full_us"],
               note=f"the server's CPU: {found['p256_full_us']:.0f} us; with a certificate of the "
                    f"device {found['p256_mutual_full_us']:.0f} us"),
        Figure("TLS handshakes, resumed", "/s of one core", 1e6 / found["resumed_us"],
               peer="full, P-256", peer_value=full,
               note=f"{found['resumed_us']:.0f} us; with a certificate of the device "
                    f"{found['mutual_resumed_us']:.0f} us"),
        Figure("memory of an idle connection with TLS", "kB", secret, peer="without",
               peer_value=plain,
               note=f"of {count}, in wharfd; of TLS alone {found['resting_bytes'] / 1024:.1f} kB "
                    f"({found['mutual_resting_bytes'] / 1024:.1f} with a certificate of the "
                    f"device), with its record buffers {found['awake_bytes'] / 1024:.1f} kB"),
        Figure("application data encrypted", "MB/s of one core", found["write_mb_per_s"]),
    ]

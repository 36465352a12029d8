"""Certificates, clients and an ERP with TLS, for the tests here."""
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading

from daemon_rig import DaemonTest, free_port, tool
from mqtt_bytes import Client

MAKE = pathlib.Path(__file__).resolve().parents[2] / "support" / "certificates.sh"


def make_certificates(folder):
    tool("openssl")
    folder = pathlib.Path(folder)
    folder.mkdir()
    subprocess.run(["bash", str(MAKE), str(folder)], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    return folder


def install(certificates, name, folder, parts=("pem", "key")):
    """Puts a certificate and its key where a gateway looks for them, by renaming."""
    folder.mkdir(exist_ok=True)
    for part in parts:
        new = folder / f"new.{part}"
        shutil.copy(certificates / f"{name}.{part}", new)
        new.rename(folder / f"gateway.{part}")


def client_rules(certificates, name=None, authority="authority"):
    rules = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    rules.load_verify_locations(certificates / f"{authority}.pem")
    if name:
        rules.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return rules


def tls_socket(port, rules, session=None):
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    try:
        return rules.wrap_socket(plain, server_hostname="localhost", session=session)
    except (OSError, ssl.SSLError):
        plain.close()
        raise


class TlsClient(Client):
    """The MQTT client of the tests, over TLS."""

    def __init__(self, port, client_id, rules, session=None, **options):
        self.rules, self.session = rules, session
        super().__init__(port, client_id, **options)

    def open(self, port):
        return tls_socket(port, self.rules, self.session)


class TlsFront:
    """TLS in front of a server that speaks plain text on another port of this machine."""

    def __init__(self, behind, certificates, name="server", ask_with=None):
        self.behind = behind
        self.port = free_port()
        self.rules = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.rules.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        if ask_with:
            self.rules.verify_mode = ssl.CERT_REQUIRED
            self.rules.load_verify_locations(certificates / f"{ask_with}.pem")
        self.peers = []
        self.resumed = 0
        self.refused = 0
        self.server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                came, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(came,), daemon=True).start()

    def serve(self, came):
        try:
            near = self.rules.wrap_socket(came, server_side=True)
        except (OSError, ssl.SSLError):
            self.refused += 1
            return
        self.peers.append(near.getpeercert())
        self.resumed += near.session_reused
        with near, socket.create_connection(("127.0.0.1", self.behind)) as far:
            back = threading.Thread(target=self.carry, args=(far, near), daemon=True)
            back.start()
            self.carry(near, far)
            back.join()

    @staticmethod
    def carry(source, target):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
        except (OSError, ssl.SSLError):
            pass  # either side has gone: so does the other
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has gone already

    def close(self):
        self.server.close()


class TlsTest(DaemonTest):
    def setUp(self):
        super().setUp()
        self.certificates = make_certificates(self.folder / "certificates")
        self.in_use = self.folder / "in-use"
        install(self.certificates, "server", self.in_use)

    def tls_gateway(self, destinations=(), listener=None, limits=None, **tls):
        return self.gateway(destinations=destinations, listener=listener or {},
                            limits=limits or {}, **{"listener.tls": {
            "port": 0, "certificate": str(self.in_use / "gateway.pem"),
            "key": str(self.in_use / "gateway.key"), **tls}})

    def asking_gateway(self, crl="nobody_revoked", asked="required"):
        (self.in_use / "crl").write_bytes((self.certificates / f"{crl}.crl").read_bytes())
        return self.tls_gateway(client_certificates=asked, crl=str(self.in_use / "crl"),
                                client_ca=str(self.certificates / "authority.pem"))

    def tls_client(self, gateway, client_id="", name=None, session=None, **options):
        made = TlsClient(gateway.tls_port, client_id, client_rules(self.certificates, name),
                         session, **options)
        self.addCleanup(made.close)
        return made

    def handshakes(self, gateway):
        return gateway.status()["listener"]["tls_handshakes"]

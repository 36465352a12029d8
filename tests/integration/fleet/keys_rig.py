"""What the tests of keys and certificates need: an authority that signs requests, and the bytes of
commands, taken apart and made anew as somebody at the broker could."""
import base64
import hashlib
import json
import pathlib
import subprocess

from fleet_rig import PATIENCE_S, SITE, certificate, tool

K_COMMAND = 1  # of SignedCommand
K_GATEWAY, K_ID, K_NONCE = 2, 3, 4  # of Command


def openssl(*words, data=b""):
    return subprocess.run([tool("openssl"), *words], input=data, capture_output=True, check=True,
                          timeout=PATIENCE_S).stdout


def varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields_of(data):
    """[(number, value)]: bytes or an integer."""
    out, at = [], 0
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            out.append((tag >> 3, data[at:at + value]))
            at += value
        else:
            assert tag & 7 == 0, tag
            out.append((tag >> 3, value))
    return out


def number_bytes(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def message_of(fields):
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += number_bytes(number << 3) + number_bytes(value)
        else:
            out += number_bytes(number << 3 | 2) + number_bytes(len(value)) + value
    return out


def command_in(signed):
    return dict(fields_of(dict(fields_of(signed))[K_COMMAND]))


def signed_by(person, command):
    """A SignedCommand by the key of an operator."""
    body = message_of(sorted(command.items()))
    key = person.folder / "operator.key"
    der = openssl("dgst", "-sha256", "-sign", str(key), data=b"wharf-fleet-1 command\0" + body)
    at, parts = 2 if der[1] < 0x80 else 3, b""
    for _ in range(2):
        length = der[at + 1]
        parts += der[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    signature = message_of([(1, bytes.fromhex(person.fingerprint)), (2, parts)])
    return message_of([(1, body), (2, signature)])


def state_of(broker, name):
    return json.loads(broker.listen(f"wharf-fleet/1/{SITE}/{name}/state/json", 1)[0])


def key_of(state):
    return hashlib.sha256(base64.b64decode(state["public_key"])).digest()


def copied_pair(name, folder, called):
    """A certificate and its key in files of the gateway's own."""
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    for part in ("pem", "key"):
        source = pathlib.Path(certificate(f"{name}.{part}"))
        (folder / f"{called}.{part}").write_bytes(source.read_bytes())
        (folder / f"{called}.{part}").chmod(0o600)
    return folder / f"{called}.pem", folder / f"{called}.key"


def matches(pem, key):
    """A certificate and a key are a pair."""
    of = openssl("x509", "-in", str(pem), "-noout", "-pubkey")
    return of == openssl("pkey", "-in", str(key), "-pubout")


class Authority:
    """Signs what gateways ask for, with the test certificates' authority or another one of them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "signing"
        self.folder.mkdir()
        self.count = 0

    def sign(self, request, authority="authority", start="20200101000000Z",
             end="20400101000000Z", extensions="basicConstraints = CA:FALSE"):
        self.count += 1
        csr = self.folder / f"{self.count}.csr"
        out = self.folder / f"{self.count}.pem"
        rules = self.folder / f"{self.count}.cnf"
        csr.write_text(request)
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text(f"{0x5000 + self.count:x}\n")
        rules.write_text(
            f"[ca]\ndefault_ca = this\n[this]\ndatabase = {self.folder}/index.txt\n"
            f"new_certs_dir = {self.folder}\nserial = {self.folder}/serial\n"
            "default_md = sha256\npolicy = any\ncopy_extensions = copy\nunique_subject = no\n"
            "[any]\ncommonName = supplied\n[leaf]\n" + extensions + "\n")
        openssl("ca", "-config", str(rules), "-batch", "-notext", "-in", str(csr),
                "-cert", certificate(f"{authority}.pem"), "-keyfile",
                certificate(f"{authority}.key"), "-startdate", start, "-enddate", end,
                "-extensions", "leaf", "-out", str(out))
        return out

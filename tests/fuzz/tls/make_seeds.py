#!/usr/bin/env python3
"""Writes the seeds of fuzz_tls_server: make_seeds.py FOLDER."""
import pathlib
import ssl
import struct
import sys

ON_THE_WAY, ASKS, ENDS = 1, 2, 4


def hello(version, name="localhost"):
    """What a client of OpenSSL says first."""
    rules = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    rules.set_ciphers("ALL:@SECLEVEL=0")
    rules.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    rules.maximum_version = version
    to, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        rules.wrap_bio(to, out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def record(kind, body, version=0x0303):
    return struct.pack(">BHH", kind, version, len(body)) + body


def edit(after, what, argument=0):
    return struct.pack(">HBB", after, what, argument)


def main():
    folder = pathlib.Path(sys.argv[1])
    tls_1_2 = hello(ssl.TLSVersion.TLSv1_2)
    seeds = {
        "hello_1_2": bytes([0, 255]) + tls_1_2,
        "hello_1_2_in_bytes": bytes([ASKS, 0]) + tls_1_2,
        "hello_1_2_and_end": bytes([ENDS | ASKS, 255]) + tls_1_2,
        "hello_1_3": bytes([0, 255]) + hello(ssl.TLSVersion.TLSv1_3),
        "hello_1_0": bytes([0, 255]) + hello(ssl.TLSVersion.TLSv1),
        "hello_twice": bytes([0, 9]) + tls_1_2 + tls_1_2,
        "hello_then_finished": bytes([ASKS, 255]) + tls_1_2 + record(11, b"") + record(20, b"\x01")
        + record(22, b"\x14\x00\x00\x0c" + bytes(12)),
        "warnings": bytes([0, 255]) + record(21, b"\x01\x5a") * 20,
        "fatal": bytes([ENDS, 255]) + record(21, b"\x02\x28"),
        "data_first": bytes([0, 255]) + record(23, bytes(40)),
        "mqtt": bytes([ENDS, 255]) + b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04help",
        "sslv2": bytes([0, 255]) + b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37),
        "untouched": bytes([ON_THE_WAY, 255]),
        "untouched_asks": bytes([ON_THE_WAY | ASKS, 7]),
        "flipped_hello": bytes([ON_THE_WAY, 255]) + edit(60, 0, 1),
        "flipped_key": bytes([ON_THE_WAY | ASKS, 255]) + edit(700, 0, 128),
        "flipped_data": bytes([ON_THE_WAY, 255]) + edit(450, 0, 1),
        "left_out": bytes([ON_THE_WAY, 255]) + edit(600, 1),
        "put_in": bytes([ON_THE_WAY, 255]) + edit(640, 2, 23),
        "repeated": bytes([ON_THE_WAY, 255]) + edit(800, 3),
    }
    for name, content in seeds.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the seed corpora of fuzz_mqtt_packet and fuzz_mqtt_session beside this folder."""
import pathlib

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "corpus"


def text(value):
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(2, "big") + raw


def packet(first, body):
    length, size = b"", len(body)
    while True:
        low, size = size & 0x7F, size >> 7
        length += bytes([low | 0x80 if size else low])
        if not size:
            return bytes([first]) + length + body


def properties(raw=b""):
    return bytes([len(raw)]) + raw


def u16(value):
    return value.to_bytes(2, "big")


def publish(level, qos, packet_id, topic="a/b", payload=b"x", dup=False, props=b""):
    body = text(topic) + (u16(packet_id) if qos else b"")
    body += (properties(props) if level == 5 else b"") + payload
    return packet(0x30 | qos << 1 | (8 if dup else 0), body)


ALL = bytes.fromhex("0101020000000a23000108") + text("r/t") + b"\x09" + text("id") + \
    b"\x26" + text("k") + text("v") + b"\x03" + text("application/json")
CONNECT_ALL = bytes.fromhex("1100000e10210014270001000022000519011700") + b"\x26" + text("k") + text("v")
WILL = bytes.fromhex("18000000050101020000003c") + b"\x03" + text("t") + b"\x08" + text("r")
CONNECT_4 = packet(0x10, text("MQTT") + b"\x04\x02" + u16(60) + text("dev"))
CONNECT_5 = packet(0x10, text("MQTT") + b"\x05\x02" + u16(60) + properties() + text("dev"))

PACKETS = {
    "connect_4": (4, CONNECT_4),
    "connect_4_will": (4, packet(0x10, text("MQTT") + b"\x04\xce" + u16(9) + text("dev") + text("w")
                                 + text("p") + text("user") + text("pass"))),
    "connect_5": (5, CONNECT_5),
    "connect_5_all": (5, packet(0x10, text("MQTT") + b"\x05\xce" + u16(9) + properties(CONNECT_ALL)
                                + text("dev") + properties(WILL) + text("w") + text("p")
                                + text("user") + text("pass"))),
    "connect_mqisdp": (4, packet(0x10, text("MQIsdp") + b"\x03\x02" + u16(9) + text("dev"))),
    "publish_4_qos0": (4, publish(4, 0, 0)),
    "publish_4_qos2_dup": (4, publish(4, 2, 7, dup=True)),
    "publish_5_all": (5, publish(5, 1, 7, props=ALL)),
    "publish_5_alias": (5, publish(5, 1, 7, topic="", props=b"\x23\x00\x01")),
    "puback": (5, packet(0x40, u16(1))),
    "pubrec_reason": (5, packet(0x50, u16(1) + b"\x10" + properties(b"\x1f" + text("why")))),
    "pubrel": (4, packet(0x62, u16(1))),
    "pubcomp": (5, packet(0x70, u16(1) + b"\x92")),
    "subscribe_4": (4, packet(0x82, u16(1) + text("a/+/#") + b"\x02" + text("b") + b"\x00")),
    "subscribe_5": (5, packet(0x82, u16(1) + properties(b"\x0b\x80\x01") + text("$share/g/a/#")
                              + b"\x29")),
    "unsubscribe": (4, packet(0xA2, u16(1) + text("a") + text("+/b"))),
    "pingreq": (4, packet(0xC0, b"")),
    "disconnect_5": (5, packet(0xE0, b"\x04" + properties(bytes.fromhex("1100000064")))),
    "auth": (5, packet(0xF0, b"\x18" + properties(b"\x15" + text("SCRAM") + b"\x16" + text("d")))),
}


def feed(raw):
    return b"".join(b"\x00" + bytes([len(raw[i:i + 200])]) + raw[i:i + 200]
                    for i in range(0, len(raw), 200))


def step(kind, argument=0):
    return bytes([kind | argument << 3])


DONE, RELEASED, OPENED, TICK, DRAIN = (step(k) for k in (3, 4, 5, 6, 7))
CONNECTED_4, CONNECTED_5, RESUMED_5, AT_ONCE_5 = 0x41, 0x43, 0x47, 0x4B

SESSIONS = {
    "connect_opened": bytes([0x40]) + feed(CONNECT_5) + OPENED + DRAIN,
    "connect_refused": bytes([0x40]) + feed(CONNECT_4) + step(5, 31) + DRAIN,
    "connect_in_pieces": bytes([0x40]) + b"".join(feed(CONNECT_5[i:i + 1])
                                                  for i in range(len(CONNECT_5))) + OPENED,
    "qos1_out_of_order": bytes([CONNECTED_4]) + feed(publish(4, 1, 1) + publish(4, 1, 2))
    + step(3, 1) + DONE + DRAIN,
    "qos2": bytes([CONNECTED_5]) + feed(publish(5, 2, 7)) + DONE + DRAIN
    + feed(packet(0x62, u16(7))) + RELEASED + DRAIN,
    "qos2_repeated": bytes([CONNECTED_5]) + feed(publish(5, 2, 7) + publish(5, 2, 7, dup=True))
    + step(2, 3) + DRAIN,
    "qos2_resumed": bytes([RESUMED_5]) + feed(publish(5, 2, 1, dup=True) + packet(0x62, u16(1))
                                              + packet(0x62, u16(2)) + publish(5, 2, 2))
    + RELEASED + RELEASED + DRAIN,
    "at_once": bytes([AT_ONCE_5]) + feed(publish(5, 1, 1, props=ALL) + publish(5, 0, 0)
                                         + publish(5, 2, 2) + packet(0x62, u16(2))) + DRAIN,
    "held_back": bytes([0x81]) + feed(publish(4, 1, 1, payload=b"p" * 60) + publish(4, 1, 2)
                                      + packet(0xC0, b"")) + DONE + DONE + DRAIN,
    "subscribe": bytes([CONNECTED_5]) + feed(packet(0x82, u16(1) + b"\x00" + text("a") + b"\x01")
                                             + packet(0xA2, u16(2) + b"\x00" + text("a"))) + DRAIN,
    "keep_alive": bytes([CONNECTED_4]) + feed(packet(0xC0, b"")) + step(6, 31) * 32 + DRAIN,
    "taken_over": bytes([CONNECTED_5]) + feed(publish(5, 1, 1)) + step(7, 30) + DONE + DRAIN,
    "disconnect": bytes([CONNECTED_4]) + feed(publish(4, 1, 1) + packet(0xE0, b"")) + DONE,
    "second_connect": bytes([CONNECTED_5]) + feed(CONNECT_5) + DRAIN,
}


def write(folder, seeds):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    for name, raw in seeds.items():
        (CORPUS / folder / name).write_bytes(raw)


write("fuzz_mqtt_packet", {name: bytes([level & 1]) + raw for name, (level, raw) in PACKETS.items()})
write("fuzz_mqtt_session", SESSIONS)

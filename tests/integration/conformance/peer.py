"""A client of single packets for the conformance tests: mqtt_bytes.Client with properties, wills and
what a server sends taken apart. It does nothing by itself: no acknowledgement, no ping."""
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "daemon"))
import mqtt_bytes  # noqa: E402
from mqtt_bytes import (CONNACK, CONNECT, DISCONNECT, PINGREQ, PINGRESP, PUBACK,  # noqa: E402,F401
                        PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBACK, SUBSCRIBE, Closed, length,
                        packet, text)

UNSUBSCRIBE, UNSUBACK, AUTH = 10, 11, 15

# Name: identifier and form (byte, u16, u32, varint, text, bytes, pair).
PROPERTIES = {
    "payload_format": (0x01, "B"), "message_expiry": (0x02, "I"), "content_type": (0x03, "s"),
    "response_topic": (0x08, "s"), "correlation_data": (0x09, "b"),
    "subscription_identifier": (0x0B, "v"), "session_expiry": (0x11, "I"),
    "assigned_client_identifier": (0x12, "s"), "server_keep_alive": (0x13, "H"),
    "authentication_method": (0x15, "s"), "authentication_data": (0x16, "b"),
    "request_problem_information": (0x17, "B"), "will_delay": (0x18, "I"),
    "request_response_information": (0x19, "B"), "response_information": (0x1A, "s"),
    "server_reference": (0x1C, "s"), "reason_string": (0x1F, "s"), "receive_maximum": (0x21, "H"),
    "topic_alias_maximum": (0x22, "H"), "topic_alias": (0x23, "H"), "maximum_qos": (0x24, "B"),
    "retain_available": (0x25, "B"), "user": (0x26, "p"), "maximum_packet_size": (0x27, "I"),
    "wildcard_available": (0x28, "B"), "identifiers_available": (0x29, "B"),
    "shared_available": (0x2A, "B"),
}
NAMES = {number: (name, form) for name, (number, form) in PROPERTIES.items()}


def props(*pairs, **named):
    """The properties of one packet, their length in front: names with values, or (name, value)."""
    out = b""
    for name, value in [*pairs, *named.items()]:
        number, form = PROPERTIES[name]
        out += bytes([number])
        if form in "BHI":
            out += struct.pack(">" + form, value)
        elif form == "v":
            out += length(value)
        elif form == "p":
            out += text(value[0]) + text(value[1])
        else:
            out += text(value)
    return length(len(out)) + out


def read_length(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def read_text(data, at):
    size = struct.unpack_from(">H", data, at)[0]
    return data[at + 2:at + 2 + size], at + 2 + size


def read_props(data, at):
    """A list of (name, value), and where it ends."""
    size, at = read_length(data, at)
    end, found = at + size, []
    while at < end:
        name, form = NAMES[data[at]]
        at += 1
        if form in "BHI":
            value = struct.unpack_from(">" + form, data, at)[0]
            at += struct.calcsize(">" + form)
        elif form == "v":
            value, at = read_length(data, at)
        else:
            value, at = read_text(data, at)
            if form == "s":
                value = value.decode()
            if form == "p":
                second, at = read_text(data, at)
                value = (value.decode(), second.decode())
        found.append((name, value))
    if at != end:
        raise AssertionError("a property goes beyond the properties")
    return found, at


def connect_bytes(client_id, version, clean=True, keep_alive_s=60, properties=None, will=None,
                  username=None, password=None, flags=None):
    """will: topic, payload, QoS, retain, properties (b'' for 3.1.1)."""
    bits = 0x02 if clean else 0
    body = b""
    if will:
        bits |= 0x04 | will[2] << 3 | (0x20 if will[3] else 0)
        body += ((will[4] or b"\x00") if version == 5 else b"") + text(will[0]) + text(will[1])
    for bit, value in ((0x80, username), (0x40, password)):
        if value is not None:
            bits |= bit
            body += text(value)
    head = text("MQTT") + bytes([version, bits if flags is None else flags])
    head += struct.pack(">H", keep_alive_s) + ((properties or b"\x00") if version == 5 else b"")
    return packet(CONNECT, 0, head + text(client_id) + body)


def publish_bytes(version, topic, payload, qos=0, packet_id=1, retain=False, dup=False,
                  properties=None):
    body = text(topic) + (struct.pack(">H", packet_id) if qos else b"")
    if version == 5:
        body += properties or b"\x00"
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), body + payload)


def subscribe_bytes(version, filters, packet_id=1, properties=None, kind=SUBSCRIBE, flags=2):
    """filters: (filter, options) for SUBSCRIBE, texts for UNSUBSCRIBE."""
    body = struct.pack(">H", packet_id) + ((properties or b"\x00") if version == 5 else b"")
    for one in filters:
        body += text(one[0]) + bytes([one[1]]) if kind == SUBSCRIBE else text(one)
    return packet(kind, flags, body)


class Message:
    """A PUBLISH from the server."""

    def __init__(self, found, version):
        self.qos, self.dup = found.flags >> 1 & 3, bool(found.flags & 8)
        self.retain = bool(found.flags & 1)
        topic, at = read_text(found.body, 0)
        self.topic, self.packet_id = topic.decode(), 0
        if self.qos:
            self.packet_id = struct.unpack_from(">H", found.body, at)[0]
            at += 2
        self.properties = []
        if version == 5:
            self.properties, at = read_props(found.body, at)
        self.payload = found.body[at:]
        self.size = len(found.body)

    def all(self, name):
        return [value for found, value in self.properties if found == name]

    def get(self, name):
        found = self.all(name)
        return found[0] if found else None

    def __repr__(self):
        return f"{self.topic} {self.payload!r} qos {self.qos} id {self.packet_id}"


class Peer(mqtt_bytes.Client):
    """One connection. With connect=False nothing is sent."""

    def __init__(self, port, client_id="", version=5, connect=True, **options):
        super().__init__(port, version=version, connect=False)
        self.kept = []
        self.next_id = 0
        if connect:
            self.send(connect_bytes(client_id, version, **options))
            self.read_connack()
            if self.code:
                raise AssertionError(f"CONNACK {self.code:#x} {self.answer}")

    def read_connack(self):
        found = mqtt_bytes.Client.expect(self, CONNACK)
        self.session_present, self.code = bool(found.body[0] & 1), found.body[1]
        self.connack_flags = found.body[0]
        self.answer = dict(read_props(found.body, 2)[0]) if self.version == 5 and found.body[2:] \
            else {}

    def new_id(self):
        self.next_id += 1
        return self.next_id

    def expect(self, kind, packet_id=None):
        """The next packet that is no PUBLISH; those are kept for message()."""
        while True:
            found = self.receive()
            if found is not None and found.kind == PUBLISH and kind != PUBLISH:
                self.kept.append(found)
                continue
            if found is None or found.kind != kind:
                raise AssertionError(f"expected packet {kind}, got {found}")
            if packet_id is not None and found.packet_id() != packet_id:
                raise AssertionError(f"expected it for {packet_id}, got {found}")
            return found

    def codes(self, found, kind=SUBACK):
        """Of a SUBACK or UNSUBACK."""
        if found.kind != kind:
            raise AssertionError(f"expected packet {kind}, got {found}")
        at = read_props(found.body, 2)[1] if self.version == 5 else 2
        return list(found.body[at:])

    def reason(self, found):
        return found.body[2] if len(found.body) > 2 else 0

    def subscribe(self, *filters, properties=None):
        """filters: (filter, options). Returns the codes."""
        packet_id = self.new_id()
        self.send(subscribe_bytes(self.version, filters, packet_id, properties))
        return self.codes(self.expect(SUBACK, packet_id))

    def unsubscribe(self, *filters):
        packet_id = self.new_id()
        self.send(subscribe_bytes(self.version, filters, packet_id, kind=UNSUBSCRIBE))
        return self.codes(self.expect(UNSUBACK, packet_id), UNSUBACK)

    def say(self, topic, payload, qos=1, retain=False, properties=None):
        """PUBLISH with its whole exchange."""
        packet_id = self.new_id()
        self.send(publish_bytes(self.version, topic, payload, qos, packet_id, retain,
                                properties=properties))
        if qos == 1:
            self.expect(PUBACK, packet_id)
        elif qos == 2:
            self.expect(PUBREC, packet_id)
            self.release(packet_id)
            self.expect(PUBCOMP, packet_id)

    def message(self):
        """The next PUBLISH; nothing is acknowledged."""
        found = self.kept.pop(0) if self.kept else mqtt_bytes.Client.expect(self, PUBLISH)
        return Message(found, self.version)

    def ack(self, kind, packet_id, code=0):
        body = struct.pack(">H", packet_id) + (bytes([code]) if code else b"")
        self.send(packet(kind, 2 if kind == PUBREL else 0, body))

    def take(self):
        """The next PUBLISH with its whole exchange."""
        found = self.message()
        if found.qos == 1:
            self.ack(PUBACK, found.packet_id)
        elif found.qos == 2:
            self.ack(PUBREC, found.packet_id)
            self.expect(PUBREL, found.packet_id)
            self.ack(PUBCOMP, found.packet_id)
        return found

    def silent(self, seconds=0.4):
        """Whether nothing comes for so long."""
        return not self.kept and self.receive(seconds) is None

    def ended(self):
        """The last packet before the server closed, or None."""
        packets = [p for p in self.rest(15) if p.kind != PUBLISH]
        return packets[-1] if packets else None

    def bye(self, code=None, properties=None):
        body = b"" if code is None else bytes([code]) + (properties or b"")
        self.send(packet(DISCONNECT, 0, body))
        try:
            self.rest()
        finally:
            self.close()

    def lose(self):
        """The connection ends without a DISCONNECT."""
        self.close()
        time.sleep(0.05)

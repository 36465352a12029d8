"""A small MQTT client on a plain socket, 3.1.1 (version=4) and 5: it shows every packet as it is
and sends what no library would."""
import socket
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 12, 13, 14


def length(value):
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def text(value):
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw)) + raw


def packet(kind, flags, body):
    return bytes([kind << 4 | flags]) + length(len(body)) + body


def connect_packet(client_id, version=4, clean=True, keep_alive_s=60, expiry_s=0, user=None,
                   password=None, will_topic=None):
    flags = ((0x02 if clean else 0) | (0x80 if user is not None else 0)
             | (0x40 if password is not None else 0) | (0x04 if will_topic is not None else 0))
    body = text("MQTT") + bytes([version, flags]) + struct.pack(">H", keep_alive_s)
    if version == 5:
        properties = b"\x11" + struct.pack(">I", expiry_s) if expiry_s else b""
        body += length(len(properties)) + properties
    body += text(client_id)
    if will_topic is not None:
        body += (b"\x00" if version == 5 else b"") + text(will_topic) + text("gone")
    for one in (user, password):
        if one is not None:
            body += text(one)
    return packet(CONNECT, 0, body)


def subscribe_packet(packet_id, topic_filter, qos=1):
    """MQTT 5."""
    return packet(SUBSCRIBE, 2, struct.pack(">HB", packet_id, 0) + text(topic_filter) + bytes([qos]))


def publish_packet(topic, payload, qos=0, packet_id=0, version=4, dup=False):
    body = text(topic) + (struct.pack(">H", packet_id) if qos else b"")
    if version == 5:
        body += b"\x00"
    return packet(PUBLISH, (8 if dup else 0) | qos << 1, body + payload)


class Closed(Exception):
    """The other side has closed the connection."""


class Packet:
    def __init__(self, kind, flags, body):
        self.kind, self.flags, self.body = kind, flags, body

    def packet_id(self):
        return struct.unpack(">H", self.body[:2])[0]

    def __repr__(self):
        return f"packet {self.kind:#x} {self.body.hex()}"


class Client:
    def __init__(self, port, client_id="", version=4, connect=True, **options):
        self.version = version
        self.socket = self.open(port)
        self.input = b""
        self.session_present = None
        if connect:
            self.send(connect_packet(client_id, version, **options))
            answer = self.expect(CONNACK)
            if answer.body[1] != 0:
                raise AssertionError(f"CONNACK {answer.body[1]:#x}")
            self.session_present = bool(answer.body[0] & 1)

    def open(self, port):
        return socket.create_connection(("127.0.0.1", port), timeout=10)

    def send(self, data):
        self.socket.sendall(data)

    def publish(self, topic, payload, qos=1, packet_id=1, dup=False):
        self.send(publish_packet(topic, payload, qos, packet_id, self.version, dup))

    def release(self, packet_id):
        self.send(packet(PUBREL, 2, struct.pack(">H", packet_id)))

    def receive(self, timeout_s=10):
        """The next packet; None where none comes in time. Raises Closed."""
        self.socket.settimeout(timeout_s)
        while True:
            whole = self._take()
            if whole is not None:
                return whole
            try:
                more = self.socket.recv(65536)
            except (TimeoutError, BlockingIOError):
                return None
            except ConnectionResetError as error:
                raise Closed from error
            if not more:
                raise Closed
            self.input += more

    def _take(self):
        value = shift = 0
        for at, byte in enumerate(self.input[1:5], 1):
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                if len(self.input) < at + 1 + value:
                    return None
                body = self.input[at + 1:at + 1 + value]
                head = self.input[0]
                self.input = self.input[at + 1 + value:]
                return Packet(head >> 4, head & 15, body)
        return None

    def expect(self, kind, packet_id=None):
        found = self.receive()
        if found is None or found.kind != kind:
            raise AssertionError(f"expected packet {kind:#x}, got {found}")
        if packet_id is not None and found.packet_id() != packet_id:
            raise AssertionError(f"expected it for {packet_id}, got {found}")
        return found

    def ping(self):
        self.send(packet(PINGREQ, 0, b""))
        self.expect(PINGRESP)

    def deliver(self, topic, payload, qos=1, packet_id=1):
        """The whole exchange of one message."""
        self.publish(topic, payload, qos, packet_id)
        if qos == 1:
            self.expect(PUBACK, packet_id)
        if qos == 2:
            self.expect(PUBREC, packet_id)
            self.release(packet_id)
            self.expect(PUBCOMP, packet_id)

    def rest(self, timeout_s=10):
        """All packets until the other side closes."""
        packets = []
        try:
            while True:
                found = self.receive(timeout_s)
                if found is None:
                    raise AssertionError(f"the connection was not closed after {packets}")
                packets.append(found)
        except Closed:
            return packets

    def close(self):
        self.socket.close()

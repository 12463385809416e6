"""A few FastDFS requests by sockets alone (docs/protocol.md)."""

import socket
import struct


class StatusError(Exception):
    """An answer with a status other than 0."""

    def __init__(self, status):
        super().__init__(f"status {status}")
        self.status = status


def ask(address, command, body=b""):
    """Sends one request on a connection of its own, and returns the answer's body."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">qBB", len(body), command, 0) + body)
        length, _, status = struct.unpack(">qBB", read(connection, 10))
        answer = read(connection, length)
    if status != 0:
        raise StatusError(status)
    return answer


def read(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionError(f"the connection ended after {len(data)} of {size} bytes")
        data += piece
    return data


def text(field):
    return field.split(b"\0", 1)[0].decode()


def upload(tracker, content, ext=""):
    """Uploads to where the tracker says; returns group and name."""
    answer = ask(tracker, 101)
    ip, port = text(answer[16:31]), struct.unpack(">q", answer[31:39])[0]
    body = struct.pack(">Bq6s", answer[39], len(content), ext.encode()) + content
    stored = ask(f"{ip}:{port}", 11, body)
    return text(stored[:16]), stored[16:].decode()


def download(tracker, group, name):
    """Downloads from where the tracker says."""
    answer = ask(tracker, 102, struct.pack("16s", group.encode()) + name.encode())
    ip, port = text(answer[16:31]), struct.unpack(">q", answer[31:39])[0]
    body = struct.pack(">qq16s", 0, 0, group.encode()) + name.encode()
    return ask(f"{ip}:{port}", 14, body)

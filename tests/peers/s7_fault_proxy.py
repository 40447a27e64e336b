"""Stands between a client and an S7 server and does what networks and bad devices do.

usage: s7_fault_proxy.py UPSTREAM_PORT MODE FAULTY [N]

Listens on a free port of loopback and prints "up PORT". The first FAULTY connections misbehave in the way of MODE,
the others pass. Where a mode strikes at one frame, it is the N-th from the server (1 the connect confirm, 2 the
setup, 3 the first read). Prints "connection" for each client and "closed" when it is gone, "saw KIND FUNCTION" for
each S7 request.
"""
import socket
import struct
import sys
import threading
import time

UPSTREAM, MODE, FAULTY = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
STRIKE = int(sys.argv[4]) if len(sys.argv) > 4 else 0
LATE_S = 1.2
# DB3 in an item of a read: the mode poison closes the connection on it.
POISON = b"\x00\x03\x84"


def say(line):
    """In one piece, whichever thread it is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def frame(sock):
    head = exactly(sock, 4)
    return head + exactly(sock, struct.unpack(">H", head[2:])[0] - 4)


def resized(data):
    return data[:2] + struct.pack(">H", len(data)) + data[4:]


# What becomes of the frame that is struck; None closes the connection instead.
CHANGES = {
    "garbage": lambda f: b"\xff" * len(f),
    "noise": lambda f: f[:7] + bytes(b ^ 0xA5 for b in f[7:]),
    "len0": lambda f: f[:2] + b"\0\0" + f[4:],
    "len8": lambda f: f[:2] + b"\0\x08" + f[4:8],
    "biglen": lambda f: f[:2] + b"\xff\xff" + f[4:],
    "short": lambda f: f[: len(f) // 2],
    "trunc": lambda f: resized(f[:-2]),
    "extra": lambda f: resized(f + b"\0\0"),
    "err85": lambda f: resized(f[:13] + b"\0\0\0\0\x85\0"),
    "noput": lambda f: resized(f[:8] + b"\x02\0\0\0\0\0\0\0\0\x81\x04"),
    "refx": lambda f: f[:11] + b"\x7f\x7f" + f[13:],
    "fewitems": lambda f: f[:20] + bytes([f[20] - 1]) + f[21:],
    "itemlen": lambda f: f[:23] + b"\xff\xf8" + f[25:],
    "itemless": lambda f: f[:23] + struct.pack(">H", struct.unpack(">H", f[23:25])[0] - 16) + f[25:],
    "unit": lambda f: f[:22] + b"\x08" + f[23:],
    "function": lambda f: f[:19] + b"\xf0" + f[20:],
    "twice": lambda f: f + f,
    "close": lambda f: None,
}


def to_server(client, server, mode):
    try:
        while True:
            data = frame(client)
            if data[5] == 0xF0:
                say("saw %02x %02x" % (data[8], data[17]))
            if mode == "poison" and POISON in data:
                raise EOFError
            server.sendall(data)
    except (EOFError, OSError):
        say("closed")
        shut(server)


def to_client(server, client, mode):
    count, before = 0, b""
    try:
        while True:
            data = frame(server)
            count += 1
            if not deliver(client, data, before, mode, count == STRIKE):
                break
            before = data
    except (EOFError, OSError):
        pass
    shut(server)
    shut(client)


def deliver(client, data, before, mode, struck):
    """Passes one frame on; false when the connection is to be closed."""
    if mode == "frag":
        for byte in data:
            client.sendall(bytes([byte]))
            time.sleep(0.0005)
        return True
    if mode == "frag2":
        half = len(data) // 2
        client.sendall(data[:half])
        time.sleep(0.003)
        data = data[half:]
    if struck and mode in CHANGES:
        data = CHANGES[mode](data)
        if data is None:
            return False
    if struck and mode == "stale":
        data = before
    if struck and mode == "coalesce":
        data = before + data
    if struck and mode == "delay":
        time.sleep(LATE_S)
    if struck and mode == "hang":
        return True
    client.sendall(data)
    return not (struck and mode == "short")


def shut(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()


def serve(client, number):
    mode = MODE if number <= FAULTY else "pass"
    try:
        server = socket.create_connection(("127.0.0.1", UPSTREAM))
    except OSError:
        client.close()
        return
    for sock in (client, server):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=to_server, args=(client, server, mode), daemon=True).start()
    to_client(server, client, mode)


listener = socket.create_server(("127.0.0.1", 0))
say("up %d" % listener.getsockname()[1])
connections = 0
while True:
    accepted, _ = listener.accept()
    connections += 1
    say("connection")
    threading.Thread(target=serve, args=(accepted, connections), daemon=True).start()

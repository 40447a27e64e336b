"""A PLC to read: libsnap7's own S7 server, the most real S7 peer that runs without hardware.

usage: s7_libsnap7.py PORT PDU      prints "up PORT" when it listens; ends with an error when the port is taken

DB1 holds one value of each type (see VALUES); the word at byte 2k of DB2, DB3 and DB4 is DB number * 4096 + k, so
that no two words are alike; M, I and Q hold their area's code and the byte's number; T20 is 123 s, C12 is 456
(libsnap7's server looks for timer n at byte n / 2, where a PLC has it at 2 n).
"""
import ctypes
import struct
import sys
import time

import snap7
from snap7.types import srvAreaCT, srvAreaDB, srvAreaMK, srvAreaPA, srvAreaPE, srvAreaTM

PDU_LENGTH_PARAMETER = 10
VALUES = [
    (0, "B", 0b1000_0010),
    (2, "h", -12345),
    (4, "i", -1234567890),
    (8, "f", 13.45),
    (12, "d", -2.5e100),
    (20, "q", -(2**62)),
    (28, "H", 54321),
    (30, "I", 4000000000),
    (34, "b", -5),
    (35, "B", 250),
    (36, "c", b"K"),
    (38, "Q", 2**64 - 1),
    (46, "i", 990),
]
TEXTS = [
    (50, b"\x1e\x07Sp\xfcl\x80 1"),
    (100, b"\xfe\xfe" + bytes(65 + k % 26 for k in range(254))),
]

server = snap7.server.Server(log=False)
kept = []


def register(area, index, data):
    buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
    kept.append(buffer)
    server.register_area(area, index, buffer)


def first_block():
    data = bytearray(512)
    for at, kind, value in VALUES:
        struct.pack_into(">" + kind, data, at, value)
    for at, text in TEXTS:
        data[at : at + len(text)] = text
    return bytes(data)


def numbered_words(block):
    return b"".join(struct.pack(">H", block * 4096 + k) for k in range(512))


register(srvAreaDB, 1, first_block())
for block in (2, 3, 4):
    register(srvAreaDB, block, numbered_words(block))
for area, code in ((srvAreaPE, 0x81), (srvAreaPA, 0x82), (srvAreaMK, 0x83)):
    register(area, 0, b"".join(bytes((code, k)) for k in range(64)))
register(srvAreaTM, 0, struct.pack(">8H", 0, 0, 0, 0, 0, 0x2123, 0, 0))
register(srvAreaCT, 0, struct.pack(">8H", 0, 0, 0, 0x0456, 0, 0, 0, 0))

port, pdu = int(sys.argv[1]), int(sys.argv[2])
server.set_param(PDU_LENGTH_PARAMETER, pdu)
server.start(port)
print("up", port, flush=True)
while True:
    time.sleep(1)

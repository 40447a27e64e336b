"""A line's OPC UA server, played by asyncua.

usage: opcua_asyncua.py PORT DATA_DIR [--tags N] [--every MS] [--secure] [--late SECONDS] [--shift] [--until N]
           [--stamps SECONDS]
           [--limit N] [--hide-limit] [--queue N] [--keep oldest] [--overflow] [--swallow]

The namespace urn:line:demo holds v0 … v(N-1), counters that all show the same number, one more every MS; `wave`, which
is true for ten steps and false for ten; and one node of each type under t_NAME. `--secure` offers nothing but Basic256Sha256 SignAndEncrypt to the user `line` with the
password `s3cret`; `--late` adds the last ten counters only after so many seconds; `--shift` registers another
namespace first, so that the index is another one. DATA_DIR keeps the server's certificate over a restart. `--until`
ends the counting there; `--stamps` stamps values so many seconds off, as a gateway does that hands on a device's time.
What asyncua would not do: `--limit` announces that a request takes at most N nodes or items and refuses more,
`--hide-limit` does not announce it; `--queue` makes each queue that long, `--keep oldest` throws newer values away
instead of older ones, `--overflow` says so by the bit of the status; `--swallow` numbers the first answer with values
after the counting has ended, and never sends it.
Prints `up PORT` when it listens, `value N` after each step.
"""

import argparse
import asyncio
import dataclasses
import datetime
import logging
import sys
import uuid
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server import internal_server, subscription_service
from asyncua.server.internal_session import InternalSession
from asyncua.server.internal_subscription import InternalSubscription
from cryptography.x509.oid import ExtendedKeyUsageOID

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("data_dir", type=Path)
parser.add_argument("--tags", type=int, default=50)
parser.add_argument("--every", type=int, default=200)
parser.add_argument("--secure", action="store_true")
parser.add_argument("--late", type=float, default=0)
parser.add_argument("--shift", action="store_true")
parser.add_argument("--until", type=int, default=0)
parser.add_argument("--stamps", type=int, default=0)
parser.add_argument("--limit", type=int, default=0)
parser.add_argument("--hide-limit", action="store_true")
parser.add_argument("--queue", type=int, default=0)
parser.add_argument("--keep", choices=["newest", "oldest"], default="newest")
parser.add_argument("--overflow", action="store_true")
parser.add_argument("--swallow", action="store_true")
options = parser.parse_args()
logging.disable(logging.CRITICAL)
LATE = 10
count = 0


class Users:
    def get_user(self, _server, username=None, password=None, certificate=None):
        if not options.secure:
            return User(role=UserRole.User)
        known = username == "line" and password in ("s3cret", b"s3cret")
        return User(role=UserRole.User, name="line") if known else None


def now():
    return datetime.datetime.now(datetime.timezone.utc)


async def secure(server):
    key, certificate = options.data_dir / "key.pem", options.data_dir / "cert.der"
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    subject = {"countryName": "DE", "organizationName": "line"}
    await setup_self_signed_certificate(key, certificate, "urn:line:server", "localhost", usage, subject)
    await server.load_certificate(str(certificate))
    await server.load_private_key(str(key))
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    server.set_identity_tokens([ua.UserNameIdentityToken])


async def add_types(folder, space):
    kinds = ua.VariantType
    old = datetime.datetime(2024, 2, 29, 12, 0, 0, tzinfo=datetime.timezone.utc)
    values = {
        "bool": (True, kinds.Boolean), "sbyte": (-5, kinds.SByte), "byte": (250, kinds.Byte),
        "int16": (-3, kinds.Int16), "uint16": (65535, kinds.UInt16), "int32": (-7, kinds.Int32),
        "uint32": (4294967295, kinds.UInt32), "int64": (-(2**62), kinds.Int64), "uint64": (2**63 - 1, kinds.UInt64),
        "float": (13.45, kinds.Float), "double": (2.2, kinds.Double), "string": ("Füller 1", kinds.String),
        "datetime": (old, kinds.DateTime), "loctext": (ua.LocalizedText("Störung", "de"), kinds.LocalizedText),
        "guid": (uuid.UUID("84068f2f-3f39-4b9c-a995-d2a84d878689"), kinds.Guid),
        "nan": (float("nan"), kinds.Double), "array": ([1, 2, 3], kinds.Int32), "bytes": (b"\x00\xff", kinds.ByteString),
        "structure": (ua.Argument(), kinds.ExtensionObject), "long": (list(range(20_000)), kinds.Int32),
    }
    for name, (value, kind) in values.items():
        node = ua.NodeId(f"t_{name}", space)
        await folder.add_variable(node, ua.QualifiedName(name, space), value, kind)
    for name, code in [("uncertain", ua.StatusCodes.UncertainLastUsableValue), ("bad", ua.StatusCodes.BadSensorFailure)]:
        node = await folder.add_variable(ua.NodeId(f"t_{name}", space), ua.QualifiedName(name, space), 1.0, kinds.Double)
        value = ua.DataValue(ua.Variant(4.5, kinds.Double), StatusCode=ua.StatusCode(code), SourceTimestamp=old)
        await node.write_value(value)


def limited(count):
    if options.limit and count > options.limit:
        raise ua.UaStatusCodeError(ua.StatusCodes.BadTooManyOperations)


class Session(InternalSession):
    async def read(self, params):
        limited(len(params.NodesToRead))
        return await super().read(params)

    async def create_monitored_items(self, params):
        limited(len(params.ItemsToCreate))
        return await super().create_monitored_items(params)


class Subscription(InternalSubscription):
    async def _enqueue_event(self, mid, eventdata, size, queue):
        waiting = queue.get(mid, [])
        if not size or len(waiting) < size:
            return await super()._enqueue_event(mid, eventdata, size, queue)
        if options.keep == "newest":
            waiting.pop(0)
            waiting.append(eventdata)
        if options.overflow:
            marked = waiting[0 if options.keep == "newest" else -1]
            # The value is a DataValue with the bits "data value" and "overflow" in its status.
            marked.Value = dataclasses.replace(marked.Value, StatusCode=ua.StatusCode(0x480))

    def _pop_publish_result(self):
        result = super()._pop_publish_result()
        if options.swallow and count >= options.until and result.NotificationMessage.NotificationData:
            options.swallow = False
            print("swallowed", result.NotificationMessage.SequenceNumber, flush=True)
            return super()._pop_publish_result()
        return result


async def announce_limits(server):
    for limit in [ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
                  ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead]:
        await server.get_node(ua.NodeId(limit)).write_value(options.limit, ua.VariantType.UInt32)


async def main():
    global count
    server = Server(user_manager=Users())
    internal_server.InternalSession = Session
    subscription_service.InternalSubscription = Subscription
    await server.init()
    if options.limit and not options.hide_limit:
        await announce_limits(server)
    if options.queue:
        server.iserver.max_monitored_item_queue_size = options.queue
    server.set_endpoint(f"opc.tcp://127.0.0.1:{options.port}/line/")
    await server.set_application_uri("urn:line:server")
    if options.secure:
        await secure(server)
    else:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    if options.shift:
        await server.register_namespace("urn:another")
    space = await server.register_namespace("urn:line:demo")
    folder = await server.nodes.objects.add_folder(ua.NodeId("Line", space), ua.QualifiedName("Line", space))
    await add_types(folder, space)
    counters, groups = [], []

    async def add(number):
        name = ua.QualifiedName(f"v{number}", space)
        # asyncua looks at all nodes of a folder for each that is added.
        if number % 100 == 0:
            group = f"Group{number // 100}"
            groups.append(await folder.add_folder(ua.NodeId(group, space), ua.QualifiedName(group, space)))
        node = ua.NodeId(f"v{number}", space)
        counters.append(await groups[-1].add_variable(node, name, 0, ua.VariantType.Int64))

    name = ua.QualifiedName("wave", space)
    wave = await folder.add_variable(ua.NodeId("wave", space), name, False, ua.VariantType.Boolean)
    late_at = now() + datetime.timedelta(seconds=options.late)
    for number in range(options.tags - (LATE if options.late else 0)):
        await add(number)
    try:
        await server.start()
    except OSError:
        sys.exit("the port is taken")
    print("up", options.port, flush=True)
    while True:
        await asyncio.sleep(options.every / 1000)
        if options.until and count >= options.until:
            continue
        while len(counters) < options.tags and now() > late_at:
            await add(len(counters))
        count += 1
        is_high = ua.Variant(count // 10 % 2 == 1, ua.VariantType.Boolean)
        variant = ua.Variant(count, ua.VariantType.Int64)
        for counter, variant in [(wave, is_high)] + [(counter, variant) for counter in counters]:
            stamp = now() + datetime.timedelta(seconds=options.stamps)
            await counter.write_value(ua.DataValue(variant, SourceTimestamp=stamp, ServerTimestamp=stamp))
        print("value", count, flush=True)


asyncio.run(main())

"""DynamoDB as ministack has it, on a free port of 127.0.0.1. Prints `up PORT`.

The socket is made here, so that no other process can take the port in between; nothing else is opened.
"""

import asyncio
import os
import socket

door = socket.socket()
door.bind(("127.0.0.1", 0))
door.listen(128)
port = door.getsockname()[1]
# Read when it is imported.
os.environ.update(
    GATEWAY_PORT=str(port), SERVICES="dynamodb", IOT_MTLS_ENABLED="0", SFTP_ENABLED="0", LOG_LEVEL="ERROR"
)

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402
from ministack.app import app  # noqa: E402

config = Config()
config.bind = [f"fd://{door.fileno()}"]
print(f"up {port}", flush=True)
asyncio.run(serve(app, config))

"""Aggregates as aws_kinesis_agg understands them. Bytes are hexadecimal in what comes in and goes out, as JSON.

unpack: "bytes"                 -> [[partition key, bytes], ...]
pack:   [[partition key, bytes], ...] -> "bytes"
"""

import base64
import json
import sys

from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.deaggregator import deaggregate_records


def unpack(data):
    outer = {"data": base64.b64encode(bytes.fromhex(data)).decode(), "partitionKey": "outer"}
    outer |= {"sequenceNumber": "1", "kinesisSchemaVersion": "1.0", "approximateArrivalTimestamp": 0}
    users = [user["kinesis"] for user in deaggregate_records([{"kinesis": outer}])]
    return [[user["partitionKey"], base64.b64decode(user["data"]).hex()] for user in users]


def pack(records):
    aggregator = RecordAggregator()
    for key, data in records:
        aggregator.add_user_record(key, bytes.fromhex(data))
    _, _, whole = aggregator.clear_and_get().get_contents()
    return whole.hex()


print(json.dumps({"unpack": unpack, "pack": pack}[sys.argv[1]](json.load(sys.stdin))))

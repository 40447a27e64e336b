"""Metrics as Prometheus' own Python client understands them: text in, JSON out."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families


def family(f):
    samples = [{"name": s.name, "labels": s.labels, "value": s.value} for s in f.samples]
    return {"name": f.name, "type": f.type, "help": f.documentation, "samples": samples}


print(json.dumps([family(f) for f in text_string_to_metric_families(sys.stdin.read())]))

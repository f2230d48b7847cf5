# SPDX-License-Identifier: GPL-2.0
"""Asks Prometheus what the dashboard asks it: a line for each answer."""

import json
import sys
import urllib.parse
import urllib.request

VARIABLES = {"$job": ".*", "$instance": ".*", "$__rate_interval": "1m"}


def answers(expression):
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"http://localhost:9090/api/v1/query?{query}") as answer:
        return json.load(answer)["data"]["result"]


with open(sys.argv[1], encoding="utf-8") as file:
    panels = json.load(file)["panels"]
for panel in panels:
    for target in panel["targets"]:
        for answer in answers(target["expr"]):
            labels = answer["metric"]
            shown = [f"{name}={labels[name]}" for name in ("pool_id", "priority", "pci") if name in labels]
            print(f"{panel['title']}:", *shown, answer["value"][1])

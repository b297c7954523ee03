#!/usr/bin/env python3
"""Print rules.yaml for another installation: job selector, runbook address, process labels, or for the Operator.

Needs nothing but Python. `prometheus/prometheusrule.yaml` is what `--operator` prints without further options.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

RULES = Path(__file__).with_name("rules.yaml")
SELECTOR = 'job="leadterra-exporter"'
RUNBOOKS = "https://github.com/leadterra-exporter/leadterra-exporter/blob/main/docs/runbooks/"
PROCESS_LABELS = "instance, pod, container, endpoint, node"

_HEAD = """\
# Generated from rules.yaml: python3 prometheus/customize.py --operator > prometheus/prometheusrule.yaml
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: leadterra-exporter
{labels}spec:
"""


def customize(rules: str, *, selector: str = SELECTOR, runbooks: str = RUNBOOKS, without: str = PROCESS_LABELS) -> str:
    """Put another job selector, runbook address (a URL) and list of process labels everywhere in the rules' text."""
    for default, wanted in ((SELECTOR, selector), (RUNBOOKS, runbooks.rstrip("/") + "/"), (PROCESS_LABELS, without)):
        if default not in rules:
            raise ValueError(f"the rules do not have the text to be replaced: {default}")
        rules = rules.replace(default, wanted)
    return rules


def for_operator(rules: str, labels: Sequence[str] = ()) -> str:
    """Wrap the rules' text as a PrometheusRule; `labels` are `name=value`, as the Prometheus resource selects them."""
    lines = ["  labels:\n"] if labels else []
    lines += ['    {}: "{}"\n'.format(*label.split("=", 1)) for label in labels]
    body = "".join("  " + line if line.strip() else line for line in rules.splitlines(keepends=True))
    return _HEAD.format(labels="".join(lines)) + body


def main(argv: Sequence[str] | None = None) -> int:
    """Print the rules as asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--selector", default=SELECTOR, help="matchers of the exporter's targets (default: %(default)s)"
    )
    parser.add_argument(
        "--runbooks", default=RUNBOOKS, metavar="URL", help="where docs/runbooks is (default: %(default)s)"
    )
    parser.add_argument(
        "--without", default=PROCESS_LABELS, metavar="LABELS", help="labels that name a process (default: %(default)s)"
    )
    parser.add_argument("--operator", action="store_true", help="print a PrometheusRule")
    parser.add_argument(
        "--label", action="append", default=[], metavar="NAME=VALUE", help="a label of the PrometheusRule; repeatable"
    )
    options = parser.parse_args(argv)
    if any("=" not in label for label in options.label):
        parser.error("a label is NAME=VALUE")
    rules = customize(
        RULES.read_text("utf-8"), selector=options.selector, runbooks=options.runbooks, without=options.without
    )
    sys.stdout.write(for_operator(rules, options.label) if options.operator else rules)
    return 0


if __name__ == "__main__":
    sys.exit(main())

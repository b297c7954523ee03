"""The chart's README, whose table is values.yaml: each key, its default and the comment above it."""

import json
from collections.abc import Iterator

import yaml

from tests.process import ROOT

CHART = ROOT / "deploy/helm/leadterra-exporter"

_TEXT = """\
# Helm chart

Generated from values.yaml by `make generate`. The same objects as `deploy/kubernetes` has for kustomize;
[docs/deploy/kubernetes.md](../../../docs/deploy/kubernetes.md) says what they do. From a checkout, as rules and
dashboards are linked into the chart from where their only copies are:

```sh
kubectl create secret generic leadterra-api-keys -n leadterra --from-file=acme=leadterra_api_key
helm upgrade --install leadterra-exporter deploy/helm/leadterra-exporter -n leadterra -f values.yaml
```

| value | default | |
|---|---|---|
{rows}

Helm keeps a release in one Secret of at most 1 MiB, compressed. Where `config` and `lists` are larger, create the
ConfigMaps yourself: `existingConfigMap`, `extraVolumes`.
"""


def readme() -> str:
    """Return the text of the README."""
    lines = (CHART / "values.yaml").read_text("utf-8").splitlines()
    values = yaml.compose("\n".join(lines))
    assert isinstance(values, yaml.MappingNode)
    rows = _rows(values, lines, "")
    return _TEXT.format(rows="\n".join(f"| `{key}` | `{default}` | {text} |" for key, default, text in rows))


def _rows(node: yaml.MappingNode, lines: list[str], group: str) -> Iterator[tuple[str, str, str]]:
    """Yield each key with its default, on one line, and its comment; a group's keys each for itself."""
    for key, value in node.value:
        above = lines[key.start_mark.line - 1].strip()
        comment = above.removeprefix("# ") if above.startswith("# ") else ""
        if isinstance(value, yaml.MappingNode) and value.value and not comment:
            yield from _rows(value, lines, f"{group}{key.value}.")
        else:
            default = yaml.safe_load(yaml.serialize(value))
            yield group + key.value, json.dumps(default), comment

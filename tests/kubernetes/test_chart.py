"""The Helm chart: it is the kustomize layouts where both speak of the same, and every mixture of values makes sense."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes import test_manifests as layouts
from tests.kubernetes.test_manifests import CHART, KUBERNETES, Document, build, one, pods
from tests.tools import succeed

KEPT = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "leadterra-exporter-tools"
ADDED_BY_HELM = {"app.kubernetes.io/managed-by", "helm.sh/chart"}
SHARDS = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}


@pytest.fixture(scope="module")
def helm() -> str:
    program = shutil.which("helm") or next(map(str, KEPT.glob("helm-v*")), None)
    return program or pytest.skip("no helm; `make helm` builds one with Go")


@pytest.fixture
def render(helm: str, tmp_path: Path) -> Callable[..., list[Document]]:
    def run(release: str = "leadterra-exporter", **values: Any) -> list[Document]:
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
        command = [helm, "template", release, str(CHART), "--values", str(tmp_path / "values.yaml")]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise ValueError(ended.stderr)
        return [document for document in yaml.safe_load_all(ended.stdout) if document]

    return run


def test_lint_finds_nothing(helm: str) -> None:
    succeed(helm, "lint", "--strict", CHART)


def comparable(documents: list[Document]) -> dict[str, Document]:
    """Return the objects by kind, without what only Helm says; texts in YAML as what they mean."""
    for document in documents:
        labels = document["metadata"].get("labels", {})
        document["metadata"]["labels"] = {name: labels[name] for name in labels.keys() - ADDED_BY_HELM}
        if document["kind"] == "ConfigMap":
            document["metadata"]["labels"].pop("app.kubernetes.io/name", None)
            document["data"] = {name: yaml.safe_load(text) for name, text in document["data"].items()}
        for pod in pods([document]):
            pod["containers"][0].pop("imagePullPolicy", None)
    return {document["kind"]: document for document in documents}


@pytest.mark.parametrize(("layout", "values"), [("base", {}), ("sharded", {"shards": 3, "resources": SHARDS})])
def test_it_is_the_layout(layout: str, values: Mapping[str, Any], render: Callable[..., list[Document]]) -> None:
    assert comparable(render(**values)) == comparable(build(KUBERNETES / layout))


def test_monitoring_is_the_layouts(render: Callable[..., list[Document]]) -> None:
    ours, theirs = render(scrape="podMonitor", prometheusRule=True, dashboards=True), build(KUBERNETES / "monitoring")
    scraped, as_theirs = (one(each, "PodMonitor")["spec"]["podMetricsEndpoints"] for each in (ours, theirs))
    assert scraped == as_theirs
    original = yaml.safe_load((KUBERNETES.parents[1] / "prometheus/prometheusrule.yaml").read_text())
    assert one(ours, "PrometheusRule")["spec"] == original["spec"]
    maps = ([each["data"] for each in of if each["kind"] == "ConfigMap"] for of in (ours, theirs))
    texts, boards = ({text for data in of for text in data.values()} for of in maps)
    assert boards < texts


EXTRAS: dict[str, Any] = {
    "lists": {"a.yaml": "[camp_1]", "b.csv": "id,name\ncamp_2,Two\n"},
    "extraArgs": ["--log.format=json"],
    "extraEnv": [{"name": "TZ", "value": "UTC"}],
    "extraVolumes": [{"name": "web", "secret": {"secretName": "web"}}],
    "extraVolumeMounts": [{"name": "web", "mountPath": "/web", "readOnly": True}],
    "imagePullSecrets": [{"name": "registry"}],
    "podAnnotations": {"a": "b"}, "podLabels": {"c": "d"}, "serviceAccountAnnotations": {"e": "f"},
    "nodeSelector": {"g": "h"}, "tolerations": [{"operator": "Exists"}], "priorityClassName": "high",
    "affinity": {"nodeAffinity": {}}, "scheme": "https", "monitoringLabels": {"release": "kube-prometheus-stack"},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    "networkPolicy": {"extraEgress": [{"ports": [{"protocol": "TCP", "port": 3128}]}]},
    "config": {"workspaces": [{"name": "acme", "thresholds": {"emails_queued": {"warning": 5000000}}}]},
}  # fmt: skip
MATRIX = [
    {"shards": shards, "scrape": scrape, "prometheusRule": all_of_it, "dashboards": all_of_it, **extras}
    for shards, scrape, (all_of_it, extras) in product(
        (1, 3), ("none", "podMonitor", "serviceMonitor", "annotations"), ((False, {}), (True, EXTRAS))
    )
]


@pytest.mark.slow
def test_every_mixture_of_values_is_valid(render: Callable[..., list[Document]], tmp_path: Path) -> None:
    different = {json.dumps(document): document for values in MATRIX for document in render(**values)}
    rendered = list(different.values())
    for pod in pods(rendered):
        layouts.check_restricted(pod)
    assert {document["kind"] for document in rendered} >= layouts.OF_OPERATOR
    for version in layouts.VERSIONS:
        layouts.validate(rendered, version, tmp_path)


def test_values_arrive_and_the_schema_knows_them_and_no_others(render: Callable[..., list[Document]]) -> None:
    known = json.loads((CHART / "values.schema.json").read_text())["properties"]
    assert yaml.safe_load((CHART / "values.yaml").read_text()).keys() == known.keys() - {"global"}
    rendered = render(shards=2, scrape="annotations", **EXTRAS)
    (pod,) = pods(rendered)
    (container,) = pod["containers"]
    maps = {each["metadata"]["name"]: each["data"] for each in rendered if each["kind"] == "ConfigMap"}
    mounted = [maps[source["configMap"]["name"]] for source in pod["volumes"][0]["projected"]["sources"]]
    assert [name for data in mounted for name in data] == ["config.yaml", "a.yaml", "b.csv"]
    assert yaml.safe_load(mounted[0]["config.yaml"]) == EXTRAS["config"]
    assert "5000000" in mounted[0]["config.yaml"]  # not 5e+06
    assert mounted[2]["b.csv"] == EXTRAS["lists"]["b.csv"]
    assert "--log.format=json" in container["args"]
    probes = (container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness"))
    assert {probe["scheme"] for probe in probes} == {"HTTPS"}
    for key in ("imagePullSecrets", "nodeSelector", "tolerations", "priorityClassName", "affinity"):
        assert pod[key] == EXTRAS[key]
    template = one(rendered, "StatefulSet")["spec"]["template"]["metadata"]
    assert {"a": "b", "prometheus.io/port": "10421"}.items() <= template["annotations"].items()
    assert template["labels"]["c"] == "d"
    assert EXTRAS["networkPolicy"]["extraEgress"][0] in one(rendered, "NetworkPolicy")["spec"]["egress"]


def test_two_releases_share_nothing(render: Callable[..., list[Document]]) -> None:
    values = {"shards": 2, "scrape": "podMonitor", "prometheusRule": True, "dashboards": True}
    names = [{(each["kind"], each["metadata"]["name"]) for each in render(release, **values)} for release in ("a", "b")]
    assert names[0].isdisjoint(names[1])
    selectors = [one(render(release), "Deployment")["spec"]["selector"]["matchLabels"] for release in ("a", "b")]
    assert selectors[0] != selectors[1]


@pytest.mark.parametrize(
    "values",
    [{"shards": 0}, {"shard": 3}, {"scrape": "pod"}, {"networkPolicy": {"egress": []}}, {"existingSecret": ""},
     {"lists": {"../a.yaml": ""}}, {"lists": {"config.yaml": ""}}, {"extraArgs": ["log.level=info"]}],
    ids=str,
)  # fmt: skip
def test_the_schema_refuses(values: Mapping[str, Any], render: Callable[..., list[Document]]) -> None:
    with pytest.raises(ValueError, match="values don't meet the specifications"):
        render(**values)

"""What the manifests name exists, what they promise is built, and both fit the schemas and the restricted standard."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from exporter.cli import check
from exporter.config import load
from exporter.flags import environment_variable
from exporter.options import serve_parser
from prometheus.customize import PROCESS_LABELS, SELECTOR
from tests.docs.pages import read
from tests.process import ROOT
from tests.tools import run, succeed

KUBERNETES = ROOT / "deploy" / "kubernetes"
CHART = ROOT / "deploy/helm/leadterra-exporter"
LAYOUTS = ("base", "sharded", "sidecar", "monitoring")
WITH_PODS = ("base", "sharded", "sidecar")
EXPORTER = "leadterra-exporter"
CONFIG = "config.yaml"

Document = dict[str, Any]


def build(folder: Path) -> list[Document]:
    """Build a folder as `kubectl apply -k` does."""
    return list(yaml.safe_load_all(build_text(folder)))


@cache
def build_text(folder: Path) -> str:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the PATH; it is optional, in CI too")
    built = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False, timeout=60)
    assert (built.returncode, built.stderr) == (0, ""), built.stderr
    return built.stdout


def one(documents: Iterable[Document], *kinds: str) -> Document:
    """Return the only document of these kinds."""
    (found,) = [document for document in documents if document["kind"] in kinds]
    return found


def pods(documents: Iterable[Document]) -> list[Document]:
    """Return each workload's pod specification."""
    return [document["spec"]["template"]["spec"] for document in documents if "template" in document.get("spec", {})]


def pod_of(layout: str) -> Document:
    (pod,) = pods(build(KUBERNETES / layout))
    return pod


def exporter_of(pod: Document) -> Document:
    (found,) = [each for each in pod["containers"] if each["image"] == f"{EXPORTER}:{__version__}"]
    return dict(found)


PATHS = {"/-/healthy", "/-/ready", "/metrics"}


@pytest.mark.parametrize("layout", WITH_PODS)
def test_flags_variables_ports_probes_and_files_are_the_exporters(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pod, parser = pod_of(layout), serve_parser()
    container = exporter_of(pod)
    known = {environment_variable(action.option_strings[-1]) for action in parser._actions}  # noqa: SLF001 - argparse has no other list
    for variable in container.get("env", []):
        assert variable["name"] in known
        monkeypatch.setenv(variable["name"], variable.get("value", "leadterra-exporter-2"))
        if "value" not in variable:
            place = variable["name"], variable["valueFrom"]["fieldRef"]["fieldPath"]
            assert place == (environment_variable("--shard.index"), "metadata.name")
    (port,), config_file = container["ports"], parser.parse_args(container["args"]).config_file
    assert parser.parse([]).web_listen_address == (f":{port['containerPort']}",)
    probes = [probe["httpGet"] for key, probe in container.items() if key.endswith("Probe")]
    assert len(probes) >= 2
    assert all(probe["path"] in PATHS and probe["port"] == port["name"] for probe in probes)
    folders = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert not any("subPath" in mount for mount in container["volumeMounts"])  # such a file never changes
    volume = next(each for each in pod["volumes"] if each["name"] == folders[str(config_file.parent)])
    folder = KUBERNETES / layout.replace("sharded", "base")
    (generated,) = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))["configMapGenerator"]
    (source,) = volume["projected"]["sources"]
    assert (source["configMap"]["name"], config_file.name) == (generated["name"], *generated["files"])
    assert generated["options"]["disableNameSuffixHash"] is True
    keys = {workspace.key.file for workspace in load(folder / CONFIG).workspaces}
    assert all(key and str(key.parent) in folders for key in keys)
    assert pod["volumes"][1]["secret"] == {"secretName": "leadterra-api-keys", "defaultMode": 0o440}
    assert pod["securityContext"]["fsGroup"] == 65532  # the keys' group is the image's


def test_the_configuration_passes_its_check(capsys: pytest.CaptureFixture[str]) -> None:
    for layout in ("base", "sidecar"):
        assert check(serve_parser().parse([f"--config.file={KUBERNETES / layout / CONFIG}"])) == 0
        said = capsys.readouterr()
        assert "no problems" in said.out
        places = {line.split(": ")[2] for line in said.err.splitlines()}
        assert places == {"workspaces[0].api_key_file"}  # not mounted here


def test_labels_and_chart_are_this_version() -> None:
    labels = [each["metadata"]["labels"] for each in build(KUBERNETES / "sharded")]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    versions = {chart["version"], chart["appVersion"], *(each["app.kubernetes.io/version"] for each in labels)}
    assert versions == {__version__}


def test_requests_and_limits_are_those_that_the_page_explains() -> None:
    page = " ".join(read(Path("docs/deploy/kubernetes.md")).split())
    for layout in ("base", "sharded"):
        asked, most = (exporter_of(pod_of(layout))["resources"][key] for key in ("requests", "limits"))
        memory, cores = asked["memory"].replace("Mi", " MiB"), int(asked["cpu"].removesuffix("m")) / 1000
        may_have = most["memory"].replace("Mi", " MiB")
        assert f"`{layout}` asks for {memory} and {cores:g} cores and may have {may_have}" in page
        assert most["cpu"] == "1"


def test_the_sidecar_is_the_deployments_container() -> None:
    """But for readiness, which would take the application out of its Service, and for names."""
    # A Service named leadterra-exporter would give every pod LEADTERRA_EXPORTER_PORT and the like, which flags read.
    assert environment_variable("--port") == "LEADTERRA_EXPORTER_PORT"
    assert pod_of("base")["enableServiceLinks"] is False
    alone, beside = (exporter_of(pod_of(layout)) for layout in ("base", "sidecar"))
    assert alone.keys() - beside.keys() == {"readinessProbe"}
    assert {key for key in beside if beside[key] != alone[key]} == {"name", "volumeMounts"}
    places, others = ([mount["mountPath"] for mount in each["volumeMounts"]] for each in (alone, beside))
    assert places == others


def test_what_selects_pods_finds_them() -> None:
    monitor = one(build(KUBERNETES / "monitoring"), "PodMonitor")["spec"]
    for layout in WITH_PODS:
        built = build(KUBERNETES / layout)
        labels = one(built, "Deployment", "StatefulSet")["spec"]["template"]["metadata"]["labels"]
        assert monitor["selector"]["matchLabels"].items() <= labels.items()
        for spec in (each["spec"] for each in built if each["kind"] not in ("ConfigMap", "ServiceAccount")):
            selector = spec.get("podSelector", spec.get("selector"))
            selected = selector.get("matchLabels", selector)
            assert selected.items() <= labels.items()
            assert layout == "sidecar" or "app.kubernetes.io/instance" in selected  # of two, each has its own


def test_prometheus_scrapes_the_right_port_under_the_job_that_the_rules_select() -> None:
    (endpoint,) = one(build(KUBERNETES / "monitoring"), "PodMonitor")["spec"]["podMetricsEndpoints"]
    ports = {port["name"] for layout in WITH_PODS for port in exporter_of(pod_of(layout))["ports"]}
    policy = one(build(KUBERNETES / "base"), "NetworkPolicy")["spec"]
    ingress, out = policy["ingress"], [sorted({port["port"] for port in rule["ports"]}) for rule in policy["egress"]]
    assert out == [[53], [443]]  # only names and https
    assert ports == {endpoint["port"], *(port["port"] for rule in ingress for port in rule["ports"])}
    assert endpoint["path"] in PATHS
    # With its default written out: otherwise each `kubectl apply` sets it back and says "configured".
    assert all(each.keys() == {"action", "targetLabel", "replacement"} for each in endpoint["relabelings"])
    (job,) = [each["replacement"] for each in endpoint["relabelings"] if each["targetLabel"] == "job"]
    assert f'job="{job}"' == SELECTOR
    assert {"pod", "container", "endpoint"} <= set(PROCESS_LABELS.split(", "))  # what the Operator adds to a series


def test_the_rules_are_the_only_copy_and_prometheus_takes_them_as_they_are_built(tmp_path: Path) -> None:
    built = one(build(KUBERNETES / "monitoring"), "PrometheusRule")
    original = yaml.safe_load((ROOT / "prometheus" / "prometheusrule.yaml").read_text("utf-8"))
    assert built | {"spec": 0} == original | {"spec": 0}
    # kustomize doubles line ends in folded texts, which PromQL does not mind
    words, as_ours = (re.sub(r"(\\n|\s)+", " ", json.dumps(each["spec"], sort_keys=True)) for each in (built, original))
    assert words == as_ours
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(built["spec"]))
    succeed("promtool", "check", "rules", tmp_path / "rules.yaml")


def test_dashboards_are_labelled_config_maps() -> None:
    maps = [document for document in build(KUBERNETES / "monitoring") if document["kind"] == "ConfigMap"]
    texts = {name: text for each in maps for name, text in each["data"].items()}
    assert texts == {path.name: path.read_text("utf-8") for path in (ROOT / "grafana" / "dashboards").iterdir()}
    assert all(each["metadata"]["labels"] == {"grafana_dashboard": "1"} for each in maps)
    assert {each["metadata"]["name"] for each in maps}.isdisjoint({EXPORTER})  # the configuration's ConfigMap


def test_one_number_says_how_many_shards_there_are(tmp_path: Path) -> None:
    shutil.copytree(KUBERNETES, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "sharded" / "kustomization.yaml"
    text, changed = re.subn(r"(?m)^(    count:) 3\b", r"\1 7", path.read_text("utf-8"))
    assert changed == 1
    path.write_text(text, "utf-8")
    for folder, count in ((KUBERNETES / "sharded", 3), (path.parent, 7)):
        shards = one(build(folder), "StatefulSet")["spec"]
        environment: dict[str, Any] = {each["name"]: each for each in exporter_of(shards["template"]["spec"])["env"]}
        assert shards["replicas"] == count
        assert environment["LEADTERRA_EXPORTER_SHARD_TOTAL"]["value"] == str(count)
        assert shards["podManagementPolicy"] == "Parallel"
        assert shards["serviceName"] == one(build(folder), "Service")["metadata"]["name"]


def test_shards_are_the_base_but_for_their_workload() -> None:
    """So that one can become the other: most fields of a Service, for example, never change."""
    base, shards = build(KUBERNETES / "base"), build(KUBERNETES / "sharded")
    assert [each["kind"] for each in base if each not in shards] == ["Deployment"]
    assert {each["kind"] for each in shards if each not in base} == {"StatefulSet", "PodDisruptionBudget"}


VERSIONS = ("1.27.0", "1.32.0", "1.37.0")
OF_OPERATOR = {"PodMonitor", "ServiceMonitor", "PrometheusRule"}


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_built_fits_the_schema(version: str, tmp_path: Path) -> None:
    validate([document for layout in LAYOUTS for document in build(KUBERNETES / layout)], version, tmp_path)


def validate(documents: Sequence[Document], version: str, folder: Path) -> None:
    known = [document for document in documents if document["kind"] not in OF_OPERATOR]
    (folder / "all.yaml").write_text(yaml.safe_dump_all(known), "utf-8")
    checked = run("kubernetes-validate", "--strict", "-k", version, folder / "all.yaml")
    said = checked.stdout + checked.stderr
    assert checked.returncode == 0, said
    assert "WARN" not in said, said  # it passes a kind that it does not know
    assert said.count("INFO") == len(known), said


_RESTRICTED = {
    "runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
_OWN = {"runAsUser": 65532, "runAsGroup": 65532, "readOnlyRootFilesystem": True}


def check_restricted(pod: Document) -> None:
    """See that a pod says what the standard asks for, and nothing else that it could forbid."""
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"}
    assert pod.get("securityContext", {}).keys() <= {"fsGroup"}
    for volume in pod["volumes"]:
        assert volume.keys() <= {"name", "configMap", "emptyDir", "projected", "secret"}
    for container in pod["containers"]:
        assert container["securityContext"] in (_RESTRICTED, _RESTRICTED | _OWN)
        assert not any("hostPort" in port for port in container.get("ports", []))
        assert not any("host" in probe["httpGet"] for key, probe in container.items() if key.endswith("Probe"))
        assert "lifecycle" not in container


@pytest.mark.parametrize("layout", WITH_PODS)
def test_a_pod_may_nothing_that_it_does_not_need(layout: str) -> None:
    pod = pod_of(layout)
    check_restricted(pod)
    assert exporter_of(pod)["securityContext"] == _RESTRICTED | _OWN
    assert pod["automountServiceAccountToken"] is False
    assert all(mount["readOnly"] for mount in exporter_of(pod)["volumeMounts"])

"""What is written and built fits the schemas of Kubernetes and the Operator, and the restricted security standard."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from exporter.config.times import parse_duration
from tests.kubernetes.manifests import (
    KUBERNETES,
    LAYOUTS,
    PATCH,
    WITH_PODS,
    Document,
    build,
    exporter_of,
    objects,
    one,
    pods,
)
from tests.tools import run

VERSIONS = ("1.27.0", "1.32.0", "1.37.0")
OF_OPERATOR = {"PodMonitor", "PrometheusRule"}


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_written_fits_the_schema(version: str, tmp_path: Path) -> None:
    validate([document for path, document in objects().items() if path.name != PATCH], version, tmp_path)


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


def test_the_pod_monitor_has_only_fields_that_the_operator_knows() -> None:
    """The resource's own schema has 200 kB and does not stand here; these are the fields in use, with their forms."""
    monitor = one(objects().values(), "PodMonitor")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["spec"].keys() == {"selector", "podMetricsEndpoints"}
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint.keys() == {"port", "path", "interval", "scrapeTimeout", "relabelings"}
    # With its default written out: otherwise each `kubectl apply` sets it back and says "configured".
    assert all(relabeling.keys() == {"action", "targetLabel", "replacement"} for relabeling in endpoint["relabelings"])
    interval, timeout = (parse_duration(endpoint[key]) for key in ("interval", "scrapeTimeout"))
    assert interval is not None
    assert timeout is not None
    assert timeout <= interval


WHOLE = {name: pod for path, document in objects().items() if path.name != PATCH
         for name, pod in pods([document])}  # fmt: skip
_RESTRICTED = {
    "runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
_OWN = {"runAsUser": 65532, "runAsGroup": 65532, "readOnlyRootFilesystem": True}


def check(pod: Document) -> None:
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


@pytest.mark.parametrize("name", WHOLE)
def test_a_pod_as_it_is_written(name: str) -> None:
    pod = WHOLE[name]
    check(pod)
    assert exporter_of(pod)["securityContext"] == _RESTRICTED | _OWN
    assert pod["automountServiceAccountToken"] is False
    assert all(mount["readOnly"] for mount in exporter_of(pod)["volumeMounts"])
    assert pod["securityContext"]["fsGroup"] == 65532  # the keys' group is the image's
    assert [volume["secret"]["defaultMode"] for volume in pod["volumes"] if "secret" in volume] == [0o440]


@pytest.mark.parametrize("layout", WITH_PODS)
def test_a_pod_as_it_is_built(layout: str) -> None:
    built = dict(pods(build(KUBERNETES / layout)))
    assert built
    for pod in built.values():
        check(pod)

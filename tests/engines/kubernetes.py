"""docs/deploy/kubernetes.md and sharding.md on a cluster of one node."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import blocks, commands
from tests.engines.machine import KUBERNETES_IMAGE, KUBERNETES_VERSIONS, Machine, shown
from tests.process import ROOT

PAGE = "kubernetes.md, sharding.md"
VERSIONS = KUBERNETES_VERSIONS
MINE = "/root/mine"
CONFIG = """\
api: {base_url: http://10.0.2.100:10422}
workspaces:
  - name: acme
    api_key_file: /run/secrets/leadterra/acme
    campaigns: [%s]
"""
_BLOCKS = blocks(Path("docs/deploy/kubernetes.md"))
KUSTOMIZATIONS = [each.text for each in _BLOCKS if each.language == "yaml"]
_COMMANDS = [command.text for each in _BLOCKS for command in commands(each)]
CREATE_KEY, ROTATE_KEY = (each for each in _COMMANDS if each.startswith("kubectl create secret"))
APPLY = f"cd {MINE} && {shown('kubernetes.md', 'kubectl apply --server-side -k')}"


@pytest.fixture(scope="module")
def kubernetes(machine: Machine, node: None) -> Iterator[Machine]:  # noqa: ARG001 - a fixture of the session
    """Install the exporter as shown."""
    machine.run("docker run -d --name sandbox --network host leadterra-exporter sandbox --listen-address=:10422")
    machine.run(f"mkdir {MINE}; echo sk_test_sandbox_acme >leadterra_api_key")
    for command in (*(shown("kubernetes.md", f"kubectl {verb} namespace") for verb in ("create", "label")), CREATE_KEY):
        machine.run(command)
    install(machine, KUSTOMIZATIONS[0], CONFIG % "camp_123")
    machine.run(shown("kubernetes.md", "kubectl rollout status"))
    yield machine
    machine.run("kubectl delete namespace leadterra; docker rm -f sandbox")


def _kustomization(word: str) -> dict[str, Any]:
    """Return the one that the page shows with this word in it."""
    (found,) = (each for each in KUSTOMIZATIONS if word in each)
    return dict(yaml.safe_load(found))


def install(machine: Machine, kustomization: str, config: str) -> None:
    machine.write(f"{MINE}/config.yaml", config)
    machine.write(f"{MINE}/kustomization.yaml", kustomization)
    machine.run(APPLY)


def pods(machine: Machine, selector: str = "leadterra-exporter/scrape=true") -> list[dict[str, Any]]:
    found = json.loads(machine.run(f"kubectl get pods -n leadterra -l {selector} -o json"))["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"] and "podIP" in pod["status"]]


def pages(machine: Machine) -> list[str]:
    """Return the metrics of every pod."""
    return [machine.run(f"curl -s http://{pod['status']['podIP']}:10421/metrics || true") for pod in pods(machine)]


def polled(machine: Machine) -> list[str]:
    """Return the campaigns that are polled, once for each pod that does."""
    return sorted(re.findall(r'campaign_up\{.*?campaign_id="(\w+)"', "".join(pages(machine))))


def test_install(kubernetes: Machine) -> None:
    """Installed as shown in a namespace that enforces the restricted standard it polls; its log ends in its status."""
    kubernetes.wait(lambda: polled(kubernetes) == ["camp_123"], "the first poll")
    (pod,) = pods(kubernetes)
    assert pod["spec"]["serviceAccountName"] == "leadterra-exporter"
    assert not [each for each in pod["spec"]["volumes"] if "token" in each["name"]]
    forward = shown("kubernetes.md", "kubectl port-forward")
    kubernetes.run(f"systemd-run -q --unit=forward -E KUBECONFIG=/etc/kubernetes/admin {forward}")
    kubernetes.wait(lambda: "camp_123" in kubernetes.page(), "the port")
    kubernetes.run("systemctl stop forward")


def test_applied_twice(kubernetes: Machine) -> None:
    """Applied again nothing changes, on the server's side or the client's."""
    assert kubernetes.run(f"cd {MINE} && kubectl diff --server-side -k .") == ""
    said = [kubernetes.run(f"cd {MINE} && kubectl apply -k . 2>/dev/null") for _ in range(2)][1]
    assert not [line for line in said.splitlines() if not line.endswith("unchanged")], said


def test_configuration(kubernetes: Machine) -> None:
    """A changed configuration is read without a restart; one of 900 KiB is applied."""
    (before,) = pods(kubernetes)
    install(kubernetes, KUSTOMIZATIONS[0], CONFIG % "camp_123, camp_healthy")
    kubernetes.wait(lambda: polled(kubernetes) == ["camp_123", "camp_healthy"], "the new campaign", 150)
    (after,) = pods(kubernetes)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    large = CONFIG % ", ".join(f"campaign_{number:012}" for number in range(40_000))
    assert len(large) > 900_000
    install(kubernetes, KUSTOMIZATIONS[0], large)
    install(kubernetes, KUSTOMIZATIONS[0], CONFIG % "camp_123")


def test_lists(kubernetes: Machine) -> None:
    """A list in a ConfigMap of its own, as shown, is polled too, and read again when it changes."""
    whole, lists = yaml.safe_load(KUSTOMIZATIONS[0]), _kustomization("leadterra-clients")
    whole["configMapGenerator"] += lists["configMapGenerator"]
    whole["patches"] = lists["patches"]
    kubernetes.write(f"{MINE}/clients-north.yaml", "[camp_healthy, {id: camp_paused, name: Paused}]\n")
    configuration = CONFIG % "camp_123" + "    campaigns_from: [{file: clients-*.yaml}]\n"
    install(kubernetes, yaml.safe_dump(whole), configuration)
    kubernetes.wait(lambda: polled(kubernetes) == ["camp_123", "camp_healthy", "camp_paused"], "all lists", 150)
    kubernetes.write(f"{MINE}/clients-north.yaml", "[camp_healthy]\n")
    install(kubernetes, yaml.safe_dump(whole), configuration)
    kubernetes.wait(lambda: polled(kubernetes) == ["camp_123", "camp_healthy"], "the changed list", 150)
    install(kubernetes, KUSTOMIZATIONS[0], CONFIG % "camp_123")


def test_key(kubernetes: Machine) -> None:
    """A key is rotated as shown, is read by itself, and stands in no annotation."""
    shows = {"sk_wrong": r'_error\{.*reason="authentication_failed"', "sk_test_sandbox_acme": r"campaign_up\{.* 1\n"}
    for key, line in shows.items():
        kubernetes.run(f"echo {key} >leadterra_api_key; {ROTATE_KEY}")
        kubernetes.wait(lambda: re.search(line, "".join(pages(kubernetes))), line, 150)  # noqa: B023 - called at once
    assert '"annotations"' not in kubernetes.run("kubectl get secret -n leadterra leadterra-api-keys -o json")


def test_shards_and_back(kubernetes: Machine) -> None:
    """One exporter becomes three shards and the other way round as shown; each campaign is polled once."""
    campaigns = ["camp_123", "camp_backlog", "camp_bouncing", "camp_healthy", "camp_paused"]
    page = (ROOT / "docs/deploy/sharding.md").read_text()
    config, (sharded, back) = CONFIG % ", ".join(campaigns), re.findall(r"(?m)^kubectl delete .*", page)
    one = KUSTOMIZATIONS[0]
    install(kubernetes, one.replace("kubernetes/base", "kubernetes/sharded"), config)
    kubernetes.run(sharded)
    kubernetes.run("kubectl rollout status -n leadterra statefulset/leadterra-exporter --timeout=180s")
    kubernetes.wait(lambda: len(pods(kubernetes)) == 3 and polled(kubernetes) == campaigns, "each campaign once", 120)
    install(kubernetes, one, config)
    kubernetes.run(back)
    kubernetes.wait(lambda: len(pods(kubernetes)) == 1 and polled(kubernetes) == campaigns, "each campaign once", 120)


def test_two_in_one_namespace(kubernetes: Machine) -> None:
    """A second one stands beside the first, as shown."""
    second = _kustomization("nameSuffix") | {"images": yaml.safe_load(KUSTOMIZATIONS[0])["images"]}
    kubernetes.run(f"mkdir -p {MINE}-second")
    kubernetes.write(f"{MINE}-second/kustomization.yaml", yaml.safe_dump(second))
    kubernetes.run(f"cd {MINE}-second && kubectl apply --server-side -k .")
    kubernetes.run("kubectl rollout status -n leadterra deployment/leadterra-exporter-second --timeout=120s")
    assert len(pods(kubernetes)) == 2
    kubernetes.run(
        f"cd {MINE}-second && kubectl delete -k .; kubectl rollout status -n leadterra deployment/leadterra-exporter"
    )


def test_faults_are_told(kubernetes: Machine) -> None:
    """Why a pod does not start stands in its status."""
    install(kubernetes, KUSTOMIZATIONS[0], "workspaces: 1\n")
    kubernetes.run("kubectl delete pod -n leadterra -l app.kubernetes.io/name=leadterra-exporter")
    get = "kubectl get pods -n leadterra -o yaml"
    kubernetes.wait(lambda: "config.yaml:1:13" in kubernetes.run(get), "the fault", 120)
    install(kubernetes, KUSTOMIZATIONS[0], CONFIG % "camp_123")


def test_chart(kubernetes: Machine) -> None:
    """The chart is installed, upgraded to three shards and back, and taken away; each campaign is polled once."""
    kubernetes.run(f"cd {MINE} && kubectl delete -k .")
    campaigns = ["camp_123", "camp_backlog", "camp_bouncing"]
    values = {
        "config": yaml.safe_load(CONFIG % ", ".join(campaigns)),
        "image": {"repository": KUBERNETES_IMAGE},
        "scrape": "podMonitor",
        "prometheusRule": True,
        "dashboards": True,
    }
    for shards in (1, 3, 1):
        kubernetes.write("values.yaml", yaml.safe_dump(values | {"shards": shards}))
        kubernetes.run("helm upgrade --install leadterra-exporter "
                       "deploy/helm/leadterra-exporter -n leadterra -f values.yaml --wait --timeout 3m")  # fmt: skip
        kubernetes.wait(lambda: polled(kubernetes) == campaigns, f"each campaign once, with {shards} shards", 120)
        assert len(pods(kubernetes)) == shards
    kubernetes.run("helm uninstall -n leadterra leadterra-exporter")

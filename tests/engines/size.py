"""The chart at size: 10,000 campaigns from lists on shards on two nodes, and what a Prometheus sees meanwhile."""

import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
import yaml

from tests.engines.machine import CHECKOUT, KUBERNETES_IMAGE, KUBERNETES_VERSIONS, Machine

PAGE = "sharding.md, 10,000 campaigns"
VERSIONS = f"{KUBERNETES_VERSIONS}; prometheus --version 2>&1 | head -1 | cut -d' ' -f1-3"
CAMPAIGNS = 10_000
_IDS = [f"camp_load_{number:05}" for number in range(1, CAMPAIGNS + 1)]
VALUES = {
    "config": {
        "api": {"base_url": "http://10.0.2.100:10422", "requests_per_second": 1000, "max_concurrency": 100},
        "workspaces": [
            {"name": "acme", "api_key_file": "/run/secrets/leadterra/acme", "campaigns_from": [{"file": "list-*.yaml"}]}
        ],
    },
    "image": {"repository": KUBERNETES_IMAGE},
    "lists": {f"list-{part}.yaml": json.dumps(_IDS[part::2]) for part in range(2)},
    "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
}
PROMETHEUS = f"""\
global: {{scrape_interval: 5s, evaluation_interval: 15s}}
rule_files: [{CHECKOUT}/prometheus/rules.yaml]
scrape_configs:
  - job_name: leadterra-exporter
    kubernetes_sd_configs: [{{role: pod, kubeconfig_file: /etc/kubernetes/admin, namespaces: {{names: [size]}}}}]
"""
COMMANDS = """\
key() {
  kubectl create secret generic leadterra-api-keys -n size --from-literal=acme=$2 --dry-run=client -o yaml |
    kubectl $1 -f -
}
shards() {
  helm upgrade --install leadterra-exporter deploy/helm/leadterra-exporter -n size --values=size.yaml --set=shards=$1 \\
    --wait --timeout=4m
}
again_without_the_api() {
  docker stop sandbox
  kubectl rollout restart -n size $1/leadterra-exporter && kubectl rollout status -n size $1/leadterra-exporter
  docker start sandbox
}
"""
START = f"""\
docker run -d --name sandbox --network host leadterra-exporter sandbox --listen-address=:10422 \\
  --load-campaigns={CAMPAIGNS}
kubectl create namespace size
key create sk_test_sandbox_acme
systemd-run -q --unit=prometheus-at-size prometheus --config.file={CHECKOUT}/prometheus-at-size.yaml \\
  --storage.tsdb.path=/var/lib/docker/prometheus
shards 3
"""
EVENTS = {
    "nothing, for half a minute": "sleep 30",
    "one of three shards is killed": "pkill -KILL -o -f 'exporter --config.file'",
    "one of two nodes is drained": "kubectl drain node2 && sleep 30 && kubectl uncordon node2",
    "three shards become four": "shards 4",
    "for two minutes the key is a wrong one": "key replace sk_wrong && sleep 120 && key replace sk_test_sandbox_acme",
    "the shards are rolled out while the API cannot be reached": "again_without_the_api statefulset",
    "four shards become one exporter": "shards 1",
    "it is rolled out while the API cannot be reached": "again_without_the_api deployment",
}
FIGURES = "count(max by (campaign_id) (leadterra_campaign_emails_sent)) or vector(0)"
TWICE = "count(leadterra_campaign_up) - count(max by (campaign_id) (leadterra_campaign_up)) or vector(0)"
AGE = "max(time() - max by (campaign_id) (leadterra_campaign_last_success_timestamp_seconds)) or vector(0)"
ALERTS = 'count by (alertname) (ALERTS{alertstate="firing"})'


@pytest.fixture(scope="module")
def fleet(machine: Machine, node: None) -> Iterator[Machine]:  # noqa: ARG001 - a fixture of the session
    """Start three shards on two nodes, the sandbox for them, and a Prometheus that finds them."""
    machine.run("timeout 280 tests/engines/start-kubernetes node node2 2")
    machine.write("size.yaml", yaml.safe_dump(VALUES))
    machine.write("prometheus-at-size.yaml", PROMETHEUS)
    machine.run(COMMANDS + START)
    machine.wait(lambda: is_well(machine), "each campaign once", 300)
    yield machine
    machine.run("kubectl delete namespace size; systemctl stop prometheus-at-size; docker rm -f sandbox")


def ask(machine: Machine, query: str, began: float) -> dict[str, list[float]]:
    """Return what a query was at each scrape since then, by alert."""
    span = urlencode({"query": query, "start": began, "end": time.time(), "step": 5})
    result = json.loads(machine.page(f"/api/v1/query_range?{span}", 9090))["data"]["result"]
    return {each["metric"].get("alertname", ""): [float(value) for _, value in each["values"]] for each in result}


def is_well(machine: Machine) -> bool:
    figures, twice, age = (ask(machine, query, time.time())[""][-1] for query in (FIGURES, TWICE, AGE))
    return figures == CAMPAIGNS and twice == 0 and age < 90


@pytest.mark.parametrize("event", EVENTS)
def test_seen(event: str, fleet: Machine, record_property: Callable[[str, object], None]) -> None:
    """Each campaign is polled once again, soon after."""
    record_property("what happens", event)
    began = time.time()
    fleet.run(f"{COMMANDS}{EVENTS[event]} && sleep 20", timeout=600)
    fleet.wait(lambda: is_well(fleet), "each campaign once", 300)
    figures, twice, age = (ask(fleet, query, began)[""] for query in (FIGURES, TWICE, AGE))
    record_property("campaigns with figures, at least", f"{min(figures):,.0f}")
    record_property("fewer than all for", f"{5 * sum(value < CAMPAIGNS for value in figures)} s")
    record_property("polled twice, at most", f"{max(twice):,.0f}")
    record_property("oldest figure", f"{max(age):.0f} s")
    record_property("alerts", ", ".join(ask(fleet, ALERTS, began)) or "none")

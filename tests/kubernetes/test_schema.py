"""What is built fits the schemas of Kubernetes, of several versions, and of the Prometheus Operator."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from exporter.config import durations
from tests.kubernetes.manifests import KUBERNETES, LAYOUTS, PATCH, Document, build, build_text, objects, one
from tests.rules.promtool import run

VERSIONS = ("1.27.0", "1.32.0", "1.37.0")
OF_OPERATOR = {"PodMonitor", "PrometheusRule"}


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_written_fits_the_schema(version: str, tmp_path: Path) -> None:
    _validate([document for path, document in objects().items() if path.name != PATCH], version, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_built_fits_the_schema(version: str, tmp_path: Path) -> None:
    _validate([document for layout in LAYOUTS for document in build(KUBERNETES / layout)], version, tmp_path)


def _validate(documents: Sequence[Document], version: str, folder: Path) -> None:
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
    assert all(relabeling.keys() == {"targetLabel", "replacement"} for relabeling in endpoint["relabelings"])
    interval, timeout = (durations.parse(endpoint[key]) for key in ("interval", "scrapeTimeout"))
    assert interval is not None
    assert timeout is not None
    assert timeout <= interval


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_object_is_too_large_for_kubectl_apply(layout: str) -> None:
    """Kubectl keeps the whole object in an annotation, and all annotations together may have 256 KiB."""
    texts = build_text(KUBERNETES / layout).split("\n---\n")
    assert max(len(text.encode()) for text in texts) < 200_000

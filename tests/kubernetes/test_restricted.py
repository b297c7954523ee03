"""Every pod meets the restricted standard, and asks for less than it allows."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.kubernetes.manifests import KUBERNETES, PATCH, WITH_PODS, build, exporter_of, objects, pods, written
from tests.kubernetes.restricted import violations

WHOLE = {name: pod for path, document in objects().items() if path.name != PATCH
         for name, pod in pods([document])}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_a_pod_as_it_is_written_meets_the_standard(name: str) -> None:
    assert violations(WHOLE[name]) == []


@pytest.mark.parametrize("layout", WITH_PODS)
def test_a_pod_as_it_is_built_meets_the_standard(layout: str) -> None:
    built = dict(pods(build(KUBERNETES / layout)))
    assert built
    assert [fault for pod in built.values() for fault in violations(pod)] == []


@pytest.mark.parametrize("name", WHOLE)
def test_the_exporter_needs_neither_a_token_nor_a_file_system_to_write_to(name: str) -> None:
    pod = WHOLE[name]
    exporter = exporter_of(pod)
    assert pod["automountServiceAccountToken"] is False
    assert exporter["securityContext"]["readOnlyRootFilesystem"] is True
    assert all(mount["readOnly"] for mount in exporter["volumeMounts"])


def test_its_user_and_the_group_of_its_keys_are_the_images() -> None:
    for pod in WHOLE.values():
        context = exporter_of(pod)["securityContext"]
        assert {context["runAsUser"], context["runAsGroup"], pod["securityContext"]["fsGroup"]} == {65532}
        assert [volume["secret"]["defaultMode"] for volume in pod["volumes"] if "secret" in volume] == [0o440]


def _container(**context: Any) -> Callable[[dict[str, Any]], object]:
    return lambda pod: pod["containers"][0]["securityContext"].update(context)


def _without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda pod: pod["containers"][0]["securityContext"].pop(key)


def _pod(**keys: Any) -> Callable[[dict[str, Any]], object]:
    return lambda pod: pod.update(keys)


@pytest.mark.parametrize(
    ("fault", "spoil"),
    [
        ("hostNetwork", _pod(hostNetwork=True)),
        ("hostPID", _pod(hostPID=True)),
        ("volume", _pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}])),
        ("sysctl", _pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})),
        ("runAsUser", _pod(securityContext={"runAsUser": 0})),
        ("hostPort", lambda pod: pod["containers"][0]["ports"][0].update(hostPort=10421)),
        ("host", lambda pod: pod["containers"][0]["livenessProbe"]["httpGet"].update(host="10.0.0.1")),
        ("privileged", _container(privileged=True)),
        ("allowPrivilegeEscalation", _container(allowPrivilegeEscalation=True)),
        ("allowPrivilegeEscalation", _without("allowPrivilegeEscalation")),
        ("procMount", _container(procMount="Unmasked")),
        ("capabilities", _container(capabilities={})),
        ("capabilities", _container(capabilities={"drop": ["ALL"], "add": ["NET_RAW"]})),
        ("runAsNonRoot", _without("runAsNonRoot")),
        ("seccompProfile", _without("seccompProfile")),
        ("seccompProfile", _container(seccompProfile={"type": "Unconfined"})),
        ("appArmorProfile", _container(appArmorProfile={"type": "Unconfined"})),
        ("seLinuxOptions", _container(seLinuxOptions={"type": "spc_t"})),
        ("hostProcess", _container(windowsOptions={"hostProcess": True})),
    ],
)  # fmt: skip
def test_a_pod_that_breaks_the_standard_is_noticed(fault: str, spoil: Callable[[dict[str, Any]], object]) -> None:
    (document,) = written(KUBERNETES / "base" / "deployment.yaml")
    pod = deepcopy(document["spec"]["template"]["spec"])
    spoil(pod)
    assert violations(pod) == [fault]

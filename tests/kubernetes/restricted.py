"""The restricted pod security standard, control by control, as Kubernetes' documentation lists it."""

from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]

_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
}  # fmt: skip
_PROBES = ("startup", "liveness", "readiness")
_SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def violations(pod: Spec) -> list[str]:
    """Name what a pod specification does that the standard forbids, and what it must say and does not."""
    containers = [each for key in ("initContainers", "containers") for each in pod.get(key, [])]
    context = pod.get("securityContext", {})
    return [
        *_of_pod(pod, context),
        *(fault for container in containers for fault in _of_container(container, context)),
    ]


def _of_pod(pod: Spec, context: Spec) -> Iterator[str]:
    yield from (key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key))
    yield from ("sysctl" for each in context.get("sysctls", []) if each["name"] not in _SYSCTLS)
    yield from ("volume" for volume in pod.get("volumes", []) if not volume.keys() - {"name"} <= _VOLUMES)
    yield from _of_both(context)


def _of_container(container: Spec, pod_context: Spec) -> Iterator[str]:
    own = container.get("securityContext", {})
    yield from _of_both(own)
    yield from ("hostPort" for port in container.get("ports", []) if port.get("hostPort"))
    yield from ("host" for asked in _asked(container) if asked.get("host"))
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"
    yield from _capabilities(own.get("capabilities", {}))
    if not own.get("runAsNonRoot", pod_context.get("runAsNonRoot")):
        yield "runAsNonRoot"
    if "seccompProfile" not in own and "seccompProfile" not in pod_context:
        yield "seccompProfile"


def _asked(container: Spec) -> Iterator[Spec]:
    """Give the addresses that the kubelet asks for a container's sake."""
    hooks = [*container.get("lifecycle", {}).values(), *(container.get(f"{kind}Probe", {}) for kind in _PROBES)]
    yield from (hook[how] for hook in hooks for how in ("httpGet", "tcpSocket") if how in hook)


def _capabilities(capabilities: Spec) -> Iterator[str]:
    if "ALL" not in capabilities.get("drop", []) or not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield "capabilities"


def _of_both(context: Spec) -> Iterator[str]:
    """Give what neither a pod's nor a container's security context may say."""
    if context.get("runAsUser") == 0:
        yield "runAsUser"
    if context.get("runAsNonRoot") is False:
        yield "runAsNonRoot"
    if context.get("seccompProfile", {}).get("type", "RuntimeDefault") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile"
    if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in ("RuntimeDefault", "Localhost"):
        yield "appArmorProfile"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type", "") not in _SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess"

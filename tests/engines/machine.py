"""A bare Debian that boots: systemd as its first process, Docker as a service of it, a network of its own."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.pages import all_commands
from tests.process import ROOT
from tests.tools import need, running, wait_until

BASE = os.environ.get("BASE_IMAGE", "python:3.13-slim")
CHECKOUT = "/root/leadterra-exporter"
KUBERNETES_IMAGE = "registry.example/leadterra-exporter"
KUBERNETES_VERSIONS = (
    "kubelet --version; echo helm $(helm version --short); containerd --version | cut -d' ' -f1,3; uname -sr"
)
_NAME = "leadterra-exporter-debian"  # buildah's working container, which stays: other packages, another name
_BOOT = (
    "--boot --register=no --keep-unit --resolv-conf=off --capability=all "
    "--system-call-filter=add_key --system-call-filter=keyctl --system-call-filter=bpf"
)
_INSTALL = """
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends systemd systemd-sysv dbus curl procps \\
  docker.io docker-cli docker-buildx docker-compose iptables prometheus prometheus-alertmanager
systemctl disable prometheus prometheus-alertmanager
systemctl mask console-getty systemd-modules-load
"""


class Machine(NamedTuple):
    """What has booted, by the process that is its first one."""

    leader: int
    storage: Path

    def run(self, command: str, *, status: int | None = 0, timeout: float = 300, given: str = "") -> str:
        """Run a command in the checkout; return what it says. With `status=None` however it ends."""
        shell = ["env", "-i", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-uc"]
        inside = ["nsenter", f"--target={self.leader}", "--all", "--", *shell, f"cd {CHECKOUT}\n{command}"]
        ended = subprocess.run(inside, input=given, capture_output=True, text=True, timeout=timeout, check=False)
        said = ended.stdout + ended.stderr
        assert status is None or ended.returncode == status, f"{command}\nended with {ended.returncode}\n{said[-3000:]}"
        return said

    def succeeds(self, command: str) -> bool:
        return self.run(f"({command}) >/dev/null 2>&1 && echo yes", status=None).endswith("yes\n")

    def write(self, path: str, text: str) -> None:
        """Write a file, as an editor does: another in its place."""
        self.run(f"cat >{path}.new && mv {path}.new {path}", given=text)

    def page(self, path: str = "/metrics", port: int = 10421) -> str:
        """Return a page of what listens on loopback, "" where nobody does."""
        return self.run(f"curl -s --max-time 20 'http://127.0.0.1:{port}{path}' || true")

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 60) -> float:
        """Wait until something is so; return after how many seconds it was."""
        began = time.monotonic()
        wait_until(condition, what, seconds, every=0.3)
        return time.monotonic() - began


def load_base(machine: Machine) -> None:
    """Hand the machine this one's base image, as no registry need be reached."""
    archive = machine.storage / "base.tar"
    subprocess.run(["buildah", "push", "-q", BASE, f"docker-archive:{archive}:{BASE}"], check=True)
    machine.run("docker load -q -i /var/lib/docker/base.tar; rm /var/lib/docker/base.tar")


def shown(page: str, start: str) -> str:
    """Return the one command of a page of docs/deploy that begins like this."""
    commands = {each.text for each in all_commands() if str(each.page) == f"docs/deploy/{page}"}
    (found,) = (each for each in commands if each.startswith(start))
    return found


@contextmanager
def booted_debian(folder: Path) -> Iterator[Machine]:
    """Boot a machine with this repository in it."""
    if os.geteuid() != 0:
        pytest.skip("namespaces and mounts need root")
    for program in ("buildah", "systemd-nspawn", "slirp4netns", "ip", "nsenter"):
        need(program)
    name, root, storage = f"engines-{os.getpid()}", folder / "root", folder / "storage"
    with ExitStack() as stack:
        _mount(stack, folder, root)
        _copy_repository(root / CHECKOUT.lstrip("/"))
        (root / "etc/resolv.conf").write_text("nameserver 10.0.2.3\n")  # slirp4netns
        _sh(f"ip netns add {name} && ip -n {name} link set lo up")
        stack.callback(_sh, f"ip netns del {name}")
        _start(stack, folder, f"slirp4netns --configure --mtu=1400 --netns-type=path /run/netns/{name} tap0")
        # Overlays do not lie on overlays, so Docker's folder is this machine's.
        own = f"--machine={name} --network-namespace-path=/run/netns/{name} --bind={storage}:/var/lib/docker"
        nspawn = _start(stack, folder, f"systemd-nspawn {_BOOT} {own} --directory={root}")
        yield _booted(stack, nspawn, storage)


def _copy_repository(checkout: Path) -> None:
    """Copy what git knows or would know, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True)
    pack = ["tar", "-c", "--no-recursion", "--ignore-failed-read", "-T-"]  # it may have been removed
    packed = subprocess.run(pack, cwd=ROOT, check=True, capture_output=True, input=listed.stdout)
    checkout.mkdir()
    subprocess.run(["tar", "-x", "--no-same-owner"], cwd=checkout, check=True, input=packed.stdout)


def _mount(stack: ExitStack, folder: Path, root: Path) -> None:
    """Mount a system that is as it was installed, whatever is written to it."""
    if not _sh(f"buildah inspect {_NAME} 2>/dev/null || true"):
        _sh(f"buildah from --pull-never --name {_NAME} {BASE}")
        install = f"buildah run --isolation=chroot {_NAME} -- sh -euc {shlex.quote(_INSTALL)}"
        _sh(f"{install} || {{ buildah rm {_NAME}; exit 1; }}")
    for each in ("root", "written", "work", "storage"):
        (folder / each).mkdir()
        stack.callback(shutil.rmtree, folder / each, ignore_errors=True)
    lower = _sh(f"buildah mount {_NAME}").strip()
    stack.callback(_sh, f"buildah umount {_NAME}")
    _sh(f"mount -t overlay -o lowerdir={lower},upperdir={folder}/written,workdir={folder}/work none {root}")
    stack.callback(_sh, f"umount {root}")


def _booted(stack: ExitStack, nspawn: "subprocess.Popen[str]", storage: Path) -> Machine:
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")

    def booted() -> list[Machine]:
        machines = [Machine(int(leader), storage) for leader in children.read_text().split()]
        return [each for each in machines if each.succeeds("systemctl is-active multi-user.target")]

    (machine,) = wait_until(booted, f"the boot; its console is in {storage.parent}/log", 60, every=0.3)
    stack.callback(machine.run, "systemctl poweroff", status=None)
    # Where cgroups are of the first version they are mounted read-only, and Docker makes its own below.
    machine.run("for each in /sys/fs/cgroup/*; do mount -o remount,rw,bind $each; done", status=None)
    return machine


def _sh(command: str) -> str:
    ended = subprocess.run(["sh", "-euc", command], capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
    return ended.stdout


def _start(stack: ExitStack, folder: Path, command: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes", "SYSTEMD_NSPAWN_LOCK": "0"}
    log = stack.enter_context((folder / "log").open("ab"))
    options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "env": environment}
    return stack.enter_context(running(command.split(), **options))

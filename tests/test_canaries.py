"""Canary keys and passwords through every output, every error path and every way in: none of them comes out again."""

import re
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import httpx
import pytest

from tests.certificates import replace_file
from tests.process import LISTEN, ROOT, RunningExporter, RunningSandbox, run, running_exporter, running_sandbox
from tests.tools import NO_TLS, PATIENCE, free_port
from tests.web.serving import basic

pytestmark = pytest.mark.slow

FILE_KEY, OTHER_FILE_KEY, ENV_KEY = "sk_canary_file", "sk_canary_other", "sk_canary_environment"
PROXY_PASSWORD, USER_PASSWORD, WRONG_PASSWORD = "canary-proxy", "canary-user", "canary-guess"
HASH = bcrypt.hashpw(USER_PASSWORD.encode(), bcrypt.gensalt(4)).decode()
ENV = "LEADTERRA_CANARY_KEY"
PATHS = ("/", "/metrics", "/config", "/api/v1/campaigns", "/-/healthy", "/-/ready", "/-/reload", "/nothing", "/?a=b")
LIST_TOKEN, LIST_QUERY = "canary-token", "canary-query"
PEOPLE = ("Sandbox Sender", "sandbox.invalid", "sa_000")  # whom the sandbox calls its sender accounts
CONFIG = """\
api: {{base_url: "{url}", timeout: 1s, retries: 0, requests_per_second: 1000}}
poll: {{interval: 1s, stale_after: 2s}}
senders: {{interval: 1s}}
workspaces:
- name: by file
  api_key_file: key
  campaigns: [camp_123]
  campaigns_from:
  - list.csv
  - {{url: "{url}/list?key={query}", refresh: 1s, bearer_token_file: token}}
  - {{url: "http://127.0.0.1:1/list?key={query}", refresh: 1s, bearer_token_file: token, proxy_url: "http://user:{password}@127.0.0.1:1"}}
- {{name: by variable, api_key_env: {env}, campaigns: [camp_123]}}
- name: by a proxy that refuses
  api_key_file: key
  api: {{proxy_url: "http://user:{password}@127.0.0.1:1"}}
  campaigns: [camp_123]
- name: by a proxy that is none
  api_key_file: key
  api: {{proxy_url: "http://user:{password}@sandbox", base_url: "https://api.invalid"}}
  campaigns: [camp_123]
"""
LOGGED = (
    *(r"\bpolled\b", "the proxy answered HTTP", "connection refused", "is an address: write only the id in it"),
    *("/list: HTTP 404", "sender_accounts"),
)
FAULTY_CONFIGS = (
    f"workspaces: [{{api_key: {FILE_KEY}}}]",
    f"workspaces: [{{name: {FILE_KEY}, api_key_file: {FILE_KEY}, campaigns: [{FILE_KEY}, {FILE_KEY}]}}]",
    f"workspaces: [{{name: a, api_key_env: {ENV_KEY}, {FILE_KEY}: x, campaigns: [*{FILE_KEY}]}}]",
    f"api: {{proxy_url: 'socks5://user:{PROXY_PASSWORD}@proxy', ca_file: {FILE_KEY}, timeout: {FILE_KEY}}}",
    f"{FILE_KEY}",
)
FAULTY_WEB_CONFIGS = (
    f"basic_auth_users: {{alice: '{HASH[:-1]}'}}",
    f"basic_auth_users: {{'{HASH}': alice, bob: {USER_PASSWORD}}}",
    f"tls_server_config: {{cert_file: '{HASH}', key_file: {USER_PASSWORD}, min_version: '{HASH}'}}",
    f"'{HASH}'",
)


def secrets_in(text: str) -> list[str]:
    keys = (FILE_KEY, OTHER_FILE_KEY, ENV_KEY, PROXY_PASSWORD, HASH[7:], USER_PASSWORD, WRONG_PASSWORD)
    return [each for each in (*keys, LIST_TOKEN, LIST_QUERY, *PEOPLE) if each in text]


def files(folder: Path, sandbox: RunningSandbox) -> list[str]:
    (folder / "key").write_text(FILE_KEY)
    (folder / "token").write_text(LIST_TOKEN)
    (folder / "list.csv").write_text(f"id,name\ncamp_123,{FILE_KEY}\nhttp://u:{PROXY_PASSWORD}@h/{FILE_KEY},\n")
    config = CONFIG.format(url=sandbox.url, env=ENV, password=PROXY_PASSWORD, query=LIST_QUERY)
    replace_file(folder / "config.yaml", config.replace("@sandbox", f"@{sandbox.url.removeprefix('http://')}"))
    replace_file(folder / "web.yaml", f"basic_auth_users: {{prometheus: '{HASH}'}}\n")
    return [f"--config.file={folder / 'config.yaml'}"]


def ask(url: str, path: str, method: str = "GET", user: str = USER_PASSWORD) -> str:
    authorization = {"Authorization": basic(f"prometheus:{user}")}
    answer = httpx.request(method, url + path, headers=authorization, timeout=PATIENCE, verify=NO_TLS)
    return f"{answer.status_code} {answer.headers} {answer.text}"


def troubles(folder: Path, exporter: RunningExporter, url: str) -> Iterator[str]:
    for path in PATHS:
        yield ask(url, path)
        yield ask(url, path, user=WRONG_PASSWORD)
    for key in (OTHER_FILE_KEY, f"{FILE_KEY} {OTHER_FILE_KEY}", f"{FILE_KEY}\n{FILE_KEY}", f"{FILE_KEY}\u00e9", ""):
        replace_file(folder / "key", key)
        yield ask(url, "/-/reload", "POST")
    (folder / "key").unlink()
    yield ask(url, "/-/reload", "POST")
    for text in FAULTY_CONFIGS:
        replace_file(folder / "config.yaml", text)
        answer = ask(url, "/-/reload", "POST")
        assert answer.startswith("500")
        yield answer
    for count, text in enumerate(FAULTY_WEB_CONFIGS, 1):
        replace_file(folder / "web.yaml", text)
        yield ask(url, "/")
        exporter.wait_for_log("the web configuration was not loaded", count=count)


# What is started may leave a core dump.
ALLOWED = ("sh", "-c", 'ulimit -c "$(ulimit -H -c)"; exec "$@"', "sh")


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_a_running_exporter(tmp_path: Path, log_format: str) -> None:
    with running_sandbox(workspaces={FILE_KEY: {"camp_123": "healthy"}}) as sandbox:
        arguments = [*files(tmp_path, sandbox), f"--web.config.file={tmp_path / 'web.yaml'}"]
        arguments += ["--web.enable-lifecycle", "--log.level=debug", f"--log.format={log_format}"]
        # One of the two runs has asyncio's debug mode, whose messages name the arguments of callbacks.
        environment = {ENV: ENV_KEY, **({"PYTHONASYNCIODEBUG": "1"} if log_format == "json" else {})}
        address = f"127.0.0.1:{free_port()}"  # known beforehand: the two formats tell it differently
        with running_exporter(
            *arguments, f"--web.listen-address={address}", through=ALLOWED, **environment
        ) as exporter:
            for logged in LOGGED:
                exporter.wait_for_log(logged)
            seen = list(troubles(tmp_path, exporter, f"http://{address}"))
            process = Path(f"/proc/{exporter.process.pid}")  # of which other users can read this
            names = ("cmdline", "comm", "status", "stat", "maps", "limits")
            seen += [(process / name).read_text() for name in names]
            assert re.search(r"^Max core file size +0 ", seen[-1], re.MULTILINE)
            assert {(task / "children").read_text() for task in (process / "task").iterdir()} == {""}
            exporter.stop()
            seen += exporter.log
    assert len(seen) > 60
    assert secrets_in("\n".join(seen)) == []


def test_commands_that_end(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        arguments = [*files(tmp_path, sandbox), "--log.level=debug"]
        told = [run("--once", *arguments, **{ENV: ENV_KEY}), run("--config.check", *arguments, **{ENV: ENV_KEY})]
        for text in FAULTY_CONFIGS:
            (tmp_path / "config.yaml").write_text(text)
            told.append(run("--config.check", *arguments, **{ENV: ENV_KEY}))
    assert [each.returncode for each in told] == [1] * (2 + len(FAULTY_CONFIGS))  # the list has a fault too
    assert "Traceback" not in "".join(each.stderr for each in told)
    assert secrets_in("".join(each.stdout + each.stderr for each in told)) == []


BROKEN_INSIDE = """
import sys
from exporter import exposition
from exporter.api.client import Client
def fail(*arguments, **options):
    raise RuntimeError("a fault of our own")
Client.get = exposition.Page.scrape = fail
def watch(event, arguments):
    if event in {"subprocess.Popen", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.system", "os.spawn"}:
        print("started a child:", event, file=sys.stderr, flush=True)
sys.addaudithook(watch)
"""


def test_tracebacks_of_our_own_faults(tmp_path: Path) -> None:
    """They are logged; the page's answer says no more than that it is one. No child is started in any of this."""
    (tmp_path / "sitecustomize.py").write_text(BROKEN_INSIDE)
    with running_sandbox(workspaces={FILE_KEY: {"camp_123": "healthy"}}) as sandbox:
        arguments, environment = files(tmp_path, sandbox), {ENV: ENV_KEY, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
        ended = run("--once", "--log.format=json", *arguments, **environment)
        with running_exporter(*arguments, "--log.level=debug", LISTEN, **environment) as exporter:
            exporter.wait_for_log("internal error while polling")
            page = exporter.get("/metrics")
            assert exporter.stop() == 0
    assert (ended.returncode, page.status_code, "Traceback" in page.text) == (1, 500, False)
    for told in (ended.stdout + ended.stderr, "\n".join([*exporter.log, page.text])):
        assert "Traceback" in told
        assert "a fault of our own" in told
        assert "started a child" not in told
        assert secrets_in(told) == []

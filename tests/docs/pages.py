"""The Markdown pages of the repository, their fenced blocks, and the commands in these."""

import re
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

from tests.process import ROOT

PAGES = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md"))
)
_FENCED = re.compile(r"(?ms)^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$")


class Block(NamedTuple):
    """One fenced block, or one command of it; `line` is that of its first line of text."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: Path) -> str:
    return (ROOT / page).read_text("utf-8")


def prose(page: Path) -> str:
    return _FENCED.sub("", read(page))


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return a page's fenced blocks, of these languages or all."""
    text = read(page)
    found = (
        Block(page, text.count("\n", 0, match.start()) + 2, match["language"], dedent(match["text"]))
        for match in _FENCED.finditer(text)
    )
    return [block for block in found if not languages or block.language in languages]


def all_blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page, *languages)]


def commands(block: Block) -> list[Block]:
    """Return a block's commands, continued lines joined, without comments; none where it is not for a shell."""
    found, begun = [], ""
    for number, line in enumerate(block.text.splitlines() if block.language in ("sh", "bash") else [], block.line):
        begun += line
        if begun.endswith("\\"):
            begun = begun[:-1].rstrip() + " "
            continue
        text = re.sub(r"(^|\s+)#\s.*", "", re.sub(r"\s+", " ", begun)).strip()
        found += [Block(block.page, number, "command", text)] if text else []
        begun = ""
    return found


def all_commands() -> list[Block]:
    return [command for block in all_blocks() for command in commands(block)]


ELSEWHERE = {
    r"\b(docker|podman|buildah) ": "no container engine; `make engines` plays it",
    r"\b(helm |kubectl (?!kustomize ))": "no cluster; `make engines PARTS=kubernetes` plays it",
    r"\bkubectl kustomize ": "tests/kubernetes builds every layout where kubectl is at hand",
    r"\b(systemctl|journalctl|systemd-\w+)\b": "no systemd as the first process; `make engines` plays it",
    r"^(sudo|chown|install|useradd|apt-get|brew) ": "changes the machine",
    r"^make ": "the gate runs the targets, and test_names.py knows them",
    r"^git clone ": "no network",
    r"^(cd |python3 -m venv |\. venv/|pipx? install \.)": "tests/test_supply_chain.py installs the wheel and runs it",
    r"/v1/(replies|campaigns/\w+/(pause|start))": (
        "the sandbox does not have them; tests/rules/test_configs.py knows the API's other addresses"
    ),
    r"^read -rs ": "asks a person for the key, which the variable holds here",
    r"(?<![\w.$])/(etc|opt|usr|var)/": "files of the whole machine",
}
"""What does not run here: a pattern that the command has, and why. All else runs in a folder of its own."""

PLACEHOLDERS = {
    "https://app.leadterra.co": "$API",
    "http://localhost:10421": "http://$EXPORTER",
    "http://localhost:9090": "http://$PROMETHEUS",
    "http://localhost:9093": "http://$ALERTMANAGER",
    "/run/secrets/leadterra_api_key": "$FOLDER/leadterra_api_key",
    "/run/secrets/crm_token": "$FOLDER/crm_token",
    "https://crm.example.com/leadterra/campaigns": "$CRM/leadterra/campaigns",
    "/etc/ssl/certs/corporate-ca.pem": "$CERTIFICATES",
    "cat > leadterra_api_key": 'cat <<< "$LEADTERRA_API_KEY" > leadterra_api_key',  # a person pastes it
    "promtool query instant http://localhost:9090": "eventually promtool query instant http://$PROMETHEUS",
    "amtool alert query": "eventually amtool alert query",
    "leadterra-exporter sandbox": "leadterra-exporter sandbox --listen-address=$SANDBOX",
    "http://127.0.0.1:10422": "http://$SANDBOX",
    r"\1: 15s/; s/^( *for): .*/\1: 1m/": r"\1: 1s/; s/^( *for): .*/\1: 1s/",
}
"""What stands for something else here, in commands and in configurations; the longest one that fits is taken."""
_PLACEHOLDER = re.compile("|".join(map(re.escape, sorted(PLACEHOLDERS, key=len, reverse=True))))


def reason_not_to_run(command: Block) -> str | None:
    return next((reason for pattern, reason in ELSEWHERE.items() if re.search(pattern, command.text)), None)


def serves(command: str) -> bool:
    program, *arguments = command.split()
    ends = {"--once", "--config.check", "--version", "--help"}
    return program in ("leadterra-exporter", "prometheus", "alertmanager") and not ends & set(arguments)


def replaced(text: str) -> str:
    return _PLACEHOLDER.sub(lambda match: PLACEHOLDERS[match[0]], text)

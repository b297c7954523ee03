"""Every command in the documentation runs, or somebody has said why it can't run here."""

import re
from pathlib import Path

import pytest

from tests.docs.commands import PLACEHOLDERS, is_known, reason_not_to_run, replaced
from tests.docs.pages import PAGES, Command, all_commands, blocks, read
from tests.docs.session import need_programs, session

COMMANDS = all_commands()
RUN = [command for command in COMMANDS if reason_not_to_run(command) is None]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_somebody_has_said_what_to_do_with_a_command(command: Command) -> None:
    program = command.text.split()[0]
    assert is_known(command), (
        f"{command}\n`{program}` is new to the documentation: add it to RUNS in tests/docs/commands.py if it may run "
        "in an empty folder, or to ELSEWHERE with the reason why it can't run here and what checks it instead."
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({command.page for command in RUN}), ids=str)
def test_a_pages_commands_run(page: Path, tmp_path: Path) -> None:
    need_programs([command for command in RUN if command.page == page])
    with session(tmp_path) as played:
        ended = played.play(blocks(page))
    failed = [line for line in ended.stderr.splitlines() if line.startswith("@@ ")]
    assert ended.returncode == 0, (
        f"{failed[-1] if failed else page}\nfailed with {ended.returncode}. Mend the page, or say in "
        f"tests/docs/commands.py what stands for what (PLACEHOLDERS) or why it can't run here (ELSEWHERE).\n"
        f"{ended.stdout[-2000:]}\n{ended.stderr[-3000:]}"
    )


@pytest.mark.parametrize("command", RUN, ids=str)
def test_what_runs_talks_to_this_machine_only(command: Command) -> None:
    addresses = re.findall(r"https?://([^/\s\"']+)", replaced(command.text))
    assert [each for each in addresses if not each.startswith("$") and not each.endswith("example.com")] == []


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_every_placeholder_is_needed(placeholder: str) -> None:
    assert any(placeholder in read(page) for page in PAGES), "no page has it any more: remove it"

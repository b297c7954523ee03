"""Lists of campaigns in files of their own: what they may hold, and what is said of those that hold something else."""
# ruff: noqa: E501  # a message stands on one line, as it is printed

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Api, Campaign, ConfigError, Workspace, read_list
from exporter.config.lists import read_table
from exporter.secret import KeySource
from tests.config.conftest import loaded
from tests.config.test_any_input import plain

if TYPE_CHECKING:
    from exporter.document.item import Problem

ACME = Workspace("acme", KeySource(env="K"), Api(), (), (("team", "growth"),))
URL = "https://crm.example.com/campaigns"


def listed(content: str | bytes, name: str) -> tuple[Campaign, ...]:
    raw = content.encode() if isinstance(content, str) else content
    return read_list(name if name == URL else Path(name), raw, ACME)[0]


FAULTY: list[tuple[str, str | bytes, list[str]]] = [
    ("l.yaml", "camp_1", ['l.yaml:1:1: is not a list: write each campaign on a line after "- "']),
    ("l.yaml", "campaigns:\n- camp_1", ["l.yaml:1:1: campaigns: stands above the list: leave out this key"]),
    ("l.yaml", "", ["l.yaml:1:1: is empty: a list without campaigns is []"]),
    ("l.yaml", "- {id: a, api: {base_url: 'https://evil.example'}}", ["l.yaml:1:11: [0].api: holds for a workspace: write it there"]),
    ("l.yaml", "- {id: a, api_key: sk_live_canary}", ["l.yaml:1:11: [0].api_key: unknown key: known here: id, name, labels, poll, sending, thresholds"]),
    ("l.yaml", "- {id: a, poll: {interval: 10m}}", ["l.yaml:1:28: [0].poll.interval: stale_after 5m is below interval 10m: set stale_after to 30m or more"]),
    ("l.json", '["a\\ud800"]', ["l.json:1:6: has an escape that is no character, such as half of a surrogate pair: remove it"]),
    (URL, '[{"id": "\\udc00"}]', [f"{URL}:1:12: has an escape that is no character, such as half of a surrogate pair: remove it"]),
    ("l.csv", b"id\na\xed\xa0\x80\n", ['l.csv:2:2: is not UTF-8 text: in Excel save it as "CSV UTF-8", in LibreOffice choose the character set UTF-8']),
    ("l.json", '["a",\n', ["l.json:2:1: cannot be read as JSON: did not find expected node content"]),
    ("l.json", '["https://app.leadterra.co/v1/campaigns/a/stats", " b", "c,d"]', [
        "l.json:1:2: [0]: is an address: write only the id in it, like camp_123",
        "l.json:1:51: [1]: begins or ends with a blank: remove it",
        'l.json:1:57: [2]: is a list: write each id on a line of its own, after "- "',
    ]),
    (URL, "<!DOCTYPE html><title>Sign in</title>", [f'{URL}:1:1: is not JSON: answer with a list like ["camp_123"]']),
    (URL, '{"next": 2, "data": [{"id": "a"}]}', [f"{URL}:1:13: data: stands above the list: leave out this key"]),
    (URL, '{"error": "unauthorized"}', [f'{URL}:1:1: is not a list: write one like ["camp_123"]']),
    ("l.json", '["a", NaN]', ['l.json:1:7: [1]: "NaN" is no JSON: put a text in double quotes']),
    ("l.json", '["a"]\n["b"]', ["l.json:2:1: cannot be read as JSON: did not find expected <document start>: remove what follows the end"]),
    (URL, '[{"id": "a"},\n {"id": }]', [f"{URL}:2:9: [1].id: null is not text"]),
    ("l.csv", "", ["l.csv:1:1: is empty: its first line names the columns, like id,name"]),
    ("l.csv", "camp_1\ncamp_2\n", ['l.csv:1:1: names the columns "camp_1", none of them id: write id above the ids, with commas, semicolons or tabs between columns']),
    ("l.CSV", "campaign_id;name\na;b\n", ['l.CSV:1:1: names the columns "campaign_id", "name", none of them id: write id above the ids, with commas, semicolons or tabs between columns']),
    ("l.csv", "id;name\na;Größe\n".encode("cp1252"), ['l.csv:2:5: is not UTF-8 text: in Excel save it as "CSV UTF-8", in LibreOffice choose the character set UTF-8']),
    ("l.csv", "id\na\n".encode("utf-16"), ['l.csv:1:1: is not UTF-8 text: in Excel save it as "CSV UTF-8", in LibreOffice choose the character set UTF-8']),
    ("l.csv", 'id,name\na,"b\nc,d\n', ["l.csv:2:1: cannot be read as CSV: unexpected end of data"]),
    ("l.csv", 'id,name\na,"b"c\n', ["l.csv:2:1: cannot be read as CSV: ',' expected after '\"'"]),
    ("l.csv", "id,name\na\0,b\n", ["l.csv:2:1: id: character 2 cannot be seen, it is U+0000 (a control character): remove it"]),
    ("l.csv", "id;id\na;b\n", ['l.csv:1:2: the column "id" stands twice: remove or rename one']),
    ("l.csv", "id,Client name\na,b\nc,d\n", ['l.csv:1:2: ["Client name"]: is not a label name: write letters, digits and _, a digit not first']),
    ("l.csv", "id,api_key\na,sk_live_canary\n", ["l.csv:1:2: api_key: a secret is no label, it would stand on every page: leave it out", "l.csv:2:2: api_key: looks like a key, and a label stands on every page: leave it out"]),
    ("l.csv", 'id,name\n"a",b,c\n', ["l.csv:2:3: stands in a column without a head: name the column in line 1, or remove what is in it"]),
    ("l.csv", "id,client\na,x\n,y\na,z\nhttp://b,\n", [
        "l.csv:3:1: id: must not be empty",
        'l.csv:4:1: id: the campaign "a" stands twice, first in line 2: remove one',
        "l.csv:5:1: id: is an address: write only the id in it, like camp_123",
    ]),
    ("l.csv", 'id,name\na,"x\ny"\n b,\n', ["l.csv:4:1: id: begins or ends with a blank: remove it"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "messages"), FAULTY)
def test_all_faults_of_a_list_have_their_place_and_what_to_write(
    name: str, content: str | bytes, messages: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        listed(content, name)
    assert str(refused.value).splitlines() == messages


@pytest.mark.parametrize(
    ("name", "content", "campaigns"),
    [
        ("l.yaml", "- a\n- {id: b, name: B, labels: {client: x}}", {"a": ("a", {}), "b": ("B", {"client": "x"})}),
        ("l.json", '["a", {"id": "b", "name": "\\ud83d\\ude80 \\uD83D\\uDE80"}]', {"a": ("a", {}), "b": ("\U0001f680 \U0001f680", {})}),
        (URL, ' ["a"]', {"a": ("a", {})}),
        (URL, "\ufeff[]", {}),
        ("l.yaml", "[]", {}),
        # Excel where a comma is the decimal sign; Google; LibreOffice with tabs; Excel told the delimiter
        ("l.csv", '\ufeffid;name;client\r\na;"Größe ""A""; B";x\r\nb;;\r\n', {"a": ('Größe "A"; B', {"client": "x"}), "b": ("b", {})}),
        ("l.csv", 'id,name,client\na,"x, y",z', {"a": ("x, y", {"client": "z"})}),
        ("l.csv", 'id\tname\tclient\na\t"b\tc"\t\n', {"a": ("b\tc", {})}),
        ("l.csv", 'id;"name";client\na;"b, c";d\n', {"a": ("b, c", {"client": "d"})}),
        ("l.csv", "sep=|\r\nid|name\r\na|b;c,d\r\n", {"a": ("b;c,d", {})}),
        ("l.csv", "ID;Name;;\n;;;\na;b;;\n\n", {"a": ("b", {})}),
        ("l.csv", 'id\r"a"\rb\r', {"a": ("a", {}), "b": ("b", {})}),
        ("l.csv", 'name,id\n"x\ny",007\n', {"007": ("x\ny", {})}),
        ("l.csv", "id,name\n", {}),
    ],
)  # fmt: skip
def test_a_good_list(name: str, content: str, campaigns: dict[str, Any]) -> None:
    found = {
        each.id: (each.name, {label: value for label, value in each.labels if value}) for each in listed(content, name)
    }
    assert found == {id_: (called, labels | {"team": "growth"}) for id_, (called, labels) in campaigns.items()}


def test_what_is_doubtful_about_a_list_is_a_warning() -> None:
    _, (warning,) = read_list(Path("l.yaml"), b"[{id: a, poll: {interval: 2m}}]", ACME)
    assert "figures come and go" in warning
    _, warnings = read_list(Path("l.csv"), b"id,name\na,x\nb,x\n", ACME)
    assert warnings == ('l.csv:3:2: name: the campaign in line 2 is called "x" too: dashboards show them as one',)


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=4),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_table_that_a_spreadsheet_writes_comes_back(rows: list[list[str]], delimiter: str, end: str) -> None:
    written, problems = io.StringIO(newline=""), cast("list[Problem]", [])
    is_plain = not any("\r" in cell or "\n" in cell for row in rows for cell in row)  # Python quotes not all of these
    quoting: Any = csv.QUOTE_MINIMAL if is_plain else csv.QUOTE_ALL
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([["id", "name", "client"], *rows])
    found = [plain(entry) for entry in read_table(Path("l.csv"), written.getvalue(), problems).entries]
    assert problems == []
    assert found == [
        {"id": id_, **({"name": name} if name.strip() else {}), "labels": {"client": client}}
        for id_, name, client in rows
        if f"{id_}{name}{client}".strip()
    ]


@given(
    st.binary() | st.text(st.sampled_from('id,;\t"\r\n=a\x00\ufeff')).map(str.encode),
    st.sampled_from(["l.csv", "l.yaml", "l.json", URL]),
)
def test_any_bytes_are_a_list_or_problems(content: bytes, name: str) -> None:
    try:
        campaigns = listed(content, name)
    except ConfigError as error:
        places = [(problem.line, problem.column) for problem in error.problems]
    else:
        places = [(1, 1)] * (len({campaign.id for campaign in campaigns}) == len(campaigns))
    assert min(places) >= (1, 1)


def test_sources_have_labels_without_secrets() -> None:
    sources = ["clients/*.csv", {"url": "https://h:1/x?token=canary"}, {"url": "https://h:1/x?page=2", "refresh": "5m"}]
    document = {"workspaces": [{"name": "a", "api_key_env": "K", "campaigns_from": sources}]}
    [workspace] = loaded(json.dumps(document)).workspaces
    assert [(source.label, source.refresh) for source in workspace.sources] == [
        ("clients/*.csv", None),
        ("https://h:1/x", 60.0),
        ("https://h:1/x (2)", 300.0),
    ]
    assert "canary" not in repr(workspace)

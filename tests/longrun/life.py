"""Hours of an exporter's life in virtual time, over real sockets and files: operators and faults at random."""

import asyncio
import gc
import io
import itertools
import os
import random
import sys
from collections.abc import AsyncGenerator
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from exporter import log
from exporter.api.client import Client
from exporter.app import Exporter
from exporter.config import Campaign, TargetKey, load
from exporter.exposition import METRICS_OF, Format
from exporter.exposition.table import _figure
from exporter.telemetry import Telemetry
from tests.certificates import Authority, Pair, replace_file
from tests.exposition.documented import Labels, samples
from tests.fake_api import FakeApi, Script, cut, drip, http, silence
from tests.test_answers import INVALID, NONE, REFUSED

Document: TypeAlias = dict[str, Any]

HOURS, _EVENTS = 4, 60
"""Simulated hours between two checkpoints, and what happens in them: each interval is short, so they are as days."""
_CALM = 400.0  # seconds after which every hold and interval has passed and every campaign has been asked again
_ON_THE_WAY = 0.05  # real seconds that a busy machine may need to carry what is written to a socket to its other end

_SCRIPTS: tuple[Script, ...] = (
    *(answer for answer, _ in [*INVALID.values()][::6]),
    *(answer for answer, _, _ in REFUSED.values()),
    *(http(code, b"", f"Retry-After: {when}") for code in (429, 503) for when in ("3", "1000000000", "soon", "120")),
    *(silence, drip, cut, NONE["not HTTP"][0]),
)
_IDS = {name: [f"camp_{name}_{number}" for number in range(4)] for name in ("acme", "globex")}
_KEYS = [(name, Campaign.kind, id_) for name, ids in _IDS.items() for id_ in ids]
_FIELDS = {metric.name: metric.field for metric in METRICS_OF[Campaign.kind] if metric.field}
_BROKEN = (
    "", "workspaces: [", "poll: {interval: 5 minutes}", "workspaces: [{name: a, api_key: sk_canary_in_the_file}]",
)  # fmt: skip
_CHANGES: tuple[tuple[str, str, Any], ...] = (
    ("dwc", "poll", {"interval": "17s"}), ("dwc", "poll", {"interval": "2m", "stale_after": "6m"}),
    ("dwc", "thresholds", {"bounce_ratio": {"warning": None}}), ("c", "name", 'Name "\\ \u00e4'),
    ("dwc", "thresholds", {"bounce_ratio": {"warning": 0.01, "critical": 0.02}}),
    ("wc", "labels", {"team": "a"}), ("wc", "labels", {"team": "b\n", "client": ""}),
    ("dw", "api", {"timeout": "2s"}), ("dw", "api", {"timeout": "5s", "retries": 0, "max_concurrency": 2}),
)  # fmt: skip
"""What operators change, and where it may stand: in the document, a workspace or a campaign."""


class _CountedClient(Client):
    in_flight = 0

    async def get(self, path: str) -> bytes:
        _CountedClient.in_flight += 1
        try:
            return await super().get(path)
        finally:
            _CountedClient.in_flight -= 1


def _by_campaign(page: dict[tuple[str, Labels], float]) -> dict[str, dict[TargetKey, float]]:
    """Return what each metric says of each campaign, without the series by severity and reason."""
    found: dict[str, dict[TargetKey, float]] = {}
    for (name, labels), value in page.items():
        by_name = dict(labels)
        if "campaign_id" in by_name and not {"severity", "reason"} & by_name.keys():
            found.setdefault(name, {})[by_name["workspace"], Campaign.kind, by_name["campaign_id"]] = value
    return found


def _changed(document: Document, first: Document, dice: random.Random) -> Document:
    """Return the document with some changes; the `first` one has all workspaces and campaigns."""
    new = deepcopy(document)
    for _ in range(dice.randint(1, 3)):
        workspace = dice.choice(new["workspaces"])
        levels = {"d": new, "w": workspace, "c": dice.choice(workspace["campaigns"])}
        match dice.randrange(7):
            case 0:
                there = [{"id": id_} for id_ in (*_IDS[workspace["api_key_file"]], f"gone_{dice.randrange(5)}")]
                workspace["campaigns"] = dice.sample(there, dice.randint(1, len(there)))
            case 1:  # perhaps one twice, some under other names
                chosen = deepcopy(dice.sample(first["workspaces"] * 2, dice.randint(1, 3)))
                names = dice.sample([*_IDS, "other", "another"], len(chosen))
                new["workspaces"] = [each | {"name": name} for each, name in zip(chosen, names, strict=True)]
            case _:
                places, key, value = dice.choice(_CHANGES)
                level = levels[dice.choice(places)]
                level[key] = {**level.get(key, {}), **value} if isinstance(value, dict) else value
    return new


class Life:
    """One exporter with two workspaces, an API for each, its files, and what happens to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        random.seed(seed)  # spreads the retries
        self._dice = random.Random(seed)  # noqa: S311 - it must repeat
        self._folder = folder
        self._config_file = folder / "config.yaml"
        self._frozen_at: float | None = None
        self._apis = {
            "acme": FakeApi(figures=self._figures),
            "globex": FakeApi(figures=self._figures, certificate=self._new_certificate()),
        }
        self._requests = 0
        self._last: dict[tuple[str, TargetKey], float] = {}
        self._log = io.StringIO()
        log.configure("debug", "logfmt", self._log)

    def patience(self) -> float:
        """Return how long what is on its way may need: nothing is where an API holds back each answer."""
        held = sum(api.held for api in self._apis.values())
        return _ON_THE_WAY if _CountedClient.in_flight > held else 0.0

    async def hours(self) -> AsyncGenerator[dict[str, int], None]:
        """Live on for ever, some hours at a time; raises AssertionError where something does not hold."""
        self._clock = asyncio.get_running_loop().time
        async with self._apis["acme"], self._apis["globex"]:
            self._first = self._document = self._first_document()
            self._config_file.write_text(yaml.safe_dump(self._first))
            await self._renew_keys()
            self._exporter = Exporter(
                self._config_file, load(self._config_file), telemetry=Telemetry(of_process=False),
                open_client=_CountedClient, wall=lambda: 1.75e9 + self._clock(),
            )  # fmt: skip
            await self._exporter.start()
            try:
                for hours in itertools.count(HOURS, HOURS):
                    for _ in range(_EVENTS):
                        await asyncio.sleep(self._dice.uniform(0, 2 * 3600 * HOURS / _EVENTS))
                        await self._happen()
                    await self._calm_down()
                    yield self._checkpoint(hours)
            finally:
                await self._exporter.stop()

    def _first_document(self) -> Document:
        """Return the first configuration; a key's file has the name of its workspace."""
        workspaces: list[Document] = [
            {"name": name, "api": {"base_url": api.url}, "api_key_file": name,
             "campaigns": [{"id": id_} for id_ in _IDS[name]]}
            for name, api in self._apis.items()
        ]  # fmt: skip
        workspaces[1]["api"]["ca_file"] = "ca.pem"
        return {"poll": {"interval": "50s", "stale_after": "150s"}, "workspaces": workspaces}

    def _figures(self, campaign_id: str) -> dict[str, Any]:
        """Return the figures of a campaign that sends a mail a minute, unless it is made to stand still."""
        sent = int((self._clock() if self._frozen_at is None else self._frozen_at) / 60) + len(campaign_id)
        counts = {"totalEnrolled": sent + 9, "sent": sent, "delivered": sent * 9 // 10, "bounced": sent // 10}
        return {"campaignId": campaign_id, **counts, "replied": 1, "queued": 9, "openRate": 0.5, "replyRate": None}

    async def _happen(self) -> None:
        often = (self._reconfigure, self._reconfigure, self._misbehave, self._misbehave, self._misbehave)
        others = (self._behave, self._break_config, self._renew_keys, self._lose_key, self._renew_ca, self._go_down)
        await self._dice.choice((*often, *others))()
        await asyncio.sleep(self._dice.uniform(0, 5))
        self._scrape()
        text = self._log.getvalue()
        assert not any(word in text for word in ("internal error", "Traceback", "canary", "has ended")), text
        assert self._exporter.problems == []
        self._log.seek(0)
        self._log.truncate()
        for api in self._apis.values():
            self._requests += len(api.requests)
            api.requests.clear()

    async def _reconfigure(self) -> None:
        await self._configure(_changed(self._document, self._first, self._dice))

    async def _break_config(self) -> None:
        self._config_file.write_text(self._dice.choice(_BROKEN))
        before = self._exporter.config
        assert await self._exporter.reload()
        assert self._exporter.config is before

    async def _misbehave(self) -> None:
        name = self._dice.choice(list(self._apis))
        who = self._dice.choice(["*", *_IDS[name]])
        self._apis[name].answers[who] = self._dice.choice(_SCRIPTS)
        self._apis[name].delay = self._dice.choice([0.02, 0.7, 4.0])

    async def _go_down(self) -> None:
        await self._dice.choice(list(self._apis.values())).refuse()

    async def _behave(self) -> None:
        for api in self._apis.values():
            api.answers.clear()
            api.delay = 0.1
            await api.listen()

    async def _renew_keys(self) -> None:
        """Revoke the keys and put new ones in their place, which are noticed without a reload."""
        for name, api in self._apis.items():
            api.keys = {f"sk_canary_{self._dice.randrange(2**64):x}"}
            if self._dice.random() < 0.5:  # half of the operators write it in place
                (self._folder / name).write_text(*api.keys)
            else:
                replace_file(self._folder / name, *api.keys)
            (self._folder / name).chmod(0o600)

    async def _lose_key(self) -> None:
        file = self._folder / self._dice.choice(list(self._apis))
        if self._dice.random() < 0.5:
            file.write_text("")
        else:
            file.unlink(missing_ok=True)

    async def _renew_ca(self) -> None:
        await self._apis["globex"].present(self._new_certificate())

    def _new_certificate(self) -> Pair:
        """Put another authority in the place of the one before; return a certificate of it."""
        authority = Authority(self._folder, "authority")
        replace_file(self._folder / "ca.pem", authority.pem)
        return authority.issue("api", "127.0.0.1")

    async def _calm_down(self) -> None:
        """Restore everything as it was at first, then hold each reading to the truth."""
        await self._behave()
        await self._renew_keys()
        await self._configure(self._first)
        self._frozen_at = self._clock()
        await asyncio.sleep(_CALM)
        page = self._scrape()
        for key in _KEYS:
            truth = self._figures(key[2])
            shown = {field: page.get(name, {}).get(key) for name, field in _FIELDS.items()}
            assert shown == {field: truth[field] for field in shown}, key
            assert page["leadterra_campaign_up"][key] == 1
        self._frozen_at = None

    def _scrape(self) -> dict[str, dict[TargetKey, float]]:
        """Compare the page in both formats to what is configured and was seen: campaigns only grow. Return it."""
        page, openmetrics = (_by_campaign(samples(self._exporter.page.render(each), each)) for each in Format)
        assert page == openmetrics
        configured = {campaign.key for campaign in self._exporter.config.campaigns}
        assert all(values.keys() <= configured for values in page.values())
        for metric in ("leadterra_campaign_leads_enrolled", "leadterra_campaign_emails_sent"):
            for key, value in page.get(metric, {}).items():
                assert value >= self._last.get((metric, key), 0), f"{metric} of {key} has fallen"
                self._last[metric, key] = value
        for key, sent in page.get("leadterra_campaign_emails_sent", {}).items():
            parts = (page[f"leadterra_campaign_emails_{part}"][key] for part in ("delivered", "bounced"))
            assert sum(parts) <= sent, f"two readings of {key} are mixed"
        return page

    async def _configure(self, document: Document) -> None:
        self._document = document
        self._config_file.write_text(yaml.safe_dump(document, allow_unicode=True))
        assert await self._exporter.reload() is None

    def _checkpoint(self, hours: int) -> dict[str, int]:
        """Return what is left when all is calm again: bytes, pieces of memory that Python has handed out, and so on."""
        _figure.cache_clear()  # which keeps 4,096 figures at most, so it grows for days
        gc.collect()
        return {
            "hours": hours,
            "requests": self._requests,
            "memory": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
            "blocks": sys.getallocatedblocks(),
            "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names are enough
            "tasks": len(asyncio.all_tasks()),
        }

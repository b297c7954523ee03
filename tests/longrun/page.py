"""What must hold of a page whenever it is scraped."""

from dataclasses import dataclass, field

from exporter.app import Exporter
from exporter.config import Key
from exporter.exposition import Format
from tests.exposition.parsed import Labels, samples

_NEVER_FALLS = ("leadterra_campaign_leads_enrolled", "leadterra_campaign_emails_sent")
_PARTS = ("leadterra_campaign_emails_delivered", "leadterra_campaign_emails_bounced")


@dataclass
class Scrapes:
    """Read page after page; the API's campaigns only ever grow, so a figure that falls was never a reading."""

    count: int = 0
    _last: dict[tuple[str, Key], float] = field(default_factory=dict)

    def take(self, exporter: Exporter) -> dict[str, dict[Key, float]]:
        """Scrape in both formats and hold the page to what is configured and was seen before; return it."""
        self.count += 1
        page = samples(exporter.page.render(Format.TEXT), Format.TEXT)
        openmetrics = samples(exporter.page.render(Format.OPENMETRICS), Format.OPENMETRICS)
        assert _of_campaigns(page) == _of_campaigns(openmetrics)
        by_metric = _by_metric(page)
        self._check_readings(by_metric)
        configured = {campaign.key for campaign in exporter.config.campaigns}
        for metric, values in by_metric.items():
            assert values.keys() <= configured, f"{metric} of a campaign that is not configured"
        counts = {dict(labels)["workspace"]: value for (name, labels), value in page.items() if name == _COUNTS}
        assert counts == {each.name: len(each.campaigns) for each in exporter.config.workspaces}
        return by_metric

    def _check_readings(self, page: dict[str, dict[Key, float]]) -> None:
        for metric in _NEVER_FALLS:
            for key, value in page.get(metric, {}).items():
                assert value >= self._last.get((metric, key), 0), f"{metric} of {key} has fallen"
                self._last[metric, key] = value
        sent = page.get("leadterra_campaign_emails_sent", {})
        for key, value in sent.items():
            assert sum(page[part][key] for part in _PARTS) <= value, f"two readings of {key} are mixed"


_COUNTS = "leadterra_workspace_campaigns"


def _of_campaigns(page: dict[tuple[str, Labels], float]) -> dict[tuple[str, Labels], float]:
    return {series: value for series, value in page.items() if series[0].startswith("leadterra_campaign_")}


def _by_metric(page: dict[tuple[str, Labels], float]) -> dict[str, dict[Key, float]]:
    """Give what each metric says of each campaign, without the series by severity and reason."""
    found: dict[str, dict[Key, float]] = {}
    for (name, labels), value in page.items():
        by_name = dict(labels)
        if "campaign_id" in by_name and not {"severity", "reason"} & by_name.keys():
            found.setdefault(name, {})[by_name["workspace"], by_name["campaign_id"]] = value
    return found

"""All scenarios that the rules are held against."""

from tests.rules.promtool import Scenario
from tests.rules.scenarios import api, bounce, delivery, exporter, identity, outage, queue, texts, weeks, workspaces

SCENARIOS: tuple[Scenario, ...] = (
    *api.SCENARIOS,
    *bounce.SCENARIOS,
    *delivery.SCENARIOS,
    *exporter.SCENARIOS,
    *identity.SCENARIOS,
    *outage.SCENARIOS,
    *queue.SCENARIOS,
    *texts.SCENARIOS,
    *weeks.SCENARIOS,
    *workspaces.SCENARIOS,
)

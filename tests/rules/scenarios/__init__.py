"""All scenarios that the rules are held against."""

from tests.rules.promtool import Scenario
from tests.rules.scenarios import bounce, delivery, exporter, identity, queue, texts

SCENARIOS: tuple[Scenario, ...] = (
    *bounce.SCENARIOS,
    *delivery.SCENARIOS,
    *exporter.SCENARIOS,
    *identity.SCENARIOS,
    *queue.SCENARIOS,
    *texts.SCENARIOS,
)

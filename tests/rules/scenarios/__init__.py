"""All scenarios that the rules are held against: each is a constant of its module."""

from tests.rules.promtool import Scenario
from tests.rules.scenarios import api, bounce, campaigns, identity, outage, texts, workspaces

_MODULES = (api, bounce, campaigns, identity, outage, texts, workspaces)
SCENARIOS = tuple(each for module in _MODULES for each in vars(module).values() if isinstance(each, Scenario))

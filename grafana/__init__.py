"""Dashboards as code: `make generate` writes dashboards/."""

import warnings

with warnings.catch_warnings():
    # The SDK would rather have the newer schema, which Grafana 10 to 12 do not read.
    warnings.filterwarnings("ignore", message="Prefer using dashboardv2", category=DeprecationWarning)
    import grafana_foundation_sdk.builders.bargauge
    import grafana_foundation_sdk.builders.dashboard  # noqa: F401 - every later import of them is then silent

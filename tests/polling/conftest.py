"""Coroutines here run in virtual time."""

from typing import Any

import pytest

from tests.conftest import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}

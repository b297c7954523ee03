"""What the sandbox answers, and how the front is to misbehave while it sends it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold an answer; `delay` is in seconds, the connection breaks after `cut_after` bytes of the body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    delay: float = 0.0
    cut_after: int | None = None


def error(status: int, code: str, message: str) -> Answer:
    """Build an error answer; the documentation names codes but no envelope, so the envelope is the sandbox's own."""
    return Answer(status, json.dumps({"error": {"code": code, "message": message}}).encode())

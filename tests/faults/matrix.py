"""Every fault: how it begins and ends, whose polls it meets, and what is to be seen of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from exporter.errors import Reason
from tests.faults import scripts
from tests.faults import surroundings as around
from tests.faults.world import ACME, BAD, EVERYBODY, HALF, INTERVAL, RETRIES, Setting, World
from tests.scripted_api import Script, drip, http, silence


def _usual(seconds: float) -> float:
    """Tell how many requests the workspace may send in so many seconds: each poll has its retries, and no more."""
    return len(ACME) * (1 + RETRIES) * (seconds / INTERVAL + 2)


def _held(seconds: float) -> float:
    """Tell the same where a workspace asks once an interval; each campaign may have been on its way."""
    return len(ACME) + seconds / INTERVAL + 1


@dataclass(frozen=True)
class Fault:
    """One row of the table.

    `meets` are the campaigns whose polls fail, with `reason` and `detail`; where nobody's do, `note` says what is to
    be seen. `log` is a further event that the log tells of once; a failed poll is told of once for each campaign, or
    only for those that were asked where the row `tells_some`. A `brief` fault ends as soon as it is noticed, and
    comes back `bursts` times. `check` is called while the fault lasts.
    """

    name: str
    begin: Callable[[World], object]
    end: Callable[[World], object] = lambda world: world.acme.mend()
    meets: tuple[str, ...] = ()
    reason: str = ""
    detail: str = ""
    note: str = ""
    log: str = ""
    tells_some: bool = False
    brief: bool = False
    bursts: int = 1
    check: Callable[[World], object] = lambda _: None
    most_requests: Callable[[float], float] = _usual
    setting: Setting = field(default_factory=Setting)

    @property
    def awaits_answer(self) -> bool:
        """Tell whether a poll may still wait for its time-out when the fault ends."""
        return self.reason == Reason.TIMEOUT


def _answer(script: Script, *campaigns: str) -> Callable[[World], None]:
    return lambda world: world.acme.break_(script, *campaigns)


def _limited(header: str, most_requests: Callable[[float], float]) -> Fault:
    return Fault(
        f"429, Retry-After: {header}",
        _answer(http(429, b"", f"Retry-After: {header}"), *ACME),
        meets=ACME,
        reason=Reason.RATE_LIMITED,
        detail="HTTP 429",
        tells_some=True,
        most_requests=most_requests,
    )


_NO_ANSWER = "no whole answer within 1 s"
_TOO_LARGE = "the answer is larger than 1 MiB"

_CONNECTION = [
    Fault(
        "the host name does not resolve",
        around.forget_host,
        around.know_host,
        meets=ACME,
        reason=Reason.CONNECTION_FAILED,
        detail="the host name does not resolve",
        setting=Setting(prepare=around.prepare_resolver, host="api.test", environment={"PYTHONPATH": "{folder}"}),
    ),
    Fault(
        "connection refused",
        lambda w: w.acme.refuse(),
        meets=ACME,
        reason=Reason.CONNECTION_FAILED,
        detail="connection refused",
    ),
    Fault(
        "accepted, then silence",
        _answer(silence),
        meets=ACME,
        reason=Reason.TIMEOUT,
        detail=_NO_ANSWER,
        check=lambda world: world.wait_for_requests(20),  # no pile of overlapping sweeps stops the scheduler
    ),
    Fault("half of the campaigns hang", _answer(silence, *HALF), meets=HALF, reason=Reason.TIMEOUT, detail=_NO_ANSWER),
    Fault(
        "certificate of another authority",
        around.present("stranger"),
        around.present("good"),
        meets=ACME,
        reason=Reason.CONNECTION_FAILED,
        detail="certificate not accepted: unable to get local issuer certificate",
        setting=around.TLS,
    ),
    Fault(
        "certificate expired",
        around.present("expired"),
        around.present("good"),
        meets=ACME,
        reason=Reason.CONNECTION_FAILED,
        detail="certificate not accepted: certificate has expired",
        setting=around.TLS,
    ),
]

_ANSWERS = [
    Fault("one byte at a time", _answer(drip, *BAD), meets=BAD, reason=Reason.TIMEOUT, detail=_NO_ANSWER),
    Fault(
        "slow headers without end",
        _answer(scripts.slow_headers, *BAD),
        meets=BAD,
        reason=Reason.TIMEOUT,
        detail=_NO_ANSWER,
    ),
    Fault(
        "headers without end",
        _answer(scripts.endless_headers, *BAD),
        meets=BAD,
        reason=Reason.CONNECTION_FAILED,
        detail="the answer is not HTTP",
    ),
    Fault(
        "cut in the middle of the body",
        _answer(scripts.cut, *BAD),
        meets=BAD,
        reason=Reason.CONNECTION_FAILED,
        detail="the answer broke off",
    ),
    Fault(
        "body of 100 MB",
        _answer(scripts.huge, *BAD),
        meets=BAD,
        reason=Reason.INVALID_RESPONSE,
        detail=_TOO_LARGE,
    ),
    Fault(
        "gzip bomb of 900 MiB",
        lambda world: world.acme.break_(scripts.bomb(), *BAD),
        meets=BAD,
        reason=Reason.INVALID_RESPONSE,
        detail=_TOO_LARGE,
    ),
    Fault(
        "gzip bomb in a gzip bomb",
        lambda world: world.acme.break_(scripts.nested_bomb(), *BAD),
        meets=BAD,
        reason=Reason.INVALID_RESPONSE,
        detail="the answer cannot be decompressed",
    ),
    Fault(
        "redirect to itself",
        _answer(http(302, b"", "Location: /v1/campaigns/camp_bad/stats"), *BAD),
        meets=BAD,
        reason=Reason.UNEXPECTED_STATUS,
        detail="HTTP 302: a redirect, not followed so that the key does not travel; check api.base_url",
    ),
]

_STATUSES = [
    Fault(
        "401 for many intervals",
        _answer(http(401)),
        meets=ACME,
        reason=Reason.AUTHENTICATION_FAILED,
        log='msg="key refused" workspace=acme detail="HTTP 401"',
        check=lambda world: world.wait_for_requests(5),
        most_requests=_held,
    ),
    _limited("3", _held),
    _limited("1000000000", _held),
    _limited("Wed, 21 Oct 2015 07:28:00 GMT", _usual),
    _limited("soon", _usual),
    Fault(
        "503 once",
        lambda world: world.acme.break_once(http(503), *BAD),
        note="as ever, the retry brings the reading",
    ),
    Fault(
        "503 now and then",
        _answer(http(503), *BAD),
        meets=BAD,
        reason=Reason.SERVER_ERROR,
        detail="HTTP 503",
        brief=True,
        bursts=3,
    ),
    Fault("503 for long", _answer(http(503), *BAD), meets=BAD, reason=Reason.SERVER_ERROR, detail="HTTP 503"),
]

_KEY_KEPT = 'msg="the API key cannot be read, the last one stays in use"'

_KEY_FILE = [
    Fault("key file gone", around.remove_key, around.rotate_key, note="the last key stays in use", log=_KEY_KEPT),
    Fault("key file empty", around.empty_key, around.rotate_key, note="the last key stays in use", log=_KEY_KEPT),
    Fault("key file replaced hundreds of times a second", around.storm_of_keys, around.end, note="each key is whole"),
    Fault(
        "key file half written",
        around.half_key,
        around.whole_key,
        meets=ACME,
        reason=Reason.AUTHENTICATION_FAILED,
        log='msg="key refused" workspace=acme detail="HTTP 401"',
        brief=True,
        most_requests=_held,
    ),
]

_MACHINE = [
    Fault(
        "file descriptors exhausted",
        around.exhaust_descriptors,
        around.grant_descriptors,
        meets=EVERYBODY,
        reason=Reason.CONNECTION_FAILED,
        detail="too many open files",
        note="scrapes over open connections go on",
    ),
    Fault(
        "configuration replaced by a directory, then reload",
        around.make_config_a_directory,
        around.restore_config,
        note="`leadterra_exporter_config_last_reload_successful` 0",
        log='msg="the configuration was not loaded, the old one stays in use"',
        check=around.reload_failed,
    ),
    Fault(
        "wall clock an hour ahead",
        around.shift_clock(3600),
        around.shift_clock(0),
        note="`last_success` follows the clock",
        check=around.shows_clock(3600),
        setting=around.FAKE_CLOCK,
    ),
    Fault(
        "wall clock an hour behind",
        around.shift_clock(-3600),
        around.shift_clock(0),
        note="`last_success` follows the clock",
        check=around.shows_clock(-3600),
        setting=around.FAKE_CLOCK,
    ),
    Fault("disk of the log full", around.log_much, around.end, setting=Setting(command='exec "$@" 2>/dev/full')),
    Fault(
        "stderr closed",
        around.log_much,
        around.end,
        check=around.stderr_is_null,
        setting=Setting(command='exec "$@" 2>&-'),
    ),
    Fault("nobody reads the log any more", around.log_much, around.end, setting=around.LOG_READER_GONE),
    Fault("the log's reader hangs", around.fill_pipe, around.end, setting=around.LOG_READER_HANGS),
]

FAULTS = [*_CONNECTION, *_ANSWERS, *_STATUSES, *_KEY_FILE, *_MACHINE]

"""Every fault: how it happens, whose polls it meets, and what is to be seen of it."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

from exporter.errors import Reason
from tests.fake_api import BOMB, NESTED_BOMB, Script, cut, drip, headers_without_end, http, huge, silence
from tests.faults import surroundings as around
from tests.faults.world import ALL, HALF, INTERVAL, NEXT_KEY, ONE, Fault, Process, Workspace


def _answers(here: Workspace, script: Script, meets: int) -> Iterator[None]:
    here.api.answers.update(dict.fromkeys(here.campaigns[:meets], script))
    yield
    here.api.answers.clear()


def _answered(name: str, script: Script, reason: Reason, detail: str, meets: int = ONE, **more: Any) -> Fault:
    return Fault(name, partial(_answers, script=script, meets=meets), meets, reason, detail, **more)


def _limited(header: str, **more: Any) -> Fault:
    answer = http(429, b"", f"Retry-After: {header}")
    return _answered(f"429, Retry-After: {header}", answer, Reason.RATE_LIMITED, "HTTP 429", ALL, **more)


def _presented(name: str, certificate: str, why: str) -> Fault:
    happens = partial(around.presented, certificate=certificate)
    return Fault(name, happens, ALL, Reason.CONNECTION_FAILED, f"certificate not accepted: {why}", tls=True)


def _without_retries(seconds: float) -> float:
    """Return how many requests there may be in so many seconds where nothing is tried again."""
    return ALL * (seconds / INTERVAL + 2)


def _refused_key(seconds: float) -> float:
    """Return the same for a key that is refused: each campaign may have been on its way, with the last key and it."""
    return 2 * ALL + seconds / INTERVAL + 1


def _answer_once(here: Workspace) -> Iterator[None]:
    async def answer(writer: asyncio.StreamWriter) -> None:
        del here.api.answers[here.campaigns[0]]
        writer.write(http(503))

    here.api.answers[here.campaigns[0]] = answer
    yield


_FAILED, _INVALID, _REFUSED = Reason.CONNECTION_FAILED, Reason.INVALID_RESPONSE, Reason.AUTHENTICATION_FAILED
_UNKNOWN = "the host name does not resolve"
_LATE = "no whole answer within 2 s"
_NOT_HTTP = "the answer is not HTTP: too many headers received"
_LARGE = "the answer is larger than 1024 KiB"
_NOT_ASKED_FOR = "the answer is compressed in a way that was not asked for: only gzip is read"
_ERROR = http(200, b'{"success": false, "message": "suspended", "sent": 0}')
_IS_ERROR = "HTTP 200, but the answer says that it is an error: suspended"
_REDIRECT = http(302, b"", "Location: /v1/campaigns/camp_bad/stats")
_NOT_FOLLOWED = "HTTP 302: a redirect, not followed so that the key does not travel; check api.base_url"
_KEY_REFUSED = 'msg="key refused" workspace={} detail="HTTP 401"'
_HALF_A_KEY = partial(around.key_file, text=NEXT_KEY[:9])
_HALF_REFUSED = 'msg="key refused" workspace={} detail="HTTP 401: authentication_failed"'
_READ_AGAIN = "the file is read again within 2 s"
_SHIFTED, _FAKED = "`last_success` follows the clock", around.FAKE_CLOCK
_NO_FILES, _SCRAPED = "file descriptors exhausted", "scrapes over open connections go on"
_DIRECTORY = "configuration replaced by a directory, then reload"
_KEPT = "the last key stays in use"
_UNREAD = 'msg="the API key cannot be read, the last one stays in use"'
_NOT_LOADED = 'msg="the configuration was not loaded, the old one stays in use"'
_IS_NOT_LOADED = "`leadterra_exporter_config_last_reload_successful` 0"

FAULTS = [
    Fault(_UNKNOWN, around.host_unknown, ALL, _FAILED, _UNKNOWN, host="api.test"),
    Fault("connection refused", around.refused, ALL, _FAILED, "connection refused"),
    # No pile of overlapping sweeps stops the scheduler.
    _answered("accepted, then silence", silence, Reason.TIMEOUT, _LATE, ALL, requests=20),
    _answered("half of the campaigns hang", silence, Reason.TIMEOUT, _LATE, HALF),
    _presented("certificate of another authority", "stranger", "unable to get local issuer certificate"),
    _presented("certificate expired", "expired", "certificate has expired"),
    Fault(
        "another authority in the CA file, then its certificate", around.authority_changed, note=_READ_AGAIN, tls=True
    ),
    _answered("one byte at a time", drip, Reason.TIMEOUT, _LATE),
    _answered("slow headers without end", headers_without_end(1, 0.1), Reason.TIMEOUT, _LATE),
    _answered("headers without end", headers_without_end(1000, 0), _FAILED, _NOT_HTTP),
    _answered("cut in the middle of the body", cut, _FAILED, "the answer broke off"),
    _answered("body of 100 MB", huge, _INVALID, _LARGE),
    _answered("gzip bomb of 900 MiB", BOMB, _INVALID, _LARGE),
    _answered("gzip bomb in a gzip bomb", NESTED_BOMB, _INVALID, _NOT_ASKED_FOR),
    _answered("200 with an error in it", _ERROR, _INVALID, _IS_ERROR),
    _answered("redirect to itself", _REDIRECT, Reason.UNEXPECTED_STATUS, _NOT_FOLLOWED),
    _answered("401 for many intervals", http(401), _REFUSED, "", ALL, log=_KEY_REFUSED, requests=5, most=_refused_key),
    _answered("401 for one campaign", http(401), _REFUSED, "HTTP 401"),
    _limited("3", most=_without_retries),
    _limited("1000000000", most=_without_retries),
    _limited("Wed, 21 Oct 2015 07:28:00 GMT"),
    _limited("soon"),
    Fault("503 once", _answer_once, note="as ever, the retry brings the reading"),
    _answered("503 now and then", http(503), Reason.SERVER_ERROR, "HTTP 503", brief=3),
    _answered("503 for long", http(503), Reason.SERVER_ERROR, "HTTP 503"),
    Fault("key file gone", partial(around.key_file, text=None), note=_KEPT, log=_UNREAD),
    Fault("key file empty", partial(around.key_file, text=""), note=_KEPT, log=_UNREAD),
    Fault("key file replaced hundreds of times a second", around.storm_of_keys, note="each key is whole"),
    Fault("key file half written", _HALF_A_KEY, ALL, _REFUSED, log=_HALF_REFUSED, brief=1, most=_refused_key),
    Fault(_NO_FILES, around.descriptors_exhausted, ALL, _FAILED, "too many open files", _SCRAPED, process=Process()),
    Fault(_DIRECTORY, around.config_is_a_directory, note=_IS_NOT_LOADED, log=_NOT_LOADED, process=Process()),
    Fault("wall clock an hour ahead", partial(around.clock_shifted, seconds=3600), note=_SHIFTED, process=_FAKED),
    Fault("wall clock an hour behind", partial(around.clock_shifted, seconds=-3600), note=_SHIFTED, process=_FAKED),
    Fault("disk of the log full", around.much_logged, process=Process(command='exec "$@" 2>/dev/full')),
    Fault("stderr closed", around.much_logged, process=Process(command='exec "$@" 2>&-')),
    Fault("nobody reads the log any more", around.much_logged, process=around.LOG_READER_GONE),
    Fault("the log's reader hangs", around.pipe_filled, process=around.LOG_READER_HANGS),
]

FAULT_COLUMNS = ("fault", "what `/metrics` shows", "what the log says once", "recovery")
_WHO = {ONE: "the campaign", HALF: "the campaigns that hang", ALL: "all campaigns of the workspace"}


def fault_row(fault: Fault) -> tuple[str, ...]:
    """Return what docs/faults.md has in these columns."""
    return fault.name, _shows(fault), _log(fault), _recovery(fault)


def _shows(fault: Fault) -> str:
    if not fault.meets:
        return fault.note or "as ever"
    until = "stay" if fault.brief else "stay until they are `stale_after` old"
    shows = f"`up` 0 and `error` with `{fault.reason}` for {_WHO[fault.meets]}; figures {until}"
    return f"{shows}; {fault.note}" if fault.note else shows


def _log(fault: Fault) -> str:
    if fault.log:
        return f"`{fault.log.format('acme')}`"
    if not fault.detail:
        return "nothing"
    failed = f'`msg="poll failed" reason={fault.reason} detail="{fault.detail}"`'
    if fault.reason == Reason.RATE_LIMITED:
        return f"{failed} for each that was asked"
    together = f', or from the fourth on `msg="{ALL} of {ALL} polls fail"` for all together'
    return f"{failed} for each campaign{together if fault.meets == ALL else ''}"


def _recovery(fault: Fault) -> str:
    if not fault.meets:
        return "none needed"
    return "within an interval and `timeout`" if fault.reason == Reason.TIMEOUT else "within an interval"

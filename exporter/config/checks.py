"""What one value of the configuration may be; a check returns what it means or raises ValueError with a message."""

import re
import ssl
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from exporter.config import durations
from exporter.document.item import Item
from exporter.document.shapes import Check

_YEAR = 365 * 86400.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f.]*:[0-9a-f:.]+")
_KEY_OR_HASH = re.compile(r"(?<![A-Za-z0-9/_.-])sk_|\$2[aby]\$")  # not: a file or variable that has sk_ in its name
_TAKEN = {"workspace", "campaign_id", "campaign", "job", "instance", "severity", "reason", "le", "quantile"}


def any_text(item: Item) -> str:
    """Take text, empty or not."""
    if not isinstance(item.value, str):
        scalar = item.value is not None and not isinstance(item.value, dict | list)
        advice = f': put it in quotes, "{item.text}"' if scalar else ""
        raise ValueError(f"{item.shown} is not text{advice}")  # noqa: TRY004  # a check has one kind of error
    if _SURROGATE.search(item.value):
        raise ValueError("has half of a surrogate pair, which is no character: remove it")
    return item.value


def text(item: Item) -> str:
    """Take text that says something."""
    if not any_text(item).strip():
        raise ValueError("must not be empty")
    return str(item.value)


def _line(item: Item) -> str:
    if _CONTROL.search(text(item)):
        raise ValueError("has a control character, such as a line break: remove it")
    return str(item.value)


def campaign_id(item: Item) -> str:
    """Take what the API may know as a campaign's id."""
    if _line(item) in {".", ".."}:
        raise ValueError(f"{item.shown} cannot be asked for: an address drops such a part")
    return str(item.value)


def number(lowest: float, highest: float, *, whole: bool = False) -> Check:
    """Take a number between two others, both included."""
    kind = "a whole number" if whole else "a number"

    def check(item: Item) -> float:
        if type(item.value) not in ((int,) if whole else (int, float)):  # a bool is no number
            quotes = ", without quotes" if isinstance(item.value, str) else ""
            raise ValueError(f"{item.shown} is not {kind}: write one from {lowest} to {highest}{quotes}")
        if not lowest <= item.value <= highest:
            raise ValueError(f"{item.shown} is out of range: write {kind} from {lowest} to {highest}")
        return item.value if whole else float(item.value)

    return check


def ratio(item: Item) -> float:
    """Take a number between 0 and 1; for a percentage say what to write."""
    given = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(%?)", item.text)
    percent = float(given[1]) if given else 0.0
    if given and (given[2] or percent > 1) and percent <= 100:  # noqa: PLR2004  # per cent
        raise ValueError(f"{item.shown} is not a ratio between 0 and 1: for {percent:g} % write {percent / 100:g}")
    return float(number(0, 1)(item))


def duration(lowest: float = 0.001, highest: float = _YEAR) -> Check:
    """Take a duration, as seconds."""

    def check(item: Item) -> float:
        seconds = durations.parse(item.value) if isinstance(item.value, str) else None
        if seconds is None:
            raise ValueError(f"{item.shown} is not a duration: write it like 90s, 5m, 72h or 1d")
        if not lowest <= seconds <= highest:
            limits = f"{durations.write(lowest)} to {durations.write(highest)}"
            raise ValueError(f"{item.shown} is out of range: write a duration from {limits}")
        return seconds

    return check


def _url(item: Item, schemes: tuple[str, ...], example: str) -> SplitResult:
    """Split a URL; no message repeats it, as it may hold a password."""
    wrong = f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)} and a host, like {example}"
    url = _line(item)
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is none
    except ValueError:
        raise ValueError(wrong) from None
    if parts.scheme not in schemes or not _HOST.fullmatch(parts.hostname or ""):
        raise ValueError(wrong)
    if not url.isascii() or " " in url:
        raise ValueError("has a character that cannot stand in a URL: write it percent-encoded")
    if "?" in url or "#" in url:
        raise ValueError("has a query or a fragment, which has no use here: remove it")
    return parts


def base_url(item: Item) -> str:
    """Take the address that requests begin with, without a slash at its end."""
    if "@" in _url(item, ("http", "https"), "https://app.leadterra.co").netloc:
        raise ValueError("has a user or a password: remove it; the key comes from api_key_file or api_key_env")
    return str(item.value).rstrip("/")


def proxy_url(item: Item) -> str:
    """Take the address of a proxy, which may hold a user and a password."""
    _url(item, ("http",), "http://proxy.example:3128")
    return str(item.value)


def file(item: Item) -> Path:
    """Take a file's path; a relative one begins at the configuration file's folder."""
    _no_key(item, "file")
    return (item.file.parent / str(item.value)).absolute()


def ca_file(item: Item) -> Path:
    """Take a file of certificates that can be read now."""
    path = file(item)
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for its writer
            raise ValueError(f"{path} is not a file")
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"{path} holds no certificate in PEM form") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    return path


def _no_key(item: Item, what: str) -> None:
    if _KEY_OR_HASH.search(_line(item)):
        raise ValueError(f"looks like the key itself: write the {what} that holds it")


def key_env(item: Item) -> str:
    """Take the name of an environment variable that holds a key."""
    _no_key(item, "name of the variable")
    if not _NAME.fullmatch(item.value):
        raise ValueError("is not the name of an environment variable: write one like LEADTERRA_API_KEY")
    return str(item.value)


def label_name(name: str) -> None:
    """Raise ValueError where a label cannot have this name."""
    if not _NAME.fullmatch(name):
        raise ValueError("is not a label name: write letters, digits and _, a digit not first")
    if name.startswith("__"):
        raise ValueError("names with __ in front are Prometheus' own: choose another name")
    if name in _TAKEN:
        raise ValueError("the exporter or Prometheus has a label of this name: choose another name")

"""What one value of the configuration may be; a check returns what it means or raises ValueError with a message."""

import re
import ssl
import unicodedata
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from exporter.document.item import Item, quote_unless_secret
from exporter.document.shapes import Check

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_HOST = r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f.]*:[0-9a-f:.]+"
_WEB = ("http", "https")
_USER = "^[^/]*//[^/?#]*@"
_IN_URL = (
    ("^[${%<]", "is a placeholder, and none is filled in: write the address itself"),
    (
        "^[^/]*//[^/?#]*[^!-~]",
        "has a character that cannot stand in a host's name: write it like xn--bcher-kva.example",
    ),
    ("[^!-~]", "has a character that cannot stand in a URL: remove it, or write it percent-encoded"),
)
_NO_QUERY = ("[?#]", "has a query or a fragment, which has no use here: remove it")
_ENDPOINT = r"(?i)(?<!:)(?<!:/)/+(v1/*|(v1/+)?(campaigns|sender-pools|sender-accounts)(/.*)?)$"
_ADDRESS = r"(?i)^(.*://|/|([a-z0-9-]+\.)+[a-z]{2,}/|(.*/)?(v1/)?campaigns/)|/(stats/*)?$|[?#].*=|#.*/"
_OF_SPREADSHEET = r"^=|^#(REF|N/A|NAME|VALUE|DIV/0|NULL|NUM)\b|^[0-9][.,][0-9]+E\+[0-9]+$"
_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?[eE][-+]?[0-9]+")
_KEY_OR_HASH = r"(?<![A-Za-z0-9/_.-])sk_|\$2[aby]\$|^[Bb]earer\s"  # not: a file or variable with sk_ in its name
_SECRET = _KEY_OR_HASH + r"|://[^/?#]*@|\beyJ[\w-]{6,}\.[\w-]+\."
"""What no page may show: a key, a hash, a password in a URL, a JSON Web Token."""
_CONTROL = ("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]", "has a control character: remove it")
_UNEXPANDED = r"^(~|file:|.*\$[{(A-Za-z_]|.*%[A-Za-z_]+%)"
_OTHER_SUFFIX = r"(?i)(?<!\.yaml)(?<!\.yml)(?<!\.json)(?<!\.csv)$"
_PLAIN_ID = re.compile("(?!sk_|(?i:your))[A-Za-z0-9_-]{1,200}")
_QUOTES = "[\"'`\u2018\u2019\u201c\u201d\u201e]"


def any_text(item: Item) -> str:
    """Return text, empty or not."""
    if not isinstance(item.value, str):
        scalar = item.value is not None and not isinstance(item.value, dict | list)
        advice = f': put it in quotes, "{item.text}"' if scalar else ""
        raise ValueError(f"{item.shown} is not text{advice}")  # noqa: TRY004  # a check has one kind of error
    return item.value


def text(item: Item) -> str:
    """Return text that says something."""
    if not any_text(item).strip():
        raise ValueError("must not be empty")
    return str(item.value)


def _refuse(mistakes: Iterable[tuple[str, str]], given: str) -> None:
    """Raise ValueError for text with a mistake in it: a pattern, and what to say of it."""
    for pattern, message in mistakes:
        if re.search(pattern, given):
            raise ValueError(message.format(given, length=len(given)))


def _line(*mistakes: tuple[str, str], schemes: tuple[str, ...] = (), example: str = "") -> Check:
    """Return a check for text of one line without mistakes; with `schemes` for a URL, which no message repeats."""

    def check(item: Item) -> str:
        given = text(item)
        for n, character in enumerate("" if given.isprintable() else given, 1):
            if not character.isprintable():
                name = unicodedata.name(character, "a control character")
                raise ValueError(f"character {n} cannot be seen, it is U+{ord(character):04X} ({name}): remove it")
        if given != given.strip(" "):
            raise ValueError("begins or ends with a blank: remove it")
        if schemes:
            _refuse(_IN_URL, given)
            _check_host(given, schemes, example)
        _refuse(mistakes, given)
        return given

    return check


def _check_host(url: str, schemes: tuple[str, ...], example: str) -> None:
    """Raise ValueError for a URL that has not one of some schemes, a host, and a port that can be."""
    try:
        parts = urlsplit(url)
        has_host = parts.scheme in schemes and bool(re.fullmatch(_HOST, parts.hostname or ""))
    except ValueError:  # a bracket is not closed
        has_host = False
    if not has_host:
        begin = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"must begin with {begin} and a host, like {example}")
    port = re.search(r":([^:\]@]+)$", parts.netloc)
    if port and not (port[1].isdigit() and 0 < int(port[1]) < 2**16):
        raise ValueError("has a port that cannot be: write a number from 1 to 65535")


def _file(*mistakes: tuple[str, str]) -> Check:
    """Return a check for a file's path, from the configuration file's folder on."""
    line = _line(
        *mistakes,
        (_KEY_OR_HASH, "looks like the key itself: write the file that holds it"),
        (_UNEXPANDED, "is not expanded: write the path itself, like /run/secrets/leadterra_api_key"),
        ("://", "is an address, not a file: write the path of a file"),
    )
    return lambda item: (Path(item.file).parent / line(item)).absolute()


label_name = partial(
    _refuse,
    (
        (f"^(?!{_NAME}$)", "is not a label name: write letters, digits and _, a digit not first"),
        ("^__", "names with __ in front are Prometheus' own: choose another name"),
        (
            "^(workspace|campaign_id|campaign|pool|pool_id|status|job|instance|alertname|alertstate|severity|reason|le|quantile)$",
            "the exporter or Prometheus has a label of this name: choose another name",
        ),
        (
            "^(pod|container|endpoint|node)$",
            "the alert rules drop this label, as it tells where a process runs: choose another name",
        ),
        (
            "(?i)(api_?key|private_?key|token|passw(or)?d|pwd|secret|authorization|credentials?)$",
            "a secret is no label, it would stand on every page: leave it out",
        ),
    ),
)


def label_value(item: Item) -> str:
    """Return text, empty or not, that is no key."""
    _refuse([(_SECRET, "looks like a key, and a label stands on every page: leave it out"), _CONTROL], any_text(item))
    return str(item.value)


def name(item: Item) -> str:
    """Return text that says something and is no key."""
    _refuse([(_SECRET, "looks like a key, and a name stands on every page: write another"), _CONTROL], text(item))
    return str(item.value)


_any_id = _line(
    (_KEY_OR_HASH, "looks like a key, and an id stands on every page: write the id of a campaign, like camp_123"),
    (r"^\.\.?$", '"{}" cannot be asked for: an address drops such a part'),
    (".{201}", "has {length} characters: write an id, which has at most 200"),
    (
        r"(?i)^([<{\[].*[>}\]]|[:$].*|your[ _-]?(campaign)?([ _-]?id)?)$",
        "is a placeholder: write the id of a campaign, like camp_123",
    ),
    (r"\*", "has a *, which stands for no others: write each id on a line of its own"),
    (r"(?i)^(campaign|(campaign[ _-]?)?id)\s*[:=]", "has a name in front of the id: write only the id, like camp_123"),
    (_ADDRESS, "is an address: write only the id in it, like camp_123"),
    (
        _OF_SPREADSHEET,
        "is what a spreadsheet makes of a text: make the column one of text there, and write the id again",
    ),
    ("[,;|\u060c\u3001\uff0c\uff1b]", 'is a list: write each id on a line of its own, after "- "'),
    (f"^{_QUOTES}|{_QUOTES}$", "has quotes that are part of it: remove them"),
)
key_env = _line(
    (_KEY_OR_HASH, "looks like the key itself: write the name of the variable that holds it"),
    (f"^(?!{_NAME}$)", "is not the name of an environment variable: write one like LEADTERRA_API_KEY"),
)
file = _file()
list_file = _file(
    ("^https?://", "is an address: write url: before it"),
    (_OTHER_SUFFIX, "must end with .yaml, .yml, .json or .csv: write an entry for each that is used"),
)
list_url = _line(
    (_USER, "has a user or a password: remove it, and write a bearer_token_file"),
    ("#", "has a fragment, which no server sees: remove it"),
    schemes=_WEB,
    example="https://crm.example.com/campaigns",
)
proxy_url = _line(_NO_QUERY, schemes=("http",), example="http://proxy.example:3128")
_api_url = _line(
    _NO_QUERY,
    (_USER, "has a user or a password: remove it; the key comes from api_key_file or api_key_env"),
    schemes=_WEB,
    example="https://app.leadterra.co",
)
_page_url = _line(
    ("[{}]", "has a brace that is none of {{workspace}}, {{campaign_id}} and {{campaign}}: write it percent-encoded"),
    (_USER, "has a user or a password, which the status page would show: remove it"),
    schemes=_WEB,
    example="https://grafana.example.com",
)


def campaign_id(item: Item) -> str:
    """Return what may be an id. None of the mistakes can be in most, and there may be ten thousand of them."""
    given = item.value
    return given if isinstance(given, str) and _PLAIN_ID.fullmatch(given) else str(_any_id(item))


def base_url(item: Item) -> str:
    """Return the address that requests begin with, without a slash at its end."""
    given = str(_api_url(item))
    if endpoint := re.search(_ENDPOINT, given):
        root = quote_unless_secret(given[: endpoint.start()])
        raise ValueError(f"ends with what each request adds by itself: write {root}")
    _refuse([("//.*//.", "has // in its path: write one /")], given)
    return given.rstrip("/")


def link(item: Item) -> str:
    """Return the address of a page with placeholders."""
    _refuse([(r"\$\{", "has a $ in front of a placeholder: write it like {{campaign_id}}")], any_text(item))
    filled = item.copy()
    filled.value = re.sub("{(workspace|campaign_id|campaign)}", "x", any_text(item))
    _page_url(filled)
    return str(item.value)


def without_password(url: str) -> str:
    """Return a proxy's address with its user or password masked."""
    return re.sub("(?<=//)([^/?#:]*:)?[^/?#]*@", r"\1<secret>@", url)


def without_query(url: str) -> str:
    """Return the address of a list with its query masked."""
    return re.sub(r"\?.*", "?<secret>", url)


def ca_file(item: Item) -> Path:
    """Return a file of certificates that can be read now."""
    path: Path = file(item)
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for its writer
            raise ValueError(f"{path} is not a file")
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"{path} holds no certificate in PEM form") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    return path


def number(item: Item, lowest: float, highest: float, *, whole: bool = False) -> float:
    """Return a number between two others, both included."""
    kind = "a whole number" if whole else "a number"
    has_exponent = not item.is_quoted and _EXPONENT.fullmatch(item.text)  # which YAML 1.1 takes for text
    value = float(item.text) if has_exponent and not whole else item.value
    if type(value) not in ((int,) if whole else (int, float)):  # a bool is no number
        quotes = ", without quotes" if item.is_quoted else ""
        raise ValueError(f"{item.shown} is not {kind}: write one from {lowest} to {highest}{quotes}")
    if not lowest <= value <= highest:
        raise ValueError(f"{item.shown} is out of range: write {kind} from {lowest} to {highest}")
    return value if whole else float(value)


def ratio(item: Item) -> float:
    """Return a number between 0 and 1; for a percentage, the error says what to write."""
    given = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(%?)", item.text.replace(",", "."))
    percent = float(given[1]) if given else 0.0
    if given and (given[2] or percent > 1) and percent <= 100:  # noqa: PLR2004  # per cent
        raise ValueError(f"{item.shown} is not a ratio between 0 and 1: for {percent:g} % write {percent / 100:g}")
    return number(item, 0, 1)

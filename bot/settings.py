"""Settings: environment, `.env`, one TOML file → one frozen `Settings`. Every error names the key and where it stands.

An earlier source wins: the environment, `.env` in the working folder, the TOML file, the default. What is
`DARKROOM_JOB_DEADLINE_S` in the environment and `.env` is `job_deadline_s` in the TOML file. Empty means not set.
Reads files, writes none. Knows nothing of what the settings are for.
"""

import difflib
import math
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from engine.errors import UserError

PREFIX = "DARKROOM_"
DEFAULT_DATA_DIR = "~/.local/share/darkroom"
CONFIG_NAME = "darkroom.toml"
KEYS = (  # as the TOML file spells them
    *("model", "device", "idle_unload_s", "job_deadline_s", "worker_command"),
    *("web_host", "web_port", "web_password", "web_hosts", "web_behind_proxy", "disk_budget_mib"),
    *("operators", "queue_bound", "retention_days", "restart_pause_s"),
    *("discord_token", "discord_api_base", "discord_gateway", "discord_user_install"),
    *("telegram_token", "telegram_api_base", "telegram_webhook"),
)
MAX_FILE_BYTES = 2**20  # of settings; more is some other file
_DEVICE = re.compile(r"auto|cpu|mps|cuda|cuda:\d{1,3}(,cuda:\d{1,3})*")
_LONGEST_S = 30 * 24 * 3600.0  # a month: longer is a typing error, and longer than timers are exact
_SHORTEST_PASSWORD = 8
_MOST_JOBS = 1_000_000  # that wait: each is a row on disk and some KiB in memory
_LONGEST_DAYS = 36_500
_LONGEST_PAUSE_S = 3_600.0
_ACCOUNT = re.compile(r"[a-z][a-z0-9]{0,31}:[^\s:,][^\s,]{0,127}")
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?")
_ENV_NAME = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator decides. Each field is the key of its name.

    `data_dir` need not exist yet. `devices`: a worker each, or "auto" alone. `idle_unload_s` 0 keeps models for ever.
    `worker_command` replaces the worker program, for tests and for developing without torch; None is our own.
    `web_port` 0 is any free one. `web_hosts` are names under which the page is reached, besides its own address.
    `disk_budget_mib` bounds the pictures that are kept. `operators` are accounts ("discord:123") that may everything.
    `queue_bound`: how many jobs of everybody together may wait. `retention_days` 0 keeps what people asked for ever.
    `restart_pause_s`: the longest pause before a start after lives that were cut off at once; 0 is none.
    `discord_api_base` and `discord_gateway` put something in Discord's place; `discord_user_install`: people may add
    the bot to themselves. `telegram_api_base`: a Bot API server of one's own; `telegram_webhook`: where it reaches the
    page, None: it is polled. `config_file` was read, None if there is none. `unread` are DARKROOM_ names in the
    environment that nothing reads.
    """

    data_dir: Path
    config_file: Path | None = None
    model: str = "pocket"
    devices: tuple[str, ...] = ("auto",)
    idle_unload_s: float = 900.0
    job_deadline_s: float = 3_600.0
    worker_command: tuple[str, ...] | None = None
    web_host: str = "127.0.0.1"
    web_port: int = 8321
    web_password: str | None = field(default=None, repr=False)
    web_hosts: tuple[str, ...] = ()
    web_behind_proxy: bool = False
    disk_budget_mib: int = 10_240
    operators: tuple[str, ...] = ()
    queue_bound: int = 10_000
    retention_days: int = 0
    restart_pause_s: float = 120.0  # Discord takes 1,000 greetings a day, one in 86 s, and then revokes the token
    discord_token: str | None = field(default=None, repr=False)
    discord_api_base: str = "https://discord.com/api/v10"
    discord_gateway: str | None = None
    discord_user_install: bool = False
    telegram_token: str | None = field(default=None, repr=False)
    telegram_api_base: str = "https://api.telegram.org"
    telegram_webhook: str | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A value as it was written, and where, in words for a person."""

    value: object
    where: str


def load(environ: Mapping[str, str], working_dir: Path) -> Settings:
    """Read all sources. Raises: UserError naming the key or file at fault."""
    found = {key: _Found(value, f"{key} in the environment") for key, value in environ.items()}
    dotenv = working_dir / ".env"
    for key, value in _read_dotenv(dotenv).items():
        if not environ.get(key):  # empty means not set
            found[key] = _Found(value, f"{key} in {dotenv}")
    found = {key: item for key, item in found.items() if key.startswith(PREFIX) and item.value}
    data_dir = _take(found, "data_dir", _folder) or _folder(DEFAULT_DATA_DIR)
    config_file = _take(found, "config", _path) or _default_config(data_dir)
    if config_file:
        found = _read_toml(config_file) | found
    known: dict[str, Any] = {
        "model": _take(found, "model", _words),
        "devices": _take(found, "device", _devices),
        "idle_unload_s": _take(found, "idle_unload_s", _seconds_or_zero),
        "job_deadline_s": _take(found, "job_deadline_s", _seconds),
        "worker_command": _take(found, "worker_command", _command),
        "web_host": _take(found, "web_host", _words),
        "web_port": _take(found, "web_port", _port),
        "web_password": _take(found, "web_password", _password),
        "web_hosts": _take(found, "web_hosts", _host_names),
        "web_behind_proxy": _take(found, "web_behind_proxy", _yes_or_no),
        "disk_budget_mib": _take(found, "disk_budget_mib", _mebibytes),
        "operators": _take(found, "operators", _accounts),
        "queue_bound": _take(found, "queue_bound", _jobs),
        "retention_days": _take(found, "retention_days", _days),
        "restart_pause_s": _take(found, "restart_pause_s", _pause),
        "discord_token": _take(found, "discord_token", _token),
        "discord_api_base": _take(found, "discord_api_base", _http_base),
        "discord_gateway": _take(found, "discord_gateway", _socket_base),
        "discord_user_install": _take(found, "discord_user_install", _yes_or_no),
        "telegram_token": _take(found, "telegram_token", _token),
        "telegram_api_base": _take(found, "telegram_api_base", _http_base),
        "telegram_webhook": _take(found, "telegram_webhook", _public_base),
    }
    given = {name: value for name, value in known.items() if value is not None}
    return Settings(data_dir=data_dir, config_file=config_file, unread=tuple(sorted(found)), **given)


def _take(found: dict[str, _Found], name: str, read: Callable[[object], T]) -> T | None:
    """Take a key out of what was found; None if it is not there."""
    item = found.pop(PREFIX + name.upper(), None)
    if item is None:
        return None
    try:
        return read(item.value)
    except ValueError as exc:
        raise UserError(f"{item.where} {exc}.") from exc


def _default_config(data_dir: Path) -> Path | None:
    path = data_dir / CONFIG_NAME
    try:
        return path if path.is_file() else None
    except OSError as exc:
        raise UserError(f"{PREFIX}DATA_DIR: {path} cannot be read: {_why(exc)}.") from exc


# Files


def _read_toml(path: Path) -> dict[str, _Found]:
    text = _read_text(path)
    if text is None:
        raise UserError(f"{PREFIX}CONFIG names {path}, and there is no such file.")
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise UserError(f"{path} is no valid TOML: {exc}.") from exc
    for key in table:
        _check_toml_key(path, key)
    return {PREFIX + key.upper(): _Found(value, f"{key} in {path}") for key, value in table.items() if value != ""}


def _check_toml_key(path: Path, key: str) -> None:
    if key in ("data_dir", "config"):
        raise UserError(f"{key} in {path} comes too late to find that file; set {PREFIX}{key.upper()} instead.")
    if key not in KEYS:
        near = difflib.get_close_matches(key.lower().removeprefix(PREFIX.lower()), KEYS, n=1)
        raise UserError(f"{key[:80]!r} in {path} is no setting{f'; did you mean {near[0]}?' if near else '.'}")


def _read_dotenv(path: Path) -> dict[str, str]:
    """Lines `KEY=value` as docker compose reads them: `#` comments, optional `export` and quotes; no expansion."""
    values = {}
    for number, line in enumerate((_read_text(path) or "").splitlines(), 1):
        bare = line.strip()
        match = _ENV_NAME.fullmatch(bare)
        if match and match[1].startswith(PREFIX):
            values[match[1]] = _unquoted(match[2], f"{match[1]} in {path}, line {number},")
        elif bare.startswith(PREFIX):
            raise UserError(f"{path}, line {number}, should read {PREFIX}NAME=value.")
    return values


def _unquoted(value: str, where: str) -> str:
    if value[:1] not in ("'", '"'):
        return re.split(r"\s#", value, maxsplit=1)[0].strip()
    end = value.find(value[0], 1)
    rest = value[end + 1 :].strip()
    if end < 0 or (rest and not rest.startswith("#")):
        raise UserError(f"{where} has a quotation mark that does not fit.")
    return value[1:end]


def _read_text(path: Path) -> str | None:
    """A small text file; None if there is none."""
    try:
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise UserError(f"{path} is no file of settings.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise UserError(f"{path} cannot be read: {_why(exc)}.") from exc
    except ValueError as exc:
        raise UserError(f"{path} is not written in UTF-8.") from exc


def _why(exc: OSError) -> str:
    return (exc.strerror or str(exc)).lower()


# Values. Each raises ValueError with the end of a sentence that begins with the key.


def _words(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotation marks, not {_shown(value)}")
    return value


def _path(value: object) -> Path:
    text = _words(value)
    if "\0" in text:
        raise ValueError("is no path")
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as exc:
        raise ValueError("begins with ~, and this user has no home folder") from exc


def _folder(value: object) -> Path:
    path = _path(value)
    if path.is_file():
        raise ValueError("names a file; it must be a folder")
    return path


def _devices(value: object) -> tuple[str, ...]:
    text = _words(value).strip().lower()
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"must be auto, cpu, mps, cuda:0 or several such as cuda:0,cuda:1, not {_shown(value)}")
    devices = tuple(text.split(","))
    if len(set(devices)) < len(devices):
        raise ValueError("names a card twice")
    return devices


def _seconds_or_zero(value: object) -> float:
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # TypeError is caught
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_S:
        raise ValueError(f"must be a number of seconds from 0 to {_LONGEST_S:,.0f}, not {_shown(value)}")
    return seconds


def _seconds(value: object) -> float:
    seconds = _seconds_or_zero(value)
    if seconds < 1:
        raise ValueError(f"must be at least 1 second, not {_shown(value)}")
    return seconds


def _port(value: object) -> int:
    return _whole(value, 0, 65_535, "a port")


def _mebibytes(value: object) -> int:
    return _whole(value, 64, 2**30, "a number of MiB")  # below 64 one large request would not fit


def _jobs(value: object) -> int:
    return _whole(value, 1, _MOST_JOBS, "a number of jobs")


def _days(value: object) -> int:
    return _whole(value, 0, _LONGEST_DAYS, "a number of days")


def _pause(value: object) -> float:
    seconds = _seconds_or_zero(value)
    if seconds > _LONGEST_PAUSE_S:
        raise ValueError(f"must be at most {_LONGEST_PAUSE_S:,.0f} seconds, not {_shown(value)}")
    return seconds


def _accounts(value: object) -> tuple[str, ...]:
    """A platform's name is in small letters; what follows is its own affair."""
    accounts = tuple(account.strip() for account in _words(value).split(",") if account.strip())
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise ValueError(f"must be accounts such as discord:123,telegram:456, not {_shown(account)}")
    return tuple(dict.fromkeys(accounts))


def _whole(value: object, low: int, high: int, what: str) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,12}", text, re.ASCII) or not low <= int(text) <= high:
        raise ValueError(f"must be {what} from {low:,} to {high:,}, not {_shown(value)}")
    return int(text)


def _password(value: object) -> str:
    text = _words(value)
    if len(text) < _SHORTEST_PASSWORD:  # not shown: it is a secret
        raise ValueError(f"must have at least {_SHORTEST_PASSWORD} characters")
    return text


def _token(value: object) -> str:
    text = _words(value).strip()
    if not re.fullmatch(r"[!-~]{10,200}", text):  # not shown: it is a secret
        raise ValueError("is no token: copy it again, without spaces")
    return text


def _http_base(value: object) -> str:
    return _base(value, ("http", "https"), "https://discord.com/api/v10")


def _socket_base(value: object) -> str:
    return _base(value, ("ws", "wss"), "wss://gateway.discord.gg")


def _public_base(value: object) -> str:
    """Where the page is reached from outside: encrypted, or from this computer."""
    text = _base(value, ("http", "https"), "https://darkroom.example.org")
    parts = urlsplit(text)
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("must be an address alone, such as https://darkroom.example.org, with no ?, # or @ in it")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError(f"must begin with https://, for Telegram calls no other address; you gave {_shown(value)}")
    return text


def _base(value: object, schemes: tuple[str, ...], example: str) -> str:
    text = _words(value).strip().rstrip("/")
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_one = False
    if not is_one:
        raise ValueError(f"must be an address such as {example}, not {_shown(value)}")
    return text


def _yes_or_no(value: object) -> bool:
    text = str(value).strip().lower()
    if text not in ("yes", "true", "1", "no", "false", "0"):
        raise ValueError(f"must be yes or no, not {_shown(value)}")
    return text in ("yes", "true", "1")


def _host_names(value: object) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in _words(value).split(",") if name.strip())
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise ValueError(f"must be names such as darkroom.example.org, with commas between, not {_shown(name)}")
    return names


def _command(value: object) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(_words(value)))
    except ValueError as exc:
        raise ValueError(f"is no command line ({exc})".lower()) from exc
    if not words:
        raise ValueError("is empty")
    return words


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"

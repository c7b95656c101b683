"""`darkroom doctor`: what is here, what is missing, and what to do about it. Changes nothing.

What torch says is asked of the worker, so that this program stays without it.
"""

import json
import platform
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

import psutil

from bot import files
from bot.app import App, discord_settings, open_app, telegram_settings
from bot.progress import Show, progress_on
from bot.settings import Settings
from engine import catalog
from engine.domain import MIN_SIDE_PX, Cancelled, Done, Failed, Job, Lost, Recipe
from engine.errors import DarkroomError, EngineError, UserError
from engine.finish import version

CONSTRAINTS = Path(__file__).parent.parent / "deploy" / "constraints.txt"  # there in a checkout only
GIB = 2**30
# A picture is 50 KB to 5 MB: below 1 GiB a lively server fills the rest within days; below 64 MiB within minutes.
LITTLE_DISK_GIB, NO_DISK_GIB = 1.0, 1 / 16
# The worker with pocket was seen at 0.42 GiB, and this program beside it at 0.1.
LITTLE_MEMORY_GIB = 1.0
_MOST_NAMED = 4


class Verdict(StrEnum):
    """How a thing is: as it should be, worth a look, or missing and required."""

    OK = "ok"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `advice` is a sentence, empty where there is nothing to do."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


async def doctor(settings: Settings, *, as_json: bool) -> int:
    """Look at everything and print it. Returns 1 if something required is missing."""
    checks = [*_here(settings), *[check async for check in _chats(settings)]]
    async with open_app(settings) as app:
        with progress_on() as show:
            checks += [check async for check in _engine(app, show)]
    is_well = all(check.verdict is not Verdict.BAD for check in checks)
    if as_json:
        print(
            json.dumps({"ok": is_well, "version": version(), "checks": [asdict(check) for check in checks]}, indent=2)
        )
    else:
        print("\n".join(_page(checks, is_well=is_well)))
    return 0 if is_well else 1


def _page(checks: list[Check], *, is_well: bool) -> Iterator[str]:
    yield f"Darkroom {version()}"
    yield ""
    width = max(len(check.name) for check in checks)
    for check in checks:
        yield f"  {check.verdict:<4}  {check.name:<{width}}  {check.found}"
        if check.advice:
            yield f"  {'':<4}  {'':<{width}}  {check.advice}"
    yield ""
    yield "All that is needed is here." if is_well else "Something that is needed is missing: see the lines marked bad."


# Here, without the engine


def _here(settings: Settings) -> Iterator[Check]:
    yield Check("python", Verdict.OK, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _packages()
    yield Check("settings", Verdict.OK, str(settings.config_file or "no TOML file, so the environment and defaults"))
    if settings.unread:
        advice = "Nothing reads them: look for a typing error (deploy/env.example has all names)."
        yield Check("settings", Verdict.LOOK, ", ".join(settings.unread), advice)
    yield _data_folder(settings.data_dir)
    yield _disk(settings.data_dir)
    free_gib = psutil.virtual_memory().available / GIB
    is_enough = free_gib >= LITTLE_MEMORY_GIB
    advice = "" if is_enough else "The model that ships needs about 0.5 GiB, and others need several."
    yield Check("memory", Verdict.OK if is_enough else Verdict.LOOK, f"{free_gib:.1f} GiB free", advice)


def _packages() -> Check:
    if not CONSTRAINTS.is_file():
        return Check("packages", Verdict.OK, "not a checkout, so there are no tested versions to compare with")
    tested = dict(line.split("==") for line in CONSTRAINTS.read_text(encoding="utf-8").split() if "==" in line)
    others = [f"{name} {found} (tested: {tested[name]})" for name, found in _installed(tested) if found != tested[name]]
    if not others:
        return Check("packages", Verdict.OK, "the tested versions")
    shown = ", ".join(others[:_MOST_NAMED]) + (
        f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    )
    return Check(
        "packages", Verdict.LOOK, shown, "These were not tested together; make setup installs those that were."
    )


def _installed(names: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, metadata.version(name).partition("+")[0]  # 2.13.0+cpu is 2.13.0
        except metadata.PackageNotFoundError:
            continue  # a development tool, or another platform's


def _data_folder(folder: Path) -> Check:
    existing = _existing(folder)
    try:
        files.check_writable(existing)
    except UserError as exc:
        return Check("data folder", Verdict.BAD, str(folder), f"{exc} DARKROOM_DATA_DIR names another.")
    return Check("data folder", Verdict.OK, str(folder) if existing == folder else f"{folder} (made when first needed)")


def _disk(folder: Path) -> Check:
    free_gib = shutil.disk_usage(_existing(folder)).free / GIB
    found = f"{free_gib:.1f} GiB free"
    if free_gib < NO_DISK_GIB:
        return Check("disk", Verdict.BAD, found, "There is no room for pictures: free some.")
    if free_gib < LITTLE_DISK_GIB:
        return Check("disk", Verdict.LOOK, found, "That will not last long.")
    return Check("disk", Verdict.OK, found)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


# The chats


async def _chats(settings: Settings) -> AsyncIterator[Check]:
    """A library that is not needed is not imported."""
    async for check in _discord(settings):
        yield check
    async for check in _telegram(settings):
        yield check


async def _discord(settings: Settings) -> AsyncIterator[Check]:
    if not settings.discord_token:
        yield Check("discord", Verdict.OK, "off: no DARKROOM_DISCORD_TOKEN")
        return
    from bot.platforms.discord.checking import account

    try:
        found = await account(discord_settings(settings))
    except DarkroomError as exc:
        yield Check("discord", Verdict.LOOK, "the bot cannot log in", str(exc))
        return
    yield Check("discord", Verdict.OK, f"logged in as {found.name}", f"Add it to a server: {found.invite}")


async def _telegram(settings: Settings) -> AsyncIterator[Check]:
    if not settings.telegram_token:
        yield Check("telegram", Verdict.OK, "off: no DARKROOM_TELEGRAM_TOKEN")
        return
    from bot.platforms.telegram.checking import account

    try:
        found = await account(telegram_settings(settings))
    except DarkroomError as exc:
        yield Check("telegram", Verdict.LOOK, "the bot cannot log in", str(exc))
        return
    yield Check(
        "telegram", Verdict.OK, f"logged in as @{found.username}", f"Write to it: https://t.me/{found.username}"
    )
    if not found.is_inline:
        hint = "Send /setinline to @BotFather to have your pictures proposed in any chat."
        yield Check("telegram", Verdict.LOOK, "inline mode is off", hint)
    if found.trouble:
        hint = f"See that {settings.telegram_webhook} is passed on to the page's port."
        yield Check("telegram", Verdict.LOOK, f"Telegram cannot call: {found.trouble}", hint)


# The engine


async def _engine(app: App, show: Show) -> AsyncIterator[Check]:
    show.say("Starting the engine")
    try:
        await app.engine.start()
    except EngineError as exc:
        yield Check("engine", Verdict.BAD, "the worker does not start", str(exc))
        return
    versions: dict[str, str] = {}
    for worker in app.engine.status().workers:
        ready = worker.ready
        if ready is None:  # several devices start at once, and the first that is ready is enough to go on
            yield Check("device", Verdict.LOOK, f"{worker.asked_device} is {worker.state}", worker.last_loss or "")
            continue
        versions |= ready.versions
        yield Check(
            "device", Verdict.OK, f"{ready.device} ({ready.device_name}), {ready.dtype}, {ready.n_devices} of its kind"
        )
    for name, found in versions.items():
        if name != "python":  # the same as above
            yield Check(name, Verdict.OK, found)
    for name in dict.fromkeys((app.settings.model, *catalog.names())):
        show.say(f"Loading {name}")
        yield await _model(app, name, is_required=name == app.settings.model)


async def _model(app: App, name: str, *, is_required: bool) -> Check:
    """Load a model by drawing one step with it."""
    bad = Verdict.BAD if is_required else Verdict.LOOK
    title = f"model {name}"
    try:
        entry = catalog.find(name)
    except UserError as exc:
        return Check(title, bad, "not found", str(exc))
    recipe = Recipe(
        prompt="a test",
        model=name,
        seed=0,
        steps=1,
        guidance=1.0,
        sampler=entry.sampler,
        width_px=MIN_SIDE_PX,
        height_px=MIN_SIDE_PX,
    )
    job = Job(id=uuid.uuid4().hex, owner="doctor", recipe=recipe, deadline_s=app.settings.job_deadline_s)
    await app.engine.submit(job)
    match await app.engine.result(job.id):
        case Done():
            return Check(title, Verdict.OK, f"{entry.source} loads and draws; {entry.licence}")
        case Failed(sentence=sentence):
            return Check(title, bad, entry.source, sentence)
        case Lost(reason=reason):
            return Check(title, bad, entry.source, reason)
        case Cancelled():
            raise AssertionError("nobody cancels here")

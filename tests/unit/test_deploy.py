"""What `deploy/` says against what is there: files, settings, commands. Nothing is built, no service is started."""

import fnmatch
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with the model libraries, without types

from bot.arguments import parser as command_line
from bot.commands import COMMANDS
from bot.parser import parse
from bot.settings import KEYS, PREFIX
from storage.migrate import migrations

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PACKAGES = ("bot", "engine", "storage")
SETTINGS = {PREFIX + key.upper() for key in (*KEYS, "data_dir", "config")}
COMPOSE, CUDA, UNIT, DOCKERFILE, RUNBOOK = (
    *("compose.yaml", "compose.cuda.yaml", "darkroom.service", "Dockerfile", "runbook.md"),
)
WRITTEN = (COMPOSE, CUDA, UNIT, DOCKERFILE, RUNBOOK, "env.example")
# systemd before 254 warns of these and goes on.
YOUNG = ("RestartSteps", "RestartMaxDelaySec")


@cache
def text_of(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


# The image


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction of a Dockerfile: its stage counts from 0."""

    stage: int
    word: str
    rest: str


@cache
def steps() -> tuple[Step, ...]:
    stage, found = -1, []
    lines = "\n".join(line for line in text_of(DOCKERFILE).splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n", " ", lines).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            stage += word == "FROM"
            found.append(Step(stage, word, rest.strip()))
    return tuple(found)


def of(word: str, stage: int | None = None) -> list[str]:
    return [step.rest for step in steps() if step.word == word and stage in (None, step.stage)]


def copied() -> list[str]:
    """What comes out of the repository, as COPY names it."""
    rests = [rest.split() for rest in of("COPY") if not rest.startswith("--from")]
    return [source for words in rests for source in words[:-1]]


def is_let_through(path: str) -> bool:
    """As docker reads .dockerignore: the last line that fits a path, or a folder above it, decides."""
    above = [path, *(str(parent) for parent in Path(path).parents if parent != Path())]
    is_ignored = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip().lstrip("!").removeprefix("**/")
        names = [Path(each).name for each in above] if "**/" in line else above
        if pattern and not pattern.startswith("#") and any(fnmatch.fnmatchcase(name, pattern) for name in names):
            is_ignored = not line.startswith("!")
    return not is_ignored


def test_the_image_is_made_of_what_is_there() -> None:
    """Every COPY names something in the repository that .dockerignore lets through, and every package is among it."""
    assert [source for source in copied() if not (ROOT / source).exists()] == []
    assert [source for source in copied() if not is_let_through(source)] == []
    assert {package for package in PACKAGES if package in copied()} == set(PACKAGES)


@pytest.mark.parametrize("path", [".env", "deploy/.env", ".git/config", "tests/conftest.py", "bot/__pycache__/x.pyc"])
def test_the_image_sees_nothing_else(path: str) -> None:
    """No secret, no history, no tests and no leftovers get into it."""
    assert not is_let_through(path)


def test_the_image_runs_as_nobody_of_importance() -> None:
    """The last stage ends as a user with a number of its own, installs nothing, and its data folder is a volume."""
    last = steps()[-1].stage
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", of("USER", last)[-1])
    assert not [rest for rest in of("RUN", last) if re.search(r"\b(pip|apt-get|apt)\b", rest)]
    assert "DARKROOM_DATA_DIR=/data" in of("ENV", last)[-1]
    assert "/data" in json.loads(of("VOLUME", last)[0])


def test_the_image_starts_stops_and_is_looked_after() -> None:
    """The program's own `run`, ended by the signal it listens to; the check of its health is Python that compiles."""
    last = steps()[-1].stage
    assert command_line().parse_args(json.loads(of("CMD", last)[-1])).command == "run"
    assert json.loads(of("ENTRYPOINT", last)[0]) == ["darkroom"]
    assert of("STOPSIGNAL", last) == ["SIGTERM"]
    program, flag, code = json.loads(of("HEALTHCHECK", last)[0].partition("CMD ")[2])
    assert (program, flag) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")


def test_both_builds_of_torch_are_held_by_the_constraints() -> None:
    """Every pip that fetches something is held to the tested versions."""
    fetching = [part for rest in of("RUN") for part in rest.split("&&") if "pip install" in part]
    assert fetching
    assert [part for part in fetching if "-c deploy/constraints.txt" not in part and "--no-deps" not in part] == []
    assert of("ARG") == ["TORCH=cpu", "PIP_EXTRA_INDEX_URL="]


# Compose


def service(name: str) -> dict[str, Any]:
    services = yaml.safe_load(text_of(name))["services"]
    assert list(services) == ["darkroom"], "one Darkroom a data folder"
    found: dict[str, Any] = services["darkroom"]
    return found


def test_compose_sets_what_can_be_set() -> None:
    """Its variables are settings, it insists on a password, and its volumes and build arguments are the image's."""
    darkroom = service(COMPOSE)
    assert set(darkroom["environment"]) <= SETTINGS
    assert darkroom["environment"]["DARKROOM_WEB_PASSWORD"].startswith("${DARKROOM_WEB_PASSWORD:?")
    targets = {volume.split(":")[1] for volume in darkroom["volumes"]}
    assert targets == set(json.loads(of("VOLUME")[0]))
    assert {volume.split(":")[0] for volume in darkroom["volumes"]} == set(yaml.safe_load(text_of(COMPOSE))["volumes"])
    assert set(darkroom["build"]["args"]) == {argument.partition("=")[0] for argument in of("ARG")}
    assert (DEPLOY / darkroom["build"]["context"]).resolve() == ROOT
    assert (ROOT / darkroom["build"]["dockerfile"]).is_file()


def test_compose_gives_little_away() -> None:
    """Nothing is published beyond this machine, nothing is writable or privileged, and a stop has its time."""
    darkroom = service(COMPOSE)
    assert [port for port in darkroom["ports"] if not port.startswith("127.0.0.1:")] == []
    assert (darkroom["read_only"], darkroom["cap_drop"]) == (True, ["ALL"])
    assert darkroom["security_opt"] == ["no-new-privileges:true"]
    assert darkroom["stop_grace_period"] == "15s"


def test_the_card_is_added_on_top() -> None:
    """The second file changes the build of torch and asks for the devices, and nothing else."""
    darkroom = service(CUDA)
    assert set(darkroom) == {"build", "deploy"}
    assert darkroom["build"]["args"]["TORCH"] == "cuda"
    (device,) = darkroom["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


# systemd


@cache
def unit() -> dict[str, list[tuple[str, str]]]:
    """Section → its lines in order; a key may be there twice."""
    sections: dict[str, list[tuple[str, str]]] = {}
    here: list[tuple[str, str]] = []
    for line in text_of(UNIT).splitlines():
        if line.startswith("["):
            here = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            key, separator, value = line.partition("=")
            assert separator, line
            here.append((key, value))
    return sections


def said(key: str) -> list[str]:
    return [value for each, value in unit()["Service"] if each == key]


def test_the_service_runs_the_program_and_lets_it_end() -> None:
    """Its command is one of ours; only the bot is told to stop; what a person has to mend is not tried again."""
    assert list(unit()) == ["Unit", "Service", "Install"]
    program, *words = said("ExecStart")[0].split()
    assert program.endswith("/.venv/bin/darkroom")
    assert command_line().parse_args(words).command == "run"
    assert (said("KillMode"), said("KillSignal"), said("TimeoutStopSec")) == (["mixed"], ["SIGTERM"], ["15"])
    assert (said("Restart"), said("RestartPreventExitStatus")) == (["on-failure"], ["2"])


def test_the_service_is_kept_in() -> None:
    """The fences stand; the one that torch cannot live with is off, on purpose."""
    on = ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "RestrictNamespaces", "RestrictSUIDSGID", "LockPersonality")
    assert {key: said(key) for key in on} == {key: ["yes"] for key in on}
    assert said("ProtectSystem") == ["strict"]
    assert said("SystemCallFilter") == ["@system-service", "~@privileged"]
    assert said("MemoryDenyWriteExecute") == ["no"]
    assert said("CapabilityBoundingSet") == [""]
    assert said("User") == said("StateDirectory") == ["darkroom"]


def test_the_service_reads_settings_that_exist() -> None:
    """Its own, and those of the file that env.example becomes; the runbook says where that file is."""
    own = {word.partition("=")[0] for line in said("Environment") for word in line.split()}
    assert {name for name in own if name.startswith(PREFIX)} == {"DARKROOM_DATA_DIR"}
    offered = set(re.findall(rf"^#({PREFIX}\w+)=", text_of("env.example"), re.MULTILINE))
    assert offered
    assert offered <= SETTINGS
    assert said("EnvironmentFile")[0] in text_of(RUNBOOK)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_understands_the_service(tmp_path: Path) -> None:
    """Every line of it, but for those that only a younger systemd knows."""
    copy = tmp_path / UNIT
    copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text_of(UNIT), flags=re.MULTILINE))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in ran.stderr.splitlines() if UNIT in line and not any(key in line for key in YOUNG)]
    assert complaints == []


# The runbook, and all of it


def spans() -> list[str]:
    """What stands in the runbook as code, inline or in a block, line by line."""
    text = text_of(RUNBOOK)
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    return [*inline, *(line for block in blocks for line in block.splitlines())]


def in_the_repository() -> Iterator[str]:
    """Paths that the runbook names, by their first folder or their ending; others are on somebody's machine."""
    for word in {word.strip("'\"();,") for span in spans() for word in span.split()}:
        if re.fullmatch(r"(bot|engine|storage|tests|deploy)/[\w./-]+", word) or word in ("Makefile", "pyproject.toml"):
            yield word
        elif re.fullmatch(r"[\w.-]+\.(md|service|yaml|example|sh)", word):
            yield word if (ROOT / word).exists() else f"deploy/{word}"


def test_the_runbook_names_what_is_there() -> None:
    """Its links, and every file of the repository in its commands; what is made by its reader is left out."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text_of(RUNBOOK))
    assert links
    assert [link for link in links if not (DEPLOY / link).exists()] == []
    made = {"deploy/.env", "deploy/"}
    assert [path for path in in_the_repository() if path not in made and not (ROOT / path).exists()] == []


def test_the_runbook_says_commands_that_are_ours() -> None:
    """Targets of make, subcommands of darkroom, and what is typed into a chat."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = "\n".join(spans())
    targets = re.findall(r"\bmake ([a-z-]+)", lines)
    assert targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
    subcommands = set(
        re.findall(r"(?:^darkroom|/bin/darkroom|exec darkroom darkroom) ([a-z]+(?: --\w+)?)", lines, re.MULTILINE)
    )
    assert subcommands >= {"run", "run --verbose", "doctor"}
    for words in subcommands:
        command_line().parse_args(words.split())
    names = {command.name for command in COMMANDS}
    typed = [span for span in spans() if re.match(r"/[a-z]+( |$)", span) and span != "/data"]
    assert typed
    assert [span for span in typed if span[1:].split()[0] not in names] == []
    for span in typed:
        if span.startswith("/settings"):
            parse(span)


def test_the_runbook_speaks_to_the_tables_there_are() -> None:
    """Each SQL statement in it is understood by a database as the last migration leaves it."""
    database = sqlite3.connect(":memory:")
    for _, file in sorted(migrations().items()):
        database.executescript(file.read_text(encoding="utf-8"))
    found = [each for quoted in re.findall(r'sqlite3 \S+ "([^"]+)"', text_of(RUNBOOK)) for each in quoted.split(";")]
    assert len(found) >= 4
    for statement in found:
        database.execute(f"EXPLAIN {statement.strip()}")
    database.close()


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_called_a_setting_is_one(name: str) -> None:
    """Anywhere in deploy/, comments too."""
    assert set(re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]\b", text_of(name))) <= SETTINGS


@pytest.mark.parametrize("name", [DOCKERFILE, COMPOSE, CUDA, UNIT])
def test_nothing_is_fetched_from_an_address_of_ours(name: str) -> None:
    """Where packages come from is the machine's affair: no file says a host but this one's."""
    addresses = re.findall(r"\b(?:https?|ftp)://[^\s'\"]+", text_of(name))
    assert [address for address in addresses if not address.startswith("http://127.0.0.1")] == []
    assert "index-url" not in text_of(name)

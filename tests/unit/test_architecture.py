"""Who may import what, read from the source; the tables are the house rules of `README.md`."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "storage", "engine")  # each may import those after it

# Inside engine, a module may import only from the layers above its own line.
ENGINE_LAYERS = (
    ("errors",),
    ("domain",),
    ("catalog", "cost", "fairness", "label", "lettering", "messages", "track"),
    ("forecast", "inherited", "intake", "lane", "marks", "pulse"),
    ("compose", "resample"),
    ("chart", "grid", "look", "shrink"),
    ("finish", "post", "process"),
    ("supervisor",),
    ("settings",),
    ("crew", "positions"),
    ("feeder",),
    ("engine",),
)
# What the children of the house may take from engine, besides what is their own.
ENGINE_ROOMS = {
    "engine.worker": {"catalog", "domain", "errors", "messages"},
    "engine.pocket": {"catalog", "domain", "errors"},
}
WORKER_WITHOUT_TORCH = ("__init__", "__main__", "batch", "wall")  # at import; __main__ imports it inside a function

# Third parties and where they may be imported; an empty tuple is "nowhere yet".
HEAVY = ("accelerate", "diffusers", "safetensors", "tokenizers", "torch", "transformers")
AT_HOME = {
    **dict.fromkeys(HEAVY, ("engine.worker", "engine.pocket")),
    "huggingface_hub": ("engine.worker",),
    "numpy": ("engine.worker", "engine.pocket"),
    "PIL": (
        *(
            "engine.chart",
            "engine.compose",
            "engine.finish",
            "engine.grid",
            "engine.intake",
            "engine.lettering",
            "engine.look",
        ),
        *("engine.marks", "engine.pocket", "engine.resample", "engine.shrink"),
    ),
    "aiosqlite": ("storage",),
    "sqlite3": ("storage",),
    "aiohttp": ("bot.platforms.web", "bot.platforms.discord"),
    "discord": ("bot.platforms.discord",),
    "telegram": ("bot.platforms.telegram",),
    "ray": (),
    "pickle": (),
}
TOP_LEVEL = {
    "pyproject.toml",
    "Makefile",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    *("bot", "engine", "storage", "tests", "deploy"),
}
MADE_HERE = {"darkroom.egg-info", "build", "out", "shared"}  # no part of the repository


def modules() -> list[str]:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return sorted(".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)


def tree_of(module: str) -> ast.Module:
    return ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8"))


@cache
def imports_of(module: str) -> frozenset[str]:
    """Every module it imports, wherever in its source; `from a import b` counts as a, or as a.b if that is a module."""
    return frozenset(_imports(ast.walk(tree_of(module))))


def _imports(nodes: Iterator[ast.AST]) -> Iterator[str]:
    known = set(modules())
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def is_in(module: str, place: str) -> bool:
    return module == place or module.startswith(place + ".")


@pytest.mark.parametrize("module", modules())
def test_packages_import_one_way(module: str) -> None:
    """bot → storage → engine, and nothing of ours imports the tests."""
    package, *_ = module.split(".")
    forbidden = {*PACKAGES[: PACKAGES.index(package)], "tests"}
    assert not {name for name in imports_of(module) if any(is_in(name, each) for each in forbidden)}


@pytest.mark.parametrize("module", modules())
def test_third_parties_stay_where_they_live(module: str) -> None:
    """torch only in the worker and the pocket model, SQL only in storage, no chat library anywhere yet."""
    for name in imports_of(module):
        homes = AT_HOME.get(name.split(".")[0])
        assert homes is None or any(is_in(module, home) for home in homes), f"{module} imports {name}"


def test_inside_the_engine_imports_go_down_one_layer_or_more() -> None:
    """engine → process → messages → domain; a new module needs its line in the table."""
    layer_of = {name: number for number, layer in enumerate(ENGINE_LAYERS) for name in layer}
    files = {file.stem for file in (ROOT / "engine").glob("*.py")} - {"__init__"}
    assert files == layer_of.keys()
    for name in files:
        for imported in imports_of(f"engine.{name}"):
            if is_in(imported, "engine"):
                below = imported.split(".")[1]
                assert layer_of.get(below, len(layer_of)) < layer_of[name], f"engine.{name} imports {imported}"


@pytest.mark.parametrize("module", [name for name in modules() if name.count(".") > 1 and is_in(name, "engine")])
def test_the_rooms_of_the_engine_take_only_the_floor(module: str) -> None:
    """The worker knows nothing of queues and processes, the pocket model nothing of either."""
    room = ".".join(module.split(".")[:2])
    for imported in imports_of(module):
        if is_in(imported, "engine") and not is_in(imported, room) and imported != "engine":
            assert imported.split(".")[1] in ENGINE_ROOMS[room], f"{module} imports {imported}"


@pytest.mark.parametrize("name", WORKER_WITHOUT_TORCH)
def test_the_wall_of_the_worker_stands_before_torch(name: str) -> None:
    """Heartbeats and the end of a closed pipe work while torch is being imported, and in the torch-free worker."""
    top_level = frozenset(_imports(iter(tree_of(f"engine.worker.{name}").body)))
    assert not {imported for imported in top_level if imported.split(".")[0] in HEAVY}


def test_the_front_imports_no_torch() -> None:
    """In a fresh interpreter, with all that they import in turn."""
    program = f"import sys, bot.__main__, engine.engine, engine.worker.wall; print({set(HEAVY)!r} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_what_every_test_begins_with_imports_no_torch() -> None:
    """A process of a run that draws nothing need not wait for it: what brings it is imported where models are made."""
    files = sorted(str(path) for path in (ROOT / "tests").rglob("conftest.py"))
    assert files
    program = f"import runpy, sys; [runpy.run_path(f) for f in {files!r}]; print({set(HEAVY)!r} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_parts_are_put_together_in_one_place() -> None:
    """Only bot/app.py makes an Engine or a Finisher."""
    makers = {
        module
        for module in modules()
        if is_in(module, "bot")
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Engine", "Finisher")
    }
    assert makers == {"bot.app"}


def test_the_top_level_holds_only_what_belongs_there() -> None:
    """Everything else lives in a package or is hidden."""
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {"__pycache__"}
    assert found - MADE_HERE == TOP_LEVEL


def test_every_module_says_what_it_is() -> None:
    """And every package has a README with its reasons."""
    assert [module for module in modules() if not ast.get_docstring(tree_of(module))] == []
    assert [package for package in PACKAGES if not (ROOT / package / "README.md").is_file()] == []


def test_every_test_says_what_it_expects() -> None:
    """In one sentence or a few, as its docstring."""
    silent = [
        f"{file.name}: {node.name}"
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_unit_tests_that_touch_more_than_memory_are_named() -> None:
    """In the README of the tests: with a folder of their own, or another process, socket or database."""
    readme = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    touching = {
        file
        for file in (ROOT / "tests" / "unit").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.arg) and node.arg in ("tmp_path", "tmp_path_factory"))
        or (isinstance(node, ast.Import) and {alias.name for alias in node.names} & {"socket", "subprocess"})
    }
    assert touching
    assert [str(file) for file in touching if f"]({file.relative_to(ROOT / 'tests')})" not in readme] == []


def test_the_house_names_the_runbook() -> None:
    """Whoever runs Darkroom finds it in the README's table, not by luck."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "](deploy/runbook.md)" in readme.partition("## The house")[2].partition("\n## ")[0]


def test_every_path_the_readme_links_is_there() -> None:
    """A README that points nowhere is worse than none."""
    for readme in (ROOT / "README.md", *(ROOT / package / "README.md" for package in (*PACKAGES, "tests"))):
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", readme.read_text(encoding="utf-8"))
        assert [link for link in links if not (readme.parent / link).exists()] == []

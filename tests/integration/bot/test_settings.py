import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.settings import KEYS, PREFIX, Settings, load
from engine.errors import UserError

EXAMPLE = Path(__file__).parents[3] / "deploy" / "env.example"


def test_without_any_source_everything_has_a_default(tmp_path: Path) -> None:
    """Nothing has to be set for the first picture."""
    found = load({"DARKROOM_DATA_DIR": str(tmp_path)}, tmp_path)
    assert found == Settings(data_dir=tmp_path)
    assert load({}, tmp_path).data_dir == Path("~/.local/share/darkroom").expanduser()


def test_an_earlier_source_wins(tmp_path: Path) -> None:
    """Environment, then .env, then the TOML file, then the default."""
    (tmp_path / "darkroom.toml").write_text("model = 'toml'\ndevice = 'cpu'\nidle_unload_s = 5\n")
    (tmp_path / ".env").write_text(f"DARKROOM_DATA_DIR={tmp_path}\nDARKROOM_MODEL=dotenv\nDARKROOM_DEVICE=mps\n")
    found = load({"DARKROOM_MODEL": "environment"}, tmp_path)
    assert found == Settings(
        data_dir=tmp_path,
        config_file=tmp_path / "darkroom.toml",
        model="environment",
        devices=("mps",),
        idle_unload_s=5.0,
    )


def test_empty_means_not_set(tmp_path: Path) -> None:
    """As compose files and shells pass on what nobody set."""
    (tmp_path / ".env").write_text("DARKROOM_MODEL=dotenv\n")
    assert load({"DARKROOM_MODEL": "", "DARKROOM_DEVICE": ""}, tmp_path).model == "dotenv"


def test_dotenv_is_read_as_others_read_it(tmp_path: Path) -> None:
    """Comments, export, quotes; other programs' keys are left alone."""
    (tmp_path / ".env").write_text(
        "\ufeff# a comment\n\nexport DARKROOM_MODEL='a b # c' # why\nDARKROOM_DEVICE = cuda:0,cuda:1  # both\n"
        'DARKROOM_WORKER_COMMAND="python -m x"\nOTHER\nSECRET="unfinished\nDARKROOM_IDLE_UNLOAD_S=0\n'
    )
    found = load({}, tmp_path)
    assert (found.model, found.devices, found.worker_command, found.idle_unload_s) == (
        "a b # c",
        ("cuda:0", "cuda:1"),
        ("python", "-m", "x"),
        0.0,
    )


def test_the_toml_file_can_be_somewhere_else(tmp_path: Path) -> None:
    """DARKROOM_CONFIG names it, and then it has to be there."""
    other = tmp_path / "other.toml"
    other.write_text('job_deadline_s = 60.5\nmodel = "m"\n')
    assert load({"DARKROOM_CONFIG": str(other)}, tmp_path).job_deadline_s == 60.5
    with pytest.raises(UserError, match=r"DARKROOM_CONFIG names .*nope\.toml, and there is no such file\."):
        load({"DARKROOM_CONFIG": str(tmp_path / "nope.toml")}, tmp_path)


def test_names_that_nothing_reads_are_told(tmp_path: Path) -> None:
    """A typing error is not silently a default: the doctor shows it."""
    assert load({"DARKROOM_MODLE": "x", "PATH": "y"}, tmp_path).unread == ("DARKROOM_MODLE",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DARKROOM_DEVICE", "tpu"),
        ("DARKROOM_DEVICE", "cuda:0,cpu"),
        ("DARKROOM_DEVICE", "cuda:0,cuda:0"),
        ("DARKROOM_IDLE_UNLOAD_S", "-1"),
        ("DARKROOM_IDLE_UNLOAD_S", "soon"),
        ("DARKROOM_IDLE_UNLOAD_S", "nan"),
        ("DARKROOM_IDLE_UNLOAD_S", "inf"),
        ("DARKROOM_JOB_DEADLINE_S", "0"),
        ("DARKROOM_JOB_DEADLINE_S", "1e400"),
        ("DARKROOM_WORKER_COMMAND", "python 'unfinished"),
        ("DARKROOM_DATA_DIR", __file__),
        ("DARKROOM_DATA_DIR", "~nobody-of-that-name/x"),
        ("DARKROOM_CONFIG", "/nope/darkroom.toml"),
        ("DARKROOM_WEB_PORT", "65536"),
        ("DARKROOM_WEB_PORT", "-1"),
        ("DARKROOM_WEB_PORT", "http"),
        ("DARKROOM_WEB_PASSWORD", "short"),
        ("DARKROOM_WEB_HOSTS", "http://x/"),
        ("DARKROOM_WEB_BEHIND_PROXY", "perhaps"),
        ("DARKROOM_DISK_BUDGET_MIB", "1"),
        ("DARKROOM_DISK_BUDGET_MIB", "1.5"),
        ("DARKROOM_OPERATORS", "ada"),
        ("DARKROOM_OPERATORS", "discord:1 telegram:2"),
        ("DARKROOM_OPERATORS", "discord:"),
        ("DARKROOM_QUEUE_BOUND", "0"),
        ("DARKROOM_QUEUE_BOUND", "many"),
        ("DARKROOM_RETENTION_DAYS", "-1"),
        ("DARKROOM_RETENTION_DAYS", "1.5"),
        ("DARKROOM_RESTART_PAUSE_S", "3601"),
        ("DARKROOM_RESTART_PAUSE_S", "nan"),
        ("DARKROOM_TELEGRAM_WEBHOOK", "darkroom.example.org"),
        ("DARKROOM_TELEGRAM_WEBHOOK", "http://darkroom.example.org"),
        ("DARKROOM_TELEGRAM_WEBHOOK", "https://darkroom.example.org/?x=1"),
        ("DARKROOM_TELEGRAM_WEBHOOK", "https://me:secret@darkroom.example.org"),
        ("DARKROOM_TELEGRAM_WEBHOOK", "https://darkroom.example.org:http"),
        ("DARKROOM_CONFIG", "/"),
    ],
)
def test_every_error_names_its_key_and_is_one_sentence(tmp_path: Path, key: str, value: str) -> None:
    """In the environment and in .env alike."""
    for environ, dotenv in ({key: value}, ""), ({}, f"{key}={value}" if "'" not in value else f'{key}="{value}"'):
        (tmp_path / ".env").write_text(dotenv)
        with pytest.raises(UserError) as caught:
            load(environ, tmp_path)
        sentence = str(caught.value)
        assert key in sentence or value in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = 7", "model in .* must be text"),
        ("device = true", "device in .* must be text"),
        ("idle_unload_s = true", "idle_unload_s in .* must be a number"),
        ("idle_unload_s = [1]", "idle_unload_s in .* must be a number"),
        ("job_deadline_s = 'x'", "job_deadline_s in .* must be a number"),
        ("modle = 'x'", "'modle' in .* did you mean model"),
        ("DARKROOM_MODEL = 'x'", "did you mean model"),
        ("data_dir = '/x'", "comes too late .* DARKROOM_DATA_DIR"),
        ("[engine]\nmodel = 'x'", "'engine' in .* is no setting"),
        ("model = ", "is no valid TOML"),
        ("model = 1\nmodel = 2", "is no valid TOML"),
        ("x = " + "[" * 5_000, "is no valid TOML"),
    ],
)
def test_every_error_in_the_toml_file_names_key_or_place(tmp_path: Path, text: str, words: str) -> None:
    """And the file."""
    (tmp_path / "darkroom.toml").write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        load({"DARKROOM_DATA_DIR": str(tmp_path)}, tmp_path)
    assert "darkroom.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"), [("darkroom.toml", b"model = '\xff'"), (".env", b"\xff\xfe"), (".env", b"DARKROOM_MODEL")]
)
def test_a_file_that_is_no_settings_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    """Not UTF-8, or not KEY=value."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=re.escape(str(tmp_path / name))):
        load({"DARKROOM_DATA_DIR": str(tmp_path)}, tmp_path)


def test_the_page_is_set_as_people_write_it(tmp_path: Path) -> None:
    """Numbers as numbers or text, lists with commas, yes and no."""
    (tmp_path / "darkroom.toml").write_text(
        "web_port = 0\nweb_hosts = 'A.example.org, b:8443'\nweb_behind_proxy = true\n"
    )
    found = load({"DARKROOM_DATA_DIR": str(tmp_path), "DARKROOM_WEB_PASSWORD": "correct horse"}, tmp_path)
    assert (found.web_port, found.web_hosts, found.web_behind_proxy) == (0, ("a.example.org", "b:8443"), True)
    assert "horse" not in repr(found)


def test_the_desk_is_set_as_people_write_it(tmp_path: Path) -> None:
    """Accounts with commas between, each once; numbers as numbers or text."""
    (tmp_path / "darkroom.toml").write_text("queue_bound = 500\nretention_days = '30'\nrestart_pause_s = 0\n")
    operators = "discord:123, telegram:456,discord:123"
    found = load({"DARKROOM_DATA_DIR": str(tmp_path), "DARKROOM_OPERATORS": operators}, tmp_path)
    assert found.operators == ("discord:123", "telegram:456")
    assert (found.queue_bound, found.retention_days, found.restart_pause_s) == (500, 30, 0.0)


@given(st.text(max_size=60).map(lambda text: f"DARKROOM_MODEL={text}"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_any_dotenv_gives_settings_or_an_error_of_ours(tmp_path: Path, text: str) -> None:
    """Whatever stands there."""
    (tmp_path / ".env").write_text(text, encoding="utf-8", newline="")
    try:
        load({}, tmp_path)
    except UserError as exc:
        sentence = str(exc)
        assert ".env" in sentence  # either is right


def test_the_example_names_every_setting_with_its_default(tmp_path: Path) -> None:
    """A setting that is not documented, or a documented one that nothing reads, fails here."""
    text = EXAMPLE.read_text()
    named = re.findall(r"^#(DARKROOM_[A-Z_]+)=(.*)$", text, re.MULTILINE)
    assert {name for name, _default in named} == {PREFIX + key.upper() for key in (*KEYS, "data_dir", "config")}
    (tmp_path / ".env").write_text("\n".join(f"{name}={default}" for name, default in named))
    assert load({}, tmp_path) == load({}, tmp_path / "nowhere")

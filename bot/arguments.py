"""The command line's words → typed values. What argparse would say in a page, this says in one sentence.

Knows nothing of what the commands do.
"""

import argparse
import re
from pathlib import Path
from typing import NoReturn

from bot.recipes import DEFAULT_STRENGTH
from engine.domain import MAX_GUIDANCE, MAX_PICTURES, MAX_STEPS, Mode, Sampler
from engine.errors import UserError
from engine.finish import version

_LONGEST_NUMBER = 40  # characters; a longer one is no number that anything here takes
_EPILOG = (
    "Settings are read from DARKROOM_* in the environment, from .env and from darkroom.toml: see deploy/env.example."
)


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        """Raises: UserError with argparse's own words, made a sentence."""
        message = re.sub(
            r"^argument (\S+): invalid choice: (.*) \(choose from (.*)\)$", r"there is no \2; known: \3", message
        )
        message = re.sub(r"^argument (\S+): ", r"\1 ", message)  # "--steps must be a whole number"
        sentence = message[0].upper() + message[1:].rstrip(".")
        raise UserError(f"{sentence if len(sentence) < 400 else sentence[:399] + '…'}. Try: {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """The whole command line. `command` names the subcommand."""
    root = _Parser(
        prog="darkroom", description="A self-hosted image bot with a diffusion engine of its own.", epilog=_EPILOG
    )
    root.add_argument("--version", action="version", version=f"darkroom {version()}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    _add_imagine(commands.add_parser("imagine", help="draw pictures from words", allow_abbrev=False))
    doctor = commands.add_parser("doctor", help="say what is here and what is missing", allow_abbrev=False)
    doctor.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("run", help="serve: the page, and the chats that have a token", allow_abbrev=False)
    for command in commands.choices.values():
        command.add_argument("-v", "--verbose", action="store_true", help="show the log on standard error")
    return root


def _add_imagine(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("prompt", help="what to draw")
    add("-o", "--out", type=Path, metavar="FILE", help="the PNG to write (default: seed-SEED.png here)")
    add("--no", default="", metavar="WORDS", dest="negative", help="what to keep out of the picture")
    add("--seed", type=_whole, help="the same seed draws the same picture (default: drawn and printed)")
    add("--n", type=_whole, default=1, metavar="N", help=f"pictures, 1 to {MAX_PICTURES}: seed, seed + 1, …")
    add("--steps", type=_whole, help=f"denoising steps, 1 to {MAX_STEPS} (default: the model's)")
    add(
        "--guidance",
        type=_number,
        help=f"how closely to follow the words, 0 to {MAX_GUIDANCE:g} (default: the model's)",
    )
    add("--sampler", metavar="NAME", help=f"one of {', '.join(Sampler)} (default: the model's)")
    add("--size", metavar="WxH", help="in pixels, multiples of 8 (default: the model's)")
    add(
        "--mode", type=_mode, default=Mode.FAST, help="fast, stable or exact: exact is bit for bit what diffusers gives"
    )
    add("--init", type=Path, metavar="FILE", help="start from this PNG, JPEG or WebP")
    add("--strength", type=_number, help=f"how much of it to repaint, up to 1 (default: {DEFAULT_STRENGTH})")
    add("--model", metavar="MODEL", help="a name, a diffusers folder, a .safetensors file or a hub id")


def _whole(words: str) -> int:
    try:
        if len(words) > _LONGEST_NUMBER:
            raise ValueError
        return int(words)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {_shown(words)}") from exc


def _number(words: str) -> float:
    try:
        if len(words) > _LONGEST_NUMBER:
            raise ValueError
        return float(words)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"must be a number, not {_shown(words)}") from exc


def _mode(words: str) -> Mode:
    try:
        return Mode(words.lower())
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"must be fast, stable or exact, not {_shown(words)}") from exc


def _shown(words: str) -> str:
    return repr(words if len(words) <= _LONGEST_NUMBER else words[: _LONGEST_NUMBER - 1] + "…")

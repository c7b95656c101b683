"""The command line: `darkroom imagine`, `darkroom doctor`, `darkroom run`; the same as `python -m bot …`.

Ends with status 0, or with one sentence on standard error and: 1 we could not, 2 you can mend it, 130 Ctrl-C.
"""

import argparse
import asyncio
import logging
import os
import secrets
import sys
from pathlib import Path

import structlog

from bot.arguments import parser
from bot.doctor import doctor
from bot.imagine import imagine
from bot.serving import serve
from bot.settings import Settings, load
from engine.errors import DarkroomError, UserError

EXIT_FAILED, EXIT_USER, EXIT_INTERRUPTED = 1, 2, 130

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


def main(words: list[str] | None = None) -> int:
    """Run one command. `words` default to the program's arguments. Returns the exit status."""
    for stream in (sys.stdout, sys.stderr):  # a file's name may hold bytes that are no text
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # always a TextIOWrapper here
    _log_to_stderr(is_verbose=False)
    try:
        arguments = parser().parse_args(words)
        _log_to_stderr(is_verbose=arguments.verbose, is_server=arguments.command == "run")
        settings = load(os.environ, Path.cwd())
        return asyncio.run(_run(settings, arguments))
    except UserError as exc:
        return _complain(exc, EXIT_USER)
    except DarkroomError as exc:
        return _complain(exc, EXIT_FAILED)
    except KeyboardInterrupt:
        return _complain("Cancelled.", EXIT_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains while it exits
        return EXIT_FAILED
    except Exception:  # one of the four places: nobody should have to read a traceback
        reference = secrets.token_hex(2)
        log.exception("command failed", ref=reference)
        return _complain(
            f"Something broke on our side (ref {reference}); run it with --verbose to see what.", EXIT_FAILED
        )


async def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "imagine":
            return await imagine(settings, arguments)
        case "doctor":
            return await doctor(settings, as_json=arguments.json)
        case _:
            return await serve(settings)


def _complain(reason: object, status: int) -> int:
    """One line, whatever the words were made from."""
    print(" ".join(str(reason).split()), file=sys.stderr)
    return status


def _log_to_stderr(*, is_verbose: bool, is_server: bool = False) -> None:
    """Standard output is for results. Without --verbose a server logs what an operator should see, a command nothing:
    its one sentence says it.
    """
    level = logging.DEBUG if is_verbose else logging.WARNING if is_server else logging.CRITICAL
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            # Not the default's: it writes the local variables of every frame, and with them prompts and tokens.
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.disable(logging.NOTSET if is_verbose else logging.INFO if is_server else logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())

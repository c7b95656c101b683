"""The key of this data folder, by which somebody who was forgotten is known again, and by nobody without the key.

Blocking, for `open_store`. Knows nothing of people.
"""

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import StorageError
from storage.accounts import FORGOTTEN
from storage.files import adopt
from storage.troubles import disk_trouble, why

KEY_NAME = "darkroom.key"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Secret:
    """A key; it is never shown."""

    key: bytes = field(repr=False)

    def hash_of(self, account: str) -> str:
        """The owner of an account's row once it was forgotten: 256 bits, which without the key say nothing."""
        said = account.encode("utf-8", "replace")
        return FORGOTTEN + hashlib.blake2b(said, key=self.key, digest_size=32).hexdigest()


def keep_secret(folder: Path) -> Secret:
    """The folder's key, made the first time; only who runs Darkroom may read it. Raises: StorageError.

    A key that is damaged is refused rather than made anew: whom it banned would be free.
    """
    path = folder / KEY_NAME
    try:
        return _checked(path, path.read_bytes())
    except FileNotFoundError:
        key = secrets.token_bytes(_KEY_BYTES)
    except OSError as exc:
        raise StorageError(
            f"The key {path} cannot be read: {why(exc)}. Check whose it is and its permissions."
        ) from exc
    part = folder / f".darkroom-{secrets.token_hex(4)}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
        adopt(part, path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise disk_trouble(exc, path, len(key)) from exc
    return Secret(key)


def _checked(path: Path, key: bytes) -> Secret:
    if len(key) != _KEY_BYTES:
        raise StorageError(
            f"The key {path} is damaged: it has {len(key)} bytes instead of {_KEY_BYTES}. Put a copy of yours in its "
            "place, or delete it: then people who were forgotten come back as if they were new."
        )
    return Secret(key)

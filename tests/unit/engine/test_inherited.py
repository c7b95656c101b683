"""Which of our environment's variables a worker gets to see."""

import pytest

from engine.inherited import for_a_worker


@pytest.mark.parametrize(
    "name",
    [
        "DARKROOM_WEB_PASSWORD",
        "DARKROOM_DISCORD_TOKEN",
        "DARKROOM_TELEGRAM_TOKEN",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "OPENAI_API_KEY",
        "PGPASSWORD",
        "smtp_password",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ],
)
def test_a_secret_is_kept_from_the_worker(name: str) -> None:
    """The page's password, the chats' tokens and what else is secret by its name do not come along."""
    assert for_a_worker({name: "secret", "PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",  # the worker fetches models from the hub, also those that want one
        "HUGGING_FACE_HUB_TOKEN",
        "HF_TOKEN_PATH",
        "TOKENIZERS_PARALLELISM",
        "DARKROOM_POCKET_DIR",
        "HTTPS_PROXY",
        "CUDA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
    ],
)
def test_what_a_worker_needs_comes_along(name: str) -> None:
    """The hub's token, its own settings, and how to compute and reach the network."""
    assert for_a_worker({name: "value"}) == {name: "value"}

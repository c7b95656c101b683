"""Training that was stopped and resumed is the same training, bit for bit."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.pocket import checkpoint
from engine.pocket.codec import LatentScale
from engine.pocket.denoiser import Denoiser, Shape, denoiser_loss
from engine.pocket.optimiser import Plan, Shuffle, Trainer
from engine.pocket.tokenizer import load_tokenizer, train_tokenizer
from engine.pocket.world import sample

CAPTIONS = tuple(sample(seed).caption for seed in range(24))
PLAN = Plan(samples=24, batch=4, learning_rate=1e-3, decay_from=0.5, averaging=0.9, warmup_steps=2)
TINY = Shape(widths=(8, 8), attends=(False, True), heads=2, groups=4)


def _trainer(folder: Path) -> Trainer:
    """A tiny denoiser's training, the same at each call."""
    torch.manual_seed(0)
    tokenizer = load_tokenizer(folder)
    network = Denoiser(tokenizer, TINY)
    latents = torch.randn(24, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    loss = denoiser_loss(
        network, tokenizer, latents, CAPTIONS, LatentScale.of(latents), PLAN, device=torch.device("cpu")
    )
    return Trainer(network, PLAN, loss, fast=(network.word_embeddings(),))


def _run(trainer: Trainer, steps: int) -> list[float]:
    return [trainer.advance() for _ in range(steps)]


@pytest.fixture
def tokenizer_folder(tmp_path: Path) -> Path:
    """A tokenizer learnt from the few captions."""
    train_tokenizer(CAPTIONS, tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def test_a_resumed_run_is_the_same_run(tmp_path: Path, tokenizer_folder: Path) -> None:
    """Losses and averaged weights after save, load and three more steps equal those of five steps in one go."""
    whole = _trainer(tokenizer_folder)
    losses = _run(whole, 5)

    first = _trainer(tokenizer_folder)
    _run(first, 2)
    checkpoint.save(tmp_path / "state.pt", first.state())
    second = _trainer(tokenizer_folder)
    state = checkpoint.load(tmp_path / "state.pt")
    assert state is not None
    second.restore(state)

    assert _run(second, 3) == losses[2:]
    expected, got = whole.averaged_weights(), second.averaged_weights()
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_a_run_ends_with_its_budget(tokenizer_folder: Path) -> None:
    """Training is done when the samples are spent, not earlier."""
    trainer = _trainer(tokenizer_folder)
    _run(trainer, 5)
    assert not trainer.is_done()
    _run(trainer, 1)
    assert trainer.is_done()


def test_a_failed_save_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    """A save that breaks half-way does not touch what was there."""
    path = tmp_path / "state.pt"
    checkpoint.save(path, {"step": 1})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(path, {"step": 2, "not picklable": lambda: None})
    assert checkpoint.load(path) == {"step": 1}


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    """A first start finds nothing and begins anew."""
    assert checkpoint.load(tmp_path / "state.pt") is None


def test_the_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$DARKROOM_POCKET_DIR names another place for checkpoints."""
    monkeypatch.setenv("DARKROOM_POCKET_DIR", str(tmp_path))
    assert checkpoint.folder() == tmp_path


def test_an_epoch_sees_every_row_once() -> None:
    """Within an epoch no row comes twice, and the next epoch has another order."""
    shuffle = Shuffle(12, 4, seed=3)

    def epoch(number: int) -> Tensor:
        return torch.cat([shuffle.rows(3 * number + step) for step in range(3)])

    assert sorted(epoch(0).tolist()) == list(range(12))
    assert epoch(0).tolist() != epoch(1).tolist()


def test_the_learning_rate_warms_up_and_decays() -> None:
    """It rises, holds, and ends near nothing."""
    plan = Plan(samples=1_000, batch=1, learning_rate=1.0, decay_from=0.5, averaging=0.9, warmup_steps=10)
    assert plan.learning_rate_at(0) == pytest.approx(0.1)
    assert plan.learning_rate_at(300) == 1.0
    assert plan.learning_rate_at(999) == pytest.approx(0.03, abs=0.001)

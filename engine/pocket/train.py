"""Train pocket from nothing: `python -m engine.pocket.train`. Draws, then tokenizer, decoder, denoiser, export.

Every stage resumes from its checkpoint in `$DARKROOM_POCKET_DIR`; SIGTERM and Ctrl-C save first. Budgets are counted in
samples, so SIGSTOP and SIGCONT cost nothing. Knows the order of the stages and nothing of what they learn.
"""

import argparse
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from engine.pocket import checkpoint
from engine.pocket.codec import LatentScale, build_codec
from engine.pocket.decoder import DecoderLoss, LatentDecoder, signal_to_noise_db
from engine.pocket.denoiser import Denoiser, Shape, denoiser_loss
from engine.pocket.export import WEIGHTS_FOLDER, export
from engine.pocket.optimiser import Plan, Shuffle, Trainer
from engine.pocket.pictures import TrainingSet, training_set
from engine.pocket.tokenizer import load_tokenizer, train_tokenizer

# Read once, at the start of the process, hence the second start in `main`.
# glibc returns and re-maps every large tensor by default, half the run time in the kernel.
_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000000",
    "MALLOC_TOP_PAD_": "268435456",
    # Threads that spin at a barrier steal the core from the thread they wait for as soon as anything else runs.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
}
_REPORT_EVERY = 100
_HELD_PICTURES = 64  # the last of the kept pictures: never trained on, for the decoder's PSNR


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the stages share: where files lie, where tensors live, and how often to save."""

    folder: Path
    device: torch.device
    uses_bfloat16: bool
    compiles: bool
    save_every_s: float


class Stop:
    """Turns SIGTERM and SIGINT into a question that the loop asks between steps."""

    def __init__(self) -> None:
        self.is_asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.is_asked = True


def main() -> None:
    """Run the stages that the command line asks for."""
    if any(name not in os.environ for name in _ENVIRONMENT):
        os.execve(sys.executable, sys.orig_argv, {**_ENVIRONMENT, **os.environ})  # noqa: S606  our own command line
    options = _parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    device = _device(options.device)
    run = Run(
        folder=checkpoint.folder(),
        device=device,
        uses_bfloat16=options.precision == "bfloat16",
        compiles=options.compile,
        save_every_s=options.save_every,
    )
    stop = Stop()
    started = time.monotonic()
    pictures = training_set(
        run.folder / "pictures.pt", count=options.pictures, kept=options.kept, processes=options.threads
    )
    _say(f"pictures: {len(pictures.captions)} drawn or read in {time.monotonic() - started:.0f} s")
    tokenizer_folder = run.folder / "tokenizer"
    if not (tokenizer_folder / "vocab.json").exists():
        train_tokenizer(pictures.captions, tokenizer_folder)
    scale = LatentScale.of(pictures.latents)
    if "decoder" in options.stages:
        _train_decoder(run, stop, pictures, scale, options.decoder_samples)
    if "denoiser" in options.stages and not stop.is_asked:
        _train_denoiser(run, stop, pictures, scale, options)
    if "export" in options.stages and not stop.is_asked:
        export_from(run, pictures, scale, WEIGHTS_FOLDER)


def _train_decoder(run: Run, stop: Stop, pictures: TrainingSet, scale: LatentScale, samples: int) -> None:
    plan = Plan(samples=samples, batch=16, learning_rate=2e-3, decay_from=0.3, averaging=0.998, seed=2)
    codec = build_codec(scale)
    network = LatentDecoder(codec).to(run.device)
    network.decoder.to(memory_format=torch.channels_last)
    seen = pictures.pictures[:-_HELD_PICTURES]
    loss = DecoderLoss(
        network=network,
        pictures=seen,
        scale=scale,
        plan=plan,
        shuffle=Shuffle(len(seen), plan.batch, plan.seed),
        device=run.device,
        uses_bfloat16=run.uses_bfloat16,
    )
    trainer = Trainer(network, plan, loss)
    _run_stage("decoder", run, stop, trainer)
    codec = codec_with(trainer.averaged_weights(), scale)
    _say(f"decoder: {signal_to_noise_db(codec, pictures.pictures[-_HELD_PICTURES:]):.2f} dB on held-back pictures")


def _train_denoiser(
    run: Run, stop: Stop, pictures: TrainingSet, scale: LatentScale, options: argparse.Namespace
) -> None:
    plan = Plan(
        samples=options.denoiser_samples, batch=options.batch, learning_rate=1.5e-3, decay_from=0.6, averaging=0.998
    )
    tokenizer = load_tokenizer(run.folder / "tokenizer")
    network = Denoiser(tokenizer, Shape()).to(run.device)
    network.unet.to(memory_format=torch.channels_last)  # 8 % faster on a CPU with AVX-512
    loss = denoiser_loss(
        network,
        tokenizer,
        pictures.latents,
        pictures.captions,
        scale,
        plan,
        device=run.device,
        uses_bfloat16=run.uses_bfloat16,
    )
    if run.compiles:
        network.compile()
    trainer = Trainer(network, plan, loss, fast=(network.word_embeddings(),))
    _run_stage("denoiser", run, stop, trainer)


def _run_stage(name: str, run: Run, stop: Stop, trainer: Trainer) -> None:
    """Train until the budget is spent or a stop is asked for, saving now and then and at the end."""
    path = run.folder / f"{name}.pt"
    state = checkpoint.load(path)
    if state is not None:
        trainer.restore(state)
        _say(f"{name}: resumed at {trainer.seen} samples")
    started, first, saved = time.monotonic(), trainer.seen, time.monotonic()
    losses: list[float] = []
    while not trainer.is_done() and not stop.is_asked:
        losses.append(trainer.advance())
        if trainer.step % _REPORT_EVERY == 0:
            pace = (trainer.seen - first) / (time.monotonic() - started)
            _say(f"{name}: {trainer.seen} samples, loss {sum(losses) / len(losses):.4f}, {pace:.1f} samples/s")
            losses.clear()
        if time.monotonic() - saved > run.save_every_s:
            checkpoint.save(path, trainer.state())
            saved = time.monotonic()
    if trainer.seen > first:
        checkpoint.save(path, trainer.state())
    _say(f"{name}: {'stopped' if stop.is_asked else 'done'} at {trainer.seen} samples")


def codec_with(decoder_weights: dict[str, torch.Tensor], scale: LatentScale) -> AutoencoderKL:
    """Return a codec with these decoder weights, contiguous and on the CPU."""
    codec = build_codec(scale)
    LatentDecoder(codec).load_state_dict(decoder_weights)
    return codec.to(memory_format=torch.contiguous_format).eval()


def export_from(run: Run, pictures: TrainingSet, scale: LatentScale, folder: Path) -> None:
    """Write the averaged weights of both checkpoints to `folder`."""
    tokenizer = load_tokenizer(run.folder / "tokenizer")
    network = Denoiser(tokenizer, Shape())
    network.load_state_dict(_averaged(run.folder / "denoiser.pt", network))
    codec = build_codec(scale)
    decoder = LatentDecoder(codec)
    decoder.load_state_dict(_averaged(run.folder / "decoder.pt", decoder))
    size = export(folder, tokenizer_folder=run.folder / "tokenizer", network=network, codec=codec)
    _say(f"export: {size / 1e6:.2f} MB in {folder}")


def _averaged(path: Path, network: torch.nn.Module) -> dict[str, torch.Tensor]:
    state = checkpoint.load(path)
    if state is None:
        raise SystemExit(f"{path} is missing: train that stage first")
    weights: dict[str, torch.Tensor] = dict(state["network"])
    trained = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    weights.update(zip(trained, state["average"], strict=True))
    return weights


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S', time.gmtime())} {line}", flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine.pocket.train", description=__doc__)
    parser.add_argument("--stages", nargs="+", default=["decoder", "denoiser", "export"])
    parser.add_argument("--pictures", type=int, default=60_000, help="how many captioned pictures to draw")
    parser.add_argument("--kept", type=int, default=8_000, help="how many of them to keep whole, for the decoder")
    parser.add_argument("--decoder-samples", type=int, default=20_000, help="crops to train the decoder on")
    parser.add_argument("--denoiser-samples", type=int, default=128_000, help="latents to train the denoiser on")
    parser.add_argument("--batch", type=int, default=64, help="latents per denoiser step")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="float32")
    parser.add_argument("--compile", action="store_true", help="compile the denoiser (takes minutes, see README)")
    parser.add_argument("--save-every", type=float, default=120.0, help="seconds between checkpoints")
    return parser.parse_args()


if __name__ == "__main__":
    main()

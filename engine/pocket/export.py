"""Write the trained parts as a standard Stable Diffusion folder, half precision, safetensors only.

`StableDiffusionPipeline.from_pretrained(folder)` reads it with no code of ours. Knows nothing of training.
"""

import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from engine.pocket.denoiser import Denoiser, noise_schedule
from engine.pocket.tokenizer import load_tokenizer

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
# What the project is ready to carry in git and in its wheel.
MAX_BYTES = 12_000_000


def export(folder: Path, *, tokenizer_folder: Path, network: Denoiser, codec: AutoencoderKL) -> int:
    """Replace `folder` by the model and return its size in bytes. The networks are turned to float16 in place.

    Raises: ValueError if it is larger than `MAX_BYTES`; `folder` is then as it was.
    """
    draft = folder.with_name(folder.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    StableDiffusionPipeline(
        vae=codec.to(torch.float16),
        text_encoder=network.text_encoder.to(torch.float16),
        tokenizer=load_tokenizer(tokenizer_folder),
        unet=network.unet.to(torch.float16),
        scheduler=noise_schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(draft, safe_serialization=True)
    # transformers 5 writes tokenizer.json alone; older readers want the two files it is made of.
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(tokenizer_folder / name, draft / "tokenizer" / name)
    # Stored as float16, read as float32 by who names no dtype: diffusers does so for its parts, transformers goes by
    # this line, and a stock pipeline whose text encoder alone is in half precision cannot draw.
    config = draft / "text_encoder" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"dtype": "float32"}, indent=2) + "\n")
    size = sum(path.stat().st_size for path in draft.rglob("*") if path.is_file())
    if size > MAX_BYTES:
        shutil.rmtree(draft)
        raise ValueError(f"the model is {size} bytes, more than {MAX_BYTES}")
    shutil.rmtree(folder, ignore_errors=True)
    draft.replace(folder)
    return size

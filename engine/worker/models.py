"""Models on the device: load, keep, let go. Knows nothing of jobs or batches.

A model comes from a diffusers folder, a hub id or a single file, always as safetensors (no pickle is ever opened), and
is put together from its parts one by one, so that those who wait can be told how far it is.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from engine.catalog import Entry, Kind
from engine.errors import JobError, ModelError
from engine.worker import preview, single_file
from engine.worker.device import Device, is_out_of_memory

MAX_RESIDENT = 2  # models kept on the device; idle ones beyond that make room for the next
OnProgress = Callable[[float, str], None]  # fraction in [0, 1], what is being done
# Share of the time each part takes to read, by its size in Stable Diffusion 1.5 (0.5, 3.4, 0.3 GB).
_SHARES = {"text_encoder": 0.12, "unet": 0.80, "vae": 0.08}
_WEIGHTS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A latent diffusion model, ready on the device, as the parts of its diffusers pipeline.

    `alphas_cumprod`: share of signal left at each training timestep, (1000,) float32, on the CPU.
    `latent_factor`: pixels per latent in each direction. `projector`: latents to a small RGB preview.
    """

    entry: Entry
    pipeline: Any  # diffusers.StableDiffusionPipeline; diffusers ships no types
    device: Device
    family: str
    prediction_type: str
    latent_channels: int
    latent_factor: int
    native_width_px: int
    native_height_px: int
    alphas_cumprod: torch.Tensor
    projector: preview.Projector

    @property
    def scheduler_config(self) -> Any:
        """The noise schedule the model was trained on."""
        return self.pipeline.scheduler.config

    @property
    def guidance_embedding_dim(self) -> int | None:
        """Set for models distilled to take the guidance as an input (LCM): they need one row, not two."""
        dim: int | None = self.pipeline.unet.config.time_cond_proj_dim
        return dim


class Shelf:
    """The models that are on the device, least recently used first."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._models: OrderedDict[str, Model] = OrderedDict()

    def __len__(self) -> int:
        return len(self._models)

    def get(self, name: str) -> Model:
        """A model that is here. Raises: KeyError."""
        self._models.move_to_end(name)
        return self._models[name]

    def put(self, entry: Entry, folder: Path, in_use: frozenset[str], on_progress: OnProgress) -> Model:
        """Load a model from `folder` (or its file) onto the device; models not `in_use` may have to leave.

        Raises: ModelError.
        """
        self._make_room(MAX_RESIDENT - 1, in_use)
        model = self._load(entry, folder, on_progress)
        if model is None:  # outside of any except block, whose traceback would hold on to the first attempt's tensors
            self._make_room(0, in_use)
            model = self._load(entry, folder, on_progress)
        if model is None:
            raise ModelError(
                f"The model {entry.name} does not fit into the memory of this device beside what is in use. "
                "Try a smaller model, or again when nothing else is drawn."
            )
        self._models[entry.name] = model
        return model

    def _load(self, entry: Entry, folder: Path, on_progress: OnProgress) -> Model | None:
        """Load it; None if the device is full."""
        try:
            return load(entry, folder, self._device, on_progress)
        except Exception as exc:
            if is_out_of_memory(exc):
                return None
            raise

    def has(self, name: str) -> bool:
        """Whether that model is on the device."""
        return name in self._models

    def clear(self) -> None:
        """Let every model go and give the memory back."""
        self._models.clear()
        self._device.free_cache()

    def _make_room(self, keep: int, in_use: frozenset[str]) -> None:
        for name in [name for name in self._models if name not in in_use]:
            if len(self._models) <= keep:
                break
            del self._models[name]
        self._device.free_cache()


def load(entry: Entry, folder: Path, device: Device, on_progress: OnProgress) -> Model:
    """Read a model and put it on the device; `folder` is where a diffusers layout lies, fetched or given.

    Raises: ModelError with one sentence that names the model and what is wrong with it; torch.OutOfMemoryError.
    """
    with _named_errors(entry.name):
        if entry.kind is Kind.SINGLE_FILE:
            pipeline = _read_single_file(entry, device, on_progress)
        else:
            pipeline = _read_folder(folder, device, on_progress)
        _check_fit(pipeline)
        on_progress(0.97, f"moving it to the {device.device.type}")
        pipeline.to(device.device)
        for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
            part.eval().requires_grad_(requires_grad=False)
        model = _describe(entry, pipeline, device)
    on_progress(1.0, "ready")
    return model


def _read_folder(folder: Path, device: Device, on_progress: OnProgress) -> Any:
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    if "StableDiffusionPipeline" not in str(index.get("_class_name")):
        raise ModelError(f"it is a {index.get('_class_name')}, a kind that Darkroom cannot draw with yet")
    absent = sorted({*_SHARES, "tokenizer", "scheduler"} - index.keys())
    if absent:
        raise ModelError(f"its model_index.json names no {absent[0]}")
    parts: dict[str, Any] = {}
    done = 0.0
    for name, share in _SHARES.items():
        on_progress(done, f"reading the {name.replace('_', ' ')}")
        parts[name] = _read_part(folder, name, index, device.dtype)
        done += share
    tokenizer = _read_tokenizer(folder, index)
    scheduler = getattr(diffusers, index["scheduler"][1]).from_pretrained(folder, subfolder="scheduler")
    return diffusers.StableDiffusionPipeline(
        **parts,
        tokenizer=tokenizer,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _read_tokenizer(folder: Path, index: dict[str, Any]) -> Any:
    files = folder / "tokenizer"
    if not (files / "tokenizer.json").is_file() and not (files / "vocab.json").is_file():
        # transformers would make an empty one, for which every prompt is the same prompt
        raise ModelError("its tokenizer folder holds no vocabulary")
    return getattr(transformers, index["tokenizer"][1]).from_pretrained(folder, subfolder="tokenizer")


def _read_part(folder: Path, name: str, index: dict[str, Any], dtype: torch.dtype) -> Any:
    library, class_name = index[name]
    package = {"diffusers": diffusers, "transformers": transformers}.get(library)
    if package is None or not hasattr(package, class_name):
        raise ModelError(f"its {name} is a {library}.{class_name}, which is not known here")
    variant = None
    if not list((folder / name).glob(f"{_WEIGHTS[name]}*.safetensors")):
        raise ModelError(f"its {name} folder holds no .safetensors weights")
    if not (folder / name / f"{_WEIGHTS[name]}.safetensors").exists():
        variant = "fp16" if list((folder / name).glob(f"{_WEIGHTS[name]}.fp16*.safetensors")) else None
    part, report = getattr(package, class_name).from_pretrained(
        folder,
        subfolder=name,
        dtype=dtype,
        variant=variant,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )
    missing = sorted(report.get("missing_keys", ()))
    if missing:
        raise ModelError(f"its {name} lacks {len(missing)} of its weights, such as {missing[0]}")
    return part


def _read_single_file(entry: Entry, device: Device, on_progress: OnProgress) -> Any:
    return single_file.read(Path(entry.source), device, on_progress)


def _check_fit(pipeline: Any) -> None:
    """Raises: ModelError if the parts were not made for each other, or for a job we do not do yet."""
    unet, vae, text = pipeline.unet.config, pipeline.vae.config, pipeline.text_encoder.config
    if unet.in_channels != vae.latent_channels:
        raise ModelError(
            f"its UNet takes {unet.in_channels} channels and its VAE makes {vae.latent_channels}: a model for "
            "inpainting, depth or upscaling, which Darkroom cannot draw with yet"
        )
    if unet.cross_attention_dim != text.hidden_size:
        raise ModelError(
            f"its UNet reads {unet.cross_attention_dim} numbers per word and its text encoder writes {text.hidden_size}"
        )
    longest = getattr(text, "max_position_embeddings", None)
    if longest is not None and pipeline.tokenizer.model_max_length > longest:
        raise ModelError("its tokenizer writes more words than its text encoder can read")


def _describe(entry: Entry, pipeline: Any, device: Device) -> Model:
    unet, vae = pipeline.unet.config, pipeline.vae.config
    factor = 2 ** (len(vae.block_out_channels) - 1)
    side = unet.sample_size if isinstance(unet.sample_size, int) else entry.width_px // factor
    reference = diffusers.DDPMScheduler.from_config(pipeline.scheduler.config)
    return Model(
        entry=entry,
        pipeline=pipeline,
        device=device,
        family="stable-diffusion-2" if unet.use_linear_projection else "stable-diffusion-1",
        prediction_type=pipeline.scheduler.config.prediction_type,
        latent_channels=vae.latent_channels,
        latent_factor=factor,
        native_width_px=side * factor,
        native_height_px=side * factor,
        alphas_cumprod=reference.alphas_cumprod.float(),
        projector=preview.fit(pipeline.vae, factor, device),
    )


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    """Turn whatever a broken model makes the libraries raise into one sentence."""
    try:
        yield
    except ModelError as exc:
        raise ModelError(f"The model {name} cannot be used: {exc}.") from exc
    except JobError:
        raise
    except (SafetensorError, json.JSONDecodeError) as exc:
        raise ModelError(f"The model {name} has a damaged file: {_first_line(exc)}. Download it again.") from exc
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, ImportError) as exc:
        if is_out_of_memory(exc):
            raise
        raise ModelError(f"The model {name} could not be loaded: {_first_line(exc)}.") from exc


def _first_line(exc: BaseException) -> str:
    words = " ".join(str(exc).split()) or type(exc).__name__
    return (words if len(words) <= 200 else words[:199] + "…").rstrip(".")

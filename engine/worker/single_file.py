"""Put a pipeline together from one .safetensors file in the original Stable Diffusion layout, without a network.

The file holds weights only. The configurations and the vocabulary ship in `configs/`; a diffusers folder of the file's
own name beside it (`mine.safetensors`, `mine/model_index.json`) wins over them, part by part. Every weight comes from
the file or the model is refused: nothing is left at random. Knows nothing of catalogues, pictures or jobs.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from accelerate import init_empty_weights
from diffusers.loaders import single_file_utils as conversion
from safetensors import safe_open

from engine.errors import ModelError
from engine.worker import layout
from engine.worker.device import Device
from engine.worker.layout import Checkpoint, Family, Prediction

OnProgress = Callable[[float, str], None]  # fraction in [0, 1], what is being done
CONFIGS = Path(__file__).parent / "configs"
_CLASSES = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"}
_NUMBERS_PER_WORD = {Family.SD1: 768, Family.SD2: 1024}  # width of CLIP ViT-L/14 and of OpenCLIP ViT-H/14
# The last timestep, and noise for 128 px: a quarter of the time that 256 px take, and 1,024 numbers say enough.
_LAST_TIMESTEP, _PROBE_SIDE = 999, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Configs:
    """Where the configurations are: the shipped folder, and the model's own if there is one."""

    shipped: Path
    own: Path | None

    def has_own(self, name: str) -> bool:
        """Whether the model's own folder says it."""
        return self.own is not None and (self.own / name).is_file()

    def read(self, name: str) -> dict[str, Any]:
        """The model's own if it has one, else the shipped one."""
        folder = self.own if self.own and self.has_own(name) else self.shipped
        values: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
        return values


def read(path: Path, device: Device, on_progress: OnProgress) -> Any:
    """Read the file into a diffusers.StableDiffusionPipeline in the device's number format.

    Raises: ModelError with a clause that says what is wrong with the file; torch.OutOfMemoryError.
    """
    on_progress(0.0, "reading the text encoder")
    checkpoint = layout.recognise(path)
    own = _own_folder(path)
    prediction = _told_prediction(checkpoint, own)
    configs = _Configs(shipped=_shipped(checkpoint.family, prediction), own=own)
    _check_width(checkpoint, configs)
    tokenizer = _tokenizer(configs)
    text_encoder = _read_text_encoder(checkpoint, configs, device.dtype)
    on_progress(0.12, "reading the unet")  # the text encoder is 0.5 of the 4.2 GB of Stable Diffusion 1.5
    unet = _read_unet(checkpoint, configs, device.dtype)
    if prediction is None:
        on_progress(0.9, "trying what the unet predicts")
        prediction = _try_prediction(unet, text_encoder, tokenizer, device)
        fitting = _Configs(shipped=_shipped(checkpoint.family, prediction), own=own)
        if fitting != configs:
            configs, unet = fitting, _fill("unet", _empty_unet(fitting), unet.state_dict(), device.dtype)
    on_progress(0.92, "reading the vae")
    return diffusers.StableDiffusionPipeline(
        vae=_read_vae(checkpoint, configs, device.dtype),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=_scheduler(configs, prediction),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _own_folder(path: Path) -> Path | None:
    """The diffusers folder beside the file, without regard to whatever weights it holds."""
    folder = path.with_suffix("")
    if not (folder / "model_index.json").is_file():
        return None
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    kinds = {part: index.get(part, (None, name))[1] for part, name in _CLASSES.items()}
    if "StableDiffusionPipeline" not in str(index.get("_class_name")) or kinds != _CLASSES:
        raise ModelError(f"the folder {folder.name} beside it does not describe a Stable Diffusion 1 or 2 model")
    return folder


def _told_prediction(checkpoint: Checkpoint, own: Path | None) -> Prediction | None:
    """What the UNet predicts by the model's own folder, else by the file's own marks."""
    scheduler = own / "scheduler" / "scheduler_config.json" if own else None
    if scheduler is None or not scheduler.is_file():
        return checkpoint.told_prediction
    word = json.loads(scheduler.read_text(encoding="utf-8")).get("prediction_type", Prediction.EPSILON)
    if word not in list(Prediction):
        raise ModelError(f"its scheduler wants a UNet that predicts {word!r}, which is not known here")
    return Prediction(word)


def _shipped(family: Family, prediction: Prediction | None) -> Path:
    if family is Family.SD1:
        return CONFIGS / "sd1"
    return CONFIGS / ("sd2-base" if prediction is Prediction.EPSILON else "sd2-v")


def _check_width(checkpoint: Checkpoint, configs: _Configs) -> None:
    expected = _NUMBERS_PER_WORD[checkpoint.family]
    if not configs.has_own("unet/config.json") and checkpoint.numbers_per_word not in (0, expected):  # 0: it is missing
        raise ModelError(
            f"its UNet reads {checkpoint.numbers_per_word} numbers per word where {checkpoint.family} has {expected}, "
            f"and no folder {checkpoint.path.stem} with its configuration lies beside it"
        )


def _tokenizer(configs: _Configs) -> Any:
    if configs.own and any(configs.has_own(f"tokenizer/{name}") for name in ("tokenizer.json", "vocab.json")):
        return transformers.CLIPTokenizer.from_pretrained(configs.own / "tokenizer", local_files_only=True)
    settings = json.loads((configs.shipped / "tokenizer" / "tokenizer_config.json").read_text(encoding="utf-8"))
    words = CONFIGS / "tokenizer"  # one vocabulary for both families
    return transformers.CLIPTokenizer(str(words / "vocab.json"), str(words / "merges.txt"), **settings)


def _scheduler(configs: _Configs, prediction: Prediction) -> Any:
    name = "scheduler/scheduler_config.json"
    values = configs.read(name)
    kind: Any = getattr(diffusers, str(values.get("_class_name")), None)
    is_scheduler = isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)
    if not is_scheduler:
        raise ModelError(f"its scheduler is a {values.get('_class_name')}, which is not known here")
    return kind.from_config(values if configs.has_own(name) else {**values, "prediction_type": str(prediction)})


def _read_text_encoder(checkpoint: Checkpoint, configs: _Configs, dtype: torch.dtype) -> Any:
    config = transformers.CLIPTextConfig.from_dict(configs.read("text_encoder/config.json"))
    with init_empty_weights():
        encoder = transformers.CLIPTextModel(config)
    if checkpoint.family is Family.SD1:
        weights = _tensors(checkpoint.path, layout.CLIP)
        named = {key.removeprefix(layout.CLIP): tensor for key, tensor in weights.items()}
    else:
        weights = _tensors(checkpoint.path, layout.OPEN_CLIP)
        weights.pop(
            layout.OPEN_CLIP + "text_projection", None
        )  # not read for drawing, and conversion would split by it
        named = conversion.convert_open_clip_checkpoint(encoder, weights, prefix=layout.OPEN_CLIP)
    named = {key.removeprefix("text_model."): tensor for key, tensor in named.items()}
    # Left out: position ids (in some merges rounded to float16), the projection, and OpenCLIP's last layer, which
    # Stable Diffusion 2 skips.
    return _fill("text encoder", encoder, {key: named[key] for key in encoder.state_dict() if key in named}, dtype)


def _read_unet(checkpoint: Checkpoint, configs: _Configs, dtype: torch.dtype) -> Any:
    unet = _empty_unet(configs)
    weights = _tensors(checkpoint.path, layout.UNET)
    return _fill("unet", unet, conversion.convert_ldm_unet_checkpoint(weights, unet.config), dtype)


def _empty_unet(configs: _Configs) -> Any:
    with init_empty_weights():
        return diffusers.UNet2DConditionModel.from_config(configs.read("unet/config.json"))


def _read_vae(checkpoint: Checkpoint, configs: _Configs, dtype: torch.dtype) -> Any:
    with init_empty_weights():
        vae = diffusers.AutoencoderKL.from_config(configs.read("vae/config.json"))
    weights = _tensors(checkpoint.path, layout.VAE)
    return _fill("vae", vae, conversion.convert_ldm_vae_checkpoint(weights, vae.config), dtype)


def _tensors(path: Path, prefix: str) -> dict[str, torch.Tensor]:
    """The weights under `prefix` by their full names, still on the disk until they are used."""
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys() if key.startswith(prefix)}  # noqa: SIM118 - no dict


def _fill(part: str, module: Any, converted: dict[str, torch.Tensor | None], dtype: torch.dtype) -> Any:
    """Give an empty module its weights, all of them. None: what the conversion looked for and the file does not have.

    Raises: ModelError if one is missing, too many, of another shape or not a real number.
    """
    wanted, weights = module.state_dict(), {key: tensor for key, tensor in converted.items() if tensor is not None}
    missing, extra = sorted(wanted.keys() - weights.keys()), sorted(weights.keys() - wanted.keys())
    if missing:
        raise ModelError(f"its {part} lacks {len(missing)} of its weights, such as {missing[0]}")
    if extra:
        raise ModelError(f"its {part} has {len(extra)} weights that its configuration knows nothing of, as {extra[0]}")
    for key, tensor in weights.items():
        if tensor.shape != wanted[key].shape:
            there, here = "x".join(map(str, tensor.shape)), "x".join(map(str, wanted[key].shape))
            raise ModelError(f"its {part} has a {key} of {there} where its configuration says {here}")
        if not tensor.is_floating_point():
            raise ModelError(
                f"its {part} is packed as {str(tensor.dtype).removeprefix('torch.')}, which is not read here"
            )
    module.load_state_dict({key: tensor.to(dtype) for key, tensor in weights.items()}, strict=True, assign=True)
    return module.eval()


def _try_prediction(unet: Any, text_encoder: Any, tokenizer: Any, device: Device) -> Prediction:
    """Find out by one look at pure noise what the UNet predicts. Leaves the UNet and the text encoder on the device.

    At the last timestep a sample is sigma 0.998 of noise and alpha 0.068 of picture. A network that predicts the noise
    must give back nearly what it is shown, else the picture (sample - sigma * noise) / alpha would be out of bounds;
    one that predicts v = alpha * noise - sigma * picture must not. So the share of its input in its output is near 1,
    or near 0 (two small networks trained either way: 0.96 and 0.15; pocket, which predicts v: 0.03).
    """
    ids = tokenizer("", padding="max_length", max_length=tokenizer.model_max_length, return_tensors="pt").input_ids
    side, n_channels = _PROBE_SIDE, unet.config.in_channels
    noise = torch.randn(1, n_channels, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        words = text_encoder.to(device.device)(ids.to(device.device))[0]
        seen = noise.to(device.device, device.dtype)
        output = unet.to(device.device)(seen, _LAST_TIMESTEP, encoder_hidden_states=words).sample
    share = float((output.float().cpu() * noise).sum() / noise.square().sum())
    return Prediction.EPSILON if share > 0.5 else Prediction.V  # V too if half precision overflows: 2.1 is known for it

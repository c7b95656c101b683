"""Which device to draw on, and in which number format. Knows nothing of models or jobs.

A format is chosen by trying it: each operator a UNet and a VAE need runs once on the device in that format, so that a
half-precision type never reaches an operator that lacks it ("addmm_impl_cpu_" not implemented for 'Half').
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from engine.errors import EngineError

# In order of preference. float16 first on CUDA: what the Stable Diffusion weights are published in, and every card from
# Pascal on has it. A CPU gains nothing from either here (no AMX) and lacks operators in some builds.
_CANDIDATES = {
    "cuda": (torch.float16, torch.bfloat16, torch.float32),
    "mps": (torch.float16, torch.float32),
    "cpu": (torch.float32,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A place to draw: torch's `device`, the `dtype` of weights and activations, and how many such cards there are."""

    device: torch.device
    dtype: torch.dtype
    name: str
    n_devices: int

    def synchronize(self) -> None:
        """Wait until everything queued on the device has run, so that a clock tells the truth."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def free_cache(self) -> None:
        """Give freed memory back to the driver."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.device.type == "mps":
            torch.mps.empty_cache()


def choose(wanted: str) -> Device:
    """Find the device `wanted` ("auto", "cpu", "cuda", "cuda:1", "mps") and the best format its operators have.

    Raises: EngineError if that device is not here.
    """
    device = _best_device() if wanted == "auto" else _named(wanted)
    for dtype in _CANDIDATES[device.type]:
        if has_operators(device, dtype):
            return Device(device=device, dtype=dtype, name=_name(device), n_devices=_count(device))
    raise EngineError(f"The device {device} has not even the float32 operators that drawing needs.")


def has_operators(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether convolution, normalisation, attention, matrix product and interpolation all run there in that format.

    Raises: EngineError if the device has no memory left to find out.
    """
    try:
        with torch.inference_mode():
            x = torch.ones(1, 8, 8, 8, device=device, dtype=dtype)
            weight = torch.ones(8, 8, 3, 3, device=device, dtype=dtype)
            x = F.silu(F.group_norm(F.conv2d(x, weight, padding=1), 4))
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            tokens = x.flatten(2).transpose(1, 2)
            tokens = F.scaled_dot_product_attention(tokens, tokens, tokens)
            tokens = F.gelu(F.layer_norm(tokens, (8,)) @ weight[..., 0, 0]).softmax(-1)
            return bool(torch.isfinite(tokens.float()).all())
    except (RuntimeError, NotImplementedError, TypeError) as exc:
        if is_out_of_memory(exc):
            raise EngineError(f"The device {device} is full: another program uses all of its memory.") from exc
        return False


def is_out_of_memory(exc: BaseException) -> bool:
    """Whether an error means that the device is full: torch has a type for it on CUDA, and words elsewhere."""
    words = ("out of memory", "can't allocate memory", "alloc_failed", "not enough memory")
    return isinstance(exc, torch.OutOfMemoryError | MemoryError) or any(word in str(exc).lower() for word in words)


def _best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda:0")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _named(wanted: str) -> torch.device:
    try:
        device = torch.device(wanted)
    except RuntimeError as exc:
        raise EngineError(f"{wanted!r} is no device: use auto, cpu, cuda, cuda:1 … or mps.") from exc
    if device.type not in _CANDIDATES:
        raise EngineError(f"Darkroom cannot draw on {wanted!r}: use auto, cpu, cuda, cuda:1 … or mps.")
    n_here = _count(device)
    if n_here == 0 or (device.index or 0) >= n_here:
        raise EngineError(f"There is no device {wanted!r} here ({n_here} of its kind); try auto or cpu.")
    return torch.device("cuda:0") if wanted == "cuda" else device


def _count(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    return 1 if device.type == "cpu" else int(torch.backends.mps.is_available())


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type}, {_threads(device)}"


def _threads(device: torch.device) -> str:
    return f"{torch.get_num_threads()} threads" if device.type == "cpu" else "Apple GPU"

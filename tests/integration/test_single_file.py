"""One .safetensors file in the original layout draws what the diffusers folder draws; a bad one says why it cannot."""

import json
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import diffusers
import huggingface_hub.constants
import pytest
import torch
import transformers
from accelerate import init_empty_weights
from safetensors.torch import save_file

from engine import catalog
from engine.domain import Job, Mode, Recipe, Sampler
from engine.errors import ModelError
from engine.worker import device, layout, models, single_file
from engine.worker.layout import Family, Prediction
from tests.fakes import inline_worker, original_layout, tiny_models
from tests.fakes.original_layout import CLIP, OPEN_CLIP, UNET, VAE, Weights
from tests.fakes.tiny_models import Architecture, Size

pytestmark = pytest.mark.torch
# Three levels: the middle one has both an attention and an upsampler, which the original layout numbers differently.
SIZE = Size(channels=(16, 16, 32), layers=2)
CPU = device.Device(device=torch.device("cpu"), dtype=torch.float32, name="cpu", n_devices=1)
CAT = [49406, 320, 1125, 539, 320, 2368, 49407]  # "a photo of a cat", as every CLIP of OpenAI's vocabulary writes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same small model twice."""

    folder: Path
    file: Path
    weights: Weights  # of the file


@pytest.fixture(scope="module", params=[Architecture.SD1, Architecture.SD2_V])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("pair"), request.param, SIZE)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The smallest Stable Diffusion 1."""
    return make_pair(tmp_path_factory.mktemp("first"), Architecture.SD1, Size())


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The smallest Stable Diffusion 2."""
    return make_pair(tmp_path_factory.mktemp("second"), Architecture.SD2_V, Size())


def make_pair(place: Path, architecture: Architecture, size: Size) -> Pair:
    folder = tiny_models.build(place / "folder", architecture, size)
    return Pair(
        folder=folder,
        file=original_layout.write(folder, place / "single.safetensors"),
        weights=original_layout.weights_of(folder),
    )


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every try to reach the network, none of which succeeds; nothing tells the hub's library to stay offline."""
    tried: list[object] = []

    def refuse(*args: object, **_: object) -> None:
        tried.append(args)
        raise OSError("no network in this test")

    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


def load(path: Path) -> models.Model:
    return models.load(catalog.find(str(path)), path, CPU, lambda fraction, doing: None)


def refusal(path: Path) -> str:
    """The one sentence that says why the file cannot be used, without what all of them begin with."""
    with pytest.raises(ModelError) as caught:
        load(path)
    sentence, beginning = str(caught.value), f"The model {path} cannot be used: "
    assert sentence.startswith(beginning)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence.removeprefix(beginning)


def saved(pair: Pair, place: Path, weights: Weights, metadata: dict[str, str] | None = None) -> Path:
    """Those weights as a file with the pair's configurations beside it."""
    path = place / "mine.safetensors"
    shutil.copytree(pair.file.with_suffix(""), path.with_suffix(""))
    save_file(weights, path, metadata=metadata)
    return path


def shapes(*names: str) -> Weights:
    """Weights of no size worth mentioning."""
    return {name: torch.zeros(1) for name in names}


def test_a_single_file_holds_the_same_weights_as_the_folder(pair: Pair, calls: list[object]) -> None:
    """UNet, VAE and text encoder equal the folder's bit for bit, down to the names, and nobody is asked for more."""
    folder, file = load(pair.folder), load(pair.file)
    for part in ("unet", "vae", "text_encoder"):
        expected, found = (getattr(model.pipeline, part).state_dict() for model in (folder, file))
        assert found.keys() == expected.keys()
        assert [key for key in expected if not torch.equal(found[key], expected[key])] == []
        assert not any(
            parameter.is_meta or parameter.requires_grad for parameter in getattr(file.pipeline, part).parameters()
        )
    assert dict(file.scheduler_config) == dict(folder.scheduler_config)
    assert (file.family, file.prediction_type) == (folder.family, folder.prediction_type)
    words = "A crow, in the snow! ñ 雪"
    assert file.pipeline.tokenizer(words).input_ids == folder.pipeline.tokenizer(words).input_ids
    assert calls == []


@pytest.mark.parametrize("mode", Mode)
def test_a_single_file_draws_the_same_picture_as_the_folder(pair: Pair, mode: Mode) -> None:
    """Text to pixels, bit for bit, in either mode."""
    jobs = [
        Job(id=path.stem, owner="me", recipe=recipe(path, mode), n_pictures=1, source=None)
        for path in (pair.folder, pair.file)
    ]
    expected, found = (inline_worker.run(job).rasters[job.id][0] for job in jobs)
    assert found.rgb == expected.rgb
    assert len(set(found.rgb)) > 8  # it compares something


def recipe(path: Path, mode: Mode) -> Recipe:
    return Recipe(
        prompt="a red circle",
        negative="green",
        model=str(path),
        seed=5,
        steps=3,
        guidance=5.0,
        sampler=Sampler.DPMPP_2M,
        width_px=64,
        height_px=64,
        mode=mode,
    )


@pytest.mark.parametrize("change", ["unprefixed", "half", "rounded ids", "trained on", "own weights", "v-marked"])
def test_the_ways_of_saving_a_model_are_all_read(change: str, first: Pair, tmp_path: Path) -> None:
    """Old and new text encoder names, half precision, leftovers of training and of merging, weights beside it."""
    weights = dict(first.weights)
    match change:
        case "unprefixed":  # as written by converters since transformers 5.6
            weights = {key.replace(".text_model.", "."): tensor for key, tensor in weights.items()}
        case "half":
            weights = {key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in weights.items()}
        case "rounded ids":  # the merging tools' old fault
            weights[f"{CLIP}embeddings.position_ids"] = torch.full((1, 77), 41.3)
        case "trained on":
            weights |= shapes(
                "model_ema.decay", "model_ema.diffusion_modelconv", "first_stage_model.loss.logvar", "betas"
            )
        case "own weights":
            weights |= shapes("lora_te_leftover.alpha")
        case "v-marked":  # the folder beside it wins over the mark
            weights["v_pred"] = torch.tensor([])
    path = saved(first, tmp_path, weights)
    if change == "own weights":
        shutil.copy(first.folder / "vae" / "diffusion_pytorch_model.safetensors", path.with_suffix("") / "unet")
    found, expected = load(path), load(first.folder)
    text, tolerance = found.pipeline.text_encoder.state_dict(), 1e-3 if change == "half" else 0
    for key, tensor in expected.pipeline.text_encoder.state_dict().items():
        torch.testing.assert_close(text[key], tensor, rtol=tolerance, atol=tolerance)
    assert found.prediction_type == Prediction.EPSILON
    assert {parameter.dtype for parameter in found.pipeline.unet.parameters()} == {torch.float32}


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_weight_that_a_file_lacks_is_noticed(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Whatever is left out of a file, it is refused: nothing stays random. Every 41st weight is tried."""
    pair: Pair = request.getfixturevalue(which)
    unused = ("position_ids", "resblocks.2.", "text_projection", "logit_scale")
    needed = [key for key in pair.weights if not any(word in key for word in unused)]
    path = saved(pair, tmp_path, {})
    for key in [*needed[::41], needed[-1]]:
        save_file({name: tensor for name, tensor in pair.weights.items() if name != key}, path)
        assert "lacks" in refusal(path), key


PIECES: dict[str, tuple[Weights, str]] = {
    "LoRA": (shapes("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"), "it is a LoRA"),
    "diffusers LoRA": (shapes("unet.down_blocks.0.attentions.0.to_q.lora_A.weight"), "it is a LoRA"),
    "LoKr": (shapes("lora_unet_down_blocks_0.lokr_w1"), "it is a LoRA"),
    "textual inversion": (shapes("emb_params"), "it is a textual inversion"),
    "ControlNet": (shapes("control_model.time_embed.0.weight"), "it is a ControlNet"),
    "diffusers ControlNet": (shapes("controlnet_cond_embedding.conv_in.weight", "conv_in.weight"), "a ControlNet"),
    "motion module": (shapes("down_blocks.0.motion_modules.0.temporal_transformer.norm.bias"), "AnimateDiff"),
    "SDXL": (shapes("conditioner.embedders.0.transformer.text_model.final_layer_norm.weight"), "Stable Diffusion XL"),
    "SD3": (shapes("model.diffusion_model.joint_blocks.0.x_block.mlp.fc1.weight"), "Stable Diffusion 3"),
    "Flux": (shapes("double_blocks.0.img_attn.norm.key_norm.scale"), "Flux"),
    "another network": (shapes("model.diffusion_model.blocks.0.weight", "vae.x"), "holds no UNet of Stable Diffusion"),
    "a language model": (shapes("lm_head.weight"), "its first weight being lm_head.weight"),
    "diffusers UNet": (shapes("down_blocks.0.resnets.0.conv1.weight", "conv_in.weight"), "give Darkroom that folder"),
    "VAE": (shapes(f"{VAE}encoder.conv_in.weight"), "a VAE and no UNet"),
    "plain VAE": (shapes("decoder.conv_in.weight"), "a VAE and no UNet"),
    "UNet": (shapes("input_blocks.0.0.weight"), "it is a UNet alone"),
    "text encoder": (shapes("text_model.final_layer_norm.weight"), "it is a text encoder alone"),
    "nothing": ({}, "it holds no UNet of Stable Diffusion 1 or 2, nor anything else"),
}


@pytest.mark.parametrize("kind", PIECES)
def test_what_is_no_model_is_called_by_its_name(kind: str, tmp_path: Path) -> None:
    """Other things that come as .safetensors, and models of other families."""
    weights, clause = PIECES[kind]
    save_file(weights, tmp_path / "it.safetensors")
    assert clause in refusal(tmp_path / "it.safetensors")


def without(prefix: str) -> Callable[[Weights], Weights]:
    return lambda weights: {key: tensor for key, tensor in weights.items() if not key.startswith(prefix)}


def wider(n_channels: int) -> Callable[[Weights], Weights]:
    return lambda weights: {**weights, f"{UNET}input_blocks.0.0.weight": torch.zeros(16, n_channels, 3, 3)}


def plus(name: str, tensor: torch.Tensor) -> Callable[[Weights], Weights]:
    return lambda weights: {**weights, name: tensor}


SPOILT: dict[str, tuple[Callable[[Weights], Weights], str]] = {
    "no VAE": (without(VAE), "it holds no VAE"),
    "no text encoder": (without(CLIP), "it holds no text encoder"),
    "AltDiffusion": (
        lambda weights: without(CLIP)(weights) | shapes("cond_stage_model.roberta.x"),
        "its text encoder is",
    ),
    "depth": (wider(5), "its UNet takes 5 channels and its VAE makes 4: it is a model for depth maps"),
    "upscaler": (wider(7), "for upscaling"),
    "instructions": (wider(8), "for editing by instruction"),
    "inpainting": (wider(9), "for inpainting"),
    "class labels": (plus(f"{UNET}label_emb.0.0.weight", torch.zeros(1)), "more than noise and words"),
    "layer without encoder": (without(f"{CLIP}encoder"), "its text encoder lacks 32 of its weights, such as encoder."),
    "shape": (
        plus(f"{UNET}out.2.bias", torch.zeros(5)),
        "its unet has a conv_out.bias of 5 where its configuration says 4",
    ),
    "too many": (plus(f"{UNET}input_blocks.1.1.scale_weight", torch.zeros(1)), "its unet has 1 weights that"),
    "packed": (plus(f"{UNET}out.2.bias", torch.zeros(4, dtype=torch.int8)), "its unet is packed as int8"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_model_says_what_is_wrong(kind: str, first: Pair, tmp_path: Path) -> None:
    """Parts left out, made for another purpose, of another shape or in another format."""
    spoil, clause = SPOILT[kind]
    assert clause in refusal(saved(first, tmp_path, spoil(first.weights)))


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda whole: b"", "it is empty"),
    "a web page": (lambda whole: b"<!doctype html><title>Sign in</title>", "it is no safetensors file (37 bytes"),
    "a pickle": (lambda whole: b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n.", "it is a pickle"),
    "a zipped pickle": (lambda whole: b"PK\x03\x04" + whole, "it is a pickle"),
    "cut in its weights": (lambda whole: whole[:-1000], "it is cut short ("),
    "cut in its header": (
        lambda whole: whole[:1000],
        "cut short or damaged within its table of contents (1,000 bytes)",
    ),
    "overwritten": (lambda whole: whole[:30] + b"\x00" * 200 + whole[230:], "within its table of contents"),
    "too long": (lambda whole: whole + b"more", "its table of contents contradicts itself"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_says_what_is_wrong(kind: str, first: Pair, tmp_path: Path, calls: list[object]) -> None:
    """Half a download, an error page in its place, a pickle in disguise (which is not opened)."""
    spoil, clause = BROKEN[kind]
    path = saved(first, tmp_path, first.weights)
    path.write_bytes(spoil(first.file.read_bytes()))
    assert clause in refusal(path)
    assert calls == []


def test_a_model_of_another_size_needs_its_configuration_beside_it(first: Pair, tmp_path: Path) -> None:
    """The shipped configurations are those of the published sizes."""
    save_file(first.weights, tmp_path / "mine.safetensors")
    assert "its UNet reads 32 numbers per word where Stable Diffusion 1 has 768, and no folder mine" in refusal(
        tmp_path / "mine.safetensors"
    )


@pytest.mark.parametrize(
    ("name", "value", "clause"),
    [
        ("_class_name", "StableDiffusionXLPipeline", "the folder mine beside it does not describe"),
        ("unet", ["diffusers", "UNet3DConditionModel"], "the folder mine beside it does not describe"),
    ],
)
def test_a_folder_for_another_kind_of_model_is_refused(
    name: str, value: object, clause: str, first: Pair, tmp_path: Path
) -> None:
    """What lies beside a file has to be about it."""
    path = saved(first, tmp_path, first.weights)
    index = path.with_suffix("") / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {name: value}))
    assert clause in refusal(path)


@pytest.mark.parametrize(
    ("mark", "metadata", "expected", "scheduler"),
    [
        ("v_pred", {}, Prediction.V, "DDIMScheduler"),
        ("", {"modelspec.prediction_type": "v"}, Prediction.V, "DDIMScheduler"),
        ("", {"modelspec.predict_key": "epsilon"}, Prediction.EPSILON, "PNDMScheduler"),
        ("", {"ss_v_parameterization": "True"}, Prediction.V, "DDIMScheduler"),
        ("", {"modelspec.architecture": "stable-diffusion-v2-768-v"}, Prediction.V, "DDIMScheduler"),
        ("", {"modelspec.architecture": "stable-diffusion-v2-512"}, Prediction.EPSILON, "PNDMScheduler"),
    ],
    ids=str,
)
def test_a_file_tells_what_its_unet_predicts(
    mark: str, metadata: dict[str, str], expected: Prediction, scheduler: str, second: Pair, tmp_path: Path
) -> None:
    """Marks and metadata are believed where no scheduler lies beside the file; the shipped one then follows."""
    weights = second.weights | ({mark: torch.tensor([])} if mark else {})
    path = saved(second, tmp_path, weights, metadata)
    (path.with_suffix("") / "scheduler" / "scheduler_config.json").unlink()
    model = load(path)
    assert (model.prediction_type, type(model.pipeline.scheduler).__name__) == (expected, scheduler)


class EchoUNet(torch.nn.Module):
    """Gives back what it is shown, times `share`: what the last timestep makes of a network of either kind."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share, self.config, self.asked = share, SimpleNamespace(in_channels=4), list[object]()

    def forward(self, sample: torch.Tensor, timestep: int, encoder_hidden_states: torch.Tensor) -> SimpleNamespace:
        """The diffusers signature."""
        self.asked.append((timestep, tuple(encoder_hidden_states.shape)))
        return SimpleNamespace(sample=self.share * sample + 0.3)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.98, Prediction.EPSILON), (0.15, Prediction.V), (-0.1, Prediction.V), (float("nan"), Prediction.V)],
)
def test_one_look_at_noise_tells_what_a_unet_predicts(share: float, expected: Prediction, first: Pair) -> None:
    """A network that predicts the noise gives the noise back, one that predicts v does not."""
    pipeline, unet = load(first.folder).pipeline, EchoUNet(share)
    assert single_file._try_prediction(unet, pipeline.text_encoder, pipeline.tokenizer, CPU) is expected
    assert unet.asked == [(999, (1, 77, 32))]


@pytest.mark.parametrize(("mark", "expected"), [("", Prediction.EPSILON), ("v_pred", Prediction.V)])
def test_a_first_model_predicts_noise_unless_it_is_marked(
    mark: str, expected: Prediction, first: Pair, tmp_path: Path
) -> None:
    """Nothing is tried out: what was published as Stable Diffusion 1 predicts noise."""
    path = saved(first, tmp_path, first.weights | ({mark: torch.tensor([])} if mark else {}))
    (path.with_suffix("") / "scheduler" / "scheduler_config.json").unlink()
    model = load(path)
    assert (model.prediction_type, type(model.pipeline.scheduler).__name__) == (expected, "PNDMScheduler")


def test_an_unmarked_file_is_tried_out(second: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mark or a scheduler beside it, the UNet itself decides, and keeps its weights."""
    path = saved(second, tmp_path, second.weights)
    for name in ("unet/config.json", "scheduler/scheduler_config.json"):
        (path.with_suffix("") / name).unlink()
    configs = tmp_path / "configs"  # the shipped ones, but for UNets of this size
    shutil.copytree(single_file.CONFIGS, configs)
    small = json.loads((second.folder / "unet" / "config.json").read_text())
    for name, side in (("sd2-base", 64), ("sd2-v", 96)):
        (configs / name / "unet" / "config.json").write_text(json.dumps(small | {"sample_size": side}))
    monkeypatch.setattr(single_file, "CONFIGS", configs)
    monkeypatch.setitem(single_file._NUMBERS_PER_WORD, Family.SD2, 32)
    for expected, side in ((Prediction.EPSILON, 64), (Prediction.V, 96)):
        monkeypatch.setattr(single_file, "_try_prediction", lambda *_, answer=expected: answer)
        model = load(path)
        assert (model.prediction_type, model.pipeline.unet.config.sample_size) == (expected, side)
        expected_weights = load(second.folder).pipeline.unet.state_dict()
        found = model.pipeline.unet.state_dict()
        assert all(torch.equal(found[key], tensor) for key, tensor in expected_weights.items())


@pytest.mark.parametrize(("shipped", "pad"), [("sd1", 49407), ("sd2-base", 0), ("sd2-v", 0)])
def test_the_shipped_vocabulary_is_clips(shipped: str, pad: int, calls: list[object]) -> None:
    """One vocabulary, two kinds of padding, and no network."""
    tokenizer = single_file._tokenizer(single_file._Configs(shipped=single_file.CONFIGS / shipped, own=None))
    assert tokenizer("a photo of a cat").input_ids == CAT
    padded = tokenizer("A photo of  a CAT", padding="max_length", truncation=True).input_ids
    assert padded == CAT + [pad] * (77 - len(CAT))
    assert calls == []


@pytest.mark.parametrize(
    ("shipped", "n_unet", "n_text", "prediction", "side_px"),
    [
        ("sd1", 859_520_964, 123_060_480, "epsilon", 512),
        ("sd2-base", 865_910_724, 340_387_840, "epsilon", 512),
        ("sd2-v", 865_910_724, 340_387_840, "v_prediction", 768),
    ],
)
def test_the_shipped_configurations_are_the_published_models(
    shipped: str, n_unet: int, n_text: int, prediction: str, side_px: int
) -> None:
    """Their networks have the published numbers of parameters (built without memory for them)."""
    configs = single_file._Configs(shipped=single_file.CONFIGS / shipped, own=None)
    unet = single_file._empty_unet(configs)
    with init_empty_weights():
        vae = diffusers.AutoencoderKL.from_config(configs.read("vae/config.json"))
        text = transformers.CLIPTextModel(
            transformers.CLIPTextConfig.from_dict(configs.read("text_encoder/config.json"))
        )
    assert [sum(parameter.numel() for parameter in part.parameters()) for part in (unet, text, vae)] == [
        n_unet,
        n_text,
        83_653_863,
    ]
    assert unet.config.sample_size * 8 == side_px
    assert configs.read("scheduler/scheduler_config.json")["prediction_type"] == prediction


def test_open_clip_keeps_its_halves_apart(second: Pair) -> None:
    """The last, unused layer of the text encoder is not taken for the one before it."""
    checkpoint = layout.recognise(second.file)
    assert (checkpoint.family, checkpoint.told_prediction) == (Family.SD2, None)
    model = load(second.file).pipeline.text_encoder
    packed = second.weights[f"{OPEN_CLIP}transformer.resblocks.1.attn.in_proj_weight"]
    attention = model.encoder.layers[1].self_attn
    found = torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight])
    assert torch.equal(found, packed)

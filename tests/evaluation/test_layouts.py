"""Weights by others: a file gives the class token of the network it is of, or is refused."""

import argparse
import pickle

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN
from timm.models import register_model
from timm.models._hub import save_for_hf
from timm.models.vision_transformer import _create_vision_transformer
from torch.nn.functional import conv2d, gelu, layer_norm, linear, silu

from starmass.encoders import EncoderDescription, create_encoder, encode, save_encoder
from starmass.errors import InputError
from starmass.evaluation.encoding import read_encoder
from starmass.evaluation.layouts import fill, read_layout

WIDTH, DEPTH, HEADS, PATCH, SIDE = 48, 2, 3, 16, 64


@register_model
def vit_mite_patch16_96(pretrained=False, **given):
    """One of timm's own transformers, only smaller than any that it has a name for."""
    sizes = {"img_size": 96, "embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS}
    return _create_vision_transformer("vit_mite_patch16_96", pretrained, **{**sizes, **given})


NAME = vit_mite_patch16_96.__name__


def official(seed, *, registers=0, layer_scale=False, width=WIDTH, depth=DEPTH, hidden=None):
    """Tensors of a vision transformer in DINOv2's names; DINO, MAE and MSN have some of them."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape, about=0.0, spread=0.05):
        return about + spread * torch.randn(*shape, generator=random)

    tensors = {
        "cls_token": draw(1, 1, width, spread=1.0),
        "pos_embed": draw(1, (SIDE // PATCH) ** 2 + 1, width, spread=0.5),
        "patch_embed.proj.weight": draw(width, 3, PATCH, PATCH),
        "patch_embed.proj.bias": draw(width),
        "norm.weight": draw(width, about=1.0),
        "norm.bias": draw(width),
    }
    if registers:
        tensors["register_tokens"] = draw(1, registers, width, spread=1.0)
    for block in range(depth):
        shapes = {
            "norm1.weight": (width,), "norm1.bias": (width,), "norm2.weight": (width,),
            "norm2.bias": (width,), "attn.qkv.weight": (3 * width, width),
            "attn.qkv.bias": (3 * width,), "attn.proj.weight": (width, width),
            "attn.proj.bias": (width,),
        }  # fmt: skip
        inner = hidden or 4 * width
        first, second, rows = ("w12", "w3", 2 * inner) if hidden else ("fc1", "fc2", inner)
        shapes |= {f"mlp.{first}.weight": (rows, width), f"mlp.{first}.bias": (rows,)}
        shapes |= {f"mlp.{second}.weight": (width, inner), f"mlp.{second}.bias": (width,)}
        if layer_scale:
            shapes |= {"ls1.gamma": (width,), "ls2.gamma": (width,)}
        for name, shape in shapes.items():
            about = 1.0 if name in ("norm1.weight", "norm2.weight", "ls1.gamma") else 0.0
            spread = 0.5 if "gamma" in name else 0.05
            tensors[f"blocks.{block}.{name}"] = draw(*shape, about=about, spread=spread)
    return tensors


def class_token(t, images, heads=HEADS, depth=DEPTH):
    """What the official code computes from them, written out: [N, 3, H, W] -> [N, width]."""
    width = t["norm.weight"].shape[0]
    x = conv2d(images, t["patch_embed.proj.weight"], t["patch_embed.proj.bias"], stride=PATCH)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([t["cls_token"].expand(len(x), -1, -1), x], 1) + t["pos_embed"]
    if "register_tokens" in t:
        x = torch.cat([x[:, :1], t["register_tokens"].expand(len(x), -1, -1), x[:, 1:]], 1)
    for block in range(depth):
        b = {
            name.split(".", 2)[2]: v for name, v in t.items() if name.startswith(f"blocks.{block}.")
        }
        y = layer_norm(x, (width,), b["norm1.weight"], b["norm1.bias"], 1e-6)
        y = linear(y, b["attn.qkv.weight"], b["attn.qkv.bias"])
        q, k, v = y.unflatten(-1, (3, heads, width // heads)).permute(2, 0, 3, 1, 4)
        y = ((q @ k.transpose(-1, -2)) / (width // heads) ** 0.5).softmax(-1) @ v
        y = linear(y.transpose(1, 2).flatten(2), b["attn.proj.weight"], b["attn.proj.bias"])
        x = x + y * b.get("ls1.gamma", 1.0)
        y = layer_norm(x, (width,), b["norm2.weight"], b["norm2.bias"], 1e-6)
        if "mlp.w12.weight" in b:
            gate, value = linear(y, b["mlp.w12.weight"], b["mlp.w12.bias"]).chunk(2, -1)
            y = linear(silu(gate) * value, b["mlp.w3.weight"], b["mlp.w3.bias"])
        else:
            y = gelu(linear(y, b["mlp.fc1.weight"], b["mlp.fc1.bias"]))
            y = linear(y, b["mlp.fc2.weight"], b["mlp.fc2.bias"])
        x = x + y * b.get("ls2.gamma", 1.0)
    return layer_norm(x, (width,), t["norm.weight"], t["norm.bias"], 1e-6)[:, 0]


def prefixed(prefix, tensors):
    return {prefix + name: tensor for name, tensor in tensors.items()}


def chunked(tensors, chunk=1):
    """As DINOv2's FSDP: blocks lie in chunks, and their number counts through."""
    names = {n: n.split(".") for n in tensors}
    return {
        ".".join(["blocks", str(int(w[1]) // chunk), *w[1:]]) if w[0] == "blocks" else n: tensors[n]
        for n, w in names.items()
    }


HEAD = {"mlp.0.weight": torch.zeros(4, 4), "last_layer.weight_g": torch.ones(4, 1)}
DECODER = {
    "mask_token": torch.zeros(1, 1, 8), "decoder_embed.weight": torch.zeros(8, WIDTH),
    "decoder_pos_embed": torch.zeros(1, 17, 8), "decoder_blocks.0.norm1.weight": torch.ones(8),
    "decoder_norm.bias": torch.zeros(8), "decoder_pred.weight": torch.zeros(768, 8),
}  # fmt: skip
OPTIMISER = {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1}]}
LAYOUTS = {
    "DINO, the backbone": lambda own, other: own,
    "DINO, a checkpoint": lambda own, other: {
        "student": prefixed("module.backbone.", other) | prefixed("module.head.", HEAD),
        "teacher": prefixed("backbone.", own) | prefixed("head.", HEAD),
        "optimizer": OPTIMISER, "epoch": 3, "args": argparse.Namespace(lr=0.1, output_dir="."),
        "dino_loss": {"center": torch.zeros(1, 4)},
    },
    "DINOv2, released": lambda own, other: own | {"mask_token": torch.zeros(1, WIDTH)},
    "DINOv2, the teacher": lambda own, other: {
        "teacher": prefixed("backbone.", chunked(own)) | prefixed("dino_head.", HEAD)
    },
    "DINOv2, a checkpoint": lambda own, other: {
        "model": prefixed("student.backbone.", chunked(other))
        | prefixed("student.ibot_head.", HEAD) | prefixed("teacher.backbone.", chunked(own))
        | prefixed("teacher.ibot_head.", HEAD) | {"dino_loss.center": torch.zeros(1, 4)},
        "iteration": 7,
    },
    "MAE": lambda own, other: {
        "model": own | DECODER, "optimizer": OPTIMISER, "epoch": 1, "scaler": {},
        "args": argparse.Namespace(batch_size=64),
    },
    "MSN": lambda own, other: {
        "encoder": prefixed("module.", other | {"fc.fc1.weight": torch.zeros(4, WIDTH)}),
        "target_encoder": prefixed("module.", own | {"fc.bn1.running_var": torch.ones(4)}),
        "prototypes": torch.zeros(8, 4), "opt": OPTIMISER, "epoch": 1, "lr": 0.1,
    },
    "timm, a checkpoint": lambda own, other: {
        "state_dict": prefixed("module.", own | {"head.weight": torch.zeros(5, WIDTH)}),
        "arch": NAME, "epoch": 2,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(5))


def found(path, images, **options):
    model, description = read_encoder(path, architecture=NAME, **options)
    return encode(model.cpu(), images), description


@pytest.mark.parametrize(("registers", "layer_scale"), [(0, False), (0, True), (3, True)])
def test_official_layouts_give_their_networks_class_token(tmp_path, images, registers, layer_scale):
    made = {"registers": registers, "layer_scale": layer_scale}
    own, other = official(1, **made), official(2, **made)
    right = class_token(own, images).numpy()
    assert np.abs(class_token(other, images).numpy() - right).max() > 0.1
    layouts = LAYOUTS if layer_scale else dict(list(LAYOUTS.items())[:3])
    for layout, write in layouts.items():
        torch.save(write(own, other), tmp_path / "file.pth")
        got, description = found(tmp_path / "file.pth", images)
        np.testing.assert_allclose(got, right, atol=2e-4, err_msg=layout)
        assert description.image_size == SIDE, layout
        # Random weights have the file's architecture.
        random, _ = read_encoder(tmp_path / "file.pth", architecture=NAME, weights="random")
        assert (random.num_reg_tokens, hasattr(random.blocks[0].ls1, "gamma")) == (
            registers,
            layer_scale,
        )


def test_what_timm_wrote_is_read_as_it_was(tmp_path, images):
    """Registers with positions or without, LayerScale and grids that the name does not have."""
    for arguments in (
        {"init_values": 1e-5},
        {"reg_tokens": 4},
        {"reg_tokens": 4, "no_embed_class": True, "init_values": 0.3},
        {"no_embed_class": True},
    ):
        torch.manual_seed(3)
        own = timm.create_model(NAME, img_size=SIDE, num_classes=4, **arguments).eval()
        with torch.no_grad():
            for name, parameter in own.named_parameters():
                if "gamma" in name or "token" in name or name == "pos_embed":
                    parameter.normal_()
            right = own.forward_features(images)[:, 0].numpy()
        safetensors.torch.save_file(own.state_dict(), tmp_path / "own.safetensors")
        got, description = found(tmp_path / "own.safetensors", images)
        np.testing.assert_allclose(got, right, atol=2e-4, err_msg=str(arguments))
        assert set(arguments) == set(description.arguments)


@pytest.mark.parametrize("name", ["deit_tiny_distilled_patch16_224", "deit3_small_patch16_224"])
def test_deit_is_read_by_its_name_or_by_that_of_a_vit(tmp_path, images, name):
    """A distilled one has a second class token, and DeiT III LayerScale and bare class tokens."""
    torch.manual_seed(4)
    own = timm.create_model(name, img_size=SIDE, dynamic_img_size=True).eval()
    with torch.no_grad():
        for key, parameter in own.named_parameters():
            if "gamma" in key or "token" in key or key == "pos_embed":
                parameter.normal_()
        right = own.forward_features(images)
    torch.save({"model": own.state_dict()}, tmp_path / "deit.pth")
    for asked in (name, f"vit_{'small' if '3' in name else 'tiny'}_patch16_224"):
        model, description = read_encoder(tmp_path / "deit.pth", architecture=asked)
        got = encode(model.cpu(), images, tokens="class_mean")
        patches = right[:, own.num_prefix_tokens :].mean(dim=1)
        both = torch.cat([right[:, 0], patches], dim=1).numpy()
        np.testing.assert_allclose(got, both, atol=2e-4, err_msg=asked)
        assert (description.mean == IMAGENET_DEFAULT_MEAN) == asked.startswith("deit")


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224"])
def test_a_folder_of_timms_hub_gives_its_models_features(tmp_path, images, name):
    """timm itself writes the folder; its models there end with classifiers, DeiT's with two."""
    torch.manual_seed(5)
    own = timm.create_model(name, num_classes=7, dynamic_img_size=True).eval()
    with torch.no_grad():
        for key, parameter in own.named_parameters():
            if "token" in key or key == "pos_embed":
                parameter.normal_()
        right = own.forward_features(images)
    save_for_hf(own, tmp_path, safe_serialization="both")
    both = [right[:, 0], right[:, own.num_prefix_tokens :].mean(dim=1)]
    for file in ("model.safetensors", "pytorch_model.bin"):
        model, _ = read_encoder(tmp_path / file, architecture=name)
        got = encode(model.cpu(), images, tokens="class_mean")
        np.testing.assert_allclose(got, torch.cat(both, dim=1).numpy(), atol=2e-4, err_msg=file)


def test_swiglu_is_timms_where_the_name_has_it(images):
    """The only names that have it have a billion weights: a small one of the kind is filled."""
    tensors = official(4, registers=4, layer_scale=True, width=48, depth=2, hidden=40)
    model = timm.create_model(
        "vit_giant_patch14_reg4_dinov2", img_size=SIDE, patch_size=PATCH, embed_dim=48, depth=2,
        num_heads=3, mlp_ratio=80 / 48, num_classes=0,
    ).eval()  # fmt: skip
    fill(model, read_layout(tensors, model, "file").tensors, "giant", "file")
    with torch.no_grad():
        got = model.forward_features(images)[:, 0].numpy()
    np.testing.assert_allclose(got, class_token(tensors, images, 3, 2).numpy(), atol=1e-4)


def without(tensors, *names):
    return {name: tensor for name, tensor in tensors.items() if name not in names}


REFUSED = {
    "a tensor too many": (
        lambda own: own | {"blocks.1.attn.q_norm.weight": torch.ones(16)},
        r"1 of its 31 tensors have no place there, the first 'blocks\.1\.attn\.q_norm\.weight';"
        r" .*norms within its attention",
    ),
    "a block too many": (
        lambda own: own | prefixed("blocks.2.", {"norm1.weight": torch.ones(WIDTH)}),
        r"the first 'blocks\.2\.norm1\.weight'; name the timm model that it was written from",
    ),
    "a tensor too few": (
        lambda own: without(own, "blocks.1.mlp.fc1.bias"),
        r"1 tensors of the model are missing, the first 'blocks\.1\.mlp\.fc1\.bias'",
    ),
    "LayerScale in part": (
        lambda own: own | {"blocks.1.ls1.gamma": torch.ones(WIDTH)},
        r"'blocks\.1\.ls1\.gamma'; one of the two has LayerScale",
    ),
    "SwiGLU": (
        lambda own: official(1, hidden=40),
        r"MLPs are SwiGLU, as those of vit_giant_patch14_dinov2",
    ),
    "tuned for the mean": (
        lambda own: (
            without(own, "norm.weight", "norm.bias") | {"fc_norm.weight": torch.ones(WIDTH)}
        ),
        r"'fc_norm\.weight'; 2 tensors .*missing, the first 'norm\.weight'; one of the two was"
        r" tuned for the mean",
    ),
    "another patch": (
        lambda own: own | {"patch_embed.proj.weight": torch.zeros(WIDTH, 3, 8, 8)},
        r"patch_embed\.proj\.weight is 48x3x8x8 in the file, and not 48x3x16x16",
    ),
    "another width": (
        lambda own: official(1, width=384, depth=1),
        r"name a model of the file's sizes, as vit_small_patch16_224",
    ),
    "no square": (
        lambda own: own | {"pos_embed": torch.zeros(1, 20, WIDTH)},
        "pos_embed holds 20 positions, which are no square",
    ),
    "two networks": (
        lambda own: {"model": own, "model_ema": own},
        r"holds 2 networks, model and model_ema; save the state_dict of the one",
    ),
    "a network and a stranger": (
        lambda own: prefixed("backbone.", own) | {"adapter.weight": torch.ones(3)},
        r"1 of its tensors lie beside backbone and belong to nothing known, the first is"
        r" 'adapter\.weight'",
    ),
    "another layout": (
        lambda own: prefixed("embeddings.", own),
        r"the first 'embeddings\..*30 tensors .*missing.*layouts of timm, DeiT, DINO, DINOv2, MAE",
    ),
    "blocks numbered twice": (
        lambda own: own | {"blocks.0.0.norm1.weight": torch.ones(WIDTH)},
        "two of its tensors would be called",
    ),
    "one channel": (
        lambda own: own | {"patch_embed.proj.weight": torch.zeros(WIDTH, 1, PATCH, PATCH)},
        "made for 1 channel.*mean has 3 numbers; give the features' keys mean and std",
    ),
    "weights that are no numbers": (
        lambda own: own | {"norm.bias": torch.full((WIDTH,), torch.nan)},
        r"norm\.bias has values that are not finite",
    ),
    "quantised": (
        lambda own: own | {"norm.bias": torch.ones(WIDTH, dtype=torch.int8)},
        r"norm\.bias is of torch\.int8",
    ),
    "a list": (lambda own: [1, 2], r"holds a list, and no tensors by name"),
    "no tensors": (
        lambda own: {"epoch": 3, "args": argparse.Namespace()},
        r"its keys: epoch, args",
    ),
    "a whole model": (
        lambda own: torch.nn.Linear(2, 2),
        r"other objects of Python \(torch\.nn\.modules\.linear\.Linear\).*state_dict\(\) alone",
    ),
}


def test_what_does_not_fit_is_one_sentence_and_never_advises_to_run_code(tmp_path):
    own = official(1)
    for name, (harm, words) in REFUSED.items():
        torch.save(harm(own), tmp_path / "file.pth")
        with pytest.raises(InputError, match=words) as caught:
            read_encoder(tmp_path / "file.pth", architecture=NAME)
        said = str(caught.value)
        assert "weights_only" not in said and "\n" not in said and len(said) < 600, name


def test_damaged_files_are_one_sentence(tmp_path):
    path, tensors = tmp_path / "file.pth", {"patch_embed.proj.weight": torch.ones(40, 40)}
    torch.save(tensors, path)
    old = tmp_path / "old.pth"
    torch.save(tensors, old, _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(tensors, tmp_path / "file.safetensors")
    whole = [path.read_bytes(), old.read_bytes(), (tmp_path / "file.safetensors").read_bytes()]
    broken = [data[: int(share * len(data))] for data in whole for share in (0.01, 0.3, 0.7, 0.99)]
    for data in [b"", b"no tensors", pickle.dumps({"a": print}), *broken]:
        path.write_bytes(data)
        with pytest.raises(InputError, match="not a readable file of tensors by name") as caught:
            read_encoder(path, architecture=NAME)
        assert "weights_only" not in str(caught.value) and "\n" not in str(caught.value)


def test_our_own_file_says_what_it_is_under_a_timm_name_too(tmp_path, images):
    own = EncoderDescription(
        NAME, SIDE, PATCH, mean=(0.1, 0.2, 0.3), std=(0.2, 0.3, 0.4),
        arguments={"init_values": 0.3, "depth": 3},
    )  # fmt: skip
    model, path = create_encoder(own, 1).eval(), tmp_path / "teacher.safetensors"
    save_encoder(path, model, own)
    got, description = found(path, images, mean=[0.1, 0.2, 0.3])
    np.testing.assert_array_equal(got, encode(model, images))
    assert (description.mean, description.std) == (own.mean, own.std)
    for options, words in (
        (
            {"architecture": "vit_small_patch16_224"},
            f"architecture {NAME}, and the config says vit_small",
        ),
        (
            {"architecture": NAME, "std": [1, 1, 1]},
            r"std \(0\.2, 0\.3, 0\.4\), and the config says \(1",
        ),
    ):
        with pytest.raises(InputError, match=f"describes itself, with {words}"):
            read_encoder(path, **options)


def test_mean_and_std_are_the_configs_before_timms(tmp_path, images, caplog):
    caplog.set_level("INFO", logger="starmass")
    tensors = official(1)
    torch.save(tensors, tmp_path / "three.pth")
    _, description = found(tmp_path / "three.pth", images)
    assert description.mean == IMAGENET_DEFAULT_MEAN and f"timm's for {NAME}" in caplog.text
    _, description = found(tmp_path / "three.pth", images, mean=[0.4, 0.5, 0.6], std=[1, 2, 3])
    assert (description.mean, description.std) == ((0.4, 0.5, 0.6), (1, 2, 3))
    grey = tensors | {"patch_embed.proj.weight": tensors["patch_embed.proj.weight"][:, :1]}
    torch.save(grey, tmp_path / "one.pth")
    got, description = found(tmp_path / "one.pth", images[:, :1], mean=[0.4], std=[2.0])
    assert description.in_channels == 1
    np.testing.assert_allclose(got, class_token(grey, images[:, :1]).numpy(), atol=2e-4)


def test_a_model_without_a_class_token_is_not_read_at_a_patch(images):
    model = timm.create_model(
        NAME, img_size=SIDE, depth=1, class_token=False, global_pool="avg", num_classes=0,
        dynamic_img_size=True,
    ).eval()  # fmt: skip
    for tokens in ("class", "class_mean"):
        with pytest.raises(InputError, match="has no class token; choose mean"):
            encode(model, images, tokens=tokens)
    assert encode(model, images, tokens="mean").shape == (2, WIDTH)

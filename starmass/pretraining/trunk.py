"""Runs a timm vision transformer in training: masked patches, some patches only, dropped blocks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from timm.layers import Attention
from timm.models import VisionTransformer
from torch import Tensor
from torch.nn.functional import linear, pixel_unshuffle
from torch.utils.checkpoint import checkpoint


def run_trunk(
    model: VisionTransformer,
    images: Tensor,
    *,
    mask: Tensor | None = None,
    mask_token: Tensor | None = None,
    seen: Tensor | None = None,
    drop_path: float = 0.0,
) -> Tensor:
    """Return all tokens after the final norm, [N, prefix + patches, width].

    Parameters
    ----------
    images : [N, C, H, W], any size in whole patches; positions are interpolated
    mask : bool [N, patches]; these patches' embeddings are replaced by ``mask_token`` [width]
        before positions are added
    seen : int64 [N, S]; only these patches go through the blocks, with their positions, and come
        out
    drop_path : share of the images that skip each half block (stochastic depth); drawn from torch's
        generator
    """
    if seen is not None:
        tokens = _embed_seen(model, images, seen)
    else:
        patches = model.patch_embed(images)
        if mask is not None and mask_token is not None:
            patches = torch.where(
                mask.view(*patches.shape[:3], 1), mask_token.to(patches.dtype), patches
            )
        tokens = model._pos_embed(patches)
    tokens = model.norm_pre(tokens)
    for block in model.blocks:
        run = partial(_run_block, block, drop_path) if drop_path > 0 else block
        # The recomputation draws the same random numbers: torch keeps its generator's state for it.
        tokens = (
            checkpoint(run, tokens, use_reentrant=False)
            if model.grad_checkpointing and torch.is_grad_enabled()
            else run(tokens)
        )
    return model.norm(tokens)


def _embed_seen(model: VisionTransformer, images: Tensor, seen: Tensor) -> Tensor:
    """Embed the patches ``seen`` [N, S] alone, with their positions, behind the prefix tokens.

    The convolution of timm's patch embedding is a linear layer of each patch's pixels, so the
    patches that nobody sees need not be computed.
    """
    embedding: Any = model.patch_embed
    kernel = embedding.proj
    pixels = pixel_unshuffle(images, kernel.kernel_size[0])  # [N, C size^2, rows, columns]
    grid = pixels.shape[-2:]
    pixels = pixels.flatten(2).mT
    pixels = pixels.gather(1, seen[..., None].expand(-1, -1, pixels.shape[-1]))
    patches = embedding.norm(linear(pixels, kernel.weight.flatten(1), kernel.bias))
    prefix, positions = model._pos_embed(patches.new_zeros(1, *grid, patches.shape[-1])).split(
        [model.num_prefix_tokens, grid[0] * grid[1]], dim=1
    )
    return torch.cat([prefix.expand(len(patches), -1, -1), patches + positions[0][seen]], dim=1)


def choose_attention(network: torch.nn.Module, device: torch.device, precision: str) -> None:
    """Choose how attention is computed, forward and backward.

    torch's fused attention on CPUs is slow in bfloat16, going backwards above all; plain products
    of matrices are not.
    """
    if device.type == "cpu" and precision == "bfloat16":
        attentions: list[Any] = [part for part in network.modules() if isinstance(part, Attention)]
        for attention in attentions:
            attention.fused_attn = False


def bfloat16_is_slow(device: torch.device) -> bool:
    """Return whether a CPU lacks instructions for bfloat16, so that torch emulates them.

    It is False where torch does not tell: in old releases, and on other than x86 processors.
    """
    if device.type != "cpu":
        return False
    found: dict = getattr(torch.cpu, "get_capabilities", dict)()
    return found.get("architecture") == "x86_64" and not (
        found.get("avx512_bf16") or found.get("amx_bf16")
    )


def compile_blocks(model: VisionTransformer, drop_path: float, backend: str = "inductor") -> None:
    """Have torch compile what a block does, once for all blocks of a shape.

    With stochastic depth it compiles attention and MLP alone.
    """
    blocks: Any = model.blocks
    for block in blocks:
        for part in (block.attn, block.mlp) if drop_path > 0 else (block,):
            part.compile(dynamic=False, backend=backend)


def _run_block(block: Any, drop: float, tokens: Tensor) -> Tensor:
    tokens = _add_for_some(tokens, lambda some: block.ls1(block.attn(block.norm1(some))), drop)
    return _add_for_some(tokens, lambda some: block.ls2(block.mlp(block.norm2(some))), drop)


def _add_for_some(tokens: Tensor, branch: Callable[[Tensor], Tensor], drop: float) -> Tensor:
    """Add a residual branch for a random subset of the batch, scaled up to keep its mean.

    The rest is not computed, as in the official form (dinov2 `layers/block.py`).
    """
    kept = max(int(len(tokens) * (1 - drop)), 1)
    chosen = torch.randperm(len(tokens), device=tokens.device)[:kept]
    return tokens.index_add(
        0, chosen, branch(tokens[chosen]).to(tokens.dtype), alpha=len(tokens) / kept
    )

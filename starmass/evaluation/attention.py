"""Where the class token looks: attention of the encoder's last block over the patches.

Also the smallest area that holds a given share of it.
"""

from typing import Any

import numpy as np
import torch
from timm.layers import Attention
from timm.models import VisionTransformer

from starmass.evaluation.encoding import prepare_images
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.weights import Transformer


def attend_maps(
    encoder: Transformer, scaled: np.ndarray, preprocessing: Preprocessing
) -> np.ndarray | None:
    """Return the attention of maps scaled to 0..1: float32 [row, head, rows, columns].

    It is spread over the patches; each head's sums to 1.

    An encoder of one channel sees each channel of a map in turn; its attention is then the mean
    over them. None where the encoder has no class token, or an attention of another form than
    timm's plain one.
    """
    model, _ = encoder
    found = []
    for images in prepare_images(encoder, scaled, preprocessing):
        attention = class_attention(model, images.flatten(0, 1))
        if attention is None:
            return None
        found.append(attention.reshape(*images.shape[:2], *attention.shape[1:]).mean(axis=1))
    return np.concatenate(found)


@torch.inference_mode()
def class_attention(
    model: VisionTransformer, images: torch.Tensor, *, batch_size: int = 16
) -> np.ndarray | None:
    """Return the last block's attention from the class token to each patch.

    What goes to the class token itself and to registers is left out and the rest scaled to 1, as in
    the figures of Caron et al. (2021, arXiv:2104.14294). The weights are computed from the block's
    queries and keys, because timm's fused attention keeps none.

    Parameters
    ----------
    model : used as it is, on the device where it lies
    images : [N, C, H, W], normalised

    Returns
    -------
    float32 [N, head, rows, columns], or None (see :func:`attend_maps`)
    """
    layer: Any = getattr(model.blocks[-1], "attn", None)
    if type(layer) is not Attention or getattr(model, "cls_token", None) is None:
        return None
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(
        lambda _, arguments: seen.append(_class_row(layer, arguments[0]))
    )
    try:
        for batch in images.split(batch_size):
            model.forward_features(batch.to(next(model.parameters()).device))
    finally:
        hook.remove()
    weights = torch.cat(seen)[..., model.num_prefix_tokens :]
    height, width = model.patch_embed.patch_size
    grid = images.shape[-2] // height, images.shape[-1] // width
    return (weights / weights.sum(dim=-1, keepdim=True)).unflatten(-1, grid).float().cpu().numpy()


def _class_row(layer: Attention, sequence: torch.Tensor) -> torch.Tensor:
    """Attention of the first token to all tokens: [N, head, token].

    It is computed from the layer's input [N, token, width].
    """
    queries, keys, _ = (
        layer.qkv(sequence)
        .unflatten(-1, (3, layer.num_heads, layer.head_dim))
        .permute(2, 0, 3, 1, 4)
    )
    query, keys = layer.q_norm(queries)[:, :, :1], layer.k_norm(keys)
    return (layer.scale * query @ keys.transpose(-2, -1)).softmax(dim=-1)[:, :, 0]


def keep_mass(attention: np.ndarray, share: float) -> np.ndarray:
    """Return the fewest patches that together hold at least ``share`` of the attention.

    They are True in bool [..., rows, columns].
    """
    flat = attention.reshape(*attention.shape[:-2], -1).astype(np.float64)
    order = np.argsort(-flat, axis=-1, kind="stable")
    ranked = np.take_along_axis(flat, order, axis=-1)
    before = np.cumsum(ranked, axis=-1) - ranked
    kept = np.empty(flat.shape, bool)
    np.put_along_axis(kept, order, before < share * ranked.sum(axis=-1, keepdims=True), axis=-1)
    return kept.reshape(attention.shape)

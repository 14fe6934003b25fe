"""What memory layout does a Hugging Face ``config.json`` describe? From its layer counts to the groups of the cache.

Text parts nested in multimodal configurations (``text_config``, ``language_config``, ``llm_config``) are found. A file
that says nothing known about its attention is refused rather than guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netyield.core.inference.memory import CacheGroup, Layout, UnknownLayout

NESTED = ("text_config", "language_config", "llm_config", "text_model_config")
FULL, SLIDING, LINEAR = "full_attention", "sliding_attention", "linear_attention"
INDEXER_FP4 = 0.5  # DeepSeek-V4 keeps its indexer in FP4 whatever the cache's precision (vLLM's DeepSeek-V4 notes)
RECURRENT_BYTES, CONVOLUTION_BYTES = 4, 2  # a linear layer's state: recurrent part in FP32, convolution in BF16
# What these keys stand for is not modelled here, so that a figure from the rest of the file would be wrong.
UNKNOWN_KEYS = (
    "kv_source_layer_ids", "swa_kv_lora_rank", "index_kpool", "sconv_kernel_size", "ssm_state_size", "mamba_d_state",
    "mamba_n_heads", "hybrid_override_pattern", "attn_layer_period",
)  # fmt: skip
REPAIR = (
    "Give the model's config.json (--model path/to/config.json) with num_hidden_layers and either num_key_value_heads"
    " and head_dim, or kv_lora_rank and qk_rope_head_dim; or use a model of the catalogue."
)


@dataclass(frozen=True, slots=True)
class Attention:
    """Layers whose queries look at the same span: ``width`` is heads * head dimension, ``window`` None for everything."""

    layers: int
    width: float
    window: int | None = None


def text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of the file that describes the language model."""
    for key in NESTED:
        nested = config.get(key)
        if isinstance(nested, Mapping) and "num_hidden_layers" in nested:
            return nested
    return config


def layout_of(config: Mapping[str, Any], name: str = "the model") -> Layout:
    """The memory layout. Raises UnknownLayout with what is missing."""
    part = text_part(config)
    strange = next((key for key in UNKNOWN_KEYS if part.get(key)), None)
    if strange:
        message = (
            f"{name}: the memory layout is unknown, because {strange} says its layers share or compress their cache;"
        )
        raise UnknownLayout(message, REPAIR)
    layers = _number(part, "num_hidden_layers", name)
    if isinstance(part.get("compress_ratios"), list):
        return _compressed(part, layers, name)
    kinds = layer_kinds(part, layers, name)
    stored = kinds[: layers - int(part.get("num_kv_shared_layers") or 0)]
    groups = _groups(part, stored, name)
    return Layout(tuple(group for group in groups if group.layers), _state_bytes(part, stored.count(LINEAR), name))


def attention_of(config: Mapping[str, Any], name: str = "the model") -> tuple[Attention, ...]:
    """The attention whose work grows with the context; a sparse one looks at ``index_topk`` tokens at most."""
    part = text_part(config)
    layers = _number(part, "num_hidden_layers", name)
    heads = _number(part, "num_attention_heads", name)
    if part.get("kv_lora_rank"):
        query = float(part.get("qk_nope_head_dim") or 0) + float(part.get("qk_rope_head_dim") or 0)
        width = heads * (query + float(part.get("v_head_dim") or query)) / 2
    else:
        width = heads * head_dimension(part, name)
    if isinstance(part.get("compress_ratios"), list):
        window, topk = _number(part, "sliding_window", name), int(part.get("index_topk") or 0)
        return (Attention(layers, width, window + topk),)
    kinds = layer_kinds(part, layers, name)
    sparse = int(part["index_topk"]) if part.get("index_topk") else None
    wide = (
        width * float(part.get("global_head_dim") or 0) / head_dimension(part, name)
        if "global_head_dim" in part
        else width
    )
    found = [Attention(kinds.count(FULL), wide, sparse)]
    if SLIDING in kinds:
        found.append(Attention(kinds.count(SLIDING), width, _number(part, "sliding_window", name)))
    return tuple(each for each in found if each.layers)


def layer_kinds(part: Mapping[str, Any], layers: int, name: str) -> list[str]:
    """Full, sliding or linear, for every layer, from whichever of the known keys the file has."""
    listed = part.get("layer_types")
    if isinstance(listed, list) and listed:
        kinds = [_KINDS.get(str(kind), "") for kind in listed[:layers]]
        if "" in kinds:
            unknown = listed[kinds.index("")]
            message = f"{name}: layers of type {unknown!r} have no known cache;"
            raise UnknownLayout(message, REPAIR)
        return kinds
    linear = part.get("linear_attn_config")
    if isinstance(linear, Mapping) and isinstance(linear.get("full_attn_layers"), list):
        full = {int(layer) for layer in linear["full_attn_layers"]}  # counted from 1
        return [FULL if layer in full else LINEAR for layer in range(1, layers + 1)]
    if part.get("full_attention_interval"):
        every = int(part["full_attention_interval"])
        return [FULL if (layer + 1) % every == 0 else LINEAR for layer in range(layers)]
    hybrid = part.get("hybrid_layer_pattern")
    if isinstance(hybrid, list):
        return [SLIDING if kind else FULL for kind in hybrid[:layers]]
    period = part.get("sliding_window_pattern") or part.get("_sliding_window_pattern")
    if isinstance(period, int) and period > 1 and part.get("sliding_window"):
        return [FULL if (layer + 1) % period == 0 else SLIDING for layer in range(layers)]
    if str(part.get("model_type", "")) in _FOREIGN:
        message = f"{name}: a {part['model_type']} model keeps no KV cache of a known layout;"
        raise UnknownLayout(message, REPAIR)
    return [SLIDING if _windowed(part, layer) else FULL for layer in range(layers)]


def _windowed(part: Mapping[str, Any], layer: int) -> bool:
    """Mistral-like files give one window for all layers; Qwen2's is off unless it says so, and spares its first layers."""
    if not part.get("sliding_window") or part.get("use_sliding_window") is False:
        return False
    first = part.get("max_window_layers")
    return first is None or layer >= int(first)


def head_dimension(part: Mapping[str, Any], name: str) -> int:
    """``head_dim``, or the hidden size over the heads."""
    if part.get("head_dim"):
        return int(part["head_dim"])
    return _number(part, "hidden_size", name) // _number(part, "num_attention_heads", name)


def _groups(part: Mapping[str, Any], kinds: list[str], name: str) -> list[CacheGroup]:
    full, sliding = kinds.count(FULL), kinds.count(SLIDING)
    if part.get("kv_lora_rank"):
        latent = CacheGroup(full, int(part["kv_lora_rank"]) + _whole(part, "qk_rope_head_dim", name))
        return [latent, *_indexer(part, full)]
    heads = int(part.get("num_key_value_heads") or _number(part, "num_attention_heads", name))
    dim = head_dimension(part, name)
    value = int(part.get("v_head_dim") or dim)
    full_heads = int(part.get("num_global_key_value_heads") or heads)
    full_dim = int(part.get("global_head_dim") or dim)
    full_value = full_dim if "global_head_dim" in part else value
    groups = [CacheGroup(full, full_heads * (full_dim + full_value), full_heads)]
    if sliding:
        own_heads = int(part.get("swa_num_key_value_heads") or heads)
        own_dim = int(part.get("swa_head_dim") or dim)
        own_value = int(part.get("swa_v_head_dim") or (value if own_dim == dim else own_dim))
        window = _number(part, "sliding_window", name)
        groups.append(CacheGroup(sliding, own_heads * (own_dim + own_value), own_heads, window))
    return [*groups, *_indexer(part, full)]


def _indexer(part: Mapping[str, Any], layers: int) -> list[CacheGroup]:
    """A sparse attention's index keys. Where layers share an index (``index_topk_freq``), only its owners keep one."""
    if not part.get("index_head_dim"):
        return []
    every, offset = int(part.get("index_topk_freq") or 1), int(part.get("index_skip_topk_offset") or 0)
    owners = sum(max(layer - offset + 1, 0) % every == 0 for layer in range(layers)) if every > 1 else layers
    sparse = part.get("sparse_attention_layers")
    return [CacheGroup(int(sparse) if sparse else owners, int(part["index_head_dim"]))]


def _compressed(part: Mapping[str, Any], layers: int, name: str) -> Layout:
    """DeepSeek-V4: a window in every layer, one entry per ``ratio`` tokens, and an index where the ratio is 4."""
    dim, window = _number(part, "head_dim", name), _number(part, "sliding_window", name)
    ratios = [int(ratio) for ratio in part["compress_ratios"][:layers]]
    groups = [CacheGroup(len(ratios), dim, 1, window)]
    groups += [CacheGroup(ratios.count(ratio), dim, 1, None, ratio) for ratio in sorted(set(ratios)) if ratio > 0]
    if 4 in ratios and part.get("index_head_dim"):
        groups.append(CacheGroup(ratios.count(4), int(part["index_head_dim"]), 1, None, 4, INDEXER_FP4))
    return Layout(tuple(groups))


def _state_bytes(part: Mapping[str, Any], layers: int, name: str) -> float:
    """The fixed state of linear-attention layers: what they recall, and the last inputs of their convolution."""
    if not layers:
        return 0.0
    nested = part.get("linear_attn_config")
    if isinstance(nested, Mapping):
        heads, dim = int(nested["num_heads"]), int(nested["head_dim"])
        key_heads, key_dim, value_heads, value_dim = heads, dim, heads, dim
        kernel = int(nested.get("short_conv_kernel_size") or 4)
    else:
        key_heads, key_dim = _number(part, "linear_num_key_heads", name), _number(part, "linear_key_head_dim", name)
        value_heads = _number(part, "linear_num_value_heads", name)
        value_dim = _number(part, "linear_value_head_dim", name)
        kernel = int(part.get("linear_conv_kernel_dim") or 4)
    recalled = value_heads * key_dim * value_dim * RECURRENT_BYTES
    inputs = (kernel - 1) * (2 * key_heads * key_dim + value_heads * value_dim) * CONVOLUTION_BYTES
    return float(layers * (recalled + inputs))


def _whole(part: Mapping[str, Any], key: str, name: str) -> int:
    value = part.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = f"{name}: the memory layout is unknown, because its configuration has no {key};"
        raise UnknownLayout(message, REPAIR)
    return value


def _number(part: Mapping[str, Any], key: str, name: str) -> int:
    value = _whole(part, key, name)
    if value < 1:
        message = f"{name}: {key} is {value};"
        raise UnknownLayout(message, REPAIR)
    return value


_KINDS = {
    "full_attention": FULL,
    "attention": FULL,
    "global_attention": FULL,
    "sliding_attention": SLIDING,
    "local_attention": SLIDING,
    "sliding_window": SLIDING,
    "linear_attention": LINEAR,
    "kda": LINEAR,
}
_FOREIGN = frozenset({"mamba", "mamba2", "rwkv", "jamba", "zamba", "zamba2", "falcon_mamba", "bert", "t5", "whisper"})

"""KV bytes per token against the published figures of every model, and against another calculator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kvcache_sim import calculator

from netyield.core.errors import WrongUse
from netyield.core.inference.memory import UnknownLayout
from netyield.core.inference.model_config import layout_of
from netyield.core.inference.models import find_model, known_models

K = 1024
# model, context, bf16 bytes per token, fp8 bytes per token: the table of published figures.
TABLE = [
    ("Llama-2-7B", K, 524_288, 262_144),
    ("Llama-2-13B", K, 819_200, 409_600),
    ("Llama-3.1-8B", K, 131_072, 65_536),
    ("Mixtral-8x7B", K, 131_072, 65_536),
    ("meta-llama/Llama-3.1-70B", K, 327_680, 163_840),
    ("Llama-3.3-70B", K, 327_680, 163_840),
    ("Qwen2.5-72B", K, 327_680, 163_840),
    ("Llama-3.1-405B", K, 516_096, 258_048),
    ("Mixtral-8x22B", K, 229_376, 114_688),
    ("Qwen3-8B", K, 147_456, 73_728),
    ("Qwen3-32B", K, 262_144, 131_072),
    ("Qwen3-235B-A22B", K, 192_512, 96_256),
    ("MiniMax-M2", K, 253_952, 126_976),
    ("MiniMaxAI/MiniMax-M2.5", K, 253_952, 126_976),
    ("DeepSeek-V3", K, 70_272, 35_136),
    ("deepseek-ai/DeepSeek-R1", K, 70_272, 35_136),
    ("Kimi-K2", K, 70_272, 35_136),
    ("DeepSeek-V3.2", K, 85_888, 42_944),
    ("GLM-5.2", K, 95_232, 47_616),
    ("Gemma-4-31B", K, 901_120, 450_560),
    ("Gemma-4-31B", 128 * K, 88_320, 44_160),
    ("DeepSeek-V4-Pro", K, 16_216, 8_348),
    ("DeepSeek-V4-Pro", 128 * K, 8_469, 4_474.5),
]


@pytest.mark.parametrize(("name", "tokens", "bf16", "fp8"), TABLE)
def test_bytes_per_token_of_every_published_row(name: str, tokens: int, bf16: float, fp8: float) -> None:
    layout = find_model(name).layout

    assert layout.bytes_per_token(tokens, "bf16") == bf16
    assert layout.bytes_per_token(tokens, "fp8") == fp8


@pytest.mark.parametrize(
    ("name", "full", "windows", "whole"), [("120b", 36_864, 18, 73_728), ("20b", 24_576, 12, 49_152)]
)
def test_gpt_oss_keeps_half_its_layers_in_a_window(name: str, full: int, windows: int, whole: int) -> None:
    layout = find_model(f"gpt-oss-{name}").layout

    assert layout.growth_per_token("bf16") == full
    assert float(layout.bytes(100_000, "bf16")) == full * 100_000 + windows * 2_048 * 128
    assert layout.bytes_per_token(100_000, "bf16", windows_in_full=True) == whole
    assert layout.bytes_per_token(100_000, "fp8", windows_in_full=True) == whole / 2


def test_qwen3_8b_of_32768_tokens_takes_the_4_5_gib_mooncake_states() -> None:
    assert float(find_model("Qwen3-8B").layout.bytes(32_768)) == 4.5 * 2**30


OTHER_NAMES = {
    "Qwen2.5-72B": "qwen2.5-72b", "Kimi-K2": "kimi-k2.5", "Command-A": "cohere-command-a-03-2025",
}  # fmt: skip
OTHERS = calculator.models_by_id(calculator.load_models_data())
SHARED = [name for name in known_models() if OTHER_NAMES.get(name, name.lower()) in OTHERS]


def test_most_of_the_catalogue_is_known_to_the_other_calculator() -> None:
    assert len(SHARED) >= 26


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("tokens", [1, 100, 1024, 5_000, 131_072])
def test_bytes_agree_with_another_calculator(name: str, tokens: int) -> None:
    other = OTHERS[OTHER_NAMES.get(name, name.lower())]
    layout = find_model(name).layout
    if "v4" in name.lower():
        tokens = max(tokens, 128)  # the other one counts a whole window from the first token on

    for dtype, precision in (("bf16", "bf16_fp16"), ("fp8", "fp8_int8")):
        # Both leave out the draft layers; an indexer has the cache's precision but for DeepSeek-V4.
        indexer = "fp4_int4" if "v4" in name.lower() else precision
        theirs = calculator.calculate_cache_size(other, tokens=tokens, precision=precision, indexer_precision=indexer)
        assert float(layout.bytes(tokens, dtype)) - layout.state_bytes == pytest.approx(theirs.total_bytes, rel=1e-12)


@pytest.mark.parametrize("name", ["Qwen3.5-397B-A17B", "Qwen3.6-27B", "Kimi-K3"])
def test_the_state_of_linear_layers_agrees_too(name: str) -> None:
    theirs = calculator.calculate_cache_size(
        OTHERS[name.lower()], tokens=4096, precision="bf16_fp16", include_linear_attention_state=True,
        recurrent_state_precision="fp32",
    )  # fmt: skip

    assert float(find_model(name).layout.bytes(4096)) == pytest.approx(theirs.total_bytes, rel=1e-12)


def test_every_model_of_the_catalogue_has_a_source_and_a_date() -> None:
    for name in known_models():
        model = find_model(name)
        assert model.source.startswith("https://huggingface.co/"), name
        assert len(model.checked) == len("2026-01-01"), name
        assert model.attention, name


def test_kv_heads_are_split_and_then_copied() -> None:
    llama, deepseek = find_model("Llama-3.1-70B").layout, find_model("DeepSeek-V3").layout

    assert llama.bytes_per_gpu(1000, "bf16", 8) * 8 == llama.bytes_per_gpu(1000, "bf16", 1)
    assert llama.bytes_per_gpu(1000, "bf16", 16) == llama.bytes_per_gpu(1000, "bf16", 8)
    assert llama.copies("bf16", 16, 1000) == 2
    assert deepseek.bytes_per_gpu(1000, "bf16", 8) == deepseek.bytes_per_gpu(1000, "bf16", 1)
    assert deepseek.copies("bf16", 8, 1000) == 8


NESTED = {
    "model_type": "llava",
    "text_config": {"num_hidden_layers": 80, "hidden_size": 8192, "num_attention_heads": 64, "num_key_value_heads": 8},
}


def test_a_configuration_file_is_read_with_its_nested_text_part(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(NESTED))

    assert find_model(str(tmp_path)).layout.bytes_per_token(K) == 327_680
    assert find_model(str(tmp_path / "config.json"), active_billion=70.6).active_parameters == 70.6e9


def test_a_model_without_grouped_heads_keeps_one_per_head() -> None:
    config = {"num_hidden_layers": 40, "hidden_size": 5120, "num_attention_heads": 40}

    assert layout_of(config).bytes_per_token(K) == 819_200


def test_a_window_pattern_and_a_list_of_kinds_say_the_same() -> None:
    base = {
        "num_hidden_layers": 12,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "sliding_window": 512,
    }
    kinds = ["full_attention" if (layer + 1) % 4 == 0 else "sliding_attention" for layer in range(12)]

    pattern = layout_of(base | {"sliding_window_pattern": 4})
    assert pattern == layout_of(base | {"layer_types": kinds})
    assert float(pattern.bytes(5_000)) == 2 * 2 * 64 * 2 * (3 * 5_000 + 9 * 512)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"num_hidden_layers": 12},
        {"model_type": "mamba2", "num_hidden_layers": 12, "num_attention_heads": 8, "head_dim": 64},
        {"num_hidden_layers": 2, "num_attention_heads": 8, "head_dim": 64, "layer_types": ["full_attention", "oracle"]},
        {"num_hidden_layers": 40, "head_dim": 512, "kv_source_layer_ids": [2, 8], "compress_ratios": [2]},
        {"num_hidden_layers": "12", "num_attention_heads": 8, "head_dim": 64},
    ],
)
def test_an_unknown_layout_is_refused_with_its_repair(config: dict[str, object]) -> None:
    with pytest.raises(UnknownLayout, match=r"config\.json"):
        layout_of(config, "M")


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(UnknownLayout, match=r"Did you mean Llama-3.1-70B\?"):
        find_model("Llama-3.1-70Bb")


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(WrongUse, match="bf16"):
        find_model("Llama-3.1-8B").layout.bytes(1, "bf17")


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(WrongUse, match="no JSON"):
        find_model(str(tmp_path))
    with pytest.raises(WrongUse, match="cannot be read"):
        find_model(str(tmp_path / "other.json"))

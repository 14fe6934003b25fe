from __future__ import annotations

import pytest

from netyield.sources.gpu.catalogue import catalogue, device_model


@pytest.mark.parametrize(
    ("name", "multiprocessors"),
    [
        ("NVIDIA H100 80GB HBM3", 132), ("NVIDIA H100 PCIe", 114), ("NVIDIA H100 NVL", 132), ("NVIDIA H200", 132),
        ("NVIDIA GH200 480GB", 132), ("NVIDIA B200", 148), ("NVIDIA A100-SXM4-40GB", 108),
        ("NVIDIA A100 80GB PCIe", 108), ("NVIDIA L40S", 142), ("NVIDIA L4", 58), ("NVIDIA A10", 72),
        ("NVIDIA A10G", 80), ("Tesla V100-SXM2-32GB", 80), ("Tesla T4", 40), ("NVIDIA GeForce RTX 4080 SUPER", 80),
        ("nvidia h200 nvl", 132),
    ],
)
def test_the_driver_names_find_their_row(name: str, multiprocessors: int) -> None:
    model = device_model(name)
    assert model is not None
    assert model.multiprocessors == multiprocessors


def test_an_unknown_model_is_none_and_never_a_guess() -> None:
    assert device_model("NVIDIA X9000") is None
    assert device_model("") is None


def test_every_row_is_whole_and_names_its_source() -> None:
    for model in catalogue():
        assert model.source
        assert 10 <= model.multiprocessors <= 200
        assert model.memory_bytes > 10**9
        assert (model.compute_slices is None) == (model.memory_slices is None)
        counts = [model.instance_multiprocessors[size] for size in sorted(model.instance_multiprocessors)]
        assert counts == sorted(counts)
        assert all(count <= model.multiprocessors for count in counts)


def test_memory_slices_are_eighths_of_what_the_captures_print() -> None:
    h100, h200 = device_model("NVIDIA H100 80GB HBM3"), device_model("NVIDIA H200")
    assert h100 is not None
    assert h200 is not None
    mib = 1 << 20
    assert [h100.memory_slices_of(size * mib, 81_559 * mib) for size in (40_448, 20_096, 9_984)] == [4, 2, 1]
    assert [h200.memory_slices_of(size * mib, 143_771 * mib) for size in (71_424, 33_280, 16_384)] == [4, 2, 1]
    assert [h100.compute_slices_of(count) for count in (16, 32, 60, 64, 132, 26)] == [1, 2, 3, 4, 7, None]

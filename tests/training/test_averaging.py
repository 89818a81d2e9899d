"""The running average of weights."""

import pytest
import torch

from cleanplate.training.averaging import WeightAverage


def _layer(value: float) -> torch.nn.Linear:
    layer = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(layer.weight, value)
    return layer


def test_the_average_follows_slowly_once_it_is_warm() -> None:
    layer = _layer(0.0)
    average = WeightAverage(layer, 0.9)
    torch.nn.init.constant_(layer.weight, 1.0)
    average.update(1000)
    assert average.values["weight"].item() == pytest.approx(0.1)


def test_the_first_weights_do_not_linger() -> None:
    layer = _layer(0.0)
    average = WeightAverage(layer, 0.999)
    torch.nn.init.constant_(layer.weight, 1.0)
    for update in range(1, 31):
        average.update(update)
    assert average.values["weight"].item() > 0.99


def test_swapping_twice_changes_nothing_and_once_brings_the_average() -> None:
    layer = _layer(0.0)
    average = WeightAverage(layer, 0.5)
    torch.nn.init.constant_(layer.weight, 1.0)
    average.update(1000)
    average.swap()
    assert layer.weight.item() == pytest.approx(0.5)
    average.swap()
    assert layer.weight.item() == 1.0
    assert average.values["weight"].item() == pytest.approx(0.5)


def test_statistics_are_averaged_and_counters_are_not() -> None:
    layer = torch.nn.BatchNorm2d(2)
    values = WeightAverage(layer, 0.9).values
    assert "running_mean" in values
    assert "num_batches_tracked" not in values

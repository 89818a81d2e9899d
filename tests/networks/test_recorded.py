"""A call that is played back gives what it would give if made."""

import logging

import pytest
import torch
from torch import Tensor, nn

from cleanplate.networks.recorded import RecordedCall

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def _add(first: Tensor, second: Tensor) -> Tensor:
    return first.float() + second


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device records it")
def test_where_nothing_can_be_recorded_the_call_is_made_and_one_warning_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    call = RecordedCall(_add)
    with caplog.at_level(logging.WARNING):
        sums = [call(torch.tensor([number]), torch.tensor([0.5])).item() for number in range(3)]
    assert sums == [0.5, 1.5, 2.5]
    assert caplog.text.count("no CUDA graph") == 1


@needs_gpu
def test_a_recorded_call_reads_its_new_inputs_and_knows_every_shape() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, 3, padding=1).cuda().eval()
    call = RecordedCall(lambda image, offset: layer(image.float()) + offset)
    with torch.inference_mode():
        for side in (8, 16, 8):
            for _ in range(2):
                image = torch.randint(0, 255, (1, 3, side, side), device="cuda")
                offset = torch.rand(1, 4, side, side, device="cuda")
                assert torch.allclose(call(image, offset), layer(image.float()) + offset)
    assert len(call._recordings) == 2

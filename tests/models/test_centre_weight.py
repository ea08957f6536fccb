import pytest
import torch

from salseg.errors import ConfigError
from salseg.models.postprocessors import CentreWeight
from salseg.structures import SalDataSample


def test_the_middle_keeps_its_value_and_sides_are_measured_in_heights_and_widths():
    weight = CentreWeight(spread=0.5).weight(5, 9)
    assert weight[2, 4] == 1
    # Two fifths above the middle and, in a wider image, the same fraction beside it.
    assert weight[0, 4] == pytest.approx(torch.exp(torch.tensor(-(0.4**2) / 0.5)).item())
    torch.testing.assert_close(weight, weight.flip(0))
    torch.testing.assert_close(weight, weight.flip(1))


def test_every_map_is_weighted_at_its_own_size():
    sample = SalDataSample()
    sample.pred_maps = [torch.ones(3, 3), torch.zeros(4, 6)]
    first, second = CentreWeight()(sample).pred_maps
    assert first[1, 1] == 1
    assert first[0, 0] < 1
    assert (second == 0).all()


def test_a_spread_of_zero_is_refused():
    with pytest.raises(ConfigError, match='spread=0'):
        CentreWeight(0)

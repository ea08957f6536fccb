import sys

import numpy as np
import pytest
import torch

from salseg.errors import ConfigError, DataError
from salseg.evaluation.metrics.saliency_metric import to_grey
from salseg.models.postprocessors import DenseCRF, LabelSmoothing, TruncateToGrey
from salseg.structures import SalDataSample
from tests.ops.test_label_smoothing import draw_images, overlap


def group(keep=True):
    images, maps, truth = draw_images()
    sample = SalDataSample(metainfo=dict(dataset='d', set_id='g', frame_ids=['a', 'b', 'c']))
    sample.pred_maps = maps
    if keep:
        sample.original_images = images
    return sample, truth


def test_label_smoothing_works_on_a_predicted_sample_alone():
    sample, truth = group()
    before = overlap(sample.pred_maps, truth)
    after = LabelSmoothing(segments=60, reduce=2)(sample).pred_maps
    assert overlap(after, truth) > before + 0.2
    assert all(value.dtype == torch.float32 for value in after)


def test_the_random_field_alone_gives_probabilities():
    sample, truth = group()
    after = DenseCRF(reduce=2)(sample).pred_maps
    assert all(value.amin() >= 0 and value.amax() <= 1 for value in after)
    assert sum(((value > 0.5) & ~t).sum() for value, t in zip(after, truth)) < 200


def test_missing_images_are_named_with_the_way_out():
    sample, _ = group(keep=False)
    with pytest.raises(DataError, match='keep_original=True'):
        LabelSmoothing()(sample)


def test_unknown_options_and_missing_packages_fail_when_built(monkeypatch):
    with pytest.raises(ConfigError, match="prior='pixels'"):
        LabelSmoothing(prior='pixels')
    with pytest.raises(ConfigError, match="backend='gpu'"):
        DenseCRF(backend='gpu')
    monkeypatch.setitem(sys.modules, 'pydensecrf', None)
    with pytest.raises(ConfigError, match='pydensecrf2'):
        DenseCRF(backend='permutohedral')


def test_truncation_and_then_rounding_truncates():
    sample = SalDataSample(metainfo=dict(frame_ids=['a']))
    values = torch.rand(40, 50, generator=torch.Generator().manual_seed(0))
    sample.pred_maps = [values]
    grey = to_grey(TruncateToGrey()(sample).pred_maps[0])
    np.testing.assert_array_equal(grey, (values * 255).to(torch.uint8).numpy())

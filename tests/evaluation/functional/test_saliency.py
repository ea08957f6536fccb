import subprocess
import sys

import numpy as np
import pytest

from salseg.errors import DataError
from salseg.evaluation.functional import pair as pair_module
from salseg.evaluation.functional import saliency_scores
from tests.evaluation.functional import plain


def image(seed=0, shape=(24, 31)):
    return plain.blobs(np.random.default_rng(seed), shape)


def test_mean_absolute_error_is_that_of_the_rescaled_map():
    grey, mask = image()
    grey = np.clip(grey, 30, 200)
    value = plain.rescaled(grey)
    assert saliency_scores(grey, mask, metrics=('mae',))['mae'] == pytest.approx(np.abs(value - mask).mean())
    raw = saliency_scores(grey, mask, metrics=('mae',), normalize=False)['mae']
    assert raw == pytest.approx(np.abs(grey / 255 - mask).mean())
    assert raw != pytest.approx(np.abs(value - mask).mean())


@pytest.mark.parametrize('normalize', [True, False])
def test_a_float_map_scores_as_the_same_map_in_8_bits(normalize):
    grey, mask = image()
    grey = np.maximum(grey, 20)
    ours = saliency_scores(grey, mask, normalize=normalize)
    theirs = saliency_scores(grey.astype(np.float64) / 255, mask, normalize=normalize)
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], atol=1e-6, err_msg=name)


def test_the_ground_truth_is_object_above_128_only():
    grey, mask = image()
    truth = np.where(mask, 129, 128).astype(np.uint8)
    for name, value in saliency_scores(grey, mask).items():
        np.testing.assert_array_equal(value, saliency_scores(grey, truth)[name], err_msg=name)


def test_scores_follow_a_mirrored_image():
    # Not the S-measure, whose blocks are cut after the centre; nor weighted F, whose nearest pixels break ties by side.
    grey, mask = image()
    metrics = ('mae', 'f', 'e', 'iou', 'roc')
    for name, value in saliency_scores(grey, mask, metrics=metrics).items():
        mirrored = saliency_scores(grey[:, ::-1], mask[:, ::-1], metrics=metrics)[name]
        np.testing.assert_allclose(value, mirrored, atol=1e-12, err_msg=name)


def test_images_too_large_for_float_counts_are_counted_otherwise(monkeypatch):
    grey, mask = image()
    expected = saliency_scores(grey, mask)
    monkeypatch.setattr(pair_module, 'LARGEST_EXACT_COUNT', 1)
    for name, value in saliency_scores(grey, mask).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_only_the_wanted_metrics_are_computed():
    grey, mask = image()
    assert set(saliency_scores(grey, mask, metrics=('mae', 's'))) == {'mae', 's_measure'}


def test_inputs_are_left_as_they_were():
    grey, mask = image()
    kept = grey.copy(), mask.copy()
    saliency_scores(grey, mask)
    np.testing.assert_array_equal(grey, kept[0])
    np.testing.assert_array_equal(mask, kept[1])


MASK = np.zeros((4, 6), bool)


@pytest.mark.parametrize(
    ('prediction', 'truth', 'message'),
    [
        (np.zeros((4, 5), np.uint8), MASK, r'has shape \(4, 5\), the ground truth \(4, 6\).*resize_prediction'),
        (np.zeros((4, 6, 3), np.uint8), MASK, r'shape \(4, 6, 3\).*one channel'),
        (np.zeros((0, 6), np.uint8), MASK[:0], 'at least one pixel'),
        (np.full((4, 6), 1.5), MASK, r'spans \[1.5, 1.5\]; expected \[0, 1\]'),
        (np.full((4, 6), -3.0), MASK, 'logits'),
        (np.full((4, 6), np.nan), MASK, r'spans \[nan, nan\]'),
        (np.zeros((4, 6), np.int64), MASK, 'dtype int64; expected uint8, or float'),
        (np.zeros((4, 6), np.uint8), MASK.astype(np.float32), 'ground truth is of dtype float32'),
        (np.zeros((4, 6), np.uint8), np.eye(4, 6, dtype=np.uint8), 'values 0 and 1 only.*Pass it as bool'),
    ],
)
def test_unfit_arrays_are_refused_with_what_was_found(prediction, truth, message):
    with pytest.raises(DataError, match=message):
        saliency_scores(prediction, truth)


def test_an_unknown_measure_is_named():
    with pytest.raises(DataError, match=r"\['wf'\]; known are"):
        saliency_scores(*image(), metrics=('mae', 'wf'))


def test_the_metrics_need_neither_torch_nor_mmengine():
    code = (
        'import sys, salseg.evaluation.functional\n'
        'sys.exit(", ".join(m for m in ("torch", "mmengine", "mmcv") if m in sys.modules) or 0)'
    )
    found = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr

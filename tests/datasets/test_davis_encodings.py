"""DAVIS 2016 has masks of 0 and 255, DAVIS 2017 palettes of ids: each is read rightly or refused, by every command."""

import numpy as np
import pytest

from salseg.cli import main
from salseg.errors import LabelError
from salseg.registry import DATASETS
from tests.apis.converting.small_videos import FRAMES, ids, union, video

LOAD = [dict(type='LoadFrames'), dict(type='LoadLabels')]
PROMPT = [dict(type='LoadFrames'), dict(type='LoadPrompt'), dict(type='LoadObjectMaps')]


@pytest.fixture
def masks(tmp_path):
    return video(tmp_path / 'masks', 'JPEGImages/{}', 'Annotations/{}', values=union, mode=None)


@pytest.fixture
def palettes(tmp_path):
    return video(tmp_path / 'palettes', 'JPEGImages/{}', 'Annotations/{}')


def build(kind, root, encoding, pipeline):
    layout = {} if kind == 'VideoSaliencyDataset' else dict(layout='folders')
    return DATASETS.build(dict(type=kind, data_root=str(root), encoding=encoding, pipeline=pipeline, **layout))


# Data sets of training and of testing, with what reads their annotations.
READERS = [('ObjectVideos', LOAD), ('PromptedVideos', PROMPT), ('VideoSaliencyDataset', LOAD)]


@pytest.mark.parametrize(('kind', 'pipeline'), READERS)
def test_masks_that_are_read_as_ids_are_refused_with_file_values_and_remedy(kind, pipeline, masks):
    with pytest.raises(LabelError, match=r"00000\.png the first, hold 0 and 255 only.* encoding='binary'"):
        build(kind, masks, 'index', pipeline)[0]


@pytest.mark.parametrize(('kind', 'pipeline'), READERS)
def test_ids_that_are_read_as_masks_are_refused_with_file_values_and_remedy(kind, pipeline, palettes):
    with pytest.raises(LabelError, match=r"00000\.png holds the values 0, 1, 2.* encoding='index'.* encoding='union'"):
        build(kind, palettes, 'binary', pipeline)[0]


@pytest.mark.parametrize('encoding', ['binary', 'union'])
def test_masks_are_one_object_to_training_and_test(encoding, masks):
    clip = build('ObjectVideos', masks, encoding, LOAD)[1]
    np.testing.assert_array_equal(clip['labels'][3], union(3) // 255)
    frame = build('PromptedVideos', masks, encoding, PROMPT)[FRAMES]
    np.testing.assert_array_equal(frame['prompt'], union(0) // 255)
    np.testing.assert_array_equal(frame['gt_labels'][0], union(0) // 255)


def test_ids_are_one_object_where_their_union_is_read(palettes):
    frame = build('PromptedVideos', palettes, 'union', PROMPT)[0]
    np.testing.assert_array_equal(frame['prompt'], union(0) // 255)
    clip = build('VideoSaliencyDataset', palettes, 'union', LOAD)[0]
    np.testing.assert_array_equal(clip['labels'][2], (ids(2) > 0).astype(np.uint8))


def test_an_encoding_that_holds_no_objects_is_refused(masks):
    for kind in ('ObjectVideos', 'PromptedVideos'):
        with pytest.raises(Exception, match="encoding='soft'; expected one of index, binary, union"):
            build(kind, masks, 'soft', [])


def test_evaluate_refuses_masks_as_objects_and_names_the_file(masks, capsys):
    folder = str(masks / 'Annotations')
    assert main(['evaluate', folder, folder, '--protocol', 'davis17-semi']) == 2
    message = capsys.readouterr().err
    assert '00000.png the first, hold 0 and 255 only' in message
    assert '--protocol davis16' in message


def test_evaluate_unites_the_ids_of_a_palette_for_saliency_maps(masks, palettes, tmp_path):
    folders = [str(root / 'Annotations') for root in (masks, palettes)]
    assert main(['evaluate', *folders, '--protocol', 'vsod', '--metrics', 'mae', '--out', str(tmp_path / 'out')]) == 0
    (file,) = (tmp_path / 'out').glob('*.json')
    assert '"mae": 0.0' in file.read_text()


@pytest.mark.parametrize(('kind', 'name'), [('vos', 'masks'), ('vsod', 'palettes')])
def test_check_data_notices_the_other_kind(kind, name, request, capsys):
    root = request.getfixturevalue(name)
    assert main(['check-data', str(root), '--kind', kind]) == 1
    text = capsys.readouterr().out
    assert '00000.png' in text

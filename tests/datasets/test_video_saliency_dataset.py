import cv2
import numpy as np
import pytest

from salseg.datasets import VideoSaliencyDataset
from salseg.datasets.video_saliency_dataset import PSEUDO_LABELS
from salseg.errors import ConfigError, DataError
from salseg.io.record import RunRecord, write_record
from tests.datasets.video_folders import LAYOUTS, mask, write_video

LOAD = [dict(type='LoadFrames'), dict(type='LoadLabels'), dict(type='PackFrames')]
SOFT = [dict(type='LoadFrames'), dict(type='LoadSoftLabels'), dict(type='PackFrames')]


def clips(dataset):
    return [[int(frame) for frame in dataset.describe(index)['frame_ids']] for index in range(len(dataset))]


@pytest.mark.parametrize('layout', LAYOUTS)
def test_every_layout_is_found(tmp_path, layout):
    write_video(tmp_path, 'a', 5, every=2, layout=layout)
    dataset = VideoSaliencyDataset(str(tmp_path), length=2, pipeline=LOAD)
    assert clips(dataset) == [[0, 2], [2, 4], [2, 4]]
    item = dataset[0]
    assert item['inputs'].shape == (2, 3, 24, 32)
    np.testing.assert_array_equal(item['data_samples'].labels[1], mask(2) > 0)


def test_frames_without_annotation_are_unknown(tmp_path):
    write_video(tmp_path, 'a', 4, every=2)
    labels = VideoSaliencyDataset(str(tmp_path), clips='all', length=4, pipeline=LOAD)[0]['data_samples'].labels
    assert (labels[1] == 255).all()
    assert (labels[2] == (mask(2) > 0)).all()


def test_only_kept_annotations_are_seen_in_training(tmp_path):
    write_video(tmp_path, 'a', 9)
    dataset = VideoSaliencyDataset(str(tmp_path), length=3, label_interval=4)
    assert clips(dataset)[0] == [0, 4, 8]
    between = VideoSaliencyDataset(str(tmp_path), length=3, label_interval=4, between=1).describe(0)
    assert between['frame_ids'] == ['00000', '00002', '00004']
    assert [path is not None for path in between['label_paths']] == [True, False, True]


def test_triplets_lie_between_kept_labels(tmp_path):
    write_video(tmp_path, 'a', 9)
    dataset = VideoSaliencyDataset(str(tmp_path), clips='between', label_interval=4, between=2, spacing='even')
    assert clips(dataset) == [[0, 1, 4], [0, 3, 4], [4, 5, 8], [4, 7, 8]]
    assert [path is not None for path in dataset.describe(0)['label_paths']] == [True, False, True]


def test_all_frames_are_run_and_each_annotation_counts_once(tmp_path):
    write_video(tmp_path, 'a', 10, every=3)
    write_video(tmp_path, 'b', 3)
    dataset = VideoSaliencyDataset(str(tmp_path), clips='all', length=4, training=False)
    assert clips(dataset) == [[0, 1, 2, 3], [4, 5, 6, 7], [6, 7, 8, 9], [0, 1, 2, 2]]
    counted = [
        (item['set_id'], frame)
        for item in map(dataset.describe, range(len(dataset)))
        for frame, path in zip(item['frame_ids'], item['label_paths'])
        if path is not None
    ]
    wanted = [('a', f'{i:05d}') for i in (0, 3, 6, 9)] + [('b', f'{i:05d}') for i in (0, 1, 2)]
    assert sorted(counted) == wanted


def test_numeric_names_of_videos_and_frames_are_ordered_as_numbers(tmp_path):
    for name in ('10', '2', '1'):
        write_video(tmp_path, name, 12, names='{}', start=1)
    dataset = VideoSaliencyDataset(str(tmp_path), length=12)
    assert [video.name for video in dataset.videos] == ['1', '2', '10']
    assert clips(dataset)[0] == list(range(1, 13))


def test_a_list_of_davis_names_its_videos(tmp_path):
    for name in ('bear', 'boat', 'bus'):
        write_video(tmp_path, name, 3, layout='davis-480p')
    line = '/JPEGImages/480p/{0}/{1}.jpg /Annotations/480p/{0}/{1}.png\n'
    lines = [line.format(video, frame) for video in ('bus', 'bear') for frame in ('00000', '00001')]
    (tmp_path / 'train.txt').write_text(''.join(lines))
    dataset = VideoSaliencyDataset(str(tmp_path), list_file='train.txt', length=3)
    assert [video.name for video in dataset.videos] == ['bus', 'bear']


def test_one_labelled_frame_gives_that_frame_repeated_and_no_triplet(tmp_path):
    write_video(tmp_path, 'a', 6, every=10)
    assert clips(VideoSaliencyDataset(str(tmp_path), length=3)) == [[0, 0, 0], [0, 0, 0]]
    with pytest.raises(DataError, match='no video has two kept labels'):
        VideoSaliencyDataset(str(tmp_path), clips='between', between=1, label_interval=5)


def test_a_video_with_one_label_stands_aside_where_others_have_triplets(tmp_path):
    write_video(tmp_path, 'a', 6, every=10)
    write_video(tmp_path, 'b', 6)
    dataset = VideoSaliencyDataset(str(tmp_path), clips='between', between=1, label_interval=5, spacing='even')
    assert [dataset.videos[number].name for number, _ in dataset.items] == ['b']


def test_kept_truth_and_soft_labels_are_told_apart_by_the_record(tmp_path):
    _, labels = write_video(tmp_path, 'a', 3)
    cv2.imwrite(str(labels / '00000.png'), (mask(0) > 0).astype(np.uint8))
    cv2.imwrite(str(labels / '00001.png'), np.full((24, 32), 51, np.uint8))
    frames = dict(a=dict(kept=['00000', '00002'], made=['00001']))
    write_record(tmp_path, RunRecord(PSEUDO_LABELS, dict(encoding='index'), items=frames))
    sample = VideoSaliencyDataset(str(tmp_path), length=2, pipeline=SOFT)[0]['data_samples']
    np.testing.assert_allclose(sample.saliency[0], mask(0) > 0)
    np.testing.assert_allclose(sample.saliency[1], 0.2, rtol=1e-6)


def test_a_frame_missing_in_the_middle_is_named(tmp_path):
    images, _ = write_video(tmp_path, 'a', 8, every=7)
    (images / '00004.png').unlink()
    with pytest.raises(DataError, match='missing between 00003 and 00005'):
        VideoSaliencyDataset(str(tmp_path), length=2)
    assert len(VideoSaliencyDataset(str(tmp_path), length=2, gaps='allow').videos[0].frames) == 7


def test_a_broken_record_of_pseudo_labels_is_named(tmp_path):
    write_video(tmp_path, 'a', 3)
    record = RunRecord(PSEUDO_LABELS, dict(encoding='binary'), items=dict(a=dict(kept=[3], made=[])))
    write_record(tmp_path, record)
    with pytest.raises(DataError, match=r'run\.json is no record of salseg: items: a: kept is \[3\]; expected a list'):
        VideoSaliencyDataset(str(tmp_path), length=2)
    (tmp_path / 'run.json').write_text(record.text()[:20])
    with pytest.raises(DataError, match=r'run\.json is no record of salseg: it cannot be read'):
        VideoSaliencyDataset(str(tmp_path), length=2)


def test_the_record_of_another_command_says_nothing_of_annotations(tmp_path):
    write_video(tmp_path, 'a', 3)
    write_record(tmp_path, RunRecord('predict', items=dict(a=dict(kept=['00000']))))
    sample = VideoSaliencyDataset(str(tmp_path), length=2, pipeline=SOFT)[0]['data_samples']
    assert set(sample.label_kind) == {'binary'}


def test_an_annotation_without_frame_is_named(tmp_path):
    images, _ = write_video(tmp_path, 'a', 4)
    (images / '00003.png').unlink()
    with pytest.raises(DataError, match=r'00003\.png is an annotation without a frame'):
        VideoSaliencyDataset(str(tmp_path), length=2)


def test_frames_of_different_sizes_are_named(tmp_path):
    images, _ = write_video(tmp_path, 'a', 4)
    cv2.imwrite(str(images / '00001.png'), np.zeros((10, 12, 3), np.uint8))
    dataset = VideoSaliencyDataset(str(tmp_path), length=2)
    with pytest.raises(DataError, match=r'differ in size.*00001\.png is \(10, 12\)'):
        dataset.describe(0)


def test_as_many_frames_between_as_the_interval_has_are_refused(tmp_path):
    write_video(tmp_path, 'a', 9)
    with pytest.raises(DataError, match='between=4'):
        VideoSaliencyDataset(str(tmp_path), label_interval=4, between=4)


def test_a_folder_without_videos_says_what_was_looked_for(tmp_path):
    (tmp_path / 'stuff').mkdir()
    with pytest.raises(DataError, match=r'JPEGImages/480p/\{video\}.*found stuff'):
        VideoSaliencyDataset(str(tmp_path))


def test_unknown_clips_are_refused(tmp_path):
    with pytest.raises(ConfigError, match='clips'):
        VideoSaliencyDataset(str(tmp_path), clips='some')

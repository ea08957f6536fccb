import json

import cv2
import numpy as np
import pytest

from salseg.datasets import PromptedVideos
from salseg.datasets.sampling import VideoSampler
from salseg.datasets.sampling.samplers import share_videos
from salseg.errors import ConfigError, DataError
from salseg.visualization import write_label_png

SIZE = (6, 8)
PIPELINE = [dict(type=name) for name in ('LoadFrames', 'LoadPrompt', 'LoadObjectMaps', 'PackVideoFrame')]


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((*SIZE, 3), np.uint8))


def labels(path, **pixels):
    """A label map with single pixels, `o3=(y, x)` for object 3."""
    array = np.zeros(SIZE, np.uint8)
    for name, place in pixels.items():
        array[place] = int(name[1:])
    write_label_png(path, array)


def davis(root):
    for name, count in (('bear', 3), ('ant', 2)):
        for number in range(count):
            image(root / 'JPEGImages/480p' / name / f'{number:05d}.jpg')
            labels(root / 'Annotations/480p' / name / f'{number:05d}.png', o1=(0, 0), o2=(number, 4))
    (root / 'ImageSets/2017').mkdir(parents=True)
    (root / 'ImageSets/2017/val.txt').write_text('bear\nant\n')
    (root / 'pairs.txt').write_text(
        '\n'.join(f'/JPEGImages/480p/ant/{n:05d}.jpg /Annotations/480p/ant/{n:05d}.png' for n in range(2))
    )
    return root


def items(dataset):
    return [dataset[i]['data_samples'] for i in range(len(dataset))]


def test_davis_gives_its_first_masks_and_keeps_the_rest_as_truth(tmp_path):
    dataset = PromptedVideos(str(davis(tmp_path)), list_file='ImageSets/2017/val.txt', pipeline=PIPELINE)
    found = items(dataset)
    assert dataset.video_lengths == [3, 2]
    assert [(s.set_id, s.frame_index, s.video_length) for s in found] == [
        ('bear', 0, 3), ('bear', 1, 3), ('bear', 2, 3), ('ant', 0, 2), ('ant', 1, 2),
    ]  # fmt: skip
    assert ['prompt' in s for s in found] == [True, False, False, True, False]
    assert found[0].prompt.unique().tolist() == [0, 1, 2]
    assert found[2].gt_labels[0][2, 4] == 2


def test_the_pairs_of_the_2016_lists_name_videos_too(tmp_path):
    dataset = PromptedVideos(str(davis(tmp_path)), list_file='pairs.txt', merge_objects=True, pipeline=PIPELINE)
    assert [video.name for video in dataset.videos] == ['ant']
    sample = items(dataset)[0]
    assert sample.prompt.unique().tolist() == [0, 1]
    assert np.unique(sample.gt_labels[0]).tolist() == [0, 1]


def youtube(root):
    for number in range(0, 25, 5):
        image(root / f'JPEGImages/abc/{number:05d}.jpg')
    labels(root / 'Annotations/abc/00005.png', o2=(1, 1))
    labels(root / 'Annotations/abc/00015.png', o7=(2, 2), o2=(3, 3))
    frames = {'2': ['00005', '00010'], '7': ['00015', '00020']}
    objects = {index: dict(category='cat', frames=listed) for index, listed in frames.items()}
    (root / 'meta.json').write_text(json.dumps(dict(videos=dict(abc=dict(objects=objects)))))
    return root


def test_youtube_vos_gives_each_object_in_the_first_of_its_frames_only(tmp_path):
    found = items(PromptedVideos(str(youtube(tmp_path)), 'youtube_vos', pipeline=PIPELINE))
    assert [s.frame_ids[0] for s in found] == ['00005', '00010', '00015', '00020']
    prompts = {s.frame_ids[0]: s.prompt.unique().tolist() for s in found if 'prompt' in s}
    assert prompts == {'00005': [0, 2], '00015': [0, 7]}


def test_youtube_vos_follows_all_frames_and_saves_the_required_ones(tmp_path):
    root = youtube(tmp_path)
    for number in range(25):
        image(root / f'all/abc/{number:05d}.jpg')
    options = dict(all_frames=str(root / 'all'))
    found = items(PromptedVideos(str(root), 'youtube_vos', layout_options=options, pipeline=PIPELINE))
    assert [s.frame_ids[0] for s in found] == [f'{n:05d}' for n in range(5, 25)]
    assert [s.frame_ids[0] for s in found if s.saved == [True]] == ['00005', '00010', '00015', '00020']


def test_frames_before_the_first_annotation_are_left_out(tmp_path):
    for number in range(4):
        image(tmp_path / f'JPEGImages/v/{number}.jpg')
    for number in (1, 3):
        labels(tmp_path / f'Annotations/v/{number}.png', o1=(0, 0))
    found = items(PromptedVideos(str(tmp_path), 'long_time', pipeline=PIPELINE))
    assert [s.frame_ids[0] for s in found] == ['1', '2', '3']
    assert ['prompt' in s for s in found] == [True, False, False]
    assert [s.saved for s in found] == [[True], [False], [True]]
    assert found[1].gt_labels == [None]


def test_segtrack_numbers_the_folders_of_its_objects(tmp_path):
    for number in range(2):
        image(tmp_path / f'JPEGImages/bmx/x_{number}.png')
        for index in (1, 2):
            mask = np.zeros(SIZE, np.uint8)
            mask[index, index] = 255
            path = tmp_path / f'GroundTruth/bmx/{index}/x_{number}.bmp'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), mask)
    sample = items(PromptedVideos(str(tmp_path), 'segtrack', pipeline=PIPELINE))[0]
    assert sample.prompt[1, 1] == 1
    assert sample.prompt[2, 2] == 2


def test_an_empty_annotation_gives_no_prompt(tmp_path):
    image(tmp_path / 'JPEGImages/v/0.jpg')
    labels(tmp_path / 'Annotations/v/0.png')
    assert 'prompt' not in items(PromptedVideos(str(tmp_path), 'folders', pipeline=PIPELINE))[0]


def test_what_a_tree_lacks_is_named(tmp_path):
    with pytest.raises(DataError, match='layout='):
        PromptedVideos(str(tmp_path), 'vos')
    with pytest.raises(DataError, match="no option 'size'"):
        PromptedVideos(str(tmp_path), 'davis', layout_options=dict(size=480))
    with pytest.raises(DataError, match=r'meta\.json'):
        PromptedVideos(str(tmp_path), 'youtube_vos')
    with pytest.raises(DataError, match='does not exist'):
        PromptedVideos(str(tmp_path), 'folders')
    image(tmp_path / 'JPEGImages/v/0.jpg')
    labels(tmp_path / 'Annotations/v/1.png', o1=(0, 0))
    with pytest.raises(DataError, match='no name in common'):
        PromptedVideos(str(tmp_path), 'folders')


def test_masks_of_another_size_than_their_frame_are_refused(tmp_path):
    image(tmp_path / 'JPEGImages/v/0.jpg')
    write_label_png(tmp_path / 'Annotations/v/0.png', np.ones((3, 3), np.uint8))
    with pytest.raises(DataError, match='must have the size of the frames'):
        items(PromptedVideos(str(tmp_path), 'folders', pipeline=PIPELINE))


def test_processes_share_whole_videos_balanced_by_length():
    shares = share_videos([10, 3, 7, 4, 6], 2)
    assert sorted(v for share in shares for v in share) == [0, 1, 2, 3, 4]
    loads = [sum([10, 3, 7, 4, 6][v] for v in share) for share in shares]
    assert sorted(loads) == [14, 16]


def test_a_process_gets_its_videos_one_after_the_other(tmp_path):
    dataset = PromptedVideos(str(davis(tmp_path)), list_file='ImageSets/2017/val.txt')
    assert list(VideoSampler(dataset, rank=0, world_size=1)) == [0, 1, 2, 3, 4]
    assert [list(VideoSampler(dataset, rank=r, world_size=2)) for r in (0, 1)] == [[0, 1, 2], [3, 4]]
    with pytest.raises(ConfigError, match='video_lengths'):
        VideoSampler([1, 2])

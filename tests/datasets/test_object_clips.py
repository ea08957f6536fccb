import cv2
import numpy as np
import pytest

from salseg.datasets import CompositeClips, ConcatDataset, ObjectVideos, SyntheticImages, SyntheticObjectVideos
from salseg.io.box_files import read_boxes
from salseg.datasets.sampling.clips import forward_clip, frame_gap, spread_clip
from salseg.datasets.synthetic.videos import boxes_of_labels
from salseg.datasets.transforms import (
    FirstFramePrompt,
    LoadBoxes,
    MasksToBoxes,
    RandomAffine,
    RandomGrey,
    RandomResizedCrop,
    RandomThinPlate,
    RepeatFrame,
    ResizeShorterSide,
    SampleClip,
    SelectObjects,
)
from salseg.errors import ConfigError, DataError
from salseg.visualization import write_label_png

READ = [dict(type='LoadFrames'), dict(type='LoadLabels')]
XMEM = ((0, 5), (0.1, 10), (0.3, 15), (0.9, 5))


def rng(seed=0):
    return np.random.default_rng(seed)


def clip(labels, **fields):
    """Results of a clip with these labels."""
    frames = [np.zeros((*label.shape, 3), np.uint8) for label in labels]
    names = [str(t) for t in range(len(labels))]
    return dict(
        dataset='d', set_id='v', frames=frames, labels=list(labels), frame_ids=names, rng=rng(), draw=0, **fields
    )


def blocks(*places, size=(32, 32)):
    """Labels with a block of 8 x 8 pixels per object; None for an object that is not there."""
    labels = np.zeros(size, np.uint8)
    for index, place in enumerate(places, 1):
        if place is not None:
            labels[place[0] : place[0] + 8, place[1] : place[1] + 8] = index
    return labels


def test_the_curriculum_is_a_function_of_the_draw():
    gaps = [frame_gap(draw, 1000, XMEM) for draw in (0, 99, 100, 299, 300, 899, 900, 999, 5000)]
    assert gaps == [5, 5, 10, 10, 15, 15, 5, 5, 5]
    assert [SampleClip(4, gaps=XMEM, total_draws=1000, divisor=5).gap(draw) for draw in (0, 100, 300, 900)] == [
        1,
        2,
        3,
        1,
    ]
    with pytest.raises(ValueError, match='begin with fraction 0'):
        frame_gap(0, 10, ((0.1, 5),))
    with pytest.raises(ConfigError, match='total_draws'):
        SampleClip(4, gaps=XMEM)


def test_a_curriculum_counts_the_draws_of_the_whole_set():
    seen = []

    def note(results):
        seen.append(results['draw'])
        return results

    parts = [SyntheticObjectVideos(n, frames=2, size=32, pipeline=[note]) for n in (1, 3)]
    whole = ConcatDataset(parts)
    for draw in (0, 5, 8, 11):
        whole[draw]
    assert seen == [0, 5, 8, 11]
    parts[1][4]
    assert seen[-1] == 4


@pytest.mark.parametrize('gap', [1, 3, 50])
def test_frames_of_a_spread_clip_lie_in_each_others_windows(gap):
    seen = set()
    for seed in range(60):
        chosen = spread_clip(20, 5, gap, rng(seed))
        assert chosen == sorted(set(chosen))
        assert len(chosen) == 5
        assert max(np.diff(chosen)) <= gap
        seen.update(chosen)
    assert seen == set(range(20))


def test_frames_of_a_forward_clip_skip_at_most_the_gap():
    steps = np.array([np.diff(forward_clip(30, 3, 5, rng(seed))) for seed in range(200)])
    assert set(steps.flatten()) == {1, 2, 3, 4, 5, 6}
    assert (steps[:, 0] != steps[:, 1]).any()
    assert forward_clip(3, 3, 5, rng()) == [0, 1, 2]


def test_a_video_shorter_than_the_clip_is_named_and_can_be_left_out():
    videos = SyntheticObjectVideos(1, frames=3, size=32, pipeline=[dict(type='SampleClip', length=4)])
    with pytest.raises(DataError, match='train_00000: a video of 3 frames gives no clip of 4.*min_frames'):
        videos[0]


def test_a_clip_without_object_in_its_first_frame_is_drawn_again():
    labels = [blocks((0, 0)) if t >= 15 else blocks() for t in range(20)]
    given = dict(
        frame_ids=list(range(20)), label_images=labels, label_kind=['index'] * 20, dataset='d', set_id='v', draw=0
    )
    starts = [SampleClip(3, trials=30, reverse=0).transform({**given, 'rng': rng(s)})['frame_ids'][0] for s in range(9)]
    assert min(starts) >= 15
    once = [SampleClip(3, trials=1, reverse=0).transform({**given, 'rng': rng(s)})['frame_ids'][0] for s in range(9)]
    assert min(once) < 15


def test_items_depend_on_seed_epoch_and_index_only():
    pipeline = [
        dict(type='SampleClip', length=3), *READ, dict(type='SelectObjects', max_objects=2), dict(type='RandomThinPlate'),
        dict(type='RandomAffine', rotation=9, shear=4), dict(type='FirstFramePrompt'), dict(type='PackFrames'),
    ]  # fmt: skip
    first, second = (SyntheticObjectVideos(2, frames=6, size=32, pipeline=pipeline) for _ in range(2))
    second[1], second[3]
    for draw in (2, 0):
        np.testing.assert_array_equal(first[draw]['inputs'], second[draw]['inputs'])
    assert (first[0]['inputs'] != first[2]['inputs']).any()


def test_objects_are_drawn_and_renumbered_and_unknown_pixels_stay():
    labels = blocks((0, 0), (0, 16), (16, 0), (16, 16))
    labels[31] = 255
    seen = set()
    for seed in range(20):
        found = SelectObjects(2).transform({**clip([labels, labels]), 'rng': rng(seed)})
        seen.add(found['object_ids'])
        for number, index in enumerate(found['object_ids'], 1):
            np.testing.assert_array_equal(found['labels'][1] == number, labels == index)
        assert (found['labels'][0][31] == 255).all()
        assert set(np.unique(found['labels'][0])) == {0, 1, 2, 255}
    assert len(seen) == 6


def test_fewer_objects_than_slots_and_none_at_all():
    found = SelectObjects(3).transform(clip([blocks(None, (8, 8))]))
    assert (found['object_ids'], found['object_valid'].tolist()) == ((2,), [True, False, False])
    empty = SelectObjects(3, trials=1).transform(clip([blocks(), blocks((0, 0))]))
    assert (empty['object_ids'], empty['object_valid'].tolist()) == ((), [True, False, False])
    assert not empty['labels'][1].any(), 'an object that is not in the first frame is background'


class Mover:
    """Clears an object in all frames of the first trials of a draw, and counts the trials."""

    def __init__(self, *gone, trials=99):
        self.gone, self.trials, self.seen = gone, trials, []

    def __call__(self, results):
        self.seen.append(results['frame_ids'])
        if len(self.seen) <= self.trials:
            results['labels'] = [np.where(np.isin(x, self.gone), 0, x).astype(np.uint8) for x in results['labels']]
        return results


def moved(mover, max_objects=2):
    pipeline = [dict(type='SampleClip', length=3), *READ, mover, dict(type='SelectObjects', max_objects=max_objects),
                dict(type='FirstFramePrompt'), dict(type='PackFrames')]  # fmt: skip
    return SyntheticObjectVideos(1, frames=20, size=48, options=dict(objects=3, leaving=False), pipeline=pipeline)


def test_an_object_that_left_the_frame_is_not_chosen():
    videos = moved(Mover(1))
    for draw in range(6):
        sample = videos[draw]['data_samples']
        assert 1 not in sample.object_ids
        assert (sample.prompt.flatten(1).any(1) == sample.object_valid).all()


def test_a_clip_whose_objects_all_left_is_drawn_again_five_times_in_all():
    mover = Mover(1, 2, 3, trials=3)
    sample = moved(mover)[0]['data_samples']
    assert len(mover.seen) == 4
    assert len(sample.object_ids) == 2
    assert len({tuple(frames) for frames in mover.seen}) > 1, 'the clip itself is drawn again'
    mover = Mover(1, 2, 3)
    sample = moved(mover)[0]['data_samples']
    assert len(mover.seen) == 5
    assert (sample.object_ids, sample.object_valid.tolist()) == ((), [True, False])


def test_trials_of_the_clip_and_of_the_objects_are_one_count():
    labels = [blocks() for _ in range(20)]
    given = dict(
        frame_ids=list(range(20)), label_images=labels, label_kind=['index'] * 20, dataset='d', set_id='v', draw=0
    )
    clip_ = SampleClip(3, trials=5).transform({**given, 'rng': rng()})
    assert clip_['trial'] == 4
    clip_['labels'] = clip_['label_images']
    assert SelectObjects(2).transform(clip_)['object_ids'] == ()


def test_an_item_that_is_drawn_again_is_the_same_whenever_it_is_asked_for():
    first, second = moved(Mover(1, 2, 3, trials=2)), moved(Mover(1, 2, 3, trials=2))
    second.transforms[3].seen.clear()
    np.testing.assert_array_equal(first[0]['inputs'], second[0]['inputs'])


def test_an_affine_map_moves_labels_with_the_image():
    labels = blocks((4, 20))
    given = clip([labels, labels])
    given['frames'] = [np.repeat(labels[..., None] * 200, 3, 2) for _ in range(2)]
    moved = RandomAffine(
        rotation=25, shear=10, scale=(0.8, 1.2), translation=0.1, per='frame', fill=(0, 0, 0)
    ).transform(given)
    for frame, mask in zip(moved['frames'], moved['labels']):
        assert ((frame[..., 0] > 100) == (mask == 1)).mean() > 0.97
        assert 20 < (mask == 1).sum() < 140
    assert (moved['labels'][0] != moved['labels'][1]).any()


def test_a_quarter_turn_is_exact():
    from salseg.datasets.transforms.warping import affine_matrix, warp

    labels = blocks((0, 0))
    turned = warp(labels, affine_matrix((np.pi / 2, 0, 1, 0, 0), (32, 32)), cv2.INTER_NEAREST)
    np.testing.assert_array_equal(turned, np.rot90(labels, -1))


def test_warps_stop_at_a_draw():
    labels = blocks((4, 20))
    for draw, same in ((9, False), (10, True)):
        given = {**clip([labels]), 'draw': draw}
        moved = RandomAffine(rotation=25, until=10).transform(given)['labels'][0]
        assert np.array_equal(moved, labels) == same


def test_a_thin_plate_takes_points_to_their_sources_and_nothing_for_no_shift():
    from salseg.datasets.transforms.warping import sampling_maps

    points = rng().random((6, 2)) * 0.8 + 0.1
    x, y = sampling_maps(points, points, (40, 60))
    np.testing.assert_allclose(x, np.broadcast_to(np.arange(60), (40, 60)), atol=1e-3)
    x, y = sampling_maps(points, points + (0.05, -0.1), (40, 60))
    np.testing.assert_allclose(x - np.arange(60), 3, atol=1e-2)
    np.testing.assert_allclose(y - np.arange(40)[:, None], -4, atol=1e-2)
    sources = points + rng(1).normal(0, 0.02, points.shape)
    x, y = sampling_maps(points, sources, (400, 400))
    for point, source in zip(points, sources):
        at = tuple((point[::-1] * 400).astype(int))
        assert abs(x[at] / 400 - source[0]) < 0.01
        assert abs(y[at] / 400 - source[1]) < 0.01


def test_crops_and_greys_keep_frames_and_labels_together():
    image = rng().integers(0, 255, (40, 60, 3)).astype(np.uint8)
    image[..., 0] = 200 * (np.arange(60) < 20)
    given = clip([(image[..., 0] > 0).astype(np.uint8)] * 2)
    given['frames'] = [image, image]
    from salseg.structures import FrameGeometry

    given['geometry'] = [FrameGeometry.whole(40, 60)] * 2
    found = RandomResizedCrop((24, 32), area=(0.3, 0.9)).transform(given)
    assert [f.shape for f in found['frames']] == [(24, 32, 3)] * 2
    np.testing.assert_array_equal(*found['frames'])
    assert ((found['frames'][0][..., 0] > 100) == found['labels'][0]).mean() > 0.93
    grey = RandomGrey(1).transform(found)['frames'][0]
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])
    assert ResizeShorterSide(12).transform(found)['frames'][0].shape == (12, 16, 3)


def test_a_still_image_becomes_a_clip_of_differing_views():
    pipeline = [*READ, dict(type='RepeatFrame', length=3), dict(type='SelectObjects', max_objects=1),
                dict(type='RandomAffine', rotation=20, per='frame'), dict(type='FirstFramePrompt'),
                dict(type='PackFrames')]  # fmt: skip
    item = SyntheticImages(2, size=48, labels='mask', pipeline=pipeline)[0]
    assert item['inputs'].shape == (3, 3, 48, 48)
    assert (item['inputs'][0] != item['inputs'][1]).any()
    np.testing.assert_array_equal(item['data_samples'].prompt[0], item['data_samples'].labels[0] == 1)


def test_composites_show_the_object_on_another_image_and_move_it():
    images = SyntheticImages(3, size=48, labels='mask', pipeline=READ)
    other = SyntheticImages(3, split='other', size=40, labels='mask', pipeline=READ, name='other')
    clips = CompositeClips(images, other, size=48, pipeline=[*READ, dict(type='PackFrames')])
    item = clips[4]
    assert item['inputs'].shape == (3, 3, 48, 48)
    labels = item['data_samples'].labels.numpy()
    assert set(np.unique(labels)) == {0, 1}
    assert (labels[0] != labels[1]).any()
    np.testing.assert_array_equal(item['inputs'], clips[4]['inputs'])
    still = dict(rotation=0)
    fixed = CompositeClips(images, other, size=48, motion=still, flip=0, pipeline=[*READ, dict(type='PackFrames')])[0]
    inside = cv2.erode(fixed['data_samples'].labels[0].numpy(), np.ones((5, 5), np.uint8)) > 0
    original = images.get(0, 0)['frames'][0]
    np.testing.assert_array_equal(fixed['inputs'][0].numpy().transpose(1, 2, 0)[inside], original[inside])


def boxed(labels, **options):
    return MasksToBoxes(**options).transform(SelectObjects(2).transform(clip(labels)))


def test_masks_make_way_for_boxes():
    ring = blocks((8, 8))
    ring[10:14, 10:14] = 0
    found = boxed([ring, blocks(None)])
    assert found['boxes'][0].tolist() == [[8, 8, 16, 16], [0, 0, 0, 0]]
    assert found['box_valid'].tolist() == [[True, False], [False, False]]
    np.testing.assert_array_equal(found['labels'][0], np.where(blocks((8, 8)) > 0, 255, 0))
    np.testing.assert_array_equal(found['prompt'][0], blocks((8, 8)) > 0)
    assert not {'label_images', 'label_paths', 'saliency', 'box_maps', 'gt_maps'} & set(found)


def test_the_first_frame_may_keep_its_exact_mask():
    ring = blocks((8, 8))
    ring[10:14, 10:14] = 0
    np.testing.assert_array_equal(boxed([ring], prompt='mask')['prompt'][0], ring == 1)
    whole = FirstFramePrompt().transform(SelectObjects(2).transform(clip([ring])))
    np.testing.assert_array_equal(whole['prompt'][0], ring == 1)


def test_an_overlap_of_boxes_goes_to_the_smaller_one_in_the_prompt():
    labels = blocks((0, 0), size=(16, 16))
    labels[15, 15], labels[4:6, 4:6] = 1, 2
    prompt = boxed([labels])['prompt']
    assert prompt[1].sum() == 4
    assert prompt[0].sum() == 256 - 4


def test_filled_boxes_may_stand_for_masks():
    ring = blocks((8, 8))
    ring[10:14, 10:14] = 0
    found = boxed([ring, blocks(None)], filled=True)
    np.testing.assert_array_equal(found['labels'][0], blocks((8, 8)))
    assert not found['labels'][1].any()
    labels = blocks((0, 0), size=(16, 16))
    labels[15, 15], labels[4:6, 4:6] = 1, 2
    # The smaller box is in front, and nothing of the shapes shows.
    expected = blocks((0, 0), size=(16, 16))
    expected[:16, :16], expected[4:6, 4:6] = 1, 2
    np.testing.assert_array_equal(boxed([labels], filled=True)['labels'][0], expected)


def test_unannotated_frames_stay_unknown_and_saliency_is_one_object():
    unknown = np.full((32, 32), 255, np.uint8)
    found = MasksToBoxes().transform(clip([blocks((0, 0), (16, 16)), unknown]))
    assert found['boxes'][0].tolist() == [[0, 0, 24, 24]]
    assert found['box_valid'].tolist() == [[True], [False]]
    assert (found['labels'][1] == 255).all()
    assert 'prompt' not in found


@pytest.fixture
def tree(tmp_path):
    """A DAVIS tree with two videos of six frames, and their boxes as CSV."""
    rows = ['set,frame,object,x0,y0,x1,y1,width,height']
    for number, name in enumerate(('a', 'b')):
        for t in range(6):
            labels = blocks((2 * t, 3), (20, 4 + 3 * number))
            path = tmp_path / f'JPEGImages/480p/{name}/{t:05d}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.full((32, 32, 3), 10 * t, np.uint8))
            write_label_png(tmp_path / f'Annotations/480p/{name}/{t:05d}.png', labels)
            for index, box in enumerate(boxes_of_labels(labels, 2)[0], 1):
                rows.append(f'{name},{t:05d},{index},' + ','.join(f'{v:g}' for v in box) + ',32,32')
    (tmp_path / 'boxes.csv').write_text('\n'.join(rows) + '\n')
    return tmp_path


FLIPPED = [dict(type='RandomFlip', probability=0.5), dict(type='RandomResizedCrop', size=32)]
FROM_MASKS = [
    *READ,
    *FLIPPED,
    dict(type='SelectObjects', max_objects=1),
    dict(type='MasksToBoxes'),
    dict(type='PackFrames'),
]
FROM_FILE = [dict(type='LoadFrames'), dict(type='LoadBoxes', max_objects='all'), *FLIPPED,
             dict(type='SelectObjects', max_objects=1), dict(type='MasksToBoxes'),
             dict(type='PackFrames')]  # fmt: skip


def test_boxes_from_a_file_give_what_boxes_of_masks_give_and_no_mask_is_needed(tree):
    sample = dict(type='SampleClip', length=3)
    masks = ObjectVideos(str(tree), pipeline=[sample, *FROM_MASKS])
    expected = [masks[draw] for draw in range(6)]
    for path in tree.rglob('*.png'):
        path.unlink()
    boxes = ObjectVideos(str(tree), boxes='boxes.csv', pipeline=[sample, *FROM_FILE])
    for draw, item in enumerate(expected):
        found = boxes[draw]
        np.testing.assert_array_equal(found['inputs'], item['inputs'])
        for name in ('boxes', 'box_valid', 'labels', 'prompt', 'object_valid'):
            np.testing.assert_array_equal(found['data_samples'].get(name), item['data_samples'].get(name))


def test_short_videos_are_left_out_and_others_repeated(tree):
    for path in [*tree.rglob('a/00005.*'), *tree.rglob('a/00004.*')]:
        path.unlink()
    videos = ObjectVideos(str(tree), min_frames=5, repeats=3)
    assert (videos.short, len(videos), videos.describe(2)['set_id']) == (['a'], 3, 'b')
    with pytest.raises(DataError, match='none of 2 videos has 9 frames'):
        ObjectVideos(str(tree), min_frames=9)


LINE = 'a,00000,{},{},{},{},{},32,32'


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        (LINE.format(1, 5, 5, 5, 9), 'line 2: the box .* has no area'),
        (LINE.format(1, 40, 5, 50, 9), 'line 2: the box .* is outside its image of 32x32'),
        (LINE.format(255, 1, 1, 9, 9), 'object 255; expected an id from 1 to 254'),
        (LINE.format('x', 1, 1, 9, 9), 'cannot be read as a table of boxes'),
        (LINE.format(1, 1, 1, 9, 9) + '\n' + LINE.format(1, 2, 2, 9, 9), 'line 3: object 1 has a box'),
        (LINE.format(1, 1, 1, 9, 9).replace('00000', '00099'), "a box in frame '00099' of a"),
    ],
)
def test_boxes_that_cannot_be_used_are_named(tree, row, message):
    (tree / 'boxes.csv').write_text('set,frame,object,x0,y0,x1,y1,width,height\n' + row + '\n')
    with pytest.raises(DataError, match=message):
        ObjectVideos(str(tree), boxes='boxes.csv')


def test_a_box_partly_outside_is_cut_and_a_missing_column_or_file_named(tree):
    (tree / 'boxes.csv').write_text('set,frame,object,x0,y0,x1,y1,width,height\n' + LINE.format(1, -4, 5, 9, 50) + '\n')
    assert read_boxes(tree / 'boxes.csv') == {('a', '00000'): {1: (0, 5, 9, 32)}}
    (tree / 'boxes.csv').write_text('set,frame\na,b\n')
    with pytest.raises(DataError, match="no column 'object'"):
        read_boxes(tree / 'boxes.csv')
    with pytest.raises(DataError, match='cannot be read'):
        read_boxes(tree / 'none.csv')
    with pytest.raises(DataError, match=r'\.csv or \.json'):
        read_boxes(tree / 'boxes.txt')


def test_what_the_converter_writes_is_read_back(tree):
    from salseg.apis.converting.boxes import write_boxes

    for name in ('own.csv', 'own.json'):
        write_boxes(tree, tree / name)
        assert read_boxes(tree / name) == read_boxes(tree / 'boxes.csv')


def test_images_take_their_boxes_from_a_file(tmp_path):
    (tmp_path / 'b.csv').write_text(
        'set,frame,object,x0,y0,x1,y1,width,height\n,p,1,1,2,9,9,32,32\n,p,2,4,4,12,8,32,32\n'
    )
    given = dict(clip([blocks()]), frame_ids=['p'], set_id='p')
    found = MasksToBoxes().transform(LoadBoxes(str(tmp_path / 'b.csv')).transform(given))
    assert found['boxes'][0].tolist() == [[1, 2, 12, 9]]
    with pytest.raises(DataError, match='no box of v / 0'):
        LoadBoxes(str(tmp_path / 'b.csv')).transform(clip([blocks()]))
    with pytest.raises(DataError, match='there are no boxes'):
        LoadBoxes().transform(clip([blocks()]))
    table = LoadBoxes(max_objects=1).transform(dict(clip([blocks()]), given_boxes=[{1: (0, 0, 8, 8)}]))
    with pytest.raises(DataError, match='needs masks'):
        MasksToBoxes(prompt='mask').transform(table)


@pytest.mark.parametrize(
    'make',
    [
        lambda: RandomAffine(scale=(2, 1)), lambda: RandomThinPlate(points=2), lambda: RandomResizedCrop(0),
        lambda: RandomGrey(2), lambda: RepeatFrame(0), lambda: SelectObjects(0), lambda: MasksToBoxes(prompt='x'),
        lambda: LoadBoxes(max_objects=0), lambda: LoadBoxes(max_objects='x'),
        lambda: SelectObjects(1, trials=0), lambda: ResizeShorterSide(0), lambda: SampleClip(0),
        lambda: SyntheticObjectVideos(0),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(make):
    with pytest.raises(ConfigError):
        make()


@pytest.mark.parametrize('boxes', [None, 'boxes.csv'])
def test_an_option_that_the_layout_does_not_have_is_refused(tree, boxes):
    with pytest.raises(DataError, match="'davis' has no option 'all_frames'; it has: resolution"):
        ObjectVideos(str(tree), boxes=boxes, layout_options=dict(all_frames='x'))


def test_transforms_in_the_wrong_order_are_named():
    unread = clip([blocks((0, 0))])
    labels = unread.pop('labels')
    with pytest.raises(DataError, match='d / v: SelectObjects found no labels; put LoadLabels before it'):
        SelectObjects().transform(unread)
    with pytest.raises(DataError, match='FirstFramePrompt found no objects; put LoadLabels and SelectObjects before'):
        FirstFramePrompt().transform({**unread, 'labels': labels})

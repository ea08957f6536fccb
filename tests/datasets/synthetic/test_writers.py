import json

import cv2
import numpy as np
import pytest
from PIL import Image

from salseg.datasets.synthetic import HELD_OUT, draw_group, draw_image, draw_video, write_dataset, writers
from salseg.errors import DataError


def grey(path):
    return np.array(Image.open(path))


def test_images_come_back_as_they_were_drawn(tmp_path):
    root = write_dataset('sod', tmp_path / 'set', seed=4, splits={'train': 3, 'test': 2}, size=48, suffix='.png')
    assert (root / 'train.txt').read_text().split() == ['train_00000', 'train_00001', 'train_00002']
    assert sorted(p.name for p in (root / 'image').iterdir())[0] == 'test_00000.png'
    drawn = draw_image(4, 'test', 1, 48)
    assert np.array_equal(cv2.imread(str(root / 'image' / 'test_00001.png'))[..., ::-1], drawn.image)
    assert np.array_equal(grey(root / 'mask' / 'test_00001.png'), drawn.mask * 255)
    assert np.array_equal(grey(root / 'scribble' / 'test_00001.png'), drawn.scribble)


def test_jpeg_images_are_close_to_what_was_drawn(tmp_path):
    root = write_dataset('sod', tmp_path / 'set', splits={'train': 1}, size=64)
    read = cv2.imread(str(root / 'image' / 'train_00000.jpg'))[..., ::-1].astype(int)
    assert np.abs(read - draw_image(0, 'train', 0, 64).image).mean() < 6


def test_a_group_has_parallel_trees_and_options_reach_the_drawing(tmp_path):
    root = write_dataset(
        'cosod',
        tmp_path / 'set',
        splits={'test': 2},
        size=48,
        group_size=3,
        suffix='.png',
        options={'categories': HELD_OUT},
    )
    groups = sorted(p.name for p in (root / 'test' / 'image').iterdir())
    assert groups == sorted(p.name for p in (root / 'test' / 'gt').iterdir())
    assert len(groups) == 2
    assert all(' ' in name for name in groups)
    drawn = draw_group(0, 'test', 1, 3, 48, HELD_OUT).images[2]
    found = list((root / 'test' / 'gt').glob('*/001_002.png'))
    assert len(found) == 1
    assert np.array_equal(grey(found[0]), drawn.mask * 255)


def test_davis_labels_are_palette_files_of_object_ids(tmp_path):
    root = write_dataset('davis', tmp_path / 'set', splits={'train': 1, 'val': 1}, size=48, length=3)
    assert (root / 'ImageSets' / '2017' / 'val.txt').read_text() == 'val-000\n'
    file = root / 'Annotations' / '480p' / 'val-000' / '00002.png'
    with Image.open(file) as image:
        assert image.mode == 'P'
        assert image.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
        assert np.array_equal(np.array(image), draw_video(0, 'val', 0, length=3, size=48).labels(2))
    assert (root / 'JPEGImages' / '480p' / 'val-000' / '00002.jpg').is_file()


def test_saliency_videos_unite_the_objects_and_may_be_labelled_sparsely(tmp_path):
    root = write_dataset('vsod', tmp_path / 'set', splits={'val': 1}, size=48, length=5, label_every=2)
    folder = root / 'Annotations' / '480p' / 'val-000'
    assert sorted(p.stem for p in folder.iterdir()) == ['00000', '00002', '00004']
    assert len(list((root / 'JPEGImages' / '480p' / 'val-000').iterdir())) == 5
    labels = draw_video(0, 'val', 0, length=5, size=48).labels(4)
    assert np.array_equal(grey(folder / '00004.png'), (labels > 0) * 255)


def test_youtube_vos_follows_the_rule_of_first_appearance(tmp_path):
    options = {'objects': 3, 'late': True, 'max_step': 10.0}
    root = write_dataset(
        'ytvos', tmp_path / 'set', splits={'train': 1, 'valid': 2}, size=48, length=10, options=options
    )
    videos = json.loads((root / 'valid' / 'meta.json').read_text())['videos']
    assert len(videos) == 2
    late = 0
    for name, video in videos.items():
        assert len(name) == 10
        assert int(name, 16) >= 0
        shipped = sorted(p.stem for p in (root / 'valid' / 'JPEGImages' / name).iterdir())
        assert shipped == [f'{5 * k:05d}' for k in range(10)]
        first = {int(number): entry['frames'][0] for number, entry in video['objects'].items()}
        annotated = {p.stem: grey(p) for p in (root / 'valid' / 'Annotations' / name).iterdir()}
        assert set(annotated) == set(first.values())
        for stem, labels in annotated.items():
            assert set(np.unique(labels)) - {0} == {number for number, start in first.items() if start == stem}
        for entry in video['objects'].values():
            assert entry['frames'] == shipped[shipped.index(entry['frames'][0]) :]
        late += sum(start != '00000' for start in first.values())
    assert late > 0


def test_youtube_vos_training_lists_an_object_where_it_is_visible(tmp_path):
    root = write_dataset('ytvos', tmp_path / 'set', splits={'train': 1}, size=48, length=8)
    ((name, video),) = json.loads((root / 'train' / 'meta.json').read_text())['videos'].items()
    for number, entry in video['objects'].items():
        files = sorted((root / 'train' / 'Annotations' / name).iterdir())
        assert entry['frames'] == [p.stem for p in files if (grey(p) == int(number)).any()]


def test_the_folder_says_how_it_was_drawn(tmp_path):
    root = write_dataset('vsod', tmp_path / 'set', seed=7, splits={'val': 1}, size=(48, 64), length=2)
    facts = json.loads((root / 'synthetic.json').read_text())
    assert facts == {
        'kind': 'vsod', 'version': 1, 'seed': 7, 'splits': {'val': 1}, 'length': 2, 'label_every': 1,
        'options': {'size': [48, 64]},
    }  # fmt: skip


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    def fail_at_the_last(path, lines):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(writers, '_write_list', fail_at_the_last)
    with pytest.raises(OSError, match='No space left'):
        write_dataset('sod', tmp_path / 'set', splits={'train': 1}, size=32)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_never_overwritten(tmp_path):
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'precious.txt').write_text('data')
    (tmp_path / 'file').write_text('data')
    with pytest.raises(DataError, match='full is not empty'):
        write_dataset('sod', tmp_path / 'full')
    with pytest.raises(DataError, match='file is a file'):
        write_dataset('sod', tmp_path / 'file')
    assert (tmp_path / 'full' / 'precious.txt').read_text() == 'data'


@pytest.mark.parametrize(
    ('kind', 'options', 'message'),
    [
        ('duts', {}, 'one of sod, cosod, vsod, davis, ytvos'),
        ('sod', {'suffix': '.bmp'}, '.jpg or .png'),
        ('sod', {'splits': {'train': 0}}, r"splits\['train'\]"),
        ('sod', {'splits': {}}, 'there must be a split'),
        ('davis', {'options': {'object': 2}}, 'options holds object; davis takes .*objects'),
        ('davis', {'options': {'length': 2}}, 'options holds length'),
        ('davis', {'size': 5}, 'at least 32'),
    ],
)
def test_bad_input_is_named_and_nothing_is_left(tmp_path, kind, options, message):
    with pytest.raises(DataError, match=message):
        write_dataset(kind, tmp_path / 'set', **options)
    assert list(tmp_path.iterdir()) == []

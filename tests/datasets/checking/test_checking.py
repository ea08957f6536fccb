import json

import numpy as np
import pytest
from PIL import Image

from salseg.datasets.checking import KINDS, Options, check_folder, report_text, report_values, write_clean_list
from salseg.errors import DataError, UnknownName
from salseg.registry import DATASETS
from tests.datasets.checking.folders import SIZE, groups, images, mask, draw_image, save, scribble, videos


def check(root, **options):
    return check_folder(root, Options(**options))


def found(report):
    """Number of findings by kind."""
    return {kind: len(places) for kind, places in report.findings.by_kind.items()}


def places(report, kind):
    return [finding.where for finding in report.findings.by_kind[kind]]


SOUND = {
    'images': (lambda root: images(root), 'sod'),
    'scribbles': (lambda root: images(root, scribbles=True), 'scribble'),
    'groups': (lambda root: groups(root), 'cosod'),
    'object videos': (lambda root: videos(root), 'vos'),
    'saliency videos': (lambda root: videos(root, palette=False, every=2), 'vsod'),
}


@pytest.mark.parametrize('name', SOUND)
def test_a_sound_folder_is_recognised_and_nothing_is_found(tmp_path, name):
    make, kind = SOUND[name]
    report = check(make(tmp_path / 'set'))
    assert (report.plan.kind, found(report), report.findings.failed) == (kind, {}, False)


@pytest.mark.parametrize('name', SOUND)
def test_the_printed_reader_reads_the_folder(tmp_path, name):
    make, _ = SOUND[name]
    report = check(make(tmp_path / 'set'))
    data = DATASETS.build(report.plan.reader())
    paths = {path for index in range(len(data)) for path in data.describe(index)['frame_paths']}
    assert len(paths) == report.counts['annotated' if report.plan.kind == 'vsod' else 'images']


def test_every_synthetic_set_is_sound(tmp_path):
    from salseg.datasets.synthetic import write_dataset

    small = dict(size=48, length=6, group_size=3)
    kinds = {}
    for kind in ('sod', 'cosod', 'vsod', 'davis', 'ytvos'):
        root = write_dataset(kind, tmp_path / kind, splits=dict(train=2, test=1), **small)
        report = check(root / 'train' if kind in ('cosod', 'ytvos') else root)
        kinds[kind] = report.plan.kind
        assert not report.findings.failed, report_text(report)
    assert kinds == dict(sod='scribble', cosod='cosod', vsod='vsod', davis='vos', ytvos='vos')


def without_mask(root):
    (root / 'mask/b.png').unlink()


def without_image(root):
    (root / 'image/b.jpg').unlink()


def cut_image(root):
    path = root / 'image/b.jpg'
    path.write_bytes(path.read_bytes()[:-40])


def cut_mask(root):
    path = root / 'mask/b.png'
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def soft_mask(root):
    values = mask()
    values[6, 8:20] = 100
    save(root / 'mask/b.png', values)


def coloured_mask(root):
    save(root / 'mask/b.png', np.dstack([mask(), mask() // 2, mask()]))


def jpeg_mask(root):
    save(root / 'mask/b.jpg', mask())
    (root / 'mask/b.png').unlink()


def turned_image(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(draw_image(1)).save(root / 'image/b.jpg', exif=exif)


SPOILED_IMAGES = {
    'no-label': without_mask,
    'no-image': without_image,
    'unreadable': cut_image,
    'unreadable mask': cut_mask,
    'grey-edges': soft_mask,
    'colour-label': coloured_mask,
    'jpeg-label': jpeg_mask,
    'exif': turned_image,
    'size-differs': lambda root: save(root / 'mask/b.png', mask((20, 32))),
    'ids-as-mask': lambda root: save(root / 'mask/b.png', mask(value=2)),
    'empty-mask': lambda root: save(root / 'mask/b.png', np.zeros(SIZE, np.uint8)),
    'full-mask': lambda root: save(root / 'mask/b.png', np.full(SIZE, 255, np.uint8)),
    'mixed-palette': lambda root: save(root / 'mask/b.png', mask(), 'P'),
    'mixed-scale': lambda root: save(root / 'mask/b.png', mask(value=1)),
    'two-files': lambda root: save(root / 'image/b.png', draw_image(7)),
    'same-image': lambda root: (root / 'image/b.jpg').write_bytes((root / 'image/c.jpg').read_bytes()),
}


@pytest.mark.parametrize('name', SPOILED_IMAGES)
def test_each_defect_of_images_is_found_where_it_is(tmp_path, name):
    root = images(tmp_path / 'set')
    SPOILED_IMAGES[name](root)
    report = check(root)
    kind = name.split()[0]
    if name == 'jpeg-label':
        assert set(found(report)) <= {'jpeg-label', 'grey-edges'}
    else:
        assert set(found(report)) == {kind}
    (where,) = places(report, kind)
    assert where.rsplit('/')[-1].split('.')[0] == ('c' if kind == 'same-image' else 'b')
    assert report.findings.failed == (KINDS[kind].level == 'error')


@pytest.mark.parametrize('name', [name for name in SPOILED_IMAGES if KINDS[name.split()[0]].level == 'error'])
def test_what_counts_as_an_error_is_what_a_loader_refuses_or_misreads(tmp_path, name):
    root = images(tmp_path / 'set')
    SPOILED_IMAGES[name](root)
    steps = [dict(type='LoadFrames'), dict(type='LoadLabels')]
    try:
        data = DATASETS.build(dict(type='SaliencyDataset', data_root=str(root), pipeline=steps))
        labels = [data.get(0, index)['labels'][0] for index in range(len(data))]
        refused = len(labels) < 3 or not all(label.any() for label in labels)
    except DataError:
        refused = True
    assert refused


SPOILED_SCRIBBLES = {
    'scribble-codes': (
        np.full(SIZE, 3, np.uint8),
        'holds the codes 3; a scribble has 0 unknown, 1 object, 2 background',
    ),
    'one-scribble': (np.where(scribble() == 1, 1, 0).astype(np.uint8), 'no background scribble'),
    'no-scribble': (np.zeros(SIZE, np.uint8), ''),
    'dense-scribble': (np.where(mask() > 0, 1, 2).astype(np.uint8), '100.0% of the pixels'),
    'scribble-off-mask': (np.roll(scribble(), 12, axis=0), '8 object pixels outside, 12 background pixels inside'),
}


@pytest.mark.parametrize('kind', SPOILED_SCRIBBLES)
def test_each_defect_of_scribbles_is_found_and_described(tmp_path, kind):
    root = images(tmp_path / 'set', scribbles=True)
    values, detail = SPOILED_SCRIBBLES[kind]
    save(root / 'scribble/b.png', values)
    report = check(root)
    (finding,) = report.findings.by_kind[kind]
    assert (finding.where, finding.detail) == ('scribble/b.png', detail)


def test_scribbles_of_one_class_per_folder_are_recognised(tmp_path):
    root = images(tmp_path / 'set', scribbles=True)
    save(root / 'scribble/b.png', mask())
    (finding,) = check(root).findings.by_kind['scribble-codes']
    assert 'a folder per class' in finding.detail


def relabel(root, name, change):
    path = root / 'Annotations' / name
    labels = np.asarray(Image.open(path)).copy()
    save(path, change(labels), 'P')


def without_frame(root):
    for folder, suffix in (('JPEGImages', 'jpg'), ('Annotations', 'png')):
        (root / folder / f'cow/00002.{suffix}').unlink()


def of_one_frame(root):
    for folder in ('JPEGImages', 'Annotations'):
        for path in sorted((root / folder / 'cow').iterdir())[1:]:
            path.unlink()


def of_two_sizes(root):
    save(root / 'JPEGImages/cow/00002.jpg', draw_image(3, (30, 40)))
    save(root / 'Annotations/cow/00002.png', mask((30, 40), 1), 'P')


def with_255(root):
    for path in (root / 'Annotations/cow').iterdir():
        save(path, mask(), 'P')


def soft_ids(root):
    relabel(root, 'cow/00003.png', lambda v: np.arange(v.size, dtype=np.int64).reshape(v.shape).astype(np.uint8))


SPOILED_VIDEOS = {
    'frame-gap': without_frame,
    'one-frame-video': of_one_frame,
    'frame-sizes': of_two_sizes,
    '255-object': with_255,
    'soft-ids': soft_ids,
    'empty-first': lambda root: relabel(root, 'cow/00000.png', np.zeros_like),
    'away': lambda root: relabel(root, 'cow/00003.png', np.zeros_like),
    'late-object': lambda root: relabel(root, 'cow/00000.png', lambda v: np.where(v == 2, 0, v).astype(np.uint8)),
    'void': lambda root: relabel(root, 'cow/00003.png', lambda v: np.where(v == 2, 255, v).astype(np.uint8)),
    'unlabelled-set': lambda root: [path.unlink() for path in (root / 'Annotations/cow').iterdir()],
    'empty-set': lambda root: (root / 'JPEGImages/dog').mkdir(),
}


@pytest.mark.parametrize('kind', SPOILED_VIDEOS)
def test_each_defect_of_videos_is_found_in_the_video_that_has_it(tmp_path, kind):
    root = videos(tmp_path / 'set')
    SPOILED_VIDEOS[kind](root)
    report = check(root, kind='vos')
    assert kind in found(report)
    assert all(('dog' if kind == 'empty-set' else 'cow') in where for where in places(report, kind))
    if KINDS[kind].level == 'error':
        assert report.clean == (['bear', 'cow'] if kind == 'empty-set' else ['bear'])


def test_a_gap_in_the_ids_names_ids_and_gap(tmp_path):
    root = videos(tmp_path / 'set')
    for path in sorted((root / 'Annotations/cow').iterdir()):
        relabel(root, f'cow/{path.name}', lambda v: np.where(v == 2, 4, v).astype(np.uint8))
    (finding,) = check(root).findings.by_kind['id-gap']
    assert (finding.where, finding.detail) == ('cow', 'ids 1, 4; missing 2, 3')


def test_palette_ids_in_videos_read_as_masks_are_an_error(tmp_path):
    report = check(videos(tmp_path / 'set'), kind='vsod')
    assert found(report)['ids-as-mask'] == 10
    assert report.clean == []


def test_sparse_annotation_is_no_defect_but_too_little_for_a_benchmark_is_said(tmp_path):
    report = check(videos(tmp_path / 'set', palette=False, every=3))
    assert found(report) == {'few-labels': 2}
    assert not report.findings.failed
    assert check(videos(tmp_path / 'other', palette=False, every=3), strict=True).findings.failed


def test_objects_in_folders_of_their_own_are_numbered(tmp_path):
    root = videos(tmp_path / 'set', names=('bmx',))
    (root / 'Annotations').rename(root / 'unused')
    for number in (1, 2):
        for t in range(5):
            save(root / 'GroundTruth/bmx' / str(number) / f'{t:05d}.bmp', mask(left=4 * number))
    report = check(root)
    assert (report.plan.kind, found(report)) == ('vos', {})
    save(root / 'GroundTruth/bmx/2/00000.bmp', mask() * 0)
    assert found(check(root)) == {'late-object': 1}


def test_groups_of_one_and_empty_groups_are_told_apart(tmp_path):
    root = groups(tmp_path / 'set', (3, 1))
    (root / 'image/nothing').mkdir()
    report = check(root)
    assert found(report) == {'group-of-one': 1, 'empty-set': 1}
    assert (places(report, 'group-of-one'), places(report, 'empty-set')) == (['group 1'], ['nothing'])
    assert report.clean == ['group 0', 'group 1']


def test_nested_groups_twins_and_named_folders_are_found(tmp_path):
    for number in range(3):
        save(tmp_path / 'nested/cow' / f'{number}.bmp', draw_image(number))
        save(tmp_path / 'nested/cow/GroundTruth' / f'{number}.bmp', mask())
        save(tmp_path / 'twins/Imgs' / f'{number}.jpg', draw_image(number))
        save(tmp_path / 'twins/Imgs' / f'{number}.png', mask())
        save(tmp_path / 'odd/photos' / f'{number}.jpg', draw_image(number))
        save(tmp_path / 'odd/cut' / f'{number}.png', mask())
    assert check(tmp_path / 'nested').plan.kind == 'cosod'
    for report in (check(tmp_path / 'twins'), check(tmp_path / 'odd', images='photos', labels='cut')):
        assert (report.counts['annotated'], found(report)) == (3, {})


def test_a_folder_of_no_known_layout_says_what_was_looked_for(tmp_path):
    (tmp_path / 'stuff').mkdir()
    with pytest.raises(DataError, match=r'holds stuff(.|\n)*--images'):
        check(tmp_path)
    with pytest.raises(DataError, match='does not exist'):
        check(tmp_path / 'nowhere')


def test_a_copy_in_another_encoding_is_found_across_sets(tmp_path):
    root, other = images(tmp_path / 'train'), images(tmp_path / 'test', ('x', 'y'))
    for seed, name in enumerate(('x', 'y')):
        save(other / 'image' / f'{name}.jpg', draw_image(50 + seed))
    (other / 'image/x.jpg').unlink()
    save(other / 'image/x.png', np.asarray(Image.open(root / 'image/b.jpg')))
    report = check(root, against=other)
    (finding,) = report.findings.by_kind['train-and-test']
    assert (finding.where, finding.detail) == ('b', 'is test/x')
    assert report.clean == ['a', 'c']
    assert report.against == 2


def test_a_smaller_and_recompressed_copy_is_found_only_when_requested(tmp_path):
    root, other = images(tmp_path / 'train'), images(tmp_path / 'test', ('x',))
    large = Image.fromarray(draw_image(1, (120, 160)))
    large.save(root / 'image/b.jpg')
    save(root / 'mask/b.png', mask((120, 160)))
    large.resize((80, 60), Image.Resampling.LANCZOS).save(other / 'image/x.jpg', quality=60)
    assert found(check(root, against=other)) == {}
    report = check(root, against=other, near=12)
    assert found(report) == {'near-train-and-test': 1}
    assert places(report, 'near-train-and-test') == ['b']


def test_lists_in_the_folder_that_share_names_or_images_are_errors(tmp_path):
    root = images(tmp_path / 'set', ('a', 'b', 'c', 'd'))
    (root / 'train.txt').write_text('a\nb\n')
    (root / 'test.txt').write_text('b\nc\n')
    assert found(check(root)) == {'in-both-lists': 1}
    (root / 'test.txt').write_text('c\nd\n')
    (root / 'image/d.jpg').write_bytes((root / 'image/a.jpg').read_bytes())
    report = check(root)
    (finding,) = report.findings.by_kind['train-and-test']
    assert (finding.where, finding.detail) == ('a', '(train) is d (test)')


def test_a_list_chooses_and_is_checked_itself(tmp_path):
    root = images(tmp_path / 'set')
    without_mask(root)
    (root / 'mine.txt').write_text('a\nc.jpg\na\nnobody\n')
    report = check(root, list_file=root / 'mine.txt')
    assert found(report) == {'list-twice': 1, 'list-unknown': 1}
    assert report.counts['images'] == 2


def test_findings_that_are_allowed_are_shown_but_do_not_count(tmp_path):
    root = images(tmp_path / 'set')
    without_mask(root)
    report = check(root, allow=frozenset({'no-label'}))
    assert not report.findings.failed
    assert 'allowed  no-label' in report_text(report)
    with pytest.raises(DataError, match='no-lable'):
        check(root, allow=frozenset({'no-lable'}))


def test_counts_are_compared_with_the_published_ones(tmp_path):
    report = check(images(tmp_path / 'ECSSD'))
    (finding,) = report.findings.by_kind['counts']
    assert finding.detail == 'annotated 3, published 1,000'
    assert not report.findings.failed
    assert check(tmp_path / 'ECSSD', published='duts tr').findings.failed
    with pytest.raises(UnknownName, match='PASCAL-S'):
        check(tmp_path / 'ECSSD', published='PASCAL')


def test_a_split_that_has_the_published_counts_is_not_noted():
    from salseg.datasets.checking.published import get_set

    davis = get_set('DAVIS2016')
    assert davis.mismatch(dict(groups=20, images=1376, annotated=1376)) is None
    assert davis.mismatch(dict(groups=20, images=1375, annotated=1376)) == 'val: images 1,375, published 1,376'


def test_meta_that_does_not_fit_the_masks_is_said_object_by_object(tmp_path):
    from salseg.datasets.synthetic import write_dataset

    root = write_dataset('ytvos', tmp_path / 'y', splits=dict(valid=1), size=48, length=4) / 'valid'
    meta = json.loads((root / 'meta.json').read_text())
    (video,) = meta['videos']
    first = next(iter(meta['videos'][video]['objects'].values()))['frames'][0]
    meta['videos'][video]['objects']['77'] = dict(category='cat', frames=[first])
    meta['videos']['0123456789'] = dict(objects={})
    (root / 'meta.json').write_text(json.dumps(meta))
    details = [f'{f.where}: {f.detail}' for f in check(root).findings.by_kind['meta']]
    assert f'{video}: object 77 is not in the mask of {first}, its first frame' in details
    assert '0123456789: is in meta.json, but has no folder of frames' in details


def test_the_clean_list_is_read_by_the_loader_and_overwrites_nothing(tmp_path):
    root = images(tmp_path / 'set')
    without_mask(root)
    before = sorted(path.read_bytes() for path in root.rglob('*.*'))
    report = check(root)
    write_clean_list(report, root / 'clean.txt')
    data = DATASETS.build(dict(type='SaliencyDataset', data_root=str(root), list_file='clean.txt'))
    assert [data.describe(index)['set_id'] for index in range(len(data))] == ['a', 'c']
    assert sorted(path.read_bytes() for path in root.rglob('*.*') if path.name != 'clean.txt') == before
    with pytest.raises(DataError, match='overwrites nothing'):
        write_clean_list(report, root / 'clean.txt')


def test_the_report_counts_all_and_shows_the_first_ones(tmp_path):
    root = images(tmp_path / 'set', [f'{number:02d}' for number in range(13)])
    for path in (root / 'mask').iterdir():
        save(path, mask((10, 10)))
    report = check(root)
    lines = report_text(report).splitlines()
    assert 'size-differs (error): image and annotation of different sizes, 13, the first 10' in lines
    assert sum(line.startswith('  mask/') for line in lines) == 10
    assert '  mask/00.png: image 32x24, mask 10x10' in lines
    values = report_values(report)
    assert len(values['findings']['size-differs']['places']) == 13
    assert json.loads(json.dumps(values)) == values


def test_threads_change_nothing_of_the_report(tmp_path):
    root = images(tmp_path / 'set', [f'{number:02d}' for number in range(30)])
    for name in ('03', '17', '29'):
        save(root / 'mask' / f'{name}.png', mask((10, 10)))
    assert report_text(check(root, threads=1)) == report_text(check(root, threads=4))


def test_progress_ends_at_the_number_of_items_of_both_sets(tmp_path):
    calls = []
    check_folder(
        images(tmp_path / 'a'), Options(against=images(tmp_path / 'b', 'xy')), lambda *counts: calls.append(counts)
    )
    assert calls == [(done, 5) for done in range(1, 6)]


def test_only_a_few_items_are_open_at_a_time():
    from salseg.datasets.checking.check import AHEAD, inspect
    from salseg.datasets.checking.images import Item

    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield Item('', str(number), None)

    results = inspect(items(), video=False, labels=True, threads=2)
    for number in range(500):
        item, _ = next(results)
        assert item.stem == str(number)
        assert len(taken) <= number + 2 * AHEAD
    results.close()
    assert len(taken) < 600

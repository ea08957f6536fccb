from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from salseg.errors import DataError, LabelError
from salseg.io.annotations import are_masks, check_index_labels, read_annotation, read_map, read_truth
from salseg.io.values import present_values, read_values
from tests.io.kinds import ENCODINGS, IDS, KINDS, MASK, SOFT, grey, palette, table, turned

CASES = [
    pytest.param(kind, encoding, id=f'{kind.name}-{encoding}')
    for kind in KINDS
    for encoding in ENCODINGS
    if getattr(kind, encoding) is not None
]


def outcome(read, *args):
    """What a reader answers, or says."""
    try:
        return read(*args)
    except DataError as error:
        return str(error)


@pytest.mark.parametrize(('kind', 'encoding'), CASES)
def test_each_kind_of_file_is_read_as_the_table_says(kind, encoding, tmp_path):
    path = tmp_path / kind.name
    kind.write(path)
    expected = getattr(kind, encoding)
    if isinstance(expected, str):
        with pytest.raises(DataError) as error:
            read_annotation(path, encoding)
        assert expected in str(error.value)
        assert str(path) in str(error.value)
        return
    found = read_annotation(path, encoding)
    assert found.dtype == (np.float32 if encoding == 'soft' else np.uint8)
    assert found.flags.writeable
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_the_table_of_the_docs_is_this_table():
    page = (Path(__file__).parents[2] / 'docs/en/files.md').read_text(encoding='utf-8')
    rows = [line for line in page.splitlines() if line.startswith('| ') and line.count('|') == 7][1:]
    assert rows == table()


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize('encoding', ['binary', 'soft', 'index', 'union'])
def test_the_truth_of_maps_is_what_training_reads(kind, encoding, tmp_path):
    path = tmp_path / kind.name
    kind.write(path)
    labels, truth = outcome(read_annotation, path, encoding), outcome(read_truth, path, encoding)
    if isinstance(labels, str):
        assert truth == labels
        return
    assert truth.dtype == np.uint8
    if encoding == 'soft':
        np.testing.assert_allclose(truth / 255, labels, rtol=0, atol=0.5 / 255 + 1e-6)
    elif encoding == 'binary':
        assert np.array_equal(truth >= 128, labels == 1)
    else:
        assert np.array_equal(truth == 255, (labels > 0) & (labels < 255))


def test_without_an_encoding_a_palette_of_colours_unites_and_greys_are_a_mask(tmp_path):
    palette(IDS, [[0, 0, 0], [128, 0, 0], [0, 128, 0]])(tmp_path / 'p.png')
    assert np.array_equal(read_truth(tmp_path / 'p.png'), (IDS > 0) * np.uint8(255))
    grey(IDS)(tmp_path / 'g.png')
    with pytest.raises(LabelError, match=r'0, 1, 2: these are object ids(.|\n)*--encoding index'):
        read_truth(tmp_path / 'g.png')


def test_a_border_keeps_its_greys_in_the_truth(tmp_path):
    grey(SOFT)(tmp_path / 's.png')
    assert np.array_equal(read_truth(tmp_path / 's.png'), SOFT)


def test_a_scribble_is_no_ground_truth(tmp_path):
    with pytest.raises(LabelError, match='metrics need full masks'):
        read_truth(tmp_path / 's.png', 'scribble')


def test_a_faint_map_is_not_stretched_and_no_scale_is_guessed(tmp_path):
    grey(MASK)(tmp_path / 'faint.png')
    assert np.array_equal(read_map(tmp_path / 'faint.png'), MASK)
    cv2.imwrite(str(tmp_path / 'deep.png'), MASK.astype(np.uint16))
    with pytest.raises(LabelError, match='255 or 65535'):
        read_map(tmp_path / 'deep.png')


def test_maps_of_one_bit_of_sixteen_and_with_a_point_are_scaled(tmp_path):
    grey(MASK > 0)(tmp_path / 'bit.png')
    cv2.imwrite(str(tmp_path / 'deep.png'), np.uint16([[0, 257 * 7, 65535]]))
    grey(np.float32([[0, 0.2, 1]]))(tmp_path / 'point.tif')
    palette(IDS, [[0, 0, 0], [128, 0, 0], [0, 128, 0]])(tmp_path / 'ids.png')
    assert np.array_equal(read_map(tmp_path / 'bit.png'), MASK * 255)
    assert read_map(tmp_path / 'deep.png').tolist() == [[0, 7, 255]]
    assert read_map(tmp_path / 'point.tif').tolist() == [[0, 51, 255]]
    assert np.array_equal(read_map(tmp_path / 'ids.png'), (IDS > 0) * np.uint8(255))


def test_noise_of_a_former_jpeg_is_no_set_of_ids(tmp_path):
    noisy = np.where(MASK, 255, 0).astype(np.uint8)
    noisy[0, :6] = [1, 2, 3, 4, 5, 6]
    grey(noisy)(tmp_path / 'a.png')
    assert np.array_equal(read_annotation(tmp_path / 'a.png', 'binary'), MASK)


def test_a_palette_that_only_saves_room_is_a_grey_image(tmp_path):
    values = 255 - np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(values).convert('P').save(tmp_path / 'g.png')
    assert np.array_equal(read_map(tmp_path / 'g.png'), values)
    assert not read_values(tmp_path / 'g.png').palette


def test_an_orientation_is_applied_only_where_that_is_wanted(tmp_path):
    turned(MASK)(tmp_path / 'a.png')
    assert read_values(tmp_path / 'a.png').turned
    # Orientation 6: what is stored lies on its left side.
    assert np.array_equal(read_annotation(tmp_path / 'a.png', 'binary', orient=True), np.rot90(MASK, -1))


def test_a_missing_annotation_is_named_with_what_is_there(tmp_path):
    (tmp_path / 'other.png').touch()
    with pytest.raises(DataError, match=r'none.png does not exist; .* holds other.png'):
        read_annotation(tmp_path / 'none.png', 'binary')


def test_a_cut_file_and_several_images_in_one_are_refused(tmp_path):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8))
    image.save(tmp_path / 'whole.png')
    (tmp_path / 'cut.png').write_bytes((tmp_path / 'whole.png').read_bytes()[:700])
    with pytest.raises(DataError, match=r'cut\.png'):
        read_annotation(tmp_path / 'cut.png', 'binary')
    image.save(tmp_path / 'two.tif', save_all=True, append_images=[image])
    with pytest.raises(DataError, match='holds 2 images'):
        read_annotation(tmp_path / 'two.tif', 'binary')


def test_an_unknown_encoding_is_refused(tmp_path):
    with pytest.raises(DataError, match='expected one of binary, soft, index, union, scribble'):
        read_annotation(tmp_path / 'x.png', 'rgb')


def test_masks_of_a_whole_video_read_as_ids_are_refused_and_void_among_ids_is_not(tmp_path):
    files = [tmp_path / f'{number}.png' for number in range(3)]
    for path in files:
        grey(MASK * 255)(path)
    with pytest.raises(LabelError, match=r'bear: .*0 and 255 only(.|\n)*--encoding binary'):
        check_index_labels(files, 'bear')
    grey(IDS)(files[2])
    check_index_labels(files, 'bear')
    assert not are_masks([MASK * 0, MASK * 0])


def test_a_mask_in_the_alpha_channel_is_named_where_it_is_refused(tmp_path):
    next(kind for kind in KINDS if kind.name.startswith('white, the mask')).write(tmp_path / 'a.png')
    with pytest.raises(LabelError, match='in its alpha channel'):
        check_index_labels([tmp_path / 'a.png'], 'the prompt')


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
def test_present_values_are_those_of_unique(dtype):
    values = np.random.default_rng(0).integers(0, 256, (9, 9)).astype(dtype)
    assert present_values(values) == np.unique(values).tolist()


def test_many_ids_in_a_palette_are_read_and_smoothed_ones_are_refused(tmp_path):
    many = np.kron(np.arange(60, dtype=np.uint8).reshape(6, 10), np.ones((4, 4), np.uint8))
    colours = [[i, 255 - i, 99] for i in range(256)]
    palette(many, colours)(tmp_path / 'many.png')
    assert np.array_equal(read_annotation(tmp_path / 'many.png', 'index'), many)
    palette(cv2.resize(many * 3, None, fx=3, fy=3), colours)(tmp_path / 'smooth.png')
    with pytest.raises(LabelError, match='soft border'):
        read_annotation(tmp_path / 'smooth.png', 'index')

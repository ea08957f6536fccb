"""For every kind of file and encoding: training, `salseg test`, `salseg evaluate`, check-data and track agree."""

import numpy as np
import pytest
from PIL import Image

from salseg.apis.prompts import read_prompts
from salseg.datasets import SaliencyDataset
from salseg.datasets.checking.images import Item, examine
from salseg.datasets.transforms.prompts import read_objects
from salseg.io.videos import FrameSource
from salseg.errors import DataError
from salseg.evaluation.protocols import get_protocol
from salseg.evaluation.tasks import ScoredItem, ScoringTask, score, truth_frames
from salseg.io.annotations import check_index_labels, read_annotation, read_truth
from salseg.io.values import read_values
from tests.io.kinds import ENCODINGS, KINDS

CASES = [pytest.param(kind, encoding, id=f'{kind.name}-{encoding}') for kind in KINDS for encoding in ENCODINGS]


def outcome(read, *args):
    """What a reader answers, or says."""
    try:
        return read(*args)
    except DataError as error:
        return str(error)


def same(found, expected):
    """Equal arrays, or equal reasons."""
    if isinstance(found, str) or isinstance(expected, str):
        return isinstance(found, type(expected)) and found == expected
    return np.array_equal(found, expected)


def lone(path, encoding):
    """The reading of a set whose only annotation is this file."""
    labels = read_annotation(path, encoding)
    if encoding == 'index':
        check_index_labels([path], 'set')
    return labels


def training(root, encoding):
    pipeline = [dict(type='LoadFrames'), dict(type='LoadLabels', one_sided='allow')]
    item = SaliencyDataset(str(root), encoding=encoding, pipeline=pipeline, name='set')[0]
    return item['saliency' if encoding == 'soft' else 'labels'][0]


def ground_truth(root, encoding):
    pipeline = [dict(type='LoadFrames'), dict(type='LoadGroundTruth')]
    return SaliencyDataset(str(root), encoding=encoding, pipeline=pipeline, name='set')[0]['gt_maps'][0]


def evaluated(path, protocol):
    """The truth that `salseg evaluate` scores against, or the problem that it prints."""
    rules = get_protocol(protocol)
    work = ScoringTask('method', 'set', (ScoredItem('a', path, None),))
    if rules.kind == 'masks':
        return truth_frames(rules, work)[0]
    problems = score(rules, work).problems
    return problems[0].detail if problems else read_truth(path)


def prompted(root, path, encoding):
    prompt = read_prompts(FrameSource(root / 'image'), path, (), encoding)[0]
    labels = np.zeros(prompt.size, np.uint8)
    for index, mask in zip(prompt.ids, prompt.masks.numpy()):
        labels[mask] = index
    return labels


@pytest.fixture
def make(tmp_path):
    """Writes a set of one image whose annotation is of a kind."""

    def write(kind):
        path = tmp_path / 'mask' / kind.name
        path.parent.mkdir()
        kind.write(path)
        values = outcome(read_values, path)
        size = (8, 12) if isinstance(values, str) else values.raw.shape
        (tmp_path / 'image').mkdir()
        Image.fromarray(np.zeros((*size, 3), np.uint8)).save(tmp_path / 'image' / f'{path.stem}.png')
        (tmp_path / 'scribble').symlink_to(path.parent)
        return path

    return write


@pytest.mark.parametrize(('kind', 'encoding'), CASES)
def test_all_who_read_a_file_get_the_same_array_or_give_the_same_reason(kind, encoding, make, tmp_path):
    path = make(kind)
    expected = outcome(lone, path, encoding)
    assert same(outcome(training, tmp_path, encoding), by_folder(expected, path, encoding))
    truth = outcome(read_truth, path, encoding)
    if encoding == 'index' and isinstance(expected, str):
        truth = expected
    assert same(outcome(ground_truth, tmp_path, encoding), by_folder(truth, path, encoding))
    if encoding in ('index', 'union'):
        found = outcome(evaluated, path, {'index': 'davis17-semi', 'union': 'davis16'}[encoding])
        assert same(
            found, expected if isinstance(expected, str) else np.where(expected == 255, void(encoding), expected)
        )
    if encoding in ('index', 'binary'):
        assert same(outcome(read_objects, [path], encoding), outcome(read_annotation, path, encoding))
        assert_prompt(outcome(prompted, tmp_path, path, encoding), expected, path)
    assert_checked(path, encoding, expected)


def by_folder(expected, path, encoding):
    """Scribbles are looked for in a folder of their own."""
    if isinstance(expected, str) and encoding == 'scribble':
        return expected.replace(str(path), str(path.parent.parent / 'scribble' / path.name))
    return expected


def void(encoding):
    """What 255 is to a protocol: no object where there is one only."""
    return 0 if encoding == 'union' else 255


def assert_prompt(found, expected, path):
    """The objects of the annotation; void asks for nothing, and a user's own file is turned as viewers show it."""
    if isinstance(expected, str):
        # A video is called by the name of the user's file.
        assert found == expected.replace('set:', f'{path}:')
    elif not (expected % 255).any():
        assert 'holds no object' in found
    else:
        seen = np.rot90(expected, -1) if read_values(path).turned else expected
        assert np.array_equal(found, np.where(seen == 255, 0, seen))


def assert_checked(path, encoding, expected):
    """check-data says of a file what training says, in its list of findings."""
    role = {'binary': 'mask', 'index': 'ids', 'scribble': 'scribble'}.get(encoding)
    if role is None:
        return
    facts = examine(Item('', 'a', None, ((role, str(path)),)))
    details = [detail for kind, _, detail in facts.problems if kind not in ('jpeg-label', 'odd-mode', 'exif-label')]
    if isinstance(expected, str) and 'hold 0 and 255 only' in expected:
        assert facts.void
    elif isinstance(expected, str):
        reason = expected.splitlines()[0].replace(str(path), '').strip(' :.')
        assert any(detail.startswith(reason) for detail in details)
    elif role != 'scribble':
        assert facts.ids == tuple(int(value) for value in np.unique(expected) if 0 < value < 255)


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.name)
def test_evaluate_reads_maps_as_training_reads_masks_and_unites_the_ids_of_palettes(kind, tmp_path):
    path = tmp_path / kind.name
    kind.write(path)
    values = outcome(read_values, path)
    united = not isinstance(values, str) and values.palette
    expected = outcome(read_truth, path, 'union' if united else 'binary')
    assert same(outcome(evaluated, path, 'sod'), expected)

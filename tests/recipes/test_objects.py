"""When the published configs choose the objects of a clip."""

import numpy as np
import pytest

from salseg.registry import TRANSFORMS
from tests.needs import needs_project
from tests.recipes.built import train_pipelines

needs_project('npmca_net')
needs_project('xmem')

TRACKERS = [f'projects/xmem/configs/xmem_{name}' for name in (
    'r50_masks_davis17-480', 'r50_stage0-static_384', 'r50_stage1-bl30k_384', 'r50_stage2-long_384',
    'r50_boxes_davis17-480', 'r50_boxes-first-mask_davis17-480', 'lite0_masks_synthetic-96', 'lite0_masks_real-128',
    'lite0_boxes-stable_synthetic-96')]  # fmt: skip
TRACKERS += [
    f'projects/npmca_net/configs/npmca-net_{name}' for name in ('r50_paper_davis17', 'lite0_paper_synthetic-96')
]
BEHIND = {'FirstFramePrompt', 'MasksToBoxes', 'PackFrames'}


@pytest.mark.parametrize('path', TRACKERS)
def test_objects_are_chosen_after_everything_that_moves_them(path):
    for pipeline in train_pipelines(path):
        kinds = [step['type'] for step in pipeline]
        assert kinds.count('SelectObjects') == 1
        assert set(kinds[kinds.index('SelectObjects') + 1 :]) <= BEHIND


def augmented(pipeline, labels, seed):
    """A clip through the steps of a built pipeline between reading and packing; None where it asks for another draw."""
    from salseg.datasets.base import DrawAgain
    from salseg.structures import FrameGeometry

    results = dict(
        dataset='d', set_id='v', draw=0, rng=np.random.default_rng(seed), frame_ids=['0', '1'], label_kind=['index'] * 2,
        frames=[np.zeros((*labels.shape, 3), np.uint8)] * 2, labels=[labels] * 2,
        geometry=[FrameGeometry.whole(*labels.shape)] * 2,
    )  # fmt: skip
    try:
        for transform in pipeline:
            results = transform(results)
    except DrawAgain:
        return None
    return results


def test_no_slot_of_xmem_has_an_empty_prompt():
    """Two objects at the border: crops leave them out often, and then they are not chosen."""
    labels = np.zeros((120, 213), np.uint8)
    labels[:20, :20], labels[-20:, -20:], labels[50:60, 100:110] = 1, 2, 3
    (steps, _) = train_pipelines('projects/xmem/configs/xmem_r50_masks_davis17-480')
    skipped = ('SampleClip', 'LoadFrames', 'LoadLabels', 'PackFrames')
    pipeline = [TRANSFORMS.build(dict(step)) for step in steps if step['type'] not in skipped]
    chosen = []
    for seed in range(100):
        found = augmented(pipeline, labels, seed)
        if found is not None:
            np.testing.assert_array_equal(found['prompt'].any((1, 2)), found['object_valid'])
            chosen.append(found['object_ids'])
    assert (1, 2, 3) in chosen or (3,) in chosen
    assert sum(1 not in ids for ids in chosen) > 20, 'an object at the border is often left out'

"""The mixtures: each a few lines that put one part into a system of another paper."""

import pytest

from salseg.engine.config import load_config
from tests.needs import ROOT, needs_project

# Config, the project whose system it changes, where in the config the foreign part is, and its type.
MIXTURES = {
    'configs/mixed/rcrnet-ner_lite0_scribbles_synthetic-160.py': ('rcrnet', 'losses.lsc', 'LocalSaliencyCoherenceLoss'),
    'configs/mixed/dcfm_lite0_contrast_synthetic-groups-160.py': ('dcfm', 'losses.contrast', 'ContrastiveLoss'),
    'projects/scwssod/configs/scwssod_lite0_boxes_synthetic-128.py': (
        'scwssod',
        'losses.projection',
        'ProjectionLoss',
    ),
    'configs/mixed/xmem_lite0_boxes-filled-lsc_synthetic-96.py': ('xmem', 'losses.lsc', 'LocalSaliencyCoherenceLoss'),
    'configs/mixed/contrastive-vsod_lite0_aggm_synthetic-160.py': (
        'contrastive_vsod',
        'neck',
        'ProgressiveAggregationNeck',
    ),
    'configs/mixed/scwssod_lite0_label-smoothing_synthetic-128.py': (
        'scwssod',
        'postprocess.smoothing',
        'LabelSmoothing',
    ),
    'configs/mixed/scwssod_convnext-atto_synthetic-128.py': ('scwssod', 'backbone', 'TimmBackbone'),
}


@pytest.mark.parametrize('path', MIXTURES)
def test_a_mixture_is_at_most_eight_lines_and_holds_the_foreign_part(path):
    project, place, kind = MIXTURES[path]
    needs_project(project)
    text = (ROOT / path).read_text()
    assert len(text.splitlines()) <= 8
    assert f'/{project}/' in text or path.startswith(f'projects/{project}/')
    node = load_config(str(ROOT / path)).model
    for key in place.split('.'):
        node = node[key]
    assert node['type'] == kind


def test_all_mixed_configs_are_on_the_page():
    page = (ROOT / 'docs/en/mixed.md').read_text()
    listed = [path for path in MIXTURES if f'`{path}`' in page]
    assert listed == list(MIXTURES)
    assert {str(path.relative_to(ROOT)) for path in (ROOT / 'configs/mixed').glob('*.py')} <= set(MIXTURES)

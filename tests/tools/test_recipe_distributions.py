"""The script on small drawn sets: what it counts is what the recipes draw."""

import re
from pathlib import Path

import numpy as np
import pytest

from salseg.datasets.transforms import RandomResizedCrop
from tests.needs import ROOT, needs_project
from tests.scripts import load_script

needs_project('npmca_net')
needs_project('xmem')


@pytest.fixture(scope='module')
def script():
    path = ROOT / 'tools/analysis_tools/recipe_distributions.py'
    return load_script(path)


def test_windows_of_a_stretched_recipe_are_seen(script):
    """A square default of the aspect in a wide clip, the fault of one recipe: scales differ by 1.69 and not by 1."""
    rng = np.random.default_rng(0)
    kept = [script.windows([RandomResizedCrop((256, 432), aspect=(1, 1))], (480, 854), rng)[0] for _ in range(200)]
    square = 432 / 256
    wrong = RandomResizedCrop((256, 432), aspect=(1 / square, 1 / square))
    stretched = [script.windows([wrong], (480, 854), rng)[0] for _ in range(200)]
    assert np.allclose(kept, 1, atol=0.02)
    assert np.allclose(stretched, square, atol=0.03)


def test_the_table_has_gaps_objects_and_no_empty_prompt(script, capsys):
    configs = [str(ROOT / f'projects/{name}.py') for name in (
        'npmca_net/configs/npmca-net_r50_paper_davis17', 'xmem/configs/xmem_r50_boxes_davis17-480')]  # fmt: skip
    assert script.main([*configs, '--draws', '50', '--decoded', '3', '--scale', '0.2', '--markdown']) == 0
    rows = [line.strip('| ').split(' | ') for line in capsys.readouterr().out.splitlines()][2:]
    table = {row[0]: dict(zip(script.COLUMNS, row)) for row in rows}
    npmca, boxes = table['npmca-net_r50_paper_davis17'], table['xmem_r50_boxes_davis17-480']
    assert abs(float(npmca['horizontal/vertical scale'].split()[0]) - 1) < 0.02
    # Frames are resized to a square, not cropped (thesis, section 4.3).
    assert boxes['crop of the frame'].startswith('1.000')
    assert float(boxes['horizontal/vertical scale'].split()[0]) == pytest.approx(480 / 853, abs=0.01)
    assert all(float(row['gap of frames'].split()[0]) >= 1 for row in table.values())
    assert all(row['empty prompts'] == '0 of 3' for row in table.values())


def test_the_page_has_a_row_of_each_published_pipeline(script):
    page = (ROOT / 'docs/en/recipes.md').read_text()
    rows = re.findall(r'^\| (\S+_\S+) \|', page, flags=re.MULTILINE)
    # A plugin that was taken out takes its rows along.
    here = [row for row in rows if list(ROOT.glob(f'projects/*/configs/{row}.py'))]
    assert sorted(Path(name).stem for name in script.published()) == sorted(here)

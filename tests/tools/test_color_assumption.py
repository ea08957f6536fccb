from pathlib import Path

import cv2
import numpy as np
import torch

from salseg.ops.color import rgb_to_lab
from salseg.structures import SalDataSample
from salseg.visualization import write_label_png
from tests.needs import needs_project
from tests.scripts import load_script

FILE = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/color_assumption.py'


def tool():
    return load_script(FILE)


def test_pairs_are_counted_by_hand():
    # Two columns of one colour, two of another; the mask ends one column later.
    lab = torch.zeros(1, 3, 1, 4)
    lab[..., 2:] = 50
    labels = torch.tensor([[1, 1, 1, 0]], dtype=torch.uint8)
    counts = tool().pairwise_counts(lab, labels, (0.0, 0.5), dilation=1)
    assert counts.tolist() == [[3, 2], [2, 1], [3, 2]]
    labels[0, 3] = 255
    assert tool().pairwise_counts(lab, labels, (0.5,), dilation=1).tolist() == [[1, 1], [2, 2]]


def test_a_still_video_whose_colours_are_its_masks_has_full_precision(tmp_path, capsys):
    labels = np.zeros((64, 64), np.uint8)
    labels[16:48, 16:48] = 1
    for t in range(2):
        for folder, suffix in (('JPEGImages/480p/v', 'png'), ('Annotations/480p/v', 'png')):
            path = tmp_path / folder / f'{t:05d}.{suffix}'
            path.parent.mkdir(parents=True, exist_ok=True)
            if folder.startswith('J'):
                cv2.imwrite(str(path), np.repeat(labels[..., None] * 200, 3, 2))
            else:
                write_label_png(path, labels)
    assert tool().main([str(tmp_path), '--thresholds', '0', '0.3']) == 0
    header, every, alike = capsys.readouterr().out.splitlines()
    assert header.split() == ['threshold', 'pairwise', 'precision', 'temporal', 'precision']
    assert every.split()[1] == '100.00%'
    assert float(every.split()[2]) < 1
    assert [float(alike.split()[n]) for n in (2, 4)] == [1, 1]


def test_a_folder_without_masks_is_refused(tmp_path, capsys):
    assert tool().main([str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def clip(labels, colours):
    """A packed clip of one-row frames."""
    frames = torch.tensor(colours, dtype=torch.uint8)[:, None, None, :].expand(-1, 3, 8, -1)
    sample = SalDataSample(metainfo=dict(frame_ids=['0', '1'][: len(labels)]))
    sample.labels = torch.tensor(labels, dtype=torch.uint8)[:, None, :].expand(-1, 8, -1)
    return dict(inputs=frames, data_samples=sample)


def test_a_training_clip_is_a_circle_of_frames_and_an_image_has_no_time():
    row = [0] * 4 + [200] * 4
    two = tool().clip_counts(clip([[0] * 4 + [1] * 4] * 2, [row] * 2), 1, (0.3,), 1)
    one = tool().clip_counts(clip([[0] * 4 + [1] * 4], [row]), 1, (0.3,), 1)
    assert set(one) == {'pairwise'}
    torch.testing.assert_close(two['pairwise'], 2 * one['pairwise'])
    assert two['pairwise'][0, 0] == two['pairwise'][0, 1] > 0, 'like colours have one label here'
    lab = rgb_to_lab(clip([[0] * 8], [row])['inputs'].float())
    labels = torch.tensor([[0] * 4 + [1] * 4] * 8, dtype=torch.uint8)
    once = tool().temporal_counts(lab, lab, labels, labels, (0.3,))
    torch.testing.assert_close(two['temporal'], 2 * once)


def test_the_table_of_a_config_is_the_mean_over_its_clips(capsys, monkeypatch):
    needs_project('xmem')
    module = tool()
    counts = iter([[[10, 5], [20, 8]], [[0, 0], [10, 4]], [[10, 10], [10, 10]]])
    monkeypatch.setattr(
        module, 'clip_counts', lambda *_: dict(temporal=torch.tensor(next(counts), dtype=torch.float64))
    )
    words = ['--config', 'xmem-boxes-lite', '--samples', '3', '--thresholds', '0.5']
    assert module.main(words) == 0
    # Shares .5, 0, 1; precisions .5, none, 1.
    assert capsys.readouterr().out.splitlines()[1].split() == ['0.5', '50.00%', '0.7500']


def test_boxes_give_way_to_masks_and_one_source_is_named(capsys):
    needs_project('xmem')
    assert tool().main(['--config', 'xmem-boxes-lite', '--samples', '1', '--thresholds', '0']) == 0
    every = capsys.readouterr().out.splitlines()[1].split()
    assert every[1] == every[3] == '100.00%'
    assert 0.5 < float(every[2]) < 1
    assert tool().main([]) == 1
    assert 'name a folder or --config MODEL' in capsys.readouterr().err

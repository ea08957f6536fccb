import importlib.util
from pathlib import Path

import cv2
import numpy as np
import torch

from salseg.visualization import write_label_png

FILE = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/color_assumption.py'


def tool():
    spec = importlib.util.spec_from_file_location('color_assumption', FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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

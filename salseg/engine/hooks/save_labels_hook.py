"""Write label maps while testing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook

from salseg.registry import HOOKS
from salseg.visualization.palette import write_label_png


@HOOKS.register_module()
class SaveLabelsHook(Hook):
    """Write every answer of a video test as ``<folder>/<video>/<frame>.png``, a palette PNG with the data set's ids.

    That is the tree that the servers of DAVIS and YouTube-VOS take; frames that the data set does not ask for are left
    out.

    Args:
        folder: Below the run's folder unless it is absolute.
    """

    def __init__(self, folder: str = 'labels') -> None:
        self.folder = folder

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Write the labels of one batch."""
        root = Path(runner.work_dir) / self.folder
        for sample in outputs or ():
            if sample.get('pred_labels') is None or not sample.get('saved', True):
                continue
            for frame, labels in zip(sample.frame_ids, sample.pred_labels):
                write_label_png(root / str(sample.set_id) / f'{frame}.png', labels)

"""Make pseudo-labels of whole data sets, and write them with what they were made from."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from PIL import Image

from salseg.datasets.video_layout import LAYOUTS, Video
from salseg.datasets.video_saliency_dataset import PSEUDO_LABELS, VideoSaliencyDataset
from salseg.engine.sharding import own_shard, united
from salseg.errors import ConfigError, DataError, missing_weights
from salseg.evaluation.metrics.grey import to_grey
from salseg.io.fields import Fields
from salseg.io.files import replacing
from salseg.io.images import write_png
from salseg.io.record import DELETE, FILE_NAME, RunRecord, Weights, begin, write_record
from salseg.models import BaseSegmentor
from salseg.ops.fingerprint import weights_fingerprint
from salseg.version import __version__

_IMAGES, _LABELS = LAYOUTS['davis']


class PseudoLabelWriter:
    """The door through which every generated annotation goes, whatever made it.

    The folder has the layout of DAVIS, ``JPEGImages/<video>`` and ``Annotations/<video>/<frame>.png``, and a
    record. Files appear under their names only when complete; a video is an item of the record when all of its are there:
    ``kept`` are its frames with a copy of the truth, ``made`` those that were labelled.

    Args:
        out: Folder of the data set to write.
        model: What makes the labels, for the record.
        weights: Its weights.
        source: What they are made from.
        encoding: Of kept truth.
        images: 'link' the folders of frames, 'copy' them, or 'none'.

    Raises:
        ConfigError: ``images`` is none of these.
        DataError: The folder holds labels that were made otherwise, or something else.
    """

    def __init__(
        self,
        out: str | os.PathLike,
        model: Mapping[str, Any],
        weights: Weights,
        source: Mapping[str, Any],
        encoding: str = 'binary',
        images: Literal['link', 'copy', 'none'] = 'link',
    ) -> None:
        if images not in ('link', 'copy', 'none'):
            raise ConfigError(f"images={images!r}; expected 'link', 'copy' or 'none'.")
        self.out, self.images = Path(out), images
        if not (self.out / FILE_NAME).exists():
            self._must_be_empty()
        settings = dict(model=dict(model), source=dict(source), encoding=encoding)
        wanted = RunRecord(PSEUDO_LABELS, settings, weights)
        self.record = begin(self.out, wanted, DELETE, shared=not is_main_process())
        for video, item in self.record.items.items():
            found = Fields(item, self.out / FILE_NAME, f'items: {video}: ')
            found.texts('kept')
            found.texts('made')

    def _must_be_empty(self) -> None:
        if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise DataError(
                f'{self.out} exists and holds no labels of salseg; choose a new folder for the pseudo-labels.'
            )

    def _save(self) -> None:
        if is_main_process():
            write_record(self.out, self.record)

    def unite(self) -> None:
        """Put together what the processes of a distributed run have listed; the folder is then complete."""
        self.record.items, self.record.state = united(self.record.items), 'done'
        self._save()

    def is_done(self, video: str) -> bool:
        """Whether a video is complete."""
        return video in self.record.items

    def path(self, video: str, frame: str, suffix: str = '.png') -> Path:
        """File of an annotation."""
        return self.out / _LABELS.format(video=video) / f'{frame}{suffix}'

    def keep(self, video: str, frame: str, truth: Path) -> Path:
        """Copy an annotation byte for byte."""
        target = self.path(video, frame, truth.suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            shutil.copyfile(truth, temporary)
        return target

    def write(self, video: str, frame: str, grey: np.ndarray) -> Path:
        """Write a soft annotation, (H, W) uint8, probability times 255."""
        return write_png(self.path(video, frame), grey)

    def finish(self, video: str, kept: list[str], made: list[str], frames: Path | None = None) -> None:
        """List a video as complete.

        Args:
            video: Its name.
            kept: Frames with copied truth; made: frames with generated labels.
            frames: Folder of its frames, to be linked or copied.
        """
        if frames is not None and self.images != 'none':
            target = self.out / _IMAGES.format(video=video)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() and not target.is_symlink():
                if self.images == 'link':
                    target.symlink_to(frames.resolve(), target_is_directory=True)
                else:
                    shutil.copytree(frames, target)
        self.record.items[video] = dict(kept=sorted(kept), made=sorted(made))
        self._save()


Style = Literal['smooth', 'released']
Resample = Literal['nearest', 'bicubic']


def generate_pseudo_labels(
    model: BaseSegmentor,
    dataset: VideoSaliencyDataset,
    out: str | os.PathLike,
    *,
    model_name: str = '',
    style: Style = 'smooth',
    resample: Resample = 'nearest',
    images: Literal['link', 'copy', 'none'] = 'link',
    random_weights: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RunRecord:
    """Label the frames of a data set's clips with a model and write them with the kept truth.

    In a distributed run every video is taken by one process. A run that was interrupted is resumed: videos that are
    complete, and frames that are written, are not computed again. Any saliency model will do: one on clips labels all
    frames of each, the generator of RCRNet the middle of a triplet. Of a frame that is in several clips the last counts.

    Args:
        model: In evaluation mode, with weights.
        dataset: Its clips say which frames are labelled (``clips='between'`` for triplets); its kept annotations are
            copied.
        out: Folder to write, see :class:`PseudoLabelWriter`.
        model_name: Name or config, for the record.
        style: 'smooth' resizes the map and rounds to 8 bits; 'released' rounds down at network size and resizes the
            grey image, as the released code of RCRNet.
        resample: Filter of 'released'.
        images: See :class:`PseudoLabelWriter`.
        random_weights: Allow a model that was never given weights.
        progress: Called with videos done and in all.

    Returns:
        The record, with every kept and made frame.

    Raises:
        CheckpointError: The model has no weights.
        ConfigError: The style is unknown.
        DataError: The folder holds other labels, or the data cannot be read.
    """
    if model.weights_source is None and not random_weights:
        raise missing_weights(model, 'its labels')
    if style not in ('smooth', 'released'):
        raise ConfigError(f"style={style!r}; expected 'smooth' or 'released'.")
    made_by = dict(
        name=model_name or type(model).__name__,
        salseg=__version__,
        style=style if style == 'smooth' else f'{style}-{resample}',
    )
    weights = Weights(weights_fingerprint(model), model.weights_source or '')
    source = {**dataset.settings(), 'pipeline': [_describe(step) for step in dataset.transforms]}
    if not is_main_process():
        # The first process makes the folder; the others find it.
        barrier()
    writer = PseudoLabelWriter(out, made_by, weights, source, dataset.encoding or 'binary', images)
    if is_main_process():
        barrier()
    clips, shard = _clips_by_video(dataset), own_shard(enumerate(dataset.videos))
    for done, (number, video) in enumerate(shard, 1):
        if not writer.is_done(video.name):
            _label_video(model, dataset, writer, video, clips.get(number, []), (style, resample))
        if progress is not None:
            progress(done, len(shard))
    writer.unite()
    return writer.record


def _clips_by_video(dataset: VideoSaliencyDataset) -> dict[int, list[int]]:
    clips: dict[int, list[int]] = {}
    for item, (number, _) in enumerate(dataset.items):
        clips.setdefault(number, []).append(item)
    return clips


def _label_video(
    model: BaseSegmentor,
    dataset: VideoSaliencyDataset,
    writer: PseudoLabelWriter,
    video: Video,
    items: list[int],
    style: tuple[Style, Resample],
) -> None:
    labels = {video.stems[index]: video.labels[index] for index in dataset.kept(video)}
    kept = {frame: truth for frame, truth in labels.items() if truth is not None}
    for frame, truth in kept.items():
        writer.keep(video.name, frame, truth)
    made: dict[str, None] = {}
    for item in items:
        # Epoch 0: a pipeline for generation draws nothing.
        packed = dataset.get(0, item)
        wanted = [frame for frame in packed['data_samples'].frame_ids if frame not in kept]
        made |= dict.fromkeys(wanted)
        if not wanted or (dataset.clips == 'between' and all(writer.path(video.name, f).is_file() for f in wanted)):
            continue
        for frame, grey in predict_greys(model, packed, *style):
            if frame not in kept:
                writer.write(video.name, frame, grey)
    writer.finish(video.name, list(kept), list(made), video.frames[0].parent)


@torch.inference_mode()
def predict_greys(
    model: BaseSegmentor, packed: Mapping[str, Any], style: Style = 'smooth', resample: Resample = 'nearest'
) -> list[tuple[str, np.ndarray]]:
    """Frame ids and 8-bit maps (H, W) at the images' own sizes, of one packed item."""
    data = dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']])
    if style == 'smooth':
        (sample,) = model.test_step(data)
        greys = [to_grey(value) for value in sample.pred_maps]
    else:
        sample = packed['data_samples']
        batch = model.data_preprocessor(data, False)
        maps = torch.sigmoid(model(**batch, mode='tensor')['logits'][0, :, 0].float()).cpu().numpy()
        greys = [released_grey(value, record.ori_shape, resample) for value, record in zip(maps, sample.geometry)]
    return list(zip(sample.frame_ids, greys))


def _describe(step: Any) -> str:
    """A transform and the numbers it was built with; of flow the estimator."""
    flow = getattr(step, 'flow', None)
    if flow is not None:
        return f'{type(step).__name__}({getattr(flow, "estimator", flow).settings()})'
    plain = {k: v for k, v in vars(step).items() if isinstance(v, str | int | float | bool | tuple | list)}
    return f'{type(step).__name__}({plain})'


_FILTERS = {'nearest': Image.Resampling.NEAREST, 'bicubic': Image.Resampling.BICUBIC}


def released_grey(probability: np.ndarray, size: tuple[int, int], resample: Resample = 'nearest') -> np.ndarray:
    """Round down to 8 bits at the size of the network, then resize the grey image.

    Args:
        probability: (h, w) in [0, 1].
        size: Height and width of the result.
        resample: Pillow's default filter was 'nearest' before version 7, which the release was written for, and is
            'bicubic' since.

    Returns:
        (*size) uint8.
    """
    grey = Image.fromarray(np.floor(255 * np.asarray(probability, np.float32)).astype(np.uint8))
    return np.array(grey.resize((size[1], size[0]), _FILTERS[resample]))

"""Annotations made by a model, as a data set in the ordinary layout."""

import hashlib
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from torch import Tensor, nn

from salseg.datasets.provenance import Provenance
from salseg.datasets.video_layout import Video
from salseg.datasets.video_saliency_dataset import VideoSaliencyDataset
from salseg.engine.grey_maps import released_grey
from salseg.engine.pseudo_label_writer import PseudoLabelWriter
from salseg.engine.sharding import own_shard
from salseg.errors import ConfigError, missing_weights
from salseg.evaluation.metrics.grey import to_grey
from salseg.models import BaseSegmentor
from salseg.version import __version__

Style = Literal['smooth', 'released']


def generate_pseudo_labels(
    model: BaseSegmentor,
    dataset: VideoSaliencyDataset,
    out: str | os.PathLike,
    *,
    model_name: str = '',
    style: Style = 'smooth',
    resample: Literal['nearest', 'bicubic'] = 'nearest',
    images: Literal['link', 'copy', 'none'] = 'link',
    random_weights: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Provenance:
    """Label the frames of a data set's clips with a model and write them with the kept truth.

    In a distributed run every video is taken by one process. A run that was interrupted is resumed: videos that are
    complete, and frames that are written, are not computed again. Any saliency model will do: one on clips labels all
    frames of each, the generator of RCRNet the middle of a triplet. Of a frame that is in several clips the last counts.

    Args:
        model: In evaluation mode, with weights.
        dataset: Its clips say which frames are labelled (``clips='between'`` for triplets); its kept annotations are
            copied.
        out: Folder to write, see :class:`PseudoLabelWriter`.
        model_name: Name or config, for the provenance.
        style: 'smooth' resizes the map and rounds to 8 bits; 'released' rounds down at network size and resizes the
            grey image, as the released code of RCRNet.
        resample: Filter of 'released'.
        images: See :class:`PseudoLabelWriter`.
        random_weights: Allow a model that was never given weights.
        progress: Called with videos done and in all.

    Returns:
        The provenance, with every kept and made frame.

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
        weights=fingerprint(model),
        salseg=__version__,
        style=style if style == 'smooth' else f'{style}-{resample}',
    )
    source = {**dataset.settings(), 'pipeline': [_describe(step) for step in dataset.transforms]}
    if not is_main_process():
        # The first process makes the folder; the others find it.
        barrier()
    writer = PseudoLabelWriter(out, made_by, source, dataset.encoding or 'binary', images)
    if is_main_process():
        barrier()
    clips, shard = _clips_by_video(dataset), own_shard(enumerate(dataset.videos))
    for done, (number, video) in enumerate(shard, 1):
        if not writer.is_done(video.name):
            _label_video(model, dataset, writer, video, clips.get(number, []), (style, resample))
        if progress is not None:
            progress(done, len(shard))
    writer.unite()
    return writer.provenance


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
    style: tuple[Style, str],
) -> None:
    kept = {video.stems[index]: video.labels[index] for index in dataset.kept(video)}
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
    model: BaseSegmentor, packed: Mapping[str, Any], style: Style = 'smooth', resample: str = 'nearest'
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


def fingerprint(model: nn.Module) -> str:
    """16 hexadecimal digits of all weights of a model."""
    state = hashlib.blake2b(digest_size=8)
    for name, value in sorted(model.state_dict().items()):
        state.update(name.encode())
        state.update(_bytes(value))
    return state.hexdigest()


def _bytes(value: Tensor) -> memoryview:
    return memoryview(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())


def _describe(step: Any) -> str:
    """A transform and the numbers it was built with; of flow the estimator."""
    flow = getattr(step, 'flow', None)
    if flow is not None:
        return f'{type(step).__name__}({getattr(flow, "estimator", flow).settings()})'
    plain = {k: v for k, v in vars(step).items() if isinstance(v, str | int | float | bool | tuple | list)}
    return f'{type(step).__name__}({plain})'

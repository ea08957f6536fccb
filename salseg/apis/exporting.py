"""Networks as ONNX or `torch.export` files, checked against the model that they were made from."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from salseg.apis.predictor import test_pipeline
from salseg.errors import ConfigError, DataError, missing_weights
from salseg.io.files import replacing
from salseg.models import BaseSegmentor, SaliencySegmentor
from salseg.structures import ExportPart, FrameInputs

Format = Literal['onnx', 'torch']
SUFFIXES: Mapping[str, str] = {'onnx': '.onnx', 'torch': '.pt2'}
_FRAMES = {'image': 1, 'group': 5, 'clip': 4}


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: The file.
        inputs, outputs: Name and shape of what it takes and gives.
        error: Largest difference of an output from the model's own, as a fraction of that output's largest value (at
            least 1), on a random input that the file was not made with.
    """

    path: Path
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    error: float


class ImagesToMaps(nn.Module):
    """A saliency model with its normalisation: images in, probabilities out.

    Args:
        model: The model.
        together: Whether the images are one set (a group, a clip) or each its own.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: SaliencySegmentor, together: bool) -> None:
        super().__init__()
        self.model = model
        self.together = together
        self.register_buffer('mean', model.data_preprocessor.mean.clone(), persistent=False)
        self.register_buffer('std', model.data_preprocessor.std.clone(), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) float RGB on the 0-255 scale to (N, 1, H, W) in [0, 1]."""
        frames = (images - self.mean) / self.std
        outputs = self.model.run(FrameInputs(frames.unsqueeze(0 if self.together else 1)))[1]
        maps = outputs['probability'] if 'probability' in outputs else torch.sigmoid(outputs['logits'])
        return maps.flatten(0, 1)


def export_model(
    model: BaseSegmentor,
    out: str | Path,
    format: Format = 'onnx',
    size: tuple[int, int] | None = None,
    frames: int | None = None,
    tolerance: float = 1e-4,
    random_weights: bool = False,
) -> list[Exported]:
    """Write a model's network.

    A saliency model becomes one file, ``<out>.onnx`` or ``.pt2``: images (frames, 3, H, W) RGB on the 0-255 scale
    in, probabilities (frames, 1, H, W) out; normalisation is inside, resizing is not. A model that tracks objects becomes
    a file for each of its parts, ``<out>_<part>``; the memory between them stays with the caller.

    Args:
        model: From `salseg.apis.init_model`.
        out: File without suffix.
        format: 'onnx', or 'torch' for a program of `torch.export.export`.
        size: Height and width of the network's input; by default those of the config's test pipeline.
        frames: Images that a file takes: a batch of an image model, a group, a clip; of a model that tracks objects
            the number of objects. All sizes are fixed in the file.
        tolerance: Of `Exported.error`; nothing is left on disk where it is exceeded.
        random_weights: Allow a model that was never given weights.

    Returns:
        What was written.

    Raises:
        CheckpointError: The model has no weights.
        ConfigError: There is no size, or the model cannot be exported.
        DataError: The file gives other values than the model, or cannot be written.
    """
    if format not in SUFFIXES:
        raise ConfigError(f'format={format!r}; expected one of {", ".join(SUFFIXES)}.')
    if model.weights_source is None and not random_weights:
        raise missing_weights(model, 'what its file computes')
    model = model.cpu().eval()
    parts = parts_of(model, size, frames)
    with torch.inference_mode(False), torch.no_grad():
        return [
            _export(part, Path(f'{out}_{name}' if name else out).with_suffix(SUFFIXES[format]), format, tolerance)
            for name, part in parts.items()
        ]


def parts_of(model: BaseSegmentor, size: tuple[int, int] | None, frames: int | None) -> dict[str, ExportPart]:
    """What becomes a file, by the end of its name ('' for the whole model)."""
    size = size or _test_size(model)
    if model.input_type == 'video':
        return model.export_parts(size, frames or 1)
    images = torch.rand(frames or _FRAMES[model.input_type], 3, *size) * 255
    return {'': ExportPart(ImagesToMaps(model, model.input_type != 'image'), (images,), ('images',), ('maps',))}


def _test_size(model: BaseSegmentor) -> tuple[int, int]:
    sizes = [step['size'] for step in test_pipeline(model) if 'size' in step]
    if not sizes:
        raise ConfigError("the config's test pipeline has no size: give height and width (--size 320,320).")
    return (sizes[-1],) * 2 if isinstance(sizes[-1], int) else tuple(sizes[-1])


def _export(part: ExportPart, path: Path, format: Format, tolerance: float) -> Exported:
    module = part.module.eval()
    other = tuple(_another(value) for value in part.example)
    expected = module(*other)
    expected = expected if isinstance(expected, tuple) else (expected,)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, alone=True) as temporary:
            run = _WRITERS[format](part, module, Path(temporary))
            found = run(other)
            error = max(_difference(a, b) for a, b in zip(expected, found, strict=True))
            if not error <= tolerance:
                raise DataError(
                    f'{path.name} gives other values than the model: they differ by {error:.1e} of the largest value '
                    f'(tolerance {tolerance:.1e}), so it was not written.'
                )
    except OSError as failure:
        raise DataError(f'{path} cannot be written: {failure}.') from failure
    shapes = [tuple(value.shape) for value in expected]
    inputs = dict(zip(part.inputs, (tuple(value.shape) for value in part.example)))
    return Exported(path, inputs, dict(zip(part.outputs, shapes)), error)


def _another(value: Tensor) -> Tensor:
    """A random input of the same shape and range, smooth like an image: noise saturates what follows."""
    height, width = value.shape[-2:]
    coarse = torch.rand(value.shape[:-2].numel(), 1, max(2, height // 8), max(2, width // 8))
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode='bilinear', align_corners=False)
    low, high = value.min(), value.max()
    return low + (high - low) * smooth.reshape(value.shape)


def _difference(expected: Tensor, found: Any) -> float:
    found = torch.as_tensor(np.asarray(found))
    return float((expected - found).abs().max() / expected.abs().max().clamp(min=1))


Run = Callable[[Sequence[Tensor]], Sequence[Any]]
# What tracing raises at what it cannot trace, such as a shape that depends on values.
_EXPORTER_ERRORS = (RuntimeError, TypeError, ValueError, AttributeError, AssertionError, LookupError)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _write_onnx(part: ExportPart, module: nn.Module, path: Path) -> Run:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - what torch exports with
    except ImportError as error:
        raise ConfigError(f'ONNX needs another package ({error}): pip install "salseg[export]".') from error
    try:
        torch.onnx.export(
            module,
            part.example,
            str(path),
            dynamo=True,
            external_data=False,
            verbose=False,
            optimize=True,
            input_names=list(part.inputs),
            output_names=list(part.outputs),
        )
    except _EXPORTER_ERRORS as error:
        # Its own errors are RuntimeErrors; those of torch 2.6 do not know how a batch norm is written.
        raise ConfigError(
            f'the ONNX exporter of torch {torch.__version__} cannot describe this model ({_first_line(error)}). '
            'A newer torch may (tested: 2.14).'
        ) from error
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=['CPUExecutionProvider'])
    taken = [entry.name for entry in session.get_inputs()]

    def run(values: Sequence[Tensor]) -> Sequence[Any]:
        given = {name: value.numpy() for name, value in zip(part.inputs, values) if name in taken}
        return session.run(list(part.outputs), given)

    return run


def _write_torch(part: ExportPart, module: nn.Module, path: Path) -> Run:
    buffer = io.BytesIO()
    try:
        torch.export.save(torch.export.export(module, part.example), buffer)
        path.write_bytes(buffer.getvalue())
        program = torch.export.load(io.BytesIO(buffer.getvalue())).module()
    except OSError:
        raise
    except (torch._export.verifier.SpecViolationError, *_EXPORTER_ERRORS) as error:
        raise ConfigError(
            f'torch.export cannot describe this model ({_first_line(error)}); --format onnx may.'
        ) from error

    def run(values: Sequence[Tensor]) -> Sequence[Any]:
        found = program(*values)
        return found if isinstance(found, tuple) else (found,)

    return run


_WRITERS = {'onnx': _write_onnx, 'torch': _write_torch}

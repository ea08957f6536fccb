"""Maps of a group made consistent with its colours, behind any model."""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from salseg.errors import ConfigError, DataError
from salseg.ops.dense_crf import CRFSettings, MeanField
from salseg.ops.label_smoothing import Refine, SmoothingSettings, score_logits, smooth_labels
from salseg.registry import POSTPROCESSORS
from salseg.structures import SalDataSample

# A group of images keeps its kernels between the rounds up to this many pixels, 200 bytes each; beyond, they are made again.
_KEPT_PIXELS = 2_500_000


class _Refiner:
    """What both steps share: the random field and the images."""

    def __init__(self, backend: str, iterations: int, reduce: int | None, field: dict[str, float] | None) -> None:
        if backend not in ('bilateral', 'exact', 'permutohedral'):
            raise ConfigError(
                f"{type(self).__name__}: backend={backend!r}; expected 'bilateral', 'exact' or 'permutohedral'."
            )
        if backend == 'permutohedral':
            _pydensecrf()
        self.backend: str = backend
        self.iterations = iterations
        self.reduce = reduce or (4 if backend == 'exact' else 1)
        self.field = CRFSettings(**(field or {}))

    def refiner(self, image: np.ndarray, device: torch.device, keep: bool = False) -> Refine:
        """From log-odds (H, W) on the device to the foreground marginal (H, W), for one image (H, W, 3) uint8.

        Args:
            image, device: As above.
            keep: Make the kernels at the first call only.
        """
        if self.backend == 'permutohedral':
            return lambda logits: _permutohedral(image, logits.cpu(), self.field, self.iterations).to(logits)
        make = partial(self.mean_field, image, device)
        kernels = cache(make) if keep else make
        return lambda logits: kernels()(logits, self.iterations)

    def mean_field(self, image: np.ndarray, device: torch.device) -> MeanField:
        """Kernels of an image.

        Raises:
            ConfigError: The widths do not suit the backend.
        """
        method: Literal['exact', 'bilateral'] = 'exact' if self.backend == 'exact' else 'bilateral'
        try:
            return MeanField(torch.from_numpy(image), self.field, method, self.reduce, device=device)
        except ValueError as error:
            raise ConfigError(
                f'{type(self).__name__}, backend={self.backend!r}, field={self.field}: {error}'
            ) from error

    def originals(self, sample: SalDataSample) -> Sequence[np.ndarray]:
        """The images at their own size.

        Raises:
            DataError: They were not kept.
        """
        images = sample.get('original_images')
        if images is None:
            raise DataError(
                f'{type(self).__name__} needs the images at their own size, and {sample.where()} has none: set '
                "keep_original=True in the test pipeline's LoadFrames."
            )
        return images


@POSTPROCESSORS.register_module()
class DenseCRF(_Refiner):
    """Dense conditional random field, image by image; outputs the foreground marginal.

    Args:
        backend: 'bilateral', mean field through a bilateral grid, in time linear in the pixels; 'exact', all pairs of
            pixels, in quadratic time; 'permutohedral', the compiled package `pydensecrf2`, on the CPU.
        iterations: Mean-field steps.
        reduce: What the sides of the image are divided by before, for the first two; by default 1, and 4 for 'exact'.
        field: Fields of `salseg.ops.dense_crf.CRFSettings`.

    Raises:
        ConfigError: Unknown backend, or its package is not installed.
    """

    def __init__(
        self,
        backend: Literal['bilateral', 'exact', 'permutohedral'] = 'bilateral',
        iterations: int = 5,
        reduce: int | None = None,
        field: dict[str, float] | None = None,
    ) -> None:
        super().__init__(backend, iterations, reduce, field)

    def __call__(self, sample: SalDataSample) -> SalDataSample:
        """Replace ``pred_maps``."""
        pairs = zip(self.originals(sample), sample.pred_maps, strict=True)
        sample.pred_maps = [self.refiner(image, value.device)(score_logits(value)).to(value) for image, value in pairs]
        return sample


@POSTPROCESSORS.register_module()
class LabelSmoothing(_Refiner):
    """Multi-scale label smoothing (mask-guided FCN, CVPR 2019, section 4): superpixels of the group and pixels in turn.

    All frames of the sample are one group; of a single image only the image itself is smoothed. All but the superpixels
    (scikit-image) is computed where the maps are.

    Args:
        backend, iterations, reduce, field: See `DenseCRF`.
        rounds, segments, compactness, sigma2, lambda4, beta, prior, unary, output: See
            `salseg.ops.label_smoothing.SmoothingSettings`.

    Raises:
        ConfigError: Unknown backend, or a package that is needed is not installed.
    """

    def __init__(
        self,
        backend: Literal['bilateral', 'exact', 'permutohedral'] = 'bilateral',
        iterations: int = 5,
        reduce: int | None = None,
        field: dict[str, float] | None = None,
        rounds: int = 3,
        segments: int = 200,
        compactness: float = 20.0,
        sigma2: float = 0.1,
        lambda4: float = 1.0,
        beta: float = 0.9,
        prior: Literal['unit', 'count', 'none'] = 'unit',
        unary: Literal['log', 'linear'] = 'log',
        output: Literal['masked', 'marginal'] = 'masked',
    ) -> None:
        super().__init__(backend, iterations, reduce, field)
        chosen = dict(prior=(prior, 'unit count none'), unary=(unary, 'log linear'), output=(output, 'masked marginal'))
        for name, (value, known) in chosen.items():
            if value not in known.split():
                raise ConfigError(f'LabelSmoothing: {name}={value!r}; expected one of {", ".join(known.split())}.')
        _need_superpixels()
        self.settings = SmoothingSettings(
            rounds, segments, compactness, sigma2, lambda4, beta, prior, unary, output
        )  # fmt: skip

    def __call__(self, sample: SalDataSample) -> SalDataSample:
        """Replace ``pred_maps``."""
        images, maps = self.originals(sample), sample.pred_maps
        keep = sum(value.numel() for value in maps) <= _KEPT_PIXELS
        refiners = [self.refiner(image, value.device, keep) for image, value in zip(images, maps, strict=True)]
        smoothed = smooth_labels(images, maps, refiners, self.settings)
        sample.pred_maps = [value.to(old) for value, old in zip(smoothed, maps)]
        return sample


def _need_superpixels() -> None:
    try:
        import skimage.segmentation  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f'LabelSmoothing needs superpixels from scikit-image ({error}): `pip install scikit-image`.'
        ) from error


def _pydensecrf() -> Any:
    try:
        import pydensecrf.densecrf as package
    except ImportError as error:
        raise ConfigError(
            f"backend='permutohedral' needs the package pydensecrf2 ({error}): `pip install pydensecrf2` compiles it, "
            "backend='grid' does without."
        ) from error
    return package


def _permutohedral(image: np.ndarray, logits: Tensor, field: CRFSettings, iterations: int) -> Tensor:
    height, width = logits.shape
    crf = _pydensecrf().DenseCRF2D(width, height, 2)
    energy = np.stack([np.zeros(logits.numel(), np.float32), -logits.float().flatten().numpy()])
    crf.setUnaryEnergy(np.ascontiguousarray(energy))
    crf.addPairwiseGaussian(sxy=field.theta_gamma, compat=field.smoothness)
    crf.addPairwiseBilateral(
        sxy=field.theta_alpha, srgb=field.theta_beta, rgbim=np.ascontiguousarray(image), compat=field.appearance
    )
    return torch.from_numpy(np.asarray(crf.inference(iterations))[1].reshape(height, width).copy())

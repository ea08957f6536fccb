"""Backbones of other libraries: any feature network of timm, and torchvision's image classifiers.

Neither library is imported before such a backbone is built, and nothing here opens a connection but
`salseg.models.backbones.weights`, for torchvision's files of ImageNet weights.
"""

import functools
import importlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from salseg.errors import ConfigError, WeightsError
from salseg.models.backbones.library import PROBE, SIZE_ERRORS, LibraryBackbone
from salseg.models.backbones.weights import ImageNetFile, fill, is_left_out, load_backbone_weights, read_tensors
from salseg.registry import BACKBONES

# How deep in torchvision's modules a level may end: `layer1`, `features.3`.
_DEPTH = 2


@BACKBONES.register_module()
class TimmBackbone(LibraryBackbone):
    """Any model of timm that gives features (``features_only``), with timm's own names of parameters.

    Needs the package timm (``pip install "salseg[timm]"``). Which levels a model has is timm's matter: those of ResNets
    have the strides 2 to 32, of ConvNeXts and Swin transformers 4 to 32, a plain vision transformer has one for each
    block, all of the stride of its patches; a `PyramidBackbone` makes a pyramid of the last one.

    Args:
        name: As timm knows it, with or without the tag of weights, such as 'convnext_atto' or 'resnet18.a1_in1k'.
        out_indices: Levels to return, by timm's numbers; by default the last one of each stride.
        frozen_stages: k freezes all up to level k; -1 nothing.
        weights: None for a random start; 'timm' for the file that timm publishes under this name, if Hugging Face's cache
            on this machine holds it; or a path (.pth, .safetensors) of such a file or of a run of salseg.
        options: Further arguments of ``timm.create_model``, such as ``dict(drop_path_rate=0.1)`` or ``img_size``.

    Raises:
        ConfigError: timm is not there, or does not know the model, a level or an option.
        WeightsError: The weights cannot be had or do not fit.
    """

    def __init__(
        self,
        name: str,
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        weights: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(name)
        timm = _timm()
        if ':' in name or not timm.is_model(name):
            near = [known for known in timm.list_models() if known.startswith(name[:5])][:5]
            raise ConfigError(
                f'TimmBackbone: timm {timm.__version__} has no model {name!r}; it begins like {", ".join(near) or "none"}. '
                'All: python -c "import timm; print(timm.list_models())"'
            )
        self.options = dict(options or {})
        whole, levels = self._inspect()
        self.choose(
            _last_of_each(levels['reduction']) if out_indices is None else out_indices,
            levels['num_chs'],
            levels['reduction'],
        )
        data = timm.data.resolve_model_data_config(whole)
        self.take_preprocessing(data['mean'], data['std'], data['input_size'][1:], data['interpolation'])
        own = self.options.get('img_size', self.preprocessing['size'])
        fixed = whole.pretrained_cfg.get('fixed_input_size')
        self.check_levels(self.build_meta(), PROBE if not fixed else (own, own) if isinstance(own, int) else tuple(own))
        self.network = self._build()
        self.weights_loaded = False
        if weights is not None and not is_left_out(self):
            self.weights_loaded = True
            self._load(self._timm_file(whole.pretrained_cfg) if weights == 'timm' else Path(weights))
        self._freeze(frozen_stages, levels['module'])

    def _inspect(self) -> tuple[Any, dict[str, list[Any]]]:
        """The whole model without memory, and of all its levels channels, strides and modules."""
        with torch.device('meta'):
            # Sizes other than that of the training, wherever the network can take them.
            for extra in (dict(dynamic_img_size=True), {}):
                try:
                    whole = _timm().create_model(self.name, pretrained=False, **extra, **self.options)
                except TypeError as error:
                    if not extra:
                        raise ConfigError(f'{self.label}: options={self.options} do not fit: {error}.') from None
                    continue
                self.options = {**extra, **self.options}
                break
        info = getattr(whole, 'feature_info', None)
        if not info:
            raise ConfigError(f'{self.label} has no levels of features (timm: no feature_info); choose another model.')
        info = info if isinstance(info, list) else info.info
        return whole, {key: [level[key] for level in info] for key in ('num_chs', 'reduction', 'module')}

    def _build(self) -> nn.Module:
        return _timm().create_model(
            self.name, pretrained=False, features_only=True, out_indices=self.out_indices, **self.options
        )

    def build_meta(self) -> nn.Module:
        """The network without memory for its weights."""
        try:
            with torch.device('meta'):
                return self._build()
        except (RuntimeError, AttributeError, AssertionError, TypeError) as error:
            raise ConfigError(f'{self.label}: timm makes no features of it ({error}); choose another model.') from None

    def _timm_file(self, config: Mapping[str, Any]) -> Path:
        """Where the file that timm publishes lies on this machine; nothing is fetched.

        Raises:
            WeightsError: It is not here.
        """
        from huggingface_hub import constants, try_to_load_from_cache

        source = config.get('hf_hub_id')
        if not source:
            raise WeightsError(f'timm publishes no weights of {self.name}; pass weights=PATH, or weights=None.')
        for file in (config.get('hf_hub_filename'), 'model.safetensors', 'pytorch_model.bin'):
            found = try_to_load_from_cache(source, file) if file else None
            if isinstance(found, str):
                return Path(found)
        raise WeightsError(
            f'the weights of {self.label} ({source}) are not in {constants.HF_HUB_CACHE}, and nothing is fetched from there '
            f'unasked: run `hf download {source} model.safetensors` once, pass weights=PATH of a copy, or weights=None for a '
            'random start.'
        )

    def _load(self, path: Path) -> None:
        """Fill the network from a file of timm's whole model, or of a run of salseg."""
        state = read_tensors(path)
        if set(self.state_dict()) <= set(state):
            fill(self, state, path, ())
            return
        whole = self._load_whole(state, path)
        names = {known: f'network.{own}' for own, known in _whole_names(self.network, whole).items()}
        kept = {names[known]: value for known, value in whole.state_dict().items() if known in names}
        fill(self, kept, path, ())

    def _load_whole(self, state: dict[str, Tensor], path: Path) -> nn.Module:
        """timm's model with its classifier, filled strictly; timm itself renames what other programs wrote."""
        config = _timm().get_pretrained_cfg(self.name).to_dict()
        heads = config.get('classifier') or ()
        heads = (heads,) if isinstance(heads, str) else heads
        rows = next((state[f'{head}.weight'].shape[0] for head in heads if f'{head}.weight' in state), 0)
        # Equal numbers of classes, or timm would drop the classifier and forgive whatever else is missing.
        overlay = dict(state_dict=state, num_classes=rows, label_offset=0, custom_load=False, source='')
        try:
            return _timm().create_model(
                self.name, pretrained=True, num_classes=rows, pretrained_cfg_overlay=overlay, **self.options
            )
        except (RuntimeError, KeyError, AttributeError, ValueError) as error:
            lines = [line.strip() for line in str(error).splitlines()][:3]
            raise WeightsError(
                f'{path} does not fit {self.label}, nothing was loaded: {" ".join(lines)[:400]}'
            ) from None

    def _freeze(self, last: int, modules: Sequence[str]) -> None:
        if not -1 <= last <= self.out_indices[-1]:
            raise ConfigError(f'frozen_stages is {last}; {self.label} has the levels 0 to {self.out_indices[-1]} here.')
        if last >= 0:
            wrapped = [known for known, _ in self.network.named_modules()]
            name = modules[last]
            flat = name.replace('.', '_', 1)
            self.freeze_until(next((k for k in (name, f'model.{name}', flat) if k in wrapped), name))


def _last_of_each(strides: Sequence[int]) -> list[int]:
    """Index of the last level of each stride."""
    return [i for i, stride in enumerate(strides) if stride not in strides[i + 1 :]]


def _whole_names(network: nn.Module, whole: nn.Module) -> dict[str, str]:
    """Names in a feature network of timm, and in the whole model: wrapped in ``model``, or sequences written as one name."""
    flat = {f'{a}_{b}': f'{a}.{b}' for a, part in whole.named_children() for b, _ in part.named_children()}
    names = {}
    for own in network.state_dict():
        first, _, rest = own.partition('.')
        names[own] = rest if first == 'model' else f'{flat.get(first, first)}.{rest}' if rest else own
    return names


@functools.cache
def _timm() -> Any:
    try:
        return importlib.import_module('timm')
    except ImportError as error:
        raise ConfigError(f'TimmBackbone needs the package timm ({error}): pip install "salseg[timm]".') from None


@BACKBONES.register_module()
class TorchvisionBackbone(LibraryBackbone):
    """An image classifier of torchvision without its head, with torchvision's names of parameters.

    A level is the last map of each stride, found in the traced network, or the output of a named node.

    Args:
        name: As ``torchvision.models.get_model`` knows it, such as 'mobilenet_v3_small'.
        out_indices: Levels to return; by default all.
        nodes: Names of the levels in the traced network, fine to coarse, such as ``('layer1', 'layer2')``.
        frozen_stages: k freezes all that comes before the end of level k; -1 nothing.
        weights: None for a random start, 'imagenet' (torchvision's best ones of this model), or a path.
        options: Further arguments of the model.

    Raises:
        ConfigError: torchvision does not know the model, a node or an option, or the model has no maps.
        WeightsError: The weights cannot be had or do not fit.
    """

    def __init__(
        self,
        name: str,
        out_indices: Sequence[int] | None = None,
        nodes: Sequence[str] | None = None,
        frozen_stages: int = -1,
        weights: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(name)
        from torchvision import models

        if name not in models.list_models(models):
            raise ConfigError(f'TorchvisionBackbone: {name!r} is none of {", ".join(models.list_models(models))}.')
        self.options = dict(options or {})
        published = models.get_model_weights(name).DEFAULT
        data = published.transforms()
        self.take_preprocessing(data.mean, data.std, data.crop_size * 2, data.interpolation.value)
        try:
            whole = self._whole_on_meta()
        except TypeError as error:
            raise ConfigError(f'{self.label}: options={self.options} do not fit: {error}.') from None
        found = self._find_levels(whole, nodes)
        indices = range(len(found)) if out_indices is None else out_indices
        self.choose(indices, [channels for _, channels, _ in found], [stride for *_, stride in found])
        self._nodes = [found[i][0] for i in self.out_indices]
        self.check_levels(self.build_meta(), PROBE)
        self.network = self._build()
        kept = {known for known, _ in self.network.named_modules()}
        dropped = sorted({f'{k.rpartition(".")[0]}.' for k in whole.state_dict()} - {f'{k}.' for k in kept})
        file = ImageNetFile(Path(published.url).name)
        self.weights_loaded = load_backbone_weights(self.network, weights, imagenet=file, unused=dropped)
        if not -1 <= frozen_stages < len(found):
            raise ConfigError(f'frozen_stages is {frozen_stages}; {self.label} has the levels 0 to {len(found) - 1}.')
        if frozen_stages >= 0:
            self.freeze_until(_module_of(found[frozen_stages][0], kept))

    def _find_levels(self, whole: nn.Module, nodes: Sequence[str] | None) -> list[tuple[str, int, int]]:
        """Node, channels and stride of each level, fine to coarse."""
        from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

        _, known = get_graph_node_names(whole.eval())
        wrong = [node for node in nodes or () if not any(k == node or k.startswith(f'{node}.') for k in known)]
        if wrong:
            raise ConfigError(f'{self.label} has no node {wrong[0]!r}; nodes: {", ".join(known)}.')
        # Whole layers and blocks, in the order of their last nodes; what is inside a block is no level.
        parts = [name for name, _ in whole.named_modules() if 0 < len(name.split('.')) <= _DEPTH and name]
        ends = {
            name: max((i for i, k in enumerate(known) if f'{k}.'.startswith(f'{name}.')), default=-1) for name in parts
        }
        chosen = list(nodes or sorted((name for name in parts if ends[name] >= 0), key=lambda name: ends[name]))
        reason, maps = '', {}
        try:
            with torch.device('meta'), torch.no_grad():
                maps = create_feature_extractor(whole, return_nodes=chosen)(torch.empty(1, 3, *PROBE))
        except SIZE_ERRORS as error:
            reason = f' ({(str(error) or type(error).__name__).splitlines()[0]})'
        last: dict[int, tuple[str, int, int]] = {}
        for node, value in maps.items():
            level = _level_of(tuple(value.shape)) if isinstance(value, Tensor) else None
            if level is not None:
                last[level[1]] = (node, *level)
        if len(last) < (len(nodes) if nodes else 2):
            raise ConfigError(
                f'{self.label} has maps at the strides {tuple(sorted(last))} only, for an image of {PROBE}{reason}: it is no '
                'pyramid. Choose another model, or a TimmBackbone.'
            )
        return [last[stride] for stride in sorted(last)]

    def _build(self) -> nn.Module:
        from torchvision import models

        return self._extractor(models.get_model(self.name, weights=None, **self.options))

    def _extractor(self, whole: nn.Module) -> nn.Module:
        from torchvision.models.feature_extraction import create_feature_extractor

        return create_feature_extractor(whole, {node: str(i) for i, node in enumerate(self._nodes)})

    def _whole_on_meta(self) -> nn.Module:
        from torchvision import models

        try:
            with torch.device('meta'):
                return models.get_model(self.name, weights=None, **self.options)
        except NotImplementedError:
            # Some compute their widths with tensors.
            return models.get_model(self.name, weights=None, **self.options).to('meta')

    def build_meta(self) -> nn.Module:
        """The network without memory for its weights."""
        return self._extractor(self._whole_on_meta())


def _level_of(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Channels and stride of a map of the probe image, channels in the second or the last place."""
    if len(shape) != 4:
        return None
    for channels, sides in ((shape[1], shape[2:]), (shape[3], shape[1:3])):
        stride = PROBE[0] // max(sides[0], 1)
        if stride & (stride - 1) == 0 and tuple(side * stride for side in sides) == PROBE:
            return channels, stride
    return None


def _module_of(node: str, modules: set[str]) -> str:
    """The innermost module that a node of the traced network belongs to."""
    parts = node.split('.')
    ends = itertools.accumulate(parts, lambda a, b: f'{a}.{b}')
    return next((end for end in reversed(list(ends)) if end in modules), node)

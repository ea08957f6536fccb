"""The published networks out of the authors' code, imported from checkouts that are no part of this project.

Their code asks for a GPU, for files with ImageNet's weights and for modules by names as common as ``model``. Here it runs
on a CPU with random weights, as it is: what it asks for is answered while it is imported, built and run.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# Folders that `git clone` makes, and the module with the network.
PLACES = {
    'scwssod': ('SCWSSOD', 'net_agg'),
    'dcfm': ('DCFM', 'models.main'),
    'rcrnet-ner': ('RCRNet-Pytorch', 'libs.networks'),
    'xmem': ('XMem', 'inference.inference_core'),
}
XMEM = dict(
    top_k=30,
    mem_every=5,
    deep_update_every=-1,
    enable_long_term=True,
    enable_long_term_count_usage=True,
    max_mid_term_frames=10,
    min_mid_term_frames=5,
    num_prototypes=128,
    max_long_term_elements=10000,
    hidden_dim=64,
    key_dim=64,
    value_dim=512,
)


def torchvision_state(*names: object, **options: object) -> dict[str, Tensor]:
    """What stands in for a file of ImageNet weights: the shapes of torchvision, random."""
    from torchvision import models

    wanted = next((n for n in ('vgg16', 'resnet18', 'resnet50') if n in ''.join(map(str, names))), 'resnet50')
    return getattr(models, wanted)(weights=None).state_dict()


@contextlib.contextmanager
def on_cpu() -> Iterator[None]:
    """Answer what the code asks of a GPU and of the network."""
    with (
        mock.patch.object(torch.Tensor, 'cuda', lambda self, *given, **options: self),
        mock.patch.object(torch, 'load', torchvision_state),
        mock.patch('torch.utils.model_zoo.load_url', torchvision_state),
        contextlib.redirect_stdout(None),
    ):
        yield


def imported(folder: Path, name: str) -> ModuleType:
    """A module of a checkout; its names do not stay, so that another checkout can have the same ones."""
    if not folder.is_dir():
        raise SystemExit(f'{folder} is missing: --reference is a folder with the checkouts that {__file__} names.')
    before = dict(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        for key, module in list(sys.modules.items()):
            if key not in before and str(folder) in str(
                getattr(module, '__file__', None) or getattr(module, '__path__', '')
            ):
                del sys.modules[key]


def network(system: str, reference: Path) -> nn.Module:
    """The published network of a system with random weights, in evaluation mode."""
    folder, name = PLACES[system]
    torch.manual_seed(0)
    with on_cpu():
        module = imported(reference / folder, name)
        return BUILDERS[system](module)


def _scwssod(module: ModuleType) -> nn.Module:
    return module.SCWSSOD(None).eval()


def _dcfm(module: ModuleType) -> nn.Module:
    return module.DCFM(mode='test').dcfmnet.eval()


def _rcrnet(module: ModuleType) -> nn.Module:
    built = module.VideoModel()
    # They start at zero, and the whole block would be an identity.
    for block in (built.non_local_block, built.non_local_block2):
        nn.init.normal_(block.W.weight, std=0.05)
    return built.eval()


def _xmem(module: ModuleType) -> nn.Module:
    built = module.XMem(dict(XMEM))
    built.core = module.InferenceCore
    return built.eval()


BUILDERS: dict[str, Callable[[Any], nn.Module]] = {
    'scwssod': _scwssod,
    'dcfm': _dcfm,
    'rcrnet-ner': _rcrnet,
    'xmem': _xmem,
}


def training_network(system: str, reference: Path) -> nn.Module:
    """The published network as its training script has it, with what the losses need as attributes; no dropout."""
    built = network(system, reference) if system != 'xmem' else _single(reference)
    folder = reference / PLACES[system][0]
    built.train()
    if system == 'scwssod':
        built.coherence = imported(folder, 'lscloss').LocalSaliencyCoherence()
        built.structure = imported(folder, 'tools').SaliencyStructureConsistency
    elif system == 'dcfm':
        losses = imported(folder, 'loss')
        built.overlap, built.cosine = losses.Scale_IoU(), losses.compute_cos_dis
        built.set_mode('train')
        for name, parameter in built.backbone.named_parameters():
            parameter.requires_grad_('conv5_3' in name)
    elif system == 'rcrnet-ner':
        built.freeze_bn()
    else:
        built.losses = imported(folder, 'model.losses').LossComputer(dict(start_warm=20000, end_warm=70000))
        built.eval()
    return without_dropout(built)


def _single(reference: Path) -> nn.Module:
    """XMem of the first stage, on single objects."""
    torch.manual_seed(0)
    with on_cpu():
        module = imported(reference / PLACES['xmem'][0], 'model.network')
        return module.XMem(dict(XMEM, single_object=True))


def without_dropout(model: nn.Module) -> Any:
    """The model, with every dropout off whatever its mode: two networks would draw other values."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    return model


def take_statistics(model: nn.Module, run: Callable[[], object]) -> None:
    """Give batch norms the statistics of one run: with those of a random start, values grow from block to block."""

    def take(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        values = given[0].transpose(0, 1).flatten(1)
        if values.shape[1] > 1:
            norm.running_mean.copy_(values.mean(1))
            norm.running_var.copy_(values.var(1))

    hooks = [m.register_forward_pre_hook(take) for m in model.modules() if isinstance(m, _BatchNorm)]
    with torch.no_grad(), on_cpu():
        run()
    for hook in hooks:
        hook.remove()


def converted(system: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a published network under our names."""
    project = {'rcrnet-ner': 'rcrnet'}.get(system, system)
    return importlib.import_module(f'projects.{project}.weights').convert(state)[0]

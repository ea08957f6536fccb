"""Parameters and multiply-adds of models as their cards state them, counted without computing anything.

    python tools/analysis_tools/card_costs.py [NAME ...]

Models are built without memory for their weights (torch's meta device), and a forward pass of the size and number of
frames in the card is traced. Convolutions and matrix products count, those inside attention too; one multiply-add is two
operations. Of a model that tracks objects a training pass is traced: the first frame is given, the others are predicted.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.registry import DefaultScope
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from salseg.catalog import config_of, list_models, model_cards
from salseg.engine.config import load_config
from salseg.errors import SalsegError
from salseg.registry import MODELS
from salseg.structures import FrameInputs


def count(name: str) -> dict[str, Any]:
    """``Parameters`` and, where the card gives a size, ``G``: thousand millions of multiply-adds."""
    model = build(name)
    found: dict[str, Any] = dict(Parameters=sum(p.numel() for p in model.parameters()))
    stated = model_cards()[name].get('MultiplyAdds')
    if isinstance(stated, Mapping):
        found['G'] = multiply_adds(model, stated) / 1e9
    return found


def build(name: str) -> nn.Module:
    """The network of a card; what only prepares its input, such as a learner of masks, is left out."""
    config = load_config(str(config_of(name)), pretrained=False).model.to_dict()
    if 'learner' in config:
        config['learner'] = None
    with torch.device('meta'), DefaultScope.overwrite_default_scope('salseg'):
        return MODELS.build(config).eval()


def multiply_adds(model: nn.Module, stated: Mapping[str, Any]) -> int:
    """Of a pass over ``Frames`` frames of ``Size``, 'HxW'."""
    height, width = map(int, str(stated['Size']).split('x'))
    frames, counter = int(stated['Frames']), FlopCounterMode(display=False)
    shape = {'frames': (1, frames, 3, height, width), **_extras(type(model).__name__, frames, height, width)}
    inputs = FrameInputs(**{key: torch.empty(value, device='meta') for key, value in shape.items()})
    with torch.inference_mode(), counter:
        model.unroll(inputs) if hasattr(model, 'unroll') else model(inputs, mode='tensor')
    return counter.get_total_flops() // 2


def _extras(kind: str, frames: int, height: int, width: int) -> dict[str, tuple[int, ...]]:
    """Further inputs by kind of model."""
    if kind == 'FGPLG':
        return dict(prompt=(1, 2, height, width), flow=(1, 2, 2, height, width))
    if kind == 'MaskGuidedSegmentor':
        return dict(guidance=(1, frames, 1, height, width))
    return dict(prompt=(1, 1, height, width)) if kind in ('XMem', 'NPMCANet') else {}


def main() -> int:
    """Print what cards state and what is counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', default=list_models(), metavar='NAME', help='models; all by default')
    try:
        for name in parser.parse_args().names:
            found, stated = count(name), model_cards()[name]
            print(f'{name}: {found}, stated {stated.get("Parameters")}, {stated.get("MultiplyAdds")}')
    except SalsegError as error:
        sys.stderr.write(f'{error}\n')
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())

"""Between the published XMem and ours: names, weights, order of channels, stored tensors."""

from tests.needs import needs_project

needs_project('xmem')


import fnmatch
import json
from functools import cache

import torch
import torch.nn.functional as F

from projects.xmem import XMem
from projects.xmem.weights import convert
from salseg.models.layers import for_inference
from salseg.propagation import Prompt, Propagator
from tests.parity import kit

# Rules of ours for the released settings.
RULES = {
    'mem_every': 'mem_every',
    'deep_update_every': 'deep_every',
    'enable_long_term': 'long_term',
    'enable_long_term_count_usage': 'count_long_term',
    'max_mid_term_frames': 'max_frames',
    'min_mid_term_frames': 'min_frames',
    'num_prototypes': 'prototypes',
    'max_long_term_elements': 'max_long_term',
}
# Values that the files hold in part without saying so in their name: how many channels.
PARTLY = {'value_fuser_block1': 128, 'value_cbam': 128, 'readout8_*': 8}
# Values whose last axis is a list of positions; the channels of all others stand before height and width.
LISTED = ('final_*_key', 'final_*_value_*')


def network(top_k=30, memory=None, others=True, **options):
    return XMem(
        key_backbone=dict(type='ResNet', depth=50, out_indices=(1, 2, 3)),
        value_backbone=dict(type='ResNet', depth=18, out_indices=(3,)),
        reader=dict(type='MemoryReader', top_k=top_k),
        memory=memory,
        others=others,
        **options,
    ).eval()


def loaded(meta, **options):
    model = network(**options)
    model.load_state_dict(convert(kit.weights(meta))[0], strict=True)
    model.weights_source = 'parity'
    return for_inference(model)


def all_keys():
    return json.loads((kit.KIT / 'xmem' / 'keys.json').read_text())['keys']


def record(modules):
    """Outputs of modules by name, filled when they run, once; one that runs object by object gives them in that order."""
    outputs = {}

    def keep(name, out):
        outputs[name] = torch.cat([outputs[name], out]) if name in outputs else out.clone()

    for name, module in modules.items():
        module.register_forward_hook(lambda m, given, out, name=name: keep(name, out))
    return outputs


def channels(name, tensors):
    """The entry `name`; behind any name a suffix `_cK` means its first K channels. KeyError if there are none or fewer."""
    base, _, count = name.rpartition('_c')
    if count.isdecimal() and name not in tensors:
        return _first(base, int(count), tensors)
    count = next((count for pattern, count in PARTLY.items() if fnmatch.fnmatchcase(name, pattern)), None)
    return kit.sample(name, tensors) if count is None else _first(name, count, tensors)


def _first(name, count, tensors):
    value = kit.sample(name, tensors)
    axis = -2 if any(fnmatch.fnmatchcase(name, pattern) for pattern in LISTED) else -3
    if value.ndim < -axis or value.shape[axis] < count:
        raise KeyError(f'{name} with {count} channels; its shape is {tuple(value.shape)}')
    return value.narrow(axis, 0, count)


def column(memory, name, long):
    return getattr(memory.columns, name)[: memory.long] if long else getattr(memory.columns, name)[memory.long :]


def stored(state):
    """Final contents of the memories by the names of the file."""
    memory, found = state.memory, {}
    for part, long in (('work', False), ('long', True)):
        found |= {
            f'final_{part}_key': column(memory, 'keys', long).T,
            f'final_{part}_shrinkage': column(memory, 'shrinkage', long),
            f'final_{part}_use': column(memory, 'use', long),
            f'final_{part}_life': column(memory, 'life', long),
        }
        for number, group in enumerate(memory.groups):
            values = group.values[: group.long] if long else group.values[group.long :]
            found[f'final_{part}_value_g{number}'] = values.permute(1, 2, 0)
    return found | {'final_hidden': state.hidden[0]}


def prompt_of(given, number):
    event = given.get(f'event/{number}')
    return None if event is None else Prompt.from_labels(event)


@cache
def tracked(path):
    """All values of a file of the kind `inference`; of those with an axis of objects, the ids along it too."""
    meta, values = kit.load(path)
    settings, given = meta['settings'], kit.inputs(meta, values)
    config, side = settings['config'], settings['downsample']
    rules = {RULES[name]: value for name, value in config.items() if name in RULES}
    model = loaded(meta, top_k=config['top_k'], memory=rules | {'released': True}, hidden_channels=config['hidden_dim'])
    readouts, read = [], model.read
    model.read = lambda *args: readouts.append(read(*args)) or readouts[-1]
    runner, tensors, trace, ids = Propagator(model, shorter_side=None), {}, [], {}
    for number, frame in enumerate(given['frames']):
        result = runner.step_frame(frame, prompt_of(given, number), last=number == settings['T'] - 1)
        tensors[f'prob_{number}'] = F.avg_pool2d(result.probability, side, ceil_mode=True, count_include_pad=False)
        tensors[f'label_{number}'] = result.labels[::2, ::2]
        ids[f'prob_{number}'] = runner.object_ids
        hidden = runner.state.hidden.double()
        sizes = [runner.state.memory.working, runner.state.memory.long, runner.state.memorised]
        trace.append([*sizes, hidden.mean().item(), hidden.std(unbiased=False).item()])
    for number, value in enumerate(readouts):
        # A frame is read before its new objects join.
        tensors[f'readout8_{number}'], ids[f'readout8_{number}'] = value[0], runner.object_ids[: value.shape[1]]
    tensors |= stored(runner.state) | {'trace': torch.tensor(trace, dtype=torch.float64)}
    ids |= {'final_hidden': runner.object_ids}
    for number, group in enumerate(runner.state.memory.groups):
        ids |= {f'final_{part}_value_g{number}': tuple(group.ids) for part in ('work', 'long')}
    return tensors, ids


def reordered(tensors, ids, remappings):
    """The values with their objects in the order of a file's channels.

    Args:
        tensors: By name.
        ids: Of the objects of the values that have an axis of objects, in its order.
        remappings: Channel, from 1, of each object by its label (text); in any order.
    """
    channel = {int(label): number for label, number in remappings.items()}
    tracked_ids = ids['final_hidden']
    assert sorted(channel) == sorted(tracked_ids), f'objects {sorted(tracked_ids)}, labels {sorted(channel)}'
    assert sorted(channel.values()) == list(range(1, len(channel) + 1)), f'channels {sorted(channel.values())}'
    result = dict(tensors)
    for name, labels in ids.items():
        places = sorted(range(len(labels)), key=lambda place, labels=labels: channel[labels[place]])
        if name.startswith('prob'):
            places = [0, *(place + 1 for place in places)]
        result[name] = tensors[name][places]
    return result

"""XMem against its published code."""

import json

import pytest
import torch
import torch.nn.functional as F

from projects.xmem import XMem
from projects.xmem.keys import convert, official_to_salseg, salseg_to_official
from projects.xmem.xmem import rows_of
from salseg.models.matchers import MemoryReader
from salseg.ops import (
    aggregate,
    aggregate_log_odds,
    anisotropic_similarity,
    bootstrap_share,
    bootstrapped_cross_entropy,
    dice_distance,
    even_padding,
    row_usage,
    top_k_weights,
)
from salseg.propagation import Prompt, Propagator
from tests.parity import kit

# Rules of ours for the released settings.
RULES = {
    'mem_every': 'every',
    'deep_update_every': 'deep_every',
    'enable_long_term': 'long_term',
    'enable_long_term_count_usage': 'count_long_term',
    'max_mid_term_frames': 'max_frames',
    'min_mid_term_frames': 'min_frames',
    'num_prototypes': 'prototypes',
    'max_long_term_elements': 'max_long_term',
}


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
    model.load_state_dict(convert(kit.weights(meta)), strict=True)
    model.weights_source = 'parity'
    return model


def all_keys():
    return json.loads((kit.KIT / 'xmem' / 'keys.json').read_text())['keys']


def test_every_official_entry_has_one_name_and_shape_of_ours():
    own = {name: list(value.shape) for name, value in network().state_dict().items()}
    assert {official_to_salseg(key): shape for key, shape in all_keys().items()} == own
    assert all(salseg_to_official(official_to_salseg(key)) == key for key in all_keys())
    assert len(own) == 412


@pytest.mark.parametrize(('others', 'count'), [(True, 62_185_224), (False, 62_182_088)])
def test_number_of_parameters(others, count):
    assert sum(p.numel() for p in network(others=others).parameters()) == count


def test_weights_of_the_single_object_variant_load_and_see_no_other_masks():
    single, model = network(others=False), network()
    model.load_state_dict(single.state_dict(), strict=True)
    stem = model.value_encoder.backbone.conv1.weight
    torch.testing.assert_close(stem[:, :4], single.value_encoder.backbone.conv1.weight)
    assert stem.shape[1] == 5
    assert not stem[:, 4].any()


def record(modules):
    """Outputs of modules by name, filled when they run."""
    outputs = {}
    for name, module in modules.items():
        module.register_forward_hook(lambda m, given, out, name=name: outputs.__setitem__(name, out))
    return outputs


@pytest.mark.parametrize('path', kit.files('xmem', 'modules'))
def test_modules(path):
    meta, values = kit.load(path)
    given, top_k = kit.inputs(meta, values), meta['settings']['top_k']
    model, tensors = loaded(meta, top_k=top_k), {}
    frames, masks, hidden = given['frames'], given['masks'].unsqueeze(0), given['hidden']
    inner = record({
        'value_layer3': model.value_encoder.backbone.layer3,
        'value_fuser_block1': model.value_encoder.fuser.before,
        'value_cbam': model.value_encoder.fuser.attention,
    })  # fmt: skip
    with torch.no_grad():
        features, (key, shrinkage, selection) = model.encode(frames)
        value, deep = model.memorise(frames[:1], features[2][:1], masks, hidden, True)
        tensors |= {'value_layer3': inner['value_layer3'], 'value_cbam': inner['value_cbam'][:, :128]}
        tensors['value_fuser_block1'] = inner['value_fuser_block1'].unsqueeze(0)[:, :, :128]
        again, same = model.memorise(frames[:1], features[2][:1], masks, hidden, False)
        torch.testing.assert_close(again, value)
        assert same is hidden
        tensors |= dict(key=key, shrinkage=shrinkage, selection=selection, value=value, hidden_deep=deep)
        tensors |= {f'f{s}_1': level[1] for s, level in zip((4, 8, 16), features)}
        tensors |= read_parts(model, key, shrinkage, selection, value, top_k)
        tensors |= decoded(model, [level[1:] for level in features], tensors['readout_topk'], deep)
    kit.check(meta, values, tensors)


def read_parts(model, key, shrinkage, selection, value, top_k):
    keys, queries, chosen = rows_of(key[:1]), rows_of(key[1:]), rows_of(selection[1:])
    shrunk, stored = rows_of(shrinkage[:1])[:, 0], value[0].flatten(2).permute(2, 0, 1)
    similarity = anisotropic_similarity(keys, queries, shrunk, chosen)
    weights, index = top_k_weights(similarity, top_k)
    dense = torch.zeros_like(similarity).scatter_(1, index, weights)
    full = MemoryReader()(keys[None], shrunk[None], queries[None], chosen[None], stored.flatten(1)[None])
    state = model.init_state()
    state.memory.append(0, keys, shrunk, rows_of(selection[:1]), stored, list(range(value.shape[1])))
    shape = value.shape[1:3], key.shape[-2:]
    return {
        'similarity': similarity.T[None],
        'similarity_no_selection': anisotropic_similarity(keys, queries, shrunk).T[None],
        'similarity_no_shrinkage': anisotropic_similarity(keys, queries, None, chosen).T[None],
        'affinity': torch.softmax(similarity, 1).T[None],
        'affinity_topk': dense.T[None],
        'usage_topk': row_usage(weights, index, len(keys))[None],
        'readout_full': full[0].T.unflatten(0, shape[0]).unflatten(2, shape[1])[None],
        'readout_topk': model.read(state, key[1:], selection[1:]),
    }


def decoded(model, features, readout, hidden):
    inner = record(
        {'g16': model.decoder.fuser, 'g8': model.decoder.up8, 'g4': model.decoder.up4, 'small': model.decoder.predict}
    )
    logits, updated = model.decode(features, readout, hidden)
    probability = torch.sigmoid(logits)
    selector = torch.ones(probability.shape[1])
    selector[-1] = 0
    selected = aggregate_log_odds(probability * selector[:, None, None])
    return {
        'dec_g16': inner['g16'].unsqueeze(0),
        'dec_g8_obj0': inner['g8'][0],
        'dec_g4_obj0_c64': inner['g4'][0, :64],
        'dec_logits_stride4': inner['small'],
        'hidden_update': updated,
        'logits': aggregate_log_odds(probability),
        'prob': aggregate(probability),
        'logits_selector': selected[..., ::2, ::2],
        'prob_selector_stripped': torch.softmax(selected, 1)[:, 1:, ::2, ::2],
    }


def column(memory, name, long):
    return getattr(memory, name)[: memory.long] if long else getattr(memory, name)[memory.long :]


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
            found[f'final_{part}_value_g{number}_c8'] = values[..., :8].permute(1, 2, 0)
    return found | {'final_hidden_c8': state.hidden[0, :, :8]}


def prompt_of(given, number):
    event = given.get(f'event/{number}')
    return None if event is None else Prompt.from_labels(event)


@pytest.mark.parametrize('path', kit.files('xmem', 'inference'))
def test_inference(path):
    meta, values = kit.load(path)
    settings, given = meta['settings'], kit.inputs(meta, values)
    config = settings['config']
    rules = {RULES[name]: value for name, value in config.items() if name in RULES}
    model = loaded(meta, top_k=config['top_k'], memory=rules | {'released': True}, hidden_channels=config['hidden_dim'])
    readouts, read = [], model.read
    model.read = lambda *args: readouts.append(read(*args)) or readouts[-1]
    runner, tensors, trace = Propagator(model, shorter_side=None), {}, []
    for number, frame in enumerate(given['frames']):
        result = runner.step_frame(frame, prompt_of(given, number), last=number == settings['T'] - 1)
        side = settings['downsample']
        tensors[f'prob_{number}'] = F.avg_pool2d(result.probability, side, ceil_mode=True, count_include_pad=False)
        tensors[f'label_{number}'] = result.labels[::2, ::2]
        state = runner.state
        hidden = state.hidden.double()
        sizes = [state.memory.working, state.memory.long, state.memorised]
        trace.append([*sizes, hidden.mean().item(), hidden.std(unbiased=False).item()])
    assert settings['remappings'] == {str(i): n + 1 for n, i in enumerate(runner.object_ids)} or set(
        map(int, settings['remappings'])
    ) == set(runner.object_ids)
    tensors |= {f'readout8_{i}': value[0, :, :8] for i, value in enumerate(readouts)}
    kit.check(meta, values, tensors | stored(runner.state) | {'trace': torch.tensor(trace, dtype=torch.float64)})


@pytest.mark.parametrize('path', kit.files('xmem', 'misc'))
def test_aggregation_padding_and_training_losses(path):
    meta, values = kit.load(path)
    settings, given = meta['settings'], kit.inputs(meta, values)
    objects = torch.from_numpy(given['aggregate_in'])
    tensors = dict(aggregate_logits=aggregate_log_odds(objects), aggregate_prob=aggregate(objects))
    multiple = settings['padding']['multiple']
    for height, width in settings['padding']['sizes']:
        tensors[f'pad_{height}x{width}'] = even_padding((height, width), multiple)
    tensors |= training_losses(settings, given)
    kit.check(meta, values, tensors)


def training_losses(settings, given):
    rules, logits, classes = settings['bootstrap'], given['logits'], given['classes']
    found = {}
    for iteration in rules['iterations']:
        share = bootstrap_share(iteration, rules['start_warm'], rules['end_warm'], rules['top_p'])
        loss = bootstrapped_cross_entropy(logits, classes, share).mean()
        found[f'bce_it{iteration}'] = torch.tensor([loss, share], dtype=torch.float64)
    masks = classes[:, None] == torch.arange(1, logits.shape[1])[:, None, None]
    found['dice'] = dice_distance(torch.sigmoid(logits[:, 1:]), masks).mean()
    return found

"""XMem against its published code."""

from tests.needs import needs_project

needs_project('xmem')


from functools import partial

import numpy as np
import pytest
import torch

from projects.xmem.weights import official_to_salseg, salseg_to_official
from projects.xmem.xmem import UnrollPlan, rows_of
from salseg.models.losses import BootstrappedCrossEntropyLoss, DiceLoss
from salseg.models.matchers import MemoryReader
from salseg.ops import (
    aggregate,
    aggregate_log_odds,
    anisotropic_similarity,
    bootstrap_fraction,
    bootstrapped_cross_entropy,
    detached_halves,
    dice_distance,
    even_padding,
    match_terms,
    nearest_matches,
    neighbour_similarity,
    pairwise_terms,
    patch_similarity,
    projection_distance,
    rgb_to_lab,
    row_usage,
    search_offsets,
    top_k_weights,
)
from salseg.structures import FrameInputs, FrameTargets
from tests.parity import kit
from tests.parity.xmem_parts import all_keys, channels, loaded, network, record, reordered, tracked

check = partial(kit.check, lookup=channels)


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
        tensors |= {name: inner[name] for name in ('value_layer3', 'value_cbam')}
        tensors['value_fuser_block1'] = inner['value_fuser_block1'].unsqueeze(0)
        again, same = model.memorise(frames[:1], features[2][:1], masks, hidden, False)
        torch.testing.assert_close(again, value)
        assert same is hidden
        tensors |= dict(key=key, shrinkage=shrinkage, selection=selection, value=value, hidden_deep=deep)
        tensors |= {f'f{s}_1': level[1] for s, level in zip((4, 8, 16), features)}
        tensors |= read_parts(model, key, shrinkage, selection, value, top_k)
        tensors |= decoded(model, [level[1:] for level in features], tensors['readout_topk'], deep)
    check(meta, values, tensors)


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
        **{f'dec_{level}_obj{i}': value for level in ('g8', 'g4') for i, value in enumerate(inner[level])},
        'dec_logits_stride4': inner['small'],
        'hidden_update': updated,
        'logits': aggregate_log_odds(probability),
        'prob': aggregate(probability),
        'logits_selector': selected[..., ::2, ::2],
        'prob_selector_stripped': torch.softmax(selected, 1)[:, 1:, ::2, ::2],
    }


@pytest.mark.parametrize('path', kit.files('xmem', 'inference'))
def test_inference(path):
    meta, values = kit.load(path)
    check(meta, values, reordered(*tracked(path), meta['settings']['remappings']))


def swapped(values, meta):
    """A file whose first two objects have each other's channel, and the same with the values left where they were."""
    remappings = dict(meta['settings']['remappings'])
    first, second = sorted(remappings, key=remappings.get)[:2]
    remappings |= {first: remappings[second], second: remappings[first]}
    result = dict(values)
    for name, value in values.items():
        start = 1 if name.startswith('prob_') else 0
        if name.startswith(('prob_', 'readout8_', 'final_hidden')) or '_value_g0' in name:
            order = list(range(len(value)))
            order[start : start + 2] = reversed(order[start : start + 2])
            result[name] = value[order]
    return remappings, result


@pytest.mark.parametrize('path', kit.files('xmem', 'inference'))
def test_objects_are_compared_by_their_channel_in_the_file_whatever_its_order(path):
    meta, values = kit.load(path)
    tensors, ids = tracked(path)
    remappings, exchanged = swapped(values, meta)
    check(meta, exchanged, reordered(tensors, ids, remappings))
    for wrong in (values, remappings), (exchanged, meta['settings']['remappings']):
        with pytest.raises(AssertionError) as failure:
            check(meta, wrong[0], reordered(tensors, ids, wrong[1]))
        for name in ('prob_0', 'readout8_0', 'final_work_value_g0', 'final_hidden'):
            assert f'\n{name}' in str(failure.value)


def test_a_file_of_other_objects_is_refused():
    ids = {'final_hidden': (3, 7)}
    tensors = {'final_hidden': torch.zeros(2, 1, 1, 1)}
    with pytest.raises(AssertionError, match=r'objects \[3, 7\], labels \[3, 5\]'):
        reordered(tensors, ids, {'3': 1, '5': 2})
    with pytest.raises(AssertionError, match=r'channels \[1, 1\]'):
        reordered(tensors, ids, {'3': 1, '7': 1})


def test_a_suffix_takes_the_first_channels_of_any_value():
    maps, rows = torch.arange(24).view(2, 3, 2, 2), torch.arange(12).view(3, 4)
    tensors = {'f8_1': maps[0], 'hidden_deep': maps[None], 'key_c2': rows, 'final_long_key': rows}
    tensors |= {'final_work_value_g1': rows[None], 'value_cbam': torch.zeros(1, 200, 1, 1), 'label_3': rows}
    expected = {
        'f8_1_c1': maps[0, :1], 'hidden_deep_c2': maps[None, :, :2], 'key_c2': rows, 'final_long_key_c2': rows[:2],
        'final_work_value_g1_c1': rows[None, :1], 'value_cbam': torch.zeros(1, 128, 1, 1), 'label_3': rows,
        'value_cbam_c150': torch.zeros(1, 150, 1, 1),
    }  # fmt: skip
    for name, value in expected.items():
        assert torch.equal(channels(name, tensors), value), name
    for name in ('f8_1_c4', 'label_3_c1', 'f16_1_c1'):
        with pytest.raises(KeyError):
            channels(name, tensors)


@pytest.mark.parametrize('path', kit.files('xmem', 'modules'))
def test_a_wrong_channel_behind_a_suffix_is_found(path):
    meta, values = kit.load(path)
    tensors = {name: torch.from_numpy(value) for name, value in values.items()}
    part = dict(key_c5=values['key'][:, :5], f4_1_c3=values['f4_1'][:3], value_c7=values['value'][:, :, :7])
    check(meta, part, tensors)
    for name in part:
        with pytest.raises(AssertionError, match=name):
            check(meta, part | {name: part[name] + 1}, tensors)


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
    check(meta, values, tensors)


def training_losses(settings, given):
    rules, logits, classes = settings['bootstrap'], given['logits'], given['classes']
    found = {}
    for iteration in rules['iterations']:
        share = bootstrap_fraction(iteration, rules['start_warm'], rules['end_warm'], rules['top_p'])
        loss = bootstrapped_cross_entropy(logits, classes, share).mean()
        found[f'bce_it{iteration}'] = torch.tensor([loss, share], dtype=torch.float64)
    masks = classes[:, None] == torch.arange(1, logits.shape[1])[:, None, None]
    found['dice'] = dice_distance(torch.sigmoid(logits[:, 1:]), masks).mean()
    return found


def with_gradient(function, output):
    """Value and gradient of a loss."""
    output = output.clone().requires_grad_()
    value = function(output)
    (gradient,) = torch.autograd.grad(value, output)
    return value.detach(), gradient


def official_losses(settings, given, lab, boxes):
    """The released losses on logits (N, T, h, w)."""
    logits, found = given['logits'], {}
    union = boxes.any(1)
    offsets = search_offsets()

    def projection(z):
        return projection_distance(torch.sigmoid(z).flatten(0, 1), boxes.flatten(0, 1), squared=False)

    def pairwise(z):
        terms = pairwise_terms(z, lab, boxes, logits=True)
        found['off_pairwise_weight_sum'] = terms.inside + terms.outside
        return terms.cost / (terms.inside + terms.outside).clamp(min=1)

    def temporal(z):
        total = 0
        for a, b in settings['pairs']:
            similarity = patch_similarity(lab[b : b + 1], lab[a : a + 1], offsets)
            matches = nearest_matches(similarity, offsets)
            terms = match_terms(z[:, b], z[:, a], matches, offsets, union, logits=True, count_outside=True)
            value = terms.cost / terms.number.clamp(min=1)
            found.update({
                f'off_sim_temporal_{a}_{b}': similarity,
                f'off_temporal_{a}_{b}': value.detach(),
                f'off_temporal_wsum_{a}_{b}': terms.number,
            })  # fmt: skip
            total = total + value
        return 0.1 * total

    found['off_sim_pair'] = neighbour_similarity(lab)
    found['boxinst_sim_0'] = neighbour_similarity(lab[:1], padded=False)
    for name, function in dict(proj=projection, pairwise=pairwise, temporal_total=temporal).items():
        found[f'off_{name}'], found[f'off_{name}_grad'] = with_gradient(function, logits)
    return found


def thesis_losses(given, lab, boxes):
    """The thesis' losses on probabilities (N, T, h, w)."""
    probability = torch.sigmoid(given['logits'])
    found, offsets, frames = {'th_prob': probability}, search_offsets(), boxes.shape[1]

    def projection(p, reading):
        return projection_distance(p.flatten(0, 1), boxes.flatten(0, 1), squared=True, reading=reading)

    def pairwise(p, count):
        terms = pairwise_terms(p, lab, boxes, logits=False)
        return terms.cost / (terms.inside.clamp(min=1) if count else p.numel())

    def temporal(p, patch, detach, literal=False):
        total = 0
        for t in range(frames):
            n = (t + 1) % frames
            similarity = patch_similarity(lab[t : t + 1], lab[n : n + 1], offsets)
            matches = nearest_matches(similarity, offsets, inside_only=True)
            options = dict(logits=False, patch=patch)

            def terms(here, there, t=t, matches=matches, options=options):
                return match_terms(here, there, matches, offsets, boxes[:, t], **options)

            plain = terms(p[:, t], p[:, n])
            cost = plain.cost / plain.number.clamp(min=1)
            if detach:
                # Equation 3.22 as it is written, and the short form that losses use.
                pair = terms(p[:, t], p[:, n].detach()), terms(p[:, t].detach(), p[:, n])
                cost = (
                    sum(part.cost for part in pair) / 2 / plain.number.clamp(min=1)
                    if literal
                    else detached_halves(cost)
                )
            total = total + cost
        return total / frames

    functions = {f'proj_{r}': partial(projection, reading=r) for r in ('image', 'joint', 'tall')}
    functions |= {f'pairwise_{n}': partial(pairwise, count=n == 'count') for n in ('hw', 'count')}
    for kind in ('center', 'patch'):
        functions[f'temporal_{kind}'] = partial(temporal, patch=kind == 'patch', detach=False)
        functions[f'temporal_{kind}_detach'] = partial(temporal, patch=kind == 'patch', detach=True)
        literal = with_gradient(partial(temporal, patch=kind == 'patch', detach=True, literal=True), probability)
        for ours, written in zip(with_gradient(functions[f'temporal_{kind}_detach'], probability), literal):
            torch.testing.assert_close(ours, written, rtol=1e-5, atol=1e-8)
    for name, function in functions.items():
        found[f'th_{name}'], found[f'th_{name}_grad'] = with_gradient(function, probability)
    return found


@pytest.mark.parametrize('path', kit.files('xmem', 'losses'))
def test_box_losses(path):
    meta, values = kit.load(path)
    settings, given = meta['settings'], kit.inputs(meta, values)
    lab, boxes = torch.from_numpy(given['lab']), torch.from_numpy(given['boxes']) > 0
    rgb = given['lab_float_rgb'] * 255
    edge = torch.from_numpy(given['lab_edge_rgb'])
    tensors = {
        'lab_float': rgb_to_lab(rgb.permute(2, 0, 1)[None])[0].permute(1, 2, 0),
        'lab_edge': rgb_to_lab(edge.T[None, :, :, None])[0, :, :, 0].T,
    }
    torch.testing.assert_close(rgb_to_lab(torch.from_numpy(given['rgb'])), lab, atol=1e-3, rtol=1e-4)
    found = thesis_losses(given, lab, boxes)
    check(meta, values, tensors | official_losses(settings, given, lab, boxes) | found)
    for kind in ('center', 'patch'):
        half = found[f'th_temporal_{kind}_grad'] / 2
        torch.testing.assert_close(found[f'th_temporal_{kind}_detach_grad'], half, atol=0, rtol=1e-6)


def plan_of(settings):
    """The random decisions that the file was made with."""
    frames, references = settings['T'], settings['num_ref_frames']
    given = {int(t): torch.tensor(rows) for t, rows in settings['ref_indices'].items()}
    every = {t: torch.arange(t).repeat(settings['B'], 1) for t in range(1, references + 1)}
    deep = {int(t): flag for t, flag in settings['deep_update'].items()}
    steps = range(1, frames)
    return UnrollPlan(tuple((every | given)[t] for t in steps), tuple(deep.get(t, False) for t in steps))


@pytest.mark.parametrize('path', kit.files('xmem', 'train'))
def test_training_clip(path):
    meta, values = kit.load(path)
    settings, given = meta['settings'], kit.inputs(meta, values)
    model = loaded(meta).train()
    frames = torch.stack([given[f'clip{b}'] for b in range(settings['B'])])
    classes = torch.from_numpy(given['class_maps']).long()
    slots = torch.arange(1, settings['slots'] + 1)[:, None, None]
    valid = torch.arange(settings['slots']) < torch.tensor(settings['num_objects'])[:, None]
    outputs = model.unroll(FrameInputs(frames, prompt=classes[:, 0, None] == slots), plan_of(settings), valid)
    tensors, totals = {}, {}
    rest = FrameTargets(
        labels=classes[:, 1:].to(torch.uint8),
        object_valid=valid,
    )
    losses = dict(
        ce=BootstrappedCrossEntropyLoss(settings['start_warm'], settings['end_warm'], settings['top_p']),
        dice=DiceLoss(),
    )
    for iteration in settings['iterations']:
        rest.iteration = iteration
        terms = {}
        for t in range(1, settings['T']):
            part = {name: value[:, t - 1 : t] for name, value in outputs.items()}
            terms |= {f'{name}_loss_{t}': loss(part, rest.frames(t - 1, t)) for name, loss in losses.items()}
        totals[iteration] = sum(terms.values())
        torch.testing.assert_close(sum(loss(outputs, rest) for loss in losses.values()), totals[iteration])
        share = bootstrap_fraction(iteration, settings['start_warm'], settings['end_warm'], settings['top_p'])
        terms |= dict(total_loss=totals[iteration], p=torch.tensor(share))
        tensors |= {f'it{iteration}_{name}': value for name, value in terms.items()}
    for t in range(1, settings['T']):
        tensors[f'logits_{t}'] = outputs['log_odds'][:, t - 1, :, ::2, ::2]
        tensors[f'masks_{t}'] = outputs['probability'][:, t - 1, :, ::2, ::2]
    totals[settings['backward_iteration']].backward()
    gradients = {salseg_to_official(name): p.grad for name, p in model.named_parameters() if p.grad is not None}
    names = [str(name) for name in values['grad_norm_names']]
    tensors['grad_norm_names'] = np.array(
        sorted(gradients) if names == sorted(names) else [n for n in all_keys() if n in gradients]
    )
    tensors['grad_norms'] = torch.stack([gradients[name].norm() for name in names])
    tensors |= {f'grad:{name}': gradient for name, gradient in gradients.items()}
    check(meta, values, tensors)

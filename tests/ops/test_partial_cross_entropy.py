import math

import pytest
import torch
import torch.nn.functional as F

from salseg.ops import partial_cross_entropy, partial_cross_entropy_sums


def sample(seed=0, shape=(2, 1, 5, 7)):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator).requires_grad_()
    masks = torch.rand(shape, generator=generator) > 0.5
    known = torch.rand(shape, generator=generator) > 0.3
    return logits, masks, known


def test_is_plain_cross_entropy_of_each_class_where_all_is_labelled():
    logits, masks, _ = sample()
    foreground, background = partial_cross_entropy(logits, masks, torch.ones_like(masks))
    torch.testing.assert_close(foreground, F.softplus(-logits[masks]).mean())
    torch.testing.assert_close(background, F.softplus(logits[~masks]).mean())


def test_released_form_is_softmax_cross_entropy_on_the_two_probabilities():
    logits, masks, known = sample()
    probability = torch.sigmoid(logits)
    pair = torch.cat([1 - probability, probability], dim=1)
    terms = partial_cross_entropy(logits, masks, known, form='released')
    for term, label, part in zip(terms, (1, 0), (known & masks, known & ~masks)):
        target = torch.where(part[:, 0], label, 255)
        torch.testing.assert_close(term, F.cross_entropy(pair, target, ignore_index=255))


@pytest.mark.parametrize('form', ['paper', 'released'])
def test_unlabelled_pixels_change_neither_value_nor_gradient(form):
    logits, masks, known = sample()
    sum(partial_cross_entropy(logits, masks, known, form)).backward()
    assert logits.grad[~known].abs().max() == 0
    shouted = torch.where(known, logits.detach(), 1e4)
    torch.testing.assert_close(
        partial_cross_entropy(shouted, masks, known, form), partial_cross_entropy(logits.detach(), masks, known, form)
    )


@pytest.mark.parametrize('form', ['paper', 'released'])
def test_a_class_without_pixels_gives_zero_and_no_gradient(form):
    logits, masks, known = sample()
    foreground, _ = partial_cross_entropy(logits, torch.zeros_like(masks), known, form)
    foreground.backward()
    assert foreground == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize('form', ['paper', 'released'])
def test_sums_and_counts_of_parts_of_a_batch_add_up_to_the_whole(form):
    logits, masks, known = sample(shape=(4, 1, 5, 7))
    known[0] = False
    parts = [partial_cross_entropy_sums(logits[i], masks[i], known[i], form) for i in range(4)]
    foreground, on, background, off = (sum(values) for values in zip(*parts))
    whole = partial_cross_entropy(logits, masks, known, form)
    torch.testing.assert_close((foreground / on, background / off), whole)


def test_released_form_lies_between_its_bounds_for_certain_predictions():
    logits = torch.tensor([[[-200.0, 200.0]]])
    everywhere = torch.ones(1, 1, 2, dtype=torch.bool)
    foreground, on, _, _ = partial_cross_entropy_sums(logits, everywhere, everywhere, 'released')
    assert on == 2
    assert foreground.item() == pytest.approx(math.log(1 + math.e) + math.log(1 + 1 / math.e))


def test_paper_form_stays_finite_and_steep_for_certain_mistakes():
    logits = torch.tensor([[[-200.0]]], requires_grad=True)
    everywhere = torch.ones(1, 1, 1, dtype=torch.bool)
    foreground, _ = partial_cross_entropy(logits, everywhere, everywhere)
    foreground.backward()
    assert foreground == 200
    assert logits.grad == -1


def test_one_mask_of_what_is_known_serves_all_objects():
    logits, masks, known = sample(shape=(2, 3, 5, 7))
    shared = known[:, :1]
    torch.testing.assert_close(
        partial_cross_entropy(logits, masks, shared), partial_cross_entropy(logits, masks, shared.expand_as(masks))
    )


def test_half_precision_is_summed_in_float32_and_float64_stays():
    logits, masks, known = sample()
    for dtype, expected in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        foreground, _ = partial_cross_entropy(logits.detach().to(dtype), masks, known)
        assert foreground.dtype == expected


def test_an_unknown_form_is_refused_by_name():
    with pytest.raises(ValueError, match="'focal'"):
        partial_cross_entropy(*sample(), form='focal')

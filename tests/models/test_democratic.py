"""The parts of DCFM on small maps."""

import pytest
import torch

from salseg.errors import ConfigError
from salseg.models.heads import LateralPyramidHead
from salseg.models.losses import MaskIoULoss, SelfContrastiveLoss
from salseg.models.matchers import DemocraticPrototype
from salseg.models.necks import DemocraticEnhancement
from salseg.models.passes import MaskedMatcherPass
from salseg.structures import FrameTargets


def maps(sets=1, frames=4, channels=12, size=(5, 6), seed=0):
    return torch.randn(sets, frames, channels, *size, generator=torch.Generator().manual_seed(seed))


def matcher(**options):
    torch.manual_seed(0)
    return DemocraticPrototype(12, **options)


def test_the_matcher_changes_the_coarsest_map_only():
    fine = maps(size=(10, 12), seed=1)
    (kept, fused), extra = matcher()([fine, maps()])
    assert kept is fine
    assert fused.shape == maps().shape
    assert extra['prototype'].shape == (1, 12)
    assert extra['response'].shape == (1, 4, 1, 5, 6)


def test_groups_of_a_batch_do_not_see_each_other():
    module = matcher().eval()
    both = maps(sets=2)
    (fused,), extra = module([both])
    for index in range(2):
        (alone,), own = module([both[index : index + 1]])
        torch.testing.assert_close(fused[index], alone[0])
        torch.testing.assert_close(extra['prototype'][index], own['prototype'][0])


def test_the_order_of_the_images_does_not_matter():
    module, order = matcher().eval(), [2, 0, 3, 1]
    (fused,), extra = module([maps()])
    (shuffled,), again = module([maps()[:, order]])
    torch.testing.assert_close(shuffled, fused[:, order], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(again['prototype'], extra['prototype'], rtol=1e-4, atol=1e-5)


def test_companions_change_the_response_of_an_image():
    module = matcher().eval()
    first = module([maps()])[1]['response'][:, 0]
    changed = torch.cat([maps()[:, :1], maps(seed=5)[:, 1:]], dim=1)
    assert (module([changed])[1]['response'][:, 0] - first).abs().max() > 0.01


@pytest.mark.parametrize('frames', [1, 7])
def test_a_budget_of_one_row_gives_the_same_group(frames):
    given = [maps(frames=frames)]
    (whole,), extra = matcher().eval()(given)
    (rows,), again = matcher(max_bytes=1).eval()(given)
    torch.testing.assert_close(rows, whole, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(again['response'], extra['response'], rtol=1e-4, atol=1e-5)


def test_correlations_are_rectified_when_it_says_so():
    found = {mode: matcher(rectify=mode) for mode in ('eval', 'always', 'never')}
    assert [m.train().rectifies for m in found.values()] == [False, True, False]
    assert [m.eval().rectifies for m in found.values()] == [True, True, False]


def test_the_convolutions_that_choose_seeds_never_learn():
    module = matcher().train()
    (fused,), extra = module([maps()])
    (fused.sum() + extra['prototype'].sum()).backward()
    assert module.residual.weight.grad.abs().max() > 0
    assert not any(p.requires_grad for part in (module.query, module.key) for p in part.parameters())


def test_parts_of_the_module_give_what_they_promise():
    for parts, names in (('residual', set()), ('seeds', {'prototype'}), ('responses', {'prototype', 'response'})):
        module = matcher(parts=parts)
        assert set(module([maps()])[1]) == names == set(module.provides)


def test_half_precision_does_not_reach_the_vote():
    module = matcher().eval()
    exact = module([maps()])[1]['response']
    with torch.autocast('cpu', dtype=torch.bfloat16):
        response = module([maps()])[1]['response']
    assert response.dtype == torch.float32
    assert (response - exact).abs().mean() < 0.05


def test_from_identity_the_features_themselves_choose_the_seeds():
    module, frames = matcher(start='identity').eval(), maps()[0]
    flat = frames.flatten(2).transpose(1, 2)
    similar = torch.einsum('npc,mqc->npmq', flat, flat) / 12**0.5
    torch.testing.assert_close(module.seed_logits(frames), similar.amax(3).mean(2), rtol=1e-5, atol=1e-5)
    (fused,), extra = module([frames[None]])
    expected = frames * (extra['prototype'][0, :, None, None] + extra['response'][0])
    torch.testing.assert_close(fused[0], expected, msg='the residual convolution starts at 0')
    assert module.residual.weight.requires_grad


def test_unknown_options_are_named():
    with pytest.raises(ConfigError, match="rectify='sometimes'"):
        matcher(rectify='sometimes')
    with pytest.raises(ConfigError, match="start='zero'; expected one of random, identity"):
        matcher(start='zero')
    with pytest.raises(ConfigError, match='norm'):
        LateralPyramidHead((8, 8), norm='batch')
    with pytest.raises(ConfigError, match='empty'):
        MaskedMatcherPass(empty='zero')
    with pytest.raises(ConfigError, match='both terms'):
        SelfContrastiveLoss(positive=False, negative=False)


def test_the_neck_enhances_each_image_on_its_own():
    torch.manual_seed(0)
    neck, given = DemocraticEnhancement(12), maps()[0]
    out = neck([given, given])
    assert out[0] is given
    torch.testing.assert_close(out[1][:1], neck([given[:1]])[0], rtol=1e-4, atol=1e-4 * out[1].abs().max().item())


@pytest.mark.parametrize('norm', ['none', 'group'])
def test_the_head_predicts_at_every_level_in_training_and_at_the_finest_after(norm):
    head = LateralPyramidHead((6, 8, 12), width=8, norm=norm)
    levels = [maps(size=(5 * s, 6 * s), channels=c)[0] for s, c in ((4, 6), (2, 8), (1, 12))]
    assert head.provides == ('logits', 'logits_2')
    outputs = head.train()(levels, (40, 48))
    assert {name: tuple(x.shape) for name, x in outputs.items()} == dict.fromkeys(head.provides, (4, 1, 40, 48))
    alone = head.eval()(levels, (40, 48))
    assert list(alone) == ['logits']
    torch.testing.assert_close(alone['logits'], outputs['logits'])


class Segmentor:
    def __init__(self, module):
        self.match = module


def run_pass(empty, labels):
    targets = FrameTargets(labels=labels)
    return MaskedMatcherPass(empty)(Segmentor(matcher().train()), None, [maps()], {}, targets)


def test_masked_prototypes_are_those_of_erased_features():
    labels = torch.zeros(1, 4, 5, 6, dtype=torch.uint8)
    labels[..., 2:, :3] = 1
    found = run_pass('keep', labels)
    fraction = (labels == 1).float().unsqueeze(2)
    wanted = matcher().train()([maps() * fraction])[1]['prototype']
    torch.testing.assert_close(found['prototype_foreground'], wanted)
    assert (found['prototype_background'] - wanted).abs().max() > 0.01


def test_images_without_object_can_be_left_out_of_the_foreground_pass():
    labels = torch.zeros(1, 4, 5, 6, dtype=torch.uint8)
    labels[:, :2, 2:, :3] = 1
    found = run_pass('drop', labels)['prototype_foreground']
    fraction = (labels == 1).float().unsqueeze(2)
    wanted = matcher().train()([(maps() * fraction)[:, :2]])[1]['prototype']
    torch.testing.assert_close(found, wanted)


def test_a_group_without_any_object_has_the_prototype_zero_and_no_gradient_from_it():
    found = run_pass('drop', torch.zeros(1, 4, 5, 6, dtype=torch.uint8))
    assert found['prototype_foreground'].abs().max() == 0
    outputs = {'prototype': torch.randn(1, 12, requires_grad=True), **found}
    terms = SelfContrastiveLoss(negative=False)(outputs, FrameTargets())
    terms['positive'].backward()
    assert outputs['prototype'].grad.abs().max() == 0


def test_overlap_terms_count_every_frame_the_same():
    labels = torch.zeros(1, 2, 4, 4, dtype=torch.uint8)
    labels[:, 0, :2] = 1
    logits = torch.where(labels == 1, 20.0, -20.0).unsqueeze(2)
    terms = MaskIoULoss(background=True)({'logits': logits}, FrameTargets(labels=labels))
    assert abs(terms['foreground'].item() - 0.5) < 1e-4, 'one frame is right, the empty one counts 1'
    assert abs(terms['background'].item()) < 1e-4
    assert set(MaskIoULoss()({'logits': logits}, FrameTargets(labels=labels))) == {'foreground'}

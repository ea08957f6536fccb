import pytest
import torch

from salseg.errors import ConfigError
from salseg.models.matchers import NER, ConvGRU, NonLocalBlock

CHANNELS = 6


def clip(frames=3, seed=0, batch=2):
    return torch.randn(batch, frames, CHANNELS, 4, 5, generator=torch.Generator().manual_seed(seed))


def trained(module, seed=1):
    """A module whose zero layers were moved from zero."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return module


def test_non_local_block_starts_as_identity():
    x = clip()
    torch.testing.assert_close(NonLocalBlock(CHANNELS)(x), x)


def test_non_local_block_equals_the_sum_over_all_pairs_of_positions():
    block, x = trained(NonLocalBlock(CHANNELS)), clip(batch=1)
    volume = x.transpose(1, 2)
    theta, phi, g = (layer(volume).flatten(2)[0].T for layer in (block.theta, block.phi, block.g))
    response = (theta @ phi.T / len(theta)) @ g
    wanted = volume + block.expand(response.T.reshape(1, -1, *volume.shape[2:]))
    torch.testing.assert_close(block(x), wanted.transpose(1, 2), rtol=1e-4, atol=1e-5)


def test_non_local_block_does_not_depend_on_the_order_of_frames():
    block, x = trained(NonLocalBlock(CHANNELS)), clip()
    torch.testing.assert_close(block(x.flip(1)), block(x).flip(1), rtol=1e-4, atol=1e-5)


def one_step(gru, x, state):
    both = torch.cat([x, state], dim=1)
    reset, update = torch.sigmoid(gru.reset_gate(both)), torch.sigmoid(gru.update_gate(both))
    candidate = torch.tanh(gru.output_gate(torch.cat([x, reset * state], dim=1)))
    return (1 - update) * candidate + update * state


@pytest.mark.parametrize('reverse', [False, True])
def test_conv_gru_equals_its_equations_step_by_step(reverse):
    gru, x = trained(ConvGRU(CHANNELS)), clip()
    state = clip(1, seed=5)[:, 0]
    states, wanted = gru(x, state, reverse=reverse), state
    for t in range(3)[::-1] if reverse else range(3):
        wanted = one_step(gru, x[:, t], wanted)
        torch.testing.assert_close(states[:, t], wanted, rtol=1e-4, atol=1e-5)


def test_only_the_coarsest_level_changes():
    fine, coarse = clip(seed=3), clip(seed=4)
    (same, changed), extra = trained(NER(CHANNELS))([fine, coarse])
    assert same is fine
    assert changed.shape == coarse.shape
    assert not extra
    assert (changed - coarse).abs().max() > 0


@pytest.mark.parametrize('frames', [1, 2, 7])
def test_any_number_of_frames_works(frames):
    (result,), _ = trained(NER(CHANNELS))([clip(frames)])
    assert result.shape == (2, frames, CHANNELS, 4, 5)
    assert torch.isfinite(result).all()


def test_every_frame_is_seen_from_every_other():
    x = clip().requires_grad_()
    (result,), _ = trained(NER(CHANNELS))([x])
    for t in range(3):
        (gradient,) = torch.autograd.grad(result[:, t].square().sum(), x, retain_graph=True)
        assert (gradient.abs().amax((0, 2, 3, 4)) > 0).all()


def test_sets_of_a_batch_do_not_mix():
    matcher, x = trained(NER(CHANNELS)), clip()
    (together,), _ = matcher([x])
    (alone,), _ = matcher([x[1:]])
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ('options', 'parts'),
    [
        (dict(recurrent=None, second=False), {'first'}),
        (dict(second=False), {'first', 'forward_gru', 'backward_gru', 'fuse'}),
        (dict(recurrent='forward'), {'first', 'forward_gru', 'fuse', 'second'}),
        (dict(), {'first', 'forward_gru', 'backward_gru', 'fuse', 'second'}),
    ],
)
def test_rows_of_the_ablation_have_their_parts(options, parts):
    matcher = NER(CHANNELS, **options)
    assert {name for name, _ in matcher.named_children()} == parts
    (result,), _ = matcher([clip()])
    assert result.shape == clip().shape


@pytest.mark.parametrize('options', [dict(recurrent='sideways'), dict(first=False, recurrent=None, second=False)])
def test_impossible_variants_are_refused(options):
    with pytest.raises(ConfigError, match='recurrent'):
        NER(CHANNELS, **options)

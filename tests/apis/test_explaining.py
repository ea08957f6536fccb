"""What a model shows is what it computes."""

import numpy as np
import pytest
import torch

from salseg.apis import explain, init_model
from salseg.apis.explaining import Explanation, SetExplainer, ShownView, get_explainer, joined
from salseg.cli import main
from salseg.errors import ConfigError
from salseg.io.images import read_image, write_png
from salseg.models.explainers import EXPLAINERS, Explainer, View, offered
from salseg.models.matchers import NER, NonLocalBlock, NonLocalPixelMatching
from salseg.visualization import heat, overlay_heat, sheet
from salseg.visualization.heat import NONE_COLOUR, heat_limits
from tests.tiny import write_tiny_config


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return str(write_tiny_config(tmp_path_factory.mktemp('tiny') / 'tiny.py'))


def images(count=2, size=(24, 40)):
    return list(np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8))


def test_the_map_at_full_size_is_the_prediction_and_the_views_add_up(tiny):
    found = explain(tiny, images(), 'scales', device='cpu', random_weights=True)
    full, small, difference = (found.views[name].maps for name in ('full', 'small', 'difference'))
    for number, image in enumerate(images()):
        assert full[number].shape == image.shape[:2]
        # Resizing comes before the sigmoid in the prediction and after it in the view.
        assert np.abs(full[number] * 255 - found.predictions[number]).max() < 3
        np.testing.assert_allclose(full[number] - small[number], difference[number], atol=1e-6)
    assert np.abs(difference[0]).max() > 1e-3


def test_at_scale_1_both_sizes_are_the_same(tiny):
    model = init_model(tiny, None, 'cpu', ['model.extra_passes.rescaled.scale=1.0'])
    found = explain(model, images(1), 'scales', random_weights=True)
    assert np.abs(found.views['difference'].maps[0]).max() < 1e-5


def test_what_is_not_offered_is_refused_with_what_is(tiny):
    model = init_model(tiny, None, 'cpu')
    with pytest.raises(ConfigError, match=r"'response' is nothing .* It offers:\s+scales: the map of the image"):
        get_explainer(model, 'response')
    bare = init_model(tiny, None, 'cpu', ['model.extra_passes.rescaled=None', 'model.losses.ssc=None'])
    assert not offered(bare)
    with pytest.raises(ConfigError, match='It offers: nothing'):
        get_explainer(bare, 'scales')


def test_an_explainer_of_a_plugin_is_found_by_its_model_alone(tiny):
    @EXPLAINERS.register_module()
    class CountExplainer(Explainer):
        what, shows = 'count', 'how often the model has been seen'

        @classmethod
        def suits(cls, model):
            return hasattr(model, 'own_part')

        def explain(self, inputs):
            return dict(ones=View('ones', torch.ones(1, 2, 2)))

    try:
        model = init_model(tiny, None, 'cpu')
        assert 'count' not in offered(model)
        model.own_part = True
        assert offered(model)['count'] is CountExplainer
        (shown,) = explain(model, images(1), 'count', random_weights=True).views['ones'].maps
        np.testing.assert_allclose(shown, np.ones((24, 40)), atol=1e-6)
    finally:
        EXPLAINERS.module_dict.pop('CountExplainer')


def test_random_weights_are_refused_unless_allowed(tiny):
    with pytest.raises(Exception, match='random'):
        explain(tiny, images(1), 'scales', device='cpu')


def test_ner_in_steps_is_ner_and_its_affinity_is_what_a_block_gathers_with():
    torch.manual_seed(0)
    matcher = NER(8).double().eval()
    block = matcher.first
    torch.nn.init.normal_(block.expand.weight)
    x = torch.randn(1, 3, 8, 4, 5, dtype=torch.float64)
    with torch.no_grad():
        steps = list(matcher.steps(x))
        assert [name for name, _ in steps] == ['first', 'recurrent', 'second']
        torch.testing.assert_close(steps[-1][1], matcher([x])[0][0], rtol=0, atol=0)
        affinity = block.affinity(x[0], (1, 2, 3))
        values = torch.einsum('ic,tchw->tihw', block.g.weight.flatten(1), x[0]) + block.g.bias[:, None, None]
        gathered = torch.einsum('thw,tihw->i', affinity, values)
        wanted = x[0, 1, :, 2, 3] + block.expand.weight.flatten(1) @ gathered + block.expand.bias
        torch.testing.assert_close(block(x)[0, 1, :, 2, 3], wanted)
    assert isinstance(block, NonLocalBlock)


@pytest.mark.parametrize('similarity', ['product', 'cosine'])
def test_matching_weights_are_what_matching_reads_with(similarity):
    torch.manual_seed(0)
    matcher = NonLocalPixelMatching(6, 4, 0.7, similarity)
    reference, target = torch.randn(2, 4, 3, 5), torch.randn(2, 6, 4, 4)
    with torch.no_grad():
        weights = matcher.weights(reference, target)
        torch.testing.assert_close(weights.sum(1), torch.ones(2, 16))
        read = (reference.flatten(2) @ weights).unflatten(2, (4, 4))
        torch.testing.assert_close(matcher.match(reference, target), read, rtol=1e-4, atol=1e-5)


def test_a_clip_is_explained_window_by_window_and_every_frame_once():
    class Windows(SetExplainer):
        def __init__(self, length):
            self.length, self.seen = length, []

        def __call__(self, frames, name='set'):
            names = [n for n, _ in frames]
            self.seen.append(''.join(names))
            view = ShownView('x', 'map', (0.0, 1.0), [np.zeros((1, 1))] * len(names), [[]] * len(names))
            return Explanation(name, names, [image for _, image in frames], [None] * len(names), dict(x=view))

    def run(text, length):
        shower = Windows(length)
        whole = joined(list(shower.stream((name, images(1)[0]) for name in text)))
        assert len(whole.views['x'].maps) == len(text)
        return shower.seen, ''.join(whole.names)

    assert run('abcdef', 3) == (['abc', 'def'], 'abcdef')
    assert run('abcdefg', 3) == (['abc', 'def', 'efg'], 'abcdefg')
    assert run('ab', 4) == (['abbb'], 'ab')
    assert run('abc', None) == (['abc'], 'abc')
    assert run('abc', 1) == (['a', 'b', 'c'], 'abc')


def test_frames_without_a_view_are_gaps_in_a_joined_explanation():
    with_view = ShownView('x', 'map', (0.0, 2.0), [np.ones((1, 1))], [[]])
    first = Explanation('v', ['0'], images(1), [None], {})
    second = Explanation('v', ['1'], images(1), [None], dict(x=with_view))
    whole = joined([first, second])
    assert whole.views['x'].maps[0] is None
    assert whole.views['x'].maps[1] is not None
    assert whole.views['x'].limits == (0.0, 2.0)


def test_colours_go_from_dark_to_bright_and_signed_ones_are_white_at_zero():
    ramp = heat(np.array([[0.0, 0.5, 1.0, 9.0, np.nan]]), (0.0, 1.0)).astype(int).sum(2)[0]
    assert ramp[0] < ramp[1] < ramp[2] == ramp[3]
    assert ramp[4] == ramp[0]
    blue, white, red = heat(np.array([[-2.0, 0.0, 2.0]]), heat_limits([np.array([-2.0, 1.0])], 'signed'), 'signed')[0]
    assert blue[2] > blue[0]
    assert white.min() > 240
    assert red[0] > red[2]
    numbers = heat(np.array([[-1.0, 0.0]]), (0.0, 3.0), 'index')[0]
    assert tuple(numbers[0]) == NONE_COLOUR
    assert tuple(numbers[1]) != NONE_COLOUR


def test_a_mark_stands_where_it_was_set():
    image = np.zeros((60, 90, 3), np.uint8)
    plain, marked = (overlay_heat(image, np.zeros((60, 90)), (0, 1), marks=m) for m in ((), [(20, 70)]))
    rows, columns = (plain != marked).any(2).nonzero()
    assert (round(rows.mean()), round(columns.mean())) == (20, 70)


def test_a_tight_sheet_is_as_high_as_its_images():
    wide = np.zeros((10, 100, 3), np.uint8)
    assert sheet([[wide], [wide]], cell=100, gap=6, tight=True).shape == (3 * 6 + 2 * 10, 112, 3)
    assert sheet([[wide], [wide]], cell=100, gap=6).shape == (3 * 6 + 2 * 100, 112, 3)


def command(*words, capsys):
    status = main(['explain', *map(str, words), '--device', 'cpu'])
    said = capsys.readouterr()
    return status, ' '.join((said.out + said.err).split())


def test_the_command_lists_draws_and_refuses_a_full_folder(tiny, tmp_path, capsys):
    for number, image in enumerate(images()):
        write_png(tmp_path / f'in/deep/{number}.png', image)
    assert command(tiny, '--what', 'list', capsys=capsys)[1].startswith('scales: the map of the image')
    words = (tiny, tmp_path / 'in', '--what', 'scales', '--random-weights', '--out', tmp_path / 'out')
    status, said = command(*words, capsys=capsys)
    assert status == 0, said
    written = sorted(str(path.relative_to(tmp_path / 'out')) for path in (tmp_path / 'out').rglob('*.png'))
    views = ('difference', 'full', 'prediction', 'small')
    assert written == sorted([*(f'{v}/deep/{n}.png' for v in views for n in '01'), 'sheets/images.png'])
    assert read_image(tmp_path / 'out/full/deep/0.png').shape == (24, 40, 3)
    status, said = command(*words, capsys=capsys)
    assert status == 2
    assert 'is not empty' in said
    assert command(*words, '--overwrite', capsys=capsys)[0] == 0


def test_the_command_says_what_it_lacks(tiny, tmp_path, capsys):
    write_png(tmp_path / 'in/0.png', images(1)[0])
    out = ('--out', tmp_path / 'out', '--random-weights')
    for words, expected in (
        ((tiny, '--what', 'scales', *out), 'name what is to be explained'),
        ((tiny, tmp_path / 'in', '--what', 'masks', *out), "'masks' is nothing that this SaliencySegmentor can show"),
        ((tiny, tmp_path / 'in', '--what', 'scales', '--box', '1:0,0,2,2', *out), '--mask and --box are for trackers'),
        ((tiny, tmp_path / 'in', '--what', 'scales', '--max-frames', 0, *out), 'expected 1 or more'),
    ):
        status, said = command(*words, capsys=capsys)
        assert status == 2
        assert expected in said
    assert not (tmp_path / 'out').exists()

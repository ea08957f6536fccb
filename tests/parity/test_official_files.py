"""The authors' files by name: imported, and driven by the commands to the authors' results."""

from tests.needs import needs_project

needs_project('xmem')


import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from projects.xmem.weights import salseg_to_official
from salseg.apis import init_model
from salseg.catalog import model_cards, published_weights
from salseg.cli.main import main
from salseg.engine.config import load_config
from salseg.engine.named_weights import find_checkpoint
from salseg.propagation import Propagator
from tests.parity import fill, kit
from tests.parity.xmem_parts import RULES, network
from tests.serving import Served, serving

OTHERS = {
    'scwssod@official': ('scwssod/keys.json', 'backbone.conv1.weight', 'bkbone.conv1.weight'),
    'dcfm@official': ('dcfm/keys.json', 'backbone.features.0.weight', 'backbone.conv1.conv1_1.weight'),
    'rcrnet-ner@official': ('rcrnet/keys_video.json', 'backbone.backbone.conv1.weight', 'backbone.resnet.conv1.weight'),
}


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
    """The cache of a machine without a network and without any file of ImageNet weights, XMem imported."""
    folder = tmp_path_factory.mktemp('cache')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SALSEG_CACHE', str(folder / 'salseg'))
        patch.setenv('SALSEG_OFFLINE', '1')
        patch.setenv('TORCH_HOME', str(folder / 'torch'))
        meta = kit.load(next(kit.discover('xmem', 'inference')))[0] if any(kit.discover('xmem', 'inference')) else None
        state = fill.state_dict(keys('xmem/keys.json')) if meta is None else kit.weights(meta)
        torch.save(state, folder / 'XMem.pth')
        assert main(['weights', 'import', 'xmem@official', str(folder / 'XMem.pth')]) == 0
        (folder / 'XMem.pth').unlink()
        yield folder


def keys(name):
    return json.loads((kit.KIT / name).read_text())['keys']


@pytest.fixture
def exact_frames(monkeypatch):
    """Restores what the 8 bits of an image file took from the frames of the kit, which are no whole numbers."""

    def use(frames, mean, std):
        numbers, plain = iter(range(len(frames))), Propagator.step_frame
        half = 0.5001 / 255 / min(std)

        def step_frame(self, frame, prompt=None, **options):
            exact = frames[next(numbers)]
            assert (frame - exact).abs().max() <= half, 'the command read another frame'
            return plain(self, exact, prompt, **options)

        monkeypatch.setattr(Propagator, 'step_frame', step_frame)

    return use


def write_video(folder, given, mean, std):
    """Frames as PNG, and the masks of the frames that have some."""
    for name in ('frames', 'masks'):
        (folder / name).mkdir(parents=True)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (mean, std))
    for number, frame in enumerate(given['frames']):
        image = ((frame * std + mean) * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(image).save(folder / f'frames/{number:05d}.png')
        if f'event/{number}' in given:
            Image.fromarray(given[f'event/{number}'].numpy()).save(folder / f'masks/{number:05d}.png')


def track(folder, out, config, *options, count=None):
    words = [f'model.memory.{RULES[name]}={value}' for name, value in config.items() if name in RULES]
    words += [f'model.reader.top_k={config["top_k"]}', 'model.shorter_side=None', *options]
    frames, masks = str(folder / 'frames'), str(folder / 'masks')
    command = ['track', 'xmem@official', frames, '--mask', masks, '--out', str(out), '--no-overlay']
    assert main([*command, *(['--max-frames', str(count)] if count else []), '--cfg-options', *words]) == 0
    return [np.array(Image.open(path))[::2, ::2] for path in sorted((out / 'masks').glob('*.png'))]


@pytest.mark.parametrize('path', kit.files('xmem', 'inference'))
def test_the_imported_file_tracks_to_the_authors_labels(path, cache, exact_frames, tmp_path):
    meta, values = kit.load(path)
    given, recipes = kit.inputs(meta, values), kit.recipes('xmem')
    write_video(tmp_path, given, recipes.MEAN, recipes.STD)
    exact_frames(given['frames'], recipes.MEAN, recipes.STD)
    found = track(tmp_path, tmp_path / 'out', meta['settings']['config'])
    kit.check(
        meta,
        {name: value for name, value in values.items() if name.startswith('label_')},
        {f'label_{number}': torch.from_numpy(labels) for number, labels in enumerate(found)},
    )


def test_the_released_bookkeeping_comes_with_the_file_and_an_option_of_the_user_counts(cache):
    file = find_checkpoint('xmem', 'xmem@official')[1]
    for config in (load_config('xmem@official'), load_config('xmem', weights=file)):
        assert config.model.memory.released
        assert config.model.hidden_channels == 64
    assert not load_config('xmem@official', {'model.memory.released': False}).model.memory.released
    assert 'released' not in load_config('xmem').model.memory


def test_test_runs_offline_without_any_file_of_imagenet(cache, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / 'data/DAVIS-2017'
    for kind in ('JPEGImages', 'Annotations'):
        (root / kind / 'a').mkdir(parents=True)
    (root / 'ImageSets').mkdir()
    (root / 'ImageSets/val.txt').write_text('a\n')
    for number in range(4):
        labels = np.zeros((48, 64), np.uint8)
        labels[8:24, 8 + number : 32 + number] = 1
        Image.fromarray(labels).save(root / f'Annotations/a/{number:05d}.png')
        Image.fromarray(np.stack([labels * 200] * 3, -1)).save(root / f'JPEGImages/a/{number:05d}.jpg')
    options = ['model.shorter_side=None', 'test_dataloader.num_workers=0', f'test_dataloader.dataset.data_root={root}']
    assert main(['test', 'xmem@official', '--cfg-options', *options]) == 0
    assert not (cache / 'torch').exists()
    assert '412 of 412 entries loaded' in next((tmp_path / 'work_dirs/xmem@official/test').glob('*/*.log')).read_text()


def test_the_variant_without_sensory_memory_is_built_without(cache, tmp_path, capsys):
    state = {salseg_to_official(key): value for key, value in network(hidden_channels=0).state_dict().items()}
    torch.save(state, tmp_path / 'XMem-no-sensory.pth')
    assert main(['weights', 'import', 'xmem@no-sensory', str(tmp_path / 'XMem-no-sensory.pth')]) == 0
    model = init_model('xmem@no-sensory', device='cpu')
    assert model.hidden_channels == 0
    assert model.rules.released
    first = np.zeros((32, 32), np.uint8)
    first[4:20, 4:20] = 1
    tracker = Propagator(model, shorter_side=None)
    for prompt in (first, None):
        assert tracker.step(np.repeat(first[..., None] * 200, 3, 2), prompt).labels.shape == (32, 32)


def test_every_published_system_is_one_of_these():
    assert {weights.name for weights in published_weights('*@official')} <= {*OTHERS, 'xmem@official'}


@pytest.mark.slow()
@pytest.mark.parametrize('name', [name for name in OTHERS if published_weights(name)])
def test_the_other_systems_files_are_fetched_by_name(name, cache, monkeypatch):
    listed, ours, theirs = OTHERS[name]
    # Expanded where nothing reads them: VGG's classifier is half a gigabyte.
    state = {
        key: torch.zeros(()).expand(shape) if 'classifier' in key else torch.from_numpy(fill.array(key, shape))
        for key, shape in keys(listed).items()
    }
    file = io.BytesIO()
    torch.save(state, file)
    monkeypatch.delenv('SALSEG_OFFLINE')
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    with serving(Served(file.getvalue(), cuts=[20_000_000], block=1 << 20)) as served:
        monkeypatch.setitem(model_cards()[name.partition('@')[0]]['Weights']['Published'][0], 'Address', served.address)
        assert main(['weights', 'get', name]) == 0
    assert served.requests == [None, 'bytes=20000000-']
    assert torch.equal(init_model(name, device='cpu').state_dict()[ours], state[theirs])
    assert main(['weights', 'remove', name]) == 0

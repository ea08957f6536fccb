"""A group is chosen in the browser, and its maps are those of the command."""

from salseg.cli.main import main
from salseg.engine.config import load_config
from salseg.engine.config.run_folder import write_run_config
from tests.app.browsing import browse, needs_browser
from tests.app.conftest import write_photo
from tests.needs import needs_project
from tests.projects.tiny_runs import make_tiny

needs_browser()


def make_run(place):
    """A model on groups, as small as possible; its run."""
    config = make_tiny(load_config('dcfm-lite'))
    config.default_hooks.checkpoint = dict(type='AtomicCheckpointHook', by_epoch=False, interval=1)
    config.dump(place / 'dcfm.py')
    assert main(['train', str(place / 'dcfm.py'), '--work-dir', str(place / 'run')]) == 0
    # They need parts that are registered here alone, and not in the child that the page starts.
    for name in ('train_dataloader', 'val_dataloader', 'train_cfg', 'val_cfg', 'test_cfg'):
        config[name] = None
    config.test_dataloader.sampler = dict(type='DefaultSampler', shuffle=False)
    write_run_config(config, place / 'run')
    return str(place / 'run')


def test_maps_of_a_group_are_those_of_the_command_and_stay_to_be_seen(folder, tmp_path):
    needs_project('dcfm')
    run = make_run(tmp_path)
    write_photo(folder / 'image/fox.jpg', 40, 40)
    with browse(folder, '--model', run) as page:
        page.browser.get(page.address)
        page.click('[data-tab=groups]')
        for key in ('cat', 'fox', 'dog'):
            page.click(f'[data-key={key}]')
        page.click('[data-key=dog]')
        page.until(lambda: '2 chosen' in page.text('aside'))
        page.click('#go')
        page.ended('what 2 images have in common')
        shown = page.until(lambda: page.all('figure img')[3:] and page.all('figure img'))
        assert page.until(lambda: all(image.get_property('naturalWidth') > 0 for image in shown))
        assert [figure.text for figure in page.all('figcaption')] == ['cat', 'fox']
        page.click('[data-tab=images]')
        page.click('[data-tab=groups]')
        page.until(lambda: len(page.all('figure')) == 2)
        page.click('#choose')
        page.until(lambda: len(page.all('.card.chosen')) == 2)
    images = [str(folder / f'image/{key}.jpg') for key in ('cat', 'fox')]
    assert main(['predict', run, *images, '--out', str(tmp_path / 'typed'), '--save', 'mask,overlay']) == 0
    out = folder / 'salseg_app/groups/run'
    typed = sorted(path.relative_to(tmp_path / 'typed') for path in (tmp_path / 'typed').rglob('*.png'))
    assert len(typed) == 5
    for path in typed:
        assert (out / path).read_bytes() == (tmp_path / 'typed' / path).read_bytes(), path

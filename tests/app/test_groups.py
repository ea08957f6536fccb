"""A group is chosen in the browser, and its maps are those of the command."""

from salseg.cli.main import main
from salseg.engine.config import load_config
from tests.app.browsing import browse_here
from tests.app.conftest import write_photo, write_run
from tests.needs import needs_project
from tests.projects.tiny_runs import make_tiny


def test_maps_of_a_group_are_those_of_the_command_and_stay_to_be_seen(browser, folder, tmp_path):
    needs_project('dcfm')
    config = make_tiny(load_config('dcfm-lite'))
    config.test_dataloader.sampler = dict(type='DefaultSampler', shuffle=False)
    run = write_run(config, tmp_path / 'run')
    write_photo(folder / 'image/fox.jpg', 40, 40)
    with browse_here(browser, folder, run) as (page, jobs, _):
        page.browser.get(page.address)
        page.click('[data-tab=groups]')
        for key in ('cat', 'fox', 'dog'):
            page.click(f'[data-key={key}]')
        page.click('[data-key=dog]')
        page.until(lambda: '2 chosen' in page.text('aside'))
        page.click('#go')
        page.one('#stop')
        jobs.run()
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

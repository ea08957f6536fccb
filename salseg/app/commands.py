"""The words of each command that the page runs: what the page shows, and what somebody could type instead."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salseg.app.jobs import Job
from salseg.app.labels import boxed, read_boxes_of, trainable
from salseg.app.prompts import prompt_words
from salseg.app.results import followed, note_followed
from salseg.app.workspace import NotFound, Workspace, plain_name
from salseg.errors import DataError
from salseg.io.files import write_text
from salseg.io.videos import FrameSource

BUDGETS = (20, 4000)
_SCRIBBLES = """# Written by `salseg app`; `salseg train` runs it.
_base_ = {base!r}
{start}
train_dataloader = dict(dataset=dict({dataset}, label_folder={labels!r}))
train_cfg = dict(max_iters={steps})
default_hooks = dict(logger=dict(interval=5), checkpoint=dict(interval=50))
"""
_BOXES = """# Written by `salseg app`; `salseg train` runs it.
_base_ = {base!r}
{start}
on = dict(logits=True, on=_base_.outputs)
pairwise = dict(type='PairwiseLoss', normalizer='pairs', ramp_iterations=200, **on)
model = dict(losses=dict(lsc=None, projection=dict(type='ProjectionLoss', reading='image', **on), pairwise=pairwise))
steps = _base_.train_pipeline
train_pipeline = [
    steps[0], dict(type='LoadBoxes', file={boxes!r}), *steps[2:-1], dict(type='MasksToBoxes'), steps[-1]
]
train_dataloader = dict(dataset=dict({dataset}, label_folder=None, encoding=None, pipeline=train_pipeline))
train_cfg = dict(max_iters={steps})
default_hooks = dict(logger=dict(interval=5), checkpoint=dict(interval=50))
"""
RECIPES = {'scribbles': _SCRIBBLES, 'boxes': _BOXES}
BASE = 'scwssod_lite0_paper_folder-192.py'
DEMO = 'salseg-demo'


class Commands:
    """Words for a folder.

    Args:
        workspace: The folder.
        models: Names, configs or runs that may be used beside those of the page, as the command line named them.
        options: More words for `salseg train`, for example to make runs small.
    """

    def __init__(self, workspace: Workspace, models: Sequence[str] = (), options: Sequence[str] = ()) -> None:
        self.workspace, self.given, self.options = workspace, list(models), list(options)

    def models(self) -> list[str]:
        """What can be chosen: own runs, the newest first, those that were named, the demo."""
        return [*reversed(self.workspace.models()), *self.given, DEMO]

    def train(self, recipe: str, steps: int, start: str = '') -> Job:
        """Train on the labels, then predict all images.

        Args:
            recipe: A key of `RECIPES`.
            steps: The budget.
            start: A model of the page whose weights the training begins with; by default those of the recipe.

        Raises:
            DataError: There is too little to train on, or the budget is none.
            NotFound: The model to begin with is none of the page's.
        """
        if recipe not in RECIPES:
            raise DataError(f'there is no recipe {recipe!r}; expected one of {", ".join(RECIPES)}.')
        if not BUDGETS[0] <= steps <= BUDGETS[1]:
            raise DataError(f'{steps} steps; expected {BUDGETS[0]} to {BUDGETS[1]}.')
        if start and start not in self.workspace.models():
            raise NotFound(
                f'there is no model {start!r} to begin with; choose another one, or the weights of the recipe.'
            )
        keys = self._labelled(recipe)
        name = self.workspace.next_model()
        folder = self.workspace.make_own('models')
        listed = self.workspace.own / 'train.txt'
        dataset = dict(
            data_root=str(self.workspace.root), image_folder=self.workspace.images_in, list_file=str(listed), name='own'
        )
        text = RECIPES[recipe].format(
            base=_base(),
            dataset=', '.join(f'{key}={value!r}' for key, value in dataset.items()),
            labels=self.workspace.scribble('x').parent.name,
            boxes=str(self.workspace.box_file),
            start=f'load_from = {str(folder / start)!r}\n' if start else '',
            steps=steps,
        )
        config = folder / f'{name}.py'
        try:
            write_text(listed, ''.join(f'{key}\n' for key in keys))
            write_text(config, text)
        except OSError as error:
            raise DataError(f'{folder} cannot be written: {error}. Free some space.') from error
        words = ['train', str(config), '--work-dir', str(folder / name), *self.options]
        title = f'training {name} on {len(keys)} image{"s" * (len(keys) > 1)}' + (f', from {start}' if start else '')
        # The model is looked up when it is there.
        then = self._predict(name, str(folder / name))
        return Job('train', words, title, str(folder / name), steps, {k: getattr(then, k) for k in _START})

    def _labelled(self, recipe: str) -> list[str]:
        if recipe == 'scribbles':
            keys, left_out = trainable(self.workspace)
            if not keys:
                why = ''.join(f' {key} {reason}.' for key, reason in list(left_out.items())[:3])
                raise DataError(f'no image has scribbles of both classes yet: draw on the object and beside it.{why}')
            return keys
        there = boxed(self.workspace)
        keys = [key for key in self.workspace.images() if key in there]
        if not keys:
            # A broken table says so itself.
            read_boxes_of(self.workspace, '')
            raise DataError('no image has a box yet: draw one around each object.')
        return keys

    def predict(self, model: str) -> Job:
        """Maps of all images.

        Raises:
            NotFound: The model is none of those that can be chosen.
        """
        return self._predict(model, self._model(model))

    def _predict(self, name: str, model: str) -> Job:
        images = self.workspace.images()
        if not images:
            raise DataError(f'{self.workspace.image_root} holds no image.')
        flat = self.workspace.images_in == '.'
        # Of the folder itself only its own images, and not scribbles and maps below it.
        inputs = [str(path) for path in images.values()] if flat else [str(self.workspace.image_root)]
        out = str(self.workspace.maps(short_name(name)))
        words = ['predict', model, *inputs, '--out', out, '--save', 'mask,cutout']
        return Job('predict', words, f'predicting with {short_name(name)}', out, len(images))

    def group(self, model: str, keys: Sequence[str]) -> Job:
        """What some images have in common.

        Raises:
            DataError: There are fewer than two.
            NotFound: An image, or the model, is none.
        """
        if len(keys) < 2:
            raise DataError('a group has at least two images: choose more on the wall.')
        images = [str(self.workspace.image(key)) for key in keys]
        out = str(self.workspace.own / 'groups' / short_name(model))
        words = ['predict', self._model(model), *images, '--out', out, '--save', 'mask,overlay', '--overwrite']
        return Job('group', words, f'what {len(keys)} images have in common', out, len(keys))

    def track(self, model: str, video: str, frames: int, options: Mapping[str, Any]) -> Job:
        """Follow objects from their prompts.

        What differs from the last time in its prompts alone is a correction: frames before the first change stay as they are.

        Args:
            model: The tracker.
            video: Name of the video.
            frames: That it has, 0 where it is unknown.
            options: 'backward', 'alpha', 'rle', 'states' and 'overlay' as `salseg track` has them, and 'anew': keep nothing.

        Raises:
            DataError: There is no prompt.
            NotFound: The video or the model is none.
        """
        source, out = self.workspace.video(video), self.workspace.track(video)
        words = ['track', self._model(model), str(source), '--out', str(out)]
        prompts = prompt_words(self.workspace, video, FrameSource(source))
        chosen = {name: bool(options.get(name)) for name in (*_OPTIONS, 'overlay', 'anew')}
        settings = dict(model=model, backward=chosen['backward'], alpha=chosen['alpha'])
        words.append('--correct' if followed(out) == settings and not chosen['anew'] else '--overwrite')
        words += [word for name, word in _OPTIONS.items() if chosen[name]]
        if not chosen['overlay']:
            words.append('--no-overlay')
        note_followed(out, settings)
        return Job('track', [*words, *prompts], f'following in {video}', str(out), frames)

    def evaluate(self, model: str) -> Job:
        """Score the maps of a model against the folder's ground truth.

        Raises:
            DataError: There is no ground truth, or there are no maps.
        """
        truth, maps = self.workspace.truth(), self.workspace.maps(short_name(model)) / 'mask'
        if truth is None:
            raise DataError(f'{self.workspace.root} has no folder of ground truth, such as mask/.')
        if not maps.is_dir():
            raise DataError(f'there are no maps of {short_name(model)} yet: predict first.')
        out = str(self.workspace.own / 'scores' / short_name(model))
        words = ['evaluate', f'{short_name(model)}={maps}', str(truth), '--protocol', 'sod', '--allow-extra']
        # Only the images of one folder pair by name with the maps.
        words += ['--out', out, '--images', str(self.workspace.image_root)]
        return Job('evaluate', words, f'scoring {short_name(model)}', out)

    def _model(self, name: str) -> str:
        if name in self.workspace.models():
            return str(self.workspace.own / 'models' / plain_name(name))
        # A config is a program: only those that the command line named are run.
        if name in self.given or name == DEMO:
            return name
        raise NotFound(f'{name!r} is no model of this page: expected one of {", ".join(self.models())}.')


# Of a track.
_OPTIONS = {'backward': '--backward', 'alpha': '--alpha', 'rle': '--rle', 'states': '--keep-states'}
_START = ('kind', 'words', 'title', 'out', 'total')


def short_name(model: str) -> str:
    """A model's name as that of a folder."""
    return plain_name(Path(model).stem if model.endswith('.py') else Path(model).name)


def _base() -> str:
    from salseg.apis import list_configs

    found = [path for path in list_configs() if path.name == BASE]
    if not found:
        raise DataError(f'{BASE} is not there: the project scwssod, whose recipe it is, was removed.')
    return str(found[0])

"""Where a release keeps its images and masks, whatever folders lie around them.

A :class:`Form` names the folders of one way in which a set is passed on. Archives are unpacked with or without a folder
around them, side by side or into each other, so a folder counts by the last parts of its path, upper and lower case alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from salseg.apis.converting.files import Summary
from salseg.apis.converting.pairing import named, nothing_found
from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.formats import IMAGE_SUFFIXES
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, in_order, one_per_stem, walk_files

# Of an image and a mask of one stem in one folder, the lossy file is the image.
TWIN_IMAGES = ('.jpg', '.jpeg')
TWIN_MASKS = tuple(suffix for suffix in LABEL_SUFFIXES if suffix not in TWIN_IMAGES)
_CLASS = '{class}'


@dataclass(frozen=True)
class Form:
    """Folders of images and of masks.

    Attributes:
        images: Patterns of a folder's last parts, preferred first, such as 'Imgs' or '{class}/Src'. The part '{class}' is
            any name, and stands in front of the keys: 'giraffe/12'.
        masks: Likewise; none where masks lie beside their images.
        documented: Whether the release itself is known to look so; else the summary says what was taken.
    """

    images: tuple[str, ...]
    masks: tuple[str, ...] = ()
    documented: bool = True


# Copies that circulate.
USUAL = Form(
    tuple(name for name in IMAGE_FOLDERS if '<' not in name),
    tuple(name for name in MASK_FOLDERS if '<' not in name),
    documented=False,
)
TWINS = Form(('*',), documented=False)
CLASSES = Form(
    tuple(f'{name}/{_CLASS}' for name in USUAL.images), tuple(f'{name}/{_CLASS}' for name in USUAL.masks), False
)


@dataclass(frozen=True)
class Tree:
    """All folders of a source that hold files.

    Attributes:
        source: As the user gave it.
        folders: Suffixes of the files in each, by its path, which begins with the source's own name.
    """

    source: Path
    folders: Mapping[str, frozenset[str]]

    def path(self, folder: str) -> Path:
        """The folder itself."""
        return self.source / folder.partition('/')[2]

    def shown(self, folder: str) -> str:
        """The folder as a message names it."""
        return f'{folder.partition("/")[2] or self.source}/'

    def fitting(self, pattern: str, suffixes: Sequence[str]) -> list[str]:
        """Folders that a pattern fits and that hold a file of one of some suffixes."""
        return [name for name, held in self.folders.items() if held & set(suffixes) and _fits(name, pattern)]


@dataclass(frozen=True)
class Found:
    """Images and masks by key, and the folders that they were found in."""

    images: dict[str, Path]
    masks: dict[str, Path]
    form: Form
    folders: tuple[str, ...]


def read_tree(source: Path) -> Tree:
    """The folders of a source, stray ones left out."""
    found: dict[str, set[str]] = {}
    own = source.resolve().name
    for path in walk_files(source, {*IMAGE_SUFFIXES, *LABEL_SUFFIXES}):
        folder, _, name = path.rpartition('/')
        found.setdefault(f'{own}/{folder}' if folder else own, set()).add(Path(name).suffix.lower())
    return Tree(source, {folder: frozenset(held) for folder, held in found.items()})


def _fits(folder: str, pattern: str) -> bool:
    parts, wanted = folder.casefold().split('/'), _parts(pattern)
    if wanted == ['.']:
        return len(parts) == 1
    return len(parts) >= len(wanted) and all(map(fnmatchcase, parts[-len(wanted) :], wanted))


def _parts(pattern: str) -> list[str]:
    return pattern.casefold().replace(_CLASS, '*').strip('/').split('/')


def chosen_forms(forms: Sequence[Form], images: str | None, masks: str | None) -> tuple[Form, ...]:
    """The forms of a set, or those that follow from folders that the user names."""
    if images is None and masks is None:
        return tuple(forms)
    usual_images = tuple(dict.fromkeys(name for form in forms for name in form.images))
    usual_masks = tuple(dict.fromkeys(name for form in forms for name in form.masks))
    split = Form((images,) if images else usual_images, (masks,) if masks else usual_masks)
    return (split,) if masks else (split, Form(split.images))


def find_pairs(tree: Tree, forms: Sequence[Form]) -> Found:
    """Images and masks in the first form that the source has.

    Raises:
        DataError: It has none, or the same set twice.
    """
    found = next(filter(None, (_in_form(tree, form) for form in forms)), None)
    if found is None:
        raise _no_form(tree, forms)
    return found


def find_parts(tree: Tree, parts: Mapping[str, Sequence[Form]]) -> dict[str, Found]:
    """Likewise for the parts of a set, such as train and test; those without images are left out."""
    found = {}
    for part, forms in parts.items():
        here = next(filter(None, (_in_form(tree, form) for form in forms)), None) or _without_masks(tree, forms)
        if here is not None:
            found[part] = here
    return found


def _without_masks(tree: Tree, forms: Sequence[Form]) -> Found | None:
    """Images of which no mask is there."""
    for form in forms:
        for pattern in form.images:
            folders = tree.fitting(pattern, IMAGE_SUFFIXES)
            if folders:
                return Found(_by_key(tree, folders, pattern, IMAGE_SUFFIXES), {}, form, tuple(folders))
    return None


def _in_form(tree: Tree, form: Form) -> Found | None:
    if not form.masks:
        return _twins(tree, form)
    for pattern in form.images:
        folders = tree.fitting(pattern, IMAGE_SUFFIXES)
        for mask_pattern in form.masks if folders else ():
            masks = [name for name in tree.fitting(mask_pattern, LABEL_SUFFIXES) if name not in folders]
            if masks:
                _refuse_several(tree, folders, pattern, 'images')
                _refuse_several(tree, masks, mask_pattern, 'masks')
                images = _by_key(tree, folders, pattern, IMAGE_SUFFIXES)
                return Found(images, _by_key(tree, masks, mask_pattern, LABEL_SUFFIXES), form, (*folders, *masks))
    return None


def _twins(tree: Tree, form: Form) -> Found | None:
    for pattern in form.images:
        folders = tree.fitting(pattern, TWIN_IMAGES)
        with_masks = [name for name in folders if tree.folders[name] & set(TWIN_MASKS)]
        if _CLASS not in pattern:
            folders = with_masks
        if with_masks:
            _refuse_several(tree, folders, pattern, 'images')
            images = _by_key(tree, folders, pattern, TWIN_IMAGES)
            return Found(images, _by_key(tree, folders, pattern, TWIN_MASKS), form, tuple(folders))
    return None


def _refuse_several(tree: Tree, folders: Sequence[str], pattern: str, role: str) -> None:
    """Refuse folders of which it cannot be told which belongs to the set; classes have one each."""
    if len(folders) > 1 and _CLASS not in pattern:
        raise DataError(
            f'{tree.source} holds several folders that may be the {role}: {named([tree.shown(name) for name in folders])}. '
            f'Give the folder of the one set.'
        )


def _by_key(tree: Tree, folders: Sequence[str], pattern: str, suffixes: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders:
        front = _front(folder, pattern)
        for stem, path in one_per_stem(tree.path(folder), suffixes)[0].items():
            other = found.setdefault(front + stem, path)
            if other is not path:
                raise DataError(
                    f'{other} and {path} have one name: {tree.source} seems to hold the set twice. Give the folder of one.'
                )
    return {key: found[key] for key in in_order(found)}


def _front(folder: str, pattern: str) -> str:
    """What stands in front of the stems of a folder: its class."""
    wanted = pattern.casefold().strip('/').split('/')
    if _CLASS not in wanted:
        return ''
    return folder.split('/')[wanted.index(_CLASS) - len(wanted)] + '/'


def _no_form(tree: Tree, forms: Sequence[Form]) -> DataError:
    looked = [f'{form.images[0]}/ with {f"{form.masks[0]}/" if form.masks else "masks beside"}' for form in forms]
    inside = [tree.shown(folder) for folder in tree.folders]
    where = f', though images in {named(inside)}' if inside else ''
    return nothing_found(tree.source, f'no folder of images with masks{where}', looked)


def say_guesses(tree: Tree, found: Found, summary: Summary) -> None:
    """Tell which folders were taken where the release documents none."""
    if not found.form.documented:
        for folder in found.folders if len(found.folders) <= 2 else found.folders[:1]:
            summary.note('taken from folders that the release does not document', tree.shown(folder))


def with_part(forms: Sequence[Form], part: str) -> tuple[Form, ...]:
    """Forms with '{split}' in their patterns, for one split."""

    def filled(patterns: Sequence[str]) -> tuple[str, ...]:
        return tuple(pattern.replace('{split}', part) for pattern in patterns)

    return tuple(Form(filled(form.images), filled(form.masks), form.documented) for form in forms)

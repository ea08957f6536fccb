"""Several arguments described together, `x, y: Same shape.`, become one entry each.

An extension of griffe, which reads the docstrings for the API reference.
"""

import re
from typing import Any

import griffe

_NAMES = r'\*{0,2}\w+(?:, \*{0,2}\w+)+'
# An entry goes on in lines that are indented further.
_TOGETHER = re.compile(rf'^(?P<indent> +)(?P<names>{_NAMES}): (?P<text>.*(?:\n(?P=indent) +.*)*)', re.MULTILINE)


class SplitNames(griffe.Extension):
    """Rewrite docstrings before they are parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Split the entries of one object."""
        if obj.docstring is not None:
            obj.docstring.value = _TOGETHER.sub(_split, obj.docstring.value)


def _split(match: re.Match[str]) -> str:
    indent, text = match['indent'], match['text']
    return '\n'.join(f'{indent}{name}: {text}' for name in match['names'].split(', '))

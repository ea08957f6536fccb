"""Named protocols: what is counted, and how metrics come from it.

from salseg.evaluation.protocols import get_protocol

protocol = get_protocol('vsod')
total = protocol.total()
"""

import difflib

from salseg.errors import SalsegError, UnknownName
from salseg.evaluation.protocols.base import (
    ALL,
    Accumulator,
    Metrics,
    PartialResult,
    Problem,
    Protocol,
    as_names,
    choose_columns,
    plain,
)
from salseg.evaluation.protocols.maps import MAP_PROTOCOLS, MapProtocol
from salseg.evaluation.protocols.masks import MASK_PROTOCOLS, MaskProtocol
from salseg.evaluation.protocols.youtube import YTVOS, load_meta, load_seen

PROTOCOLS: dict[str, Protocol] = {}


def register_protocol(protocol: Protocol) -> Protocol:
    """Register a protocol under its name.

    Raises:
        SalsegError: The name is taken.
    """
    if protocol.name in PROTOCOLS:
        raise SalsegError(f'the protocol {protocol.name!r} is registered already: {PROTOCOLS[protocol.name].title}.')
    PROTOCOLS[protocol.name] = protocol
    return protocol


def get_protocol(name: str) -> Protocol:
    """Get a protocol by its name.

    Raises:
        UnknownName: There is none; near ones are named.
    """
    if name not in PROTOCOLS:
        near = difflib.get_close_matches(name.lower(), PROTOCOLS, n=2, cutoff=0.5)
        raise UnknownName(
            f'no protocol is called {name!r}'
            + (f'; did you mean {" or ".join(near)}?' if near else '.')
            + f' There are {", ".join(PROTOCOLS)}; `salseg evaluate --list-protocols` says what each counts.'
        )
    return PROTOCOLS[name]


for _protocol in (*MAP_PROTOCOLS, *MASK_PROTOCOLS, YTVOS):
    register_protocol(_protocol)

__all__ = [
    'ALL',
    'PROTOCOLS',
    'Metrics',
    'MapProtocol',
    'MaskProtocol',
    'PartialResult',
    'Problem',
    'Protocol',
    'Accumulator',
    'as_names',
    'choose_columns',
    'get_protocol',
    'load_meta',
    'load_seen',
    'plain',
    'register_protocol',
]

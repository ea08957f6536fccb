"""XMem, trained from masks or from boxes."""

from projects.xmem.config import MemoryRules
from projects.xmem.explaining import ReadoutExplainer
from projects.xmem.xmem import XMem

__all__ = ['MemoryRules', 'ReadoutExplainer', 'XMem']

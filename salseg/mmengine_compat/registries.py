"""Registries: apart from the rest, so that using a loss in code of your own loads no runner."""

from typing import Any

from mmengine import registry as root


class OpenRegistry(root.Registry):
    """A registry whose import of locations and whose registration can be told apart and changed."""

    _imported: bool

    @property
    def locations(self) -> list[str]:
        """Modules that register this registry's classes, as given.

        ``Registry._locations`` is that list, and ``import_from_location`` is its only reader.
        """
        return self._locations

    def begin_import(self) -> bool:
        """Whether the locations are still to be imported; from then on they count as imported.

        ``Registry._imported`` is False until the first look-up. It has to be set before the import, because what is
        imported looks names up too.
        """
        first = not self._imported
        self._imported = True
        return first

    def before_registration(self, module: Any, names: list[str], force: bool) -> None:
        """Called with the names that a class or function is about to get; may raise."""

    def _register_module(self, module: Any, module_name: Any = None, force: bool = False) -> None:
        # Every way to register ends here: the decorator, the call with module=, and the classes of mmengine itself.
        named = [module.__name__] if module_name is None else module_name
        self.before_registration(module, [named] if isinstance(named, str) else list(named), force)
        super()._register_module(module=module, module_name=module_name, force=force)

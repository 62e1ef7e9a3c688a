"""Every provider there is: a file in a medium's folder that names one `provider`."""

import importlib
import pkgutil
from functools import cache
from typing import Any

from sendigopro import channels


@cache
def providers() -> dict[str, Any]:
    """Provider by name; a new file is found by being there."""
    found = {}
    for package in pkgutil.iter_modules(channels.__path__, f"{channels.__name__}."):
        if not package.ispkg:
            continue
        medium = importlib.import_module(package.name)
        for module in pkgutil.iter_modules(medium.__path__, f"{medium.__name__}."):
            provider = getattr(importlib.import_module(module.name), "provider", None)
            if provider is not None:
                found[provider.name] = provider
    return found

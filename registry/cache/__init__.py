"""Versions on this machine: fetched once, shared by all processes of a user, usable offline.

`registry.load` and `client.fetch` return folders of it; `Cache` lists, verifies and prunes it.
"""

from registry.cache.cache import Cache as Cache
from registry.cache.cache import Pruned as Pruned
from registry.cache.entries import CachedVersion as CachedVersion
from registry.cache.verification import Damage as Damage

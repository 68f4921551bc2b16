"""Generators of images, each a module of the name that the config gives it.

A module has ``Options``, a frozen dataclass with the config's keys and their defaults, and
``Generator``, which takes them (:class:`starmass.fractals.shards.Generator`). Nothing lists the
modules: :func:`starmass.registry.load` imports the one that is asked for.
"""

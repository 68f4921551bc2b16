"""Methods of pretraining, each a module of the name that the config gives it.

A module has ``METHOD``, a :class:`starmass.pretraining.method.Method` made of a recipe, the steps
of an epoch and those of the run. Nothing lists the modules: :func:`starmass.registry.load` imports
the one that is asked for.
"""

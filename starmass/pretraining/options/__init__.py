"""What each method of pretraining has of its own in a recipe, a module a method.

A module has ``Options``, a frozen dataclass with the keys of the method's section and their
defaults, and ``CONVOLUTIONAL``, whether the method trains a ResNet in place of a vision
transformer. They stand apart from :mod:`starmass.pretraining.methods`, which import torch: recipes
are read at every parse of the Snakefile.
"""

"""Figures of a study, one a module; :mod:`starmass.plan.figures` lists them."""

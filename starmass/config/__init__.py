"""The config: one model a kind of entry, the only place of an option's type, default and meaning.

:mod:`starmass.config.whole` has all of it. Light on imports, because the Snakefile reads it at
every start.
"""

"""The config: one model a kind of entry, the only place of an option's type, default and meaning.

Light on imports, because the Snakefile reads it at every start.
"""

from starmass.config.whole import Config, read_config

__all__ = ["Config", "read_config"]

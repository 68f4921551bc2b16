"""Channels beyond the default three: named entries of the config, of the same gas by the same sums.

Each kind is a module of the name that the config gives it, and has ``CHANNEL``, a
:class:`starmass.maps.channel.Channel`. Nothing lists the modules: :func:`starmass.registry.load`
imports the one that is asked for. What a channel is and how it looks in other views stands in its
module alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starmass.channels import BASE, Facts
from starmass.config.maps import channel_entry
from starmass.errors import InputError, closest
from starmass.maps.channel import Channel
from starmass.registry import load

KINDS = "starmass.maps.channels"


def extra_channels(names: Sequence[str], entries: Mapping[str, Mapping[str, Any]]) -> list[Channel]:
    """Return the extra channels of these names; ``entries`` is the config's ``maps.channels``.

    Raises
    ------
    InputError
        names the entry that is absent, has the name of another channel, or can't be made
    """
    chosen = []
    for name in names:
        if name not in entries:
            listed = ", ".join(entries) or "none yet"
            raise InputError(
                f"maps: channel {name!r} is no entry of maps.channels{closest(name, entries)};"
                f" mend the list, or add it ({listed})."
            )
        if name in BASE:
            raise InputError(
                f"maps.channels.{name}: this is the name of a default channel; choose another."
            )
        chosen.append(_channel(name, entries[name]))
    maker: dict[str, str] = {}
    for channel in chosen:
        for name in channel.maps:
            if name in maker:
                raise InputError(
                    f"maps.channels.{channel.name}: makes a map {name!r}, and so does"
                    f" {maker[name]}; rename one of them."
                )
            maker[name] = channel.name
    return chosen


def _channel(name: str, entry: Mapping[str, Any]) -> Channel:
    return load(KINDS, entry["kind"]).CHANNEL(name, channel_entry(name, entry))


def described_channels(
    extra: Sequence[Channel], hydrogen_mass: float, *, deep: bool = False
) -> dict[str, Facts]:
    """Return all channels of a map file, in order.

    Parameters
    ----------
    extra : channels beyond the default three
    hydrogen_mass : of gas for each hydrogen nucleus [hydrogen atoms]; what is counted says it
    deep : whether the lines of sight have a length of their own, and not the cube's
    """
    maps = {**BASE, **{k: facts for one in extra for k, facts in one.maps.items()}}
    if deep:
        maps = {
            name: replace(facts, definition=facts.definition.replace(" in the cube", ""))
            for name, facts in maps.items()
        }
    mass = f"; {hydrogen_mass:g} hydrogen atoms of gas for each nucleus"
    return {
        name: replace(facts, definition=facts.definition + mass)
        if facts.adds_up == "column"
        else facts
        for name, facts in maps.items()
    }


def channel_facts(channel: str, entries: Mapping[str, Mapping[str, Any]]) -> Facts | None:
    """Return what the config knows of a channel; None where nothing of that name is made.

    Parameters
    ----------
    channel : name of a map, as ``v_los``, of an entry, or ``NAME_000`` of a spectrum
    entries : the config's ``maps.channels``
    """
    if channel in BASE:
        return BASE[channel]
    name = channel if channel in entries else channel.rpartition("_")[0]
    if name not in entries:
        return None
    maps = _channel(name, entries[name]).maps
    return maps.get(channel, next(iter(maps.values())))

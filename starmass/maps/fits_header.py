"""What the headers of a FITS file say: labels, units, beam, noise, and the rest in plain words."""

import logging
import math
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from astropy import units
from astropy.io import fits

import starmass
from starmass.maps.channels.vector import PARTS
from starmass.maps.fits_grid import Card, Place, directions
from starmass.maps.fits_source import Options, Source
from starmass.maps.projection import AXES
from starmass.provenance import git_commit

logger = logging.getLogger("starmass")


def label_cards(source: Source, options: Options, place: Place) -> list[Card]:
    """Cards of the primary HDU: whose maps these are, and how they were made."""
    facts, labels, axis = source.facts, source.labels, source.axis
    east, north = directions(axis)
    moving = 0.0 if source.frame == "sink" else float(labels["velocity"][AXES.index(axis)])
    cards: list[Card] = [
        ("OBJECT", source.name, ""),
        ("SIMULAT", str(facts["simulation"]), "simulation"),
        ("SNAPSHOT", str(facts["snapshot"]), ""),
        ("TIME_YR", float(facts["time_yr"]), "[yr] of the snapshot"),
        ("SINKID", labels["sink_id"], "identity of the sink, in all snapshots"),
        ("MASS", float(labels["mass"]), "[Msun] of the sink"),
        ("AGE", float(labels["age"]), "[yr] of the sink"),
        ("GASMASS", float(labels["gas_mass"]), "[Msun] gas in the cube"),
        ("REFINED", float(labels["refined_fraction"]), "share of the cube in refined cells"),
    ]
    for key, name, unit in (("POS", "position", "pc"), ("VEL", "velocity", "km/s")):
        for place_of_axis, letter in enumerate(AXES):
            value = float(labels[name][place_of_axis])
            cards.append((f"{key}-{letter.upper()}", value, f"[{unit}] {name} in the box"))
    cards += [
        ("AXIS", axis, f"line of sight: the observer is at -{axis}"),
        ("NORTH", f"+{north}", "direction of the simulation that is up"),
        ("EAST", f"+{east}", "direction of the simulation to the left"),
        ("VFRAME", source.frame, "velocities are relative to it: box or sink"),
        ("VSINK", moving, f"[km/s] of the sink along +{axis}, in VFRAME"),
        ("SIDE", source.side, "[pc] of the cube across the sky"),
        ("DEPTH", *_depth(source)),
        ("PIXSIZE", source.width, "[pc] side of a pixel"),
        ("CELLMIN", float(facts["finest_cell_pc"]), "[pc] finest cell of the simulation"),
        ("ACCRAD", float(facts["accretion_radius_pc"]), "[pc] accretion radius of the sinks"),
        ("DISTANCE", place.distance, "[pc]"),
        ("COUNTS", options.counts, "what column densities count: H or H2"),
        ("MEANMASS", source.nucleus * options.nuclei, "[H atoms] gas for each of these"),
    ]
    if "observation" in facts:
        cards.append(("OBSNAME", str(facts["observation"]), "entry of maps.observations"))
        cards += beam_cards(source)
        cards.append(("SEED", int(facts["seen"].get("seed", 0)), "of noise and missing pixels"))
    if source.missing is not None:
        cards.append(("NMISSING", int(source.missing.sum()), "pixels that are missing"))
    if options.thermal:
        cards += [
            ("THERMTEM", options.temperature, "[K] of the thermal part of sigma_v"),
            ("THERMMOL", options.molecule_mass, "[H atoms] mass of its molecule"),
            ("THERMAL", options.thermal, "[km/s] thermal part of sigma_v"),
        ]
    made = str(facts["origin"]["commit"])
    return [*cards, ("MAPCOMM", made, ""), ("COMMIT", git_commit(), "")]


def _depth(source: Source) -> tuple[float, str]:
    """Return the length of the line of sight, and what it is."""
    if source.depth is None:
        return source.side, "[pc] of the cube along the line of sight"
    return source.depth, "[pc] of the gas along the line of sight"


def remarks(source: Source, options: Options) -> Iterator[str]:
    """Yield what a reader of the file has to know, in plain words."""
    axis, side, frame = source.axis, source.side, source.frame
    east, north = directions(axis)
    yield "Maps of the gas about a protostar of a simulation: an image a channel."
    if source.facts["description"]:
        yield f"Simulation: {source.facts['description']}."
    if source.depth is None:
        yield (
            f"Only gas in the cube about the star is in the maps: {side:g} pc across and {side:g}"
            " pc deep. Gas of the cloud in front of the cube and behind it is not."
        )
    else:
        yield (
            f"The maps are {side:g} pc across, and hold the gas along {source.depth:g} pc of the"
            " line of sight, as far as the simulation's box has it. GASMASS and REFINED are of the"
            f" cube of {side:g} pc about the star."
        )
    yield (
        f"The observer is at -{axis} and looks along +{axis}: positive v_los recedes. North (up) is"
        f" +{north} of the simulation, east (left) is +{east}. The columns of the starmass map file"
        " are reversed here, so that east is to the left: CDELT1 is negative."
    )
    rest = "" if frame == "sink" else "; the sink itself has VSINK in it"
    yield f"Velocities are relative to the {frame}{rest}."
    mass = source.nucleus * options.nuclei
    yield (
        "Column densities count hydrogen "
        + ("nuclei" if options.nuclei == 1 else "molecules, N(H2): half the number of nuclei")
        + f". There are {mass:.4g} hydrogen atoms of gas for each."
        + (f" N(H2) is half of N, with {2 * mass:.4g}." if options.nuclei == 1 else "")
    )
    yield (
        f"sigma_v has a thermal part added in quadrature, {_thermal(options)}."
        if options.thermal
        else "sigma_v has no thermal part; observed line widths have one."
    )
    yield "Where a line of sight has no gas, column densities are 0 and other channels NaN."
    if source.missing is not None:
        filled = source.facts["seen"].get("missing_fill", "nearest") == "nearest"
        yield (
            f"{source.missing.sum()} of {source.missing.size} pixels are missing: NaN here, and 1"
            " in the image MISSING."
            + (" The starmass map file has the nearest pixel's value there." if filled else "")
        )


def history(source: Source) -> list[str]:
    """Return where the file comes from, a line each."""
    return [
        f"Written by starmass {starmass.__version__}, commit COMMIT, from the map file",
        source.path.name,
        "with the SHA-256 digest",
        source.digest,
        f"That was written by starmass {source.facts['origin']['starmass']}, commit MAPCOMM.",
    ]


def definition_of(source: Source, options: Options, channel: int) -> str:
    """Return a channel's definition, in words that hold for the image.

    The columns are reversed, so that directions are those of the sky; and options change what is
    counted and what a dispersion has in it.
    """
    east, north = directions(source.axis)
    definition, kind = (
        str(source.facts[key][channel]) for key in ("channel_definitions", "channel_kinds")
    )
    words = {
        PARTS["columns"]: f"component towards the east, +{east} of the simulation",
        PARTS["rows"]: f"component towards the north, +{north} of the simulation",
        "+axis": f"+{source.axis}",
        "in the frame that velocity_frame names": f"relative to the {source.frame}",
    }
    if options.thermal:
        words[" (no thermal part)"] = f", and a thermal part in quadrature, {_thermal(options)}"
    if kind == "column":
        counted = "nucleus" if options.nuclei == 1 else "molecule"
        mass = f"{source.nucleus * options.nuclei:.4g} hydrogen atoms of gas for each {counted}"
        definition = f"{definition.split(';')[0]}; {mass}"
        if options.nuclei == 2:
            words["hydrogen nuclei"] = "hydrogen molecules (half the hydrogen nuclei)"
    for old, new in words.items():
        definition = definition.replace(old, new)
    return definition


def _thermal(options: Options) -> str:
    return (
        f"{options.thermal:.4g} km/s, sqrt(kT/m) of {options.molecule_mass:g} hydrogen atoms at"
        f" {options.temperature:g} K"
    )


def beam_cards(source: Source) -> list[Card]:
    """Return the beam of observed maps, if they have one."""
    beam = float(source.facts.get("beam_arcsec", 0.0))
    if not beam:
        return []
    return [
        ("BMAJ", beam / 3600, f"[deg] full width at half maximum, {beam:g} arcsec"),
        ("BMIN", beam / 3600, "[deg]"),
        ("BPA", 0.0, "[deg] the beam is round"),
    ]


def noise_cards(seen: Mapping[str, Any], names: Sequence[str], factor: float) -> list[Card]:
    """Return the noise of an image; of a cube whose channels differ, a card for each, from 1.

    Parameters
    ----------
    seen : the observation's entry of the config
    names : channels of the map file that are in the image
    factor : that the image was multiplied by
    """
    cards: list[Card] = []
    for key, keyword, scale, words in (
        ("noise", "NOISE", factor, "standard deviation of a pixel, in BUNIT"),
        ("relative_noise", "RELNOISE", 1.0, "share of the value, in quadrature"),
    ):
        levels = [scale * float(seen.get(key, {}).get(name, 0.0)) for name in names]
        if len(set(levels)) > 1:
            cards += [(f"{keyword[:5]}{place}", v, words) for place, v in enumerate(levels, 1)]
        elif levels[0]:
            cards.append((keyword, levels[0], words))
    return cards


def unit_card(name: str, unit: str) -> Card:
    """Return BUNIT in the spelling of the FITS standard; what astropy can't read stays as it is."""
    try:
        return "BUNIT", units.Unit(unit).to_string("fits"), ""
    except ValueError:
        logger.info("%s: FITS has no spelling for the unit %r; it stays as it is", name, unit)
        return "BUNIT", unit, "not a unit of the FITS standard"


def add_cards(header: fits.Header, cards: Sequence[Card]) -> None:
    """Append cards; what isn't known (None, NaN) has none, for FITS has no word for it."""
    for keyword, value, comment in cards:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            continue
        given = plain(value) if isinstance(value, str) else value
        room = 80 - len("KEYWORD = ") - max(20, len(str(given)) + 2) - len(" / ")
        header.append((keyword, given, comment if len(comment) <= room else ""))


def add_comments(header: fits.Header, text: str) -> None:
    """Append text as comments, broken between words."""
    for line in textwrap.wrap(plain(text), 72):
        header.add_comment(line)


def plain(text: str) -> str:
    """Return text as FITS takes it: printable ASCII, on one line."""
    letters = unicodedata.normalize("NFKD", " ".join(text.split()))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return bare.encode("ascii", "replace").decode()

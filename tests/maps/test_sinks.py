"""Sinks as people have them: the dialects of tables, particles of yt, and what no sink can be."""

import numpy as np
import pytest
import yt

from starmass.errors import InputError
from starmass.maps.sink_particles import read_sink_particles
from starmass.maps.sink_tables import read_sink_columns
from starmass.maps.sinks import Sinks, SinkSource, check_sinks, whole_numbers

HEADER = "id,mass,x,y,z,vx,vy,vz,creation_time"
ROWS = [["3", "1.5", "0.5", "1", "2", "-1", "0", "2", "0.25"], ["12", "2e-3", *"1234567"]]
CSV = "\n".join([HEADER, *(",".join(row) for row in ROWS)])
BIG = 2**53 + 1


def read(path, text, **where):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_sink_columns(path, where)


def test_dialects_of_tables(tmp_path):
    """The same sinks from whatever a code, a spreadsheet or a script wrote."""
    lines = CSV.split("\n")
    dialects = {
        "mark": b"\xef\xbb\xbf" + CSV.encode(),
        "utf-16": CSV.encode("utf-16"),
        "semicolons": CSV.replace(",", ";"),
        "tabs": CSV.replace(",", "\t"),
        "blanks": CSV.replace(",", "   ").replace("\n", "\n  "),
        "windows": CSV.replace("\n", "\r\n"),
        "empty lines": CSV.replace("\n", "\n\n  \n"),
        "comments": f"# by my script, 2026\n{CSV}\n# the end",
        "ramses": "\n".join(
            [f" # {HEADER}", " # [1],[m],[l],[l],[l],[l/t],[l/t],[l/t],[t]", *lines[1:]]
        ),
        "trailing": CSV.replace("\n", ",\n") + ",",
        "quotes": CSV.replace(",", '","').replace("\n", '"\n"').join('""'),
        "fortran": CSV.replace("2e-3", "2.0D-03")
        .replace("0.25", "25.-002")
        .replace("1.5", "+.15D1"),
        "whole": CSV.replace("12,", "1.2e+01,"),
        "more columns": "\n".join([f"note,{HEADER},lx", *(f"µ,{line},?" for line in lines[1:])]),
    }
    for name, text in dialects.items():
        _, values = read(tmp_path / "s.csv", text)
        assert values["id"].tolist() == [3, 12], name
        assert values["id"].dtype == np.int64
        assert values["mass"].tolist() == [1.5, 2e-3], name
        assert values["creation_time"].tolist() == [0.25, 7.0], name
        assert values["vz"].tolist() == [2.0, 6.0], name
    bare = "\n".join(f"9,{line}" for line in lines[1:])
    _, values = read(tmp_path / "s.csv", bare, names=["node", *HEADER.split(",")])
    assert values["vx"].tolist() == [-1.0, 4.0]
    _, values = read(
        tmp_path / "s.csv", CSV.replace("12,", f"{BIG},").replace("3,1", f"{BIG - 1},1")
    )
    assert values["id"].tolist() == [BIG - 1, BIG]
    assert read(tmp_path / "s.csv", "\n \n") is None
    assert len(read(tmp_path / "s.csv", HEADER)[1]["id"]) == 0


def test_tables_that_are_refused_name_the_line(tmp_path):
    faults = {
        CSV.replace("12,", "12.5,"): "line 3, id: '12.5' is not a whole number",
        CSV.replace("2e-3", "n/a"): "line 3, mass: 'n/a' is not a number",
        CSV.replace("2e-3", "*****"): r"line 3, mass: '\*\*\*\*\*' is not a number",
        CSV.replace("2e-3", "1_5"): "line 3, mass: '1_5' is not a number",
        CSV.replace(",", ";").replace("1.5", "1,5"): "line 2, mass: '1,5'.*decimal comma",
        CSV.replace("2e-3,", ""): "line 3 has 8 values, but 9 columns are named",
        CSV + ",8": "line 3 has 10 values, but 9 columns are named",
        CSV.replace("mass", "masse"): "no column 'mass' .did you mean 'masse'",
        CSV.replace("vx", "x"): "two columns 'x'",
        CSV.split("\n", 1)[1]: r"line 1 holds numbers where .*`sinks\.names",
        CSV.replace("12,", f"{2**63},"): "line 3, id: .* does not fit 64 bits",
        CSV.encode() + b"\n# \xb5G": "line 4 holds the byte 0xb5, which is not UTF-8",
    }
    faults[CSV.replace("12,", "1e3000000,")] = "line 3, id: .* does not fit 64 bits"
    faults[CSV.encode("utf-16")[:-1]] = "which is not UTF-8; save the table as UTF-8"
    for text, words in faults.items():
        with pytest.raises(InputError, match=words) as refused:
            read(tmp_path / "s.csv", text)
        assert "s.csv" in str(refused.value)
    names = [HEADER.split(",")[place] for place in (0, 2, 3, 1, 4, 5, 6, 7, 8)]
    for text in (CSV, "# " + CSV):
        with pytest.raises(InputError, match=r"line 1 names other columns than .*sinks\.names"):
            read(tmp_path / "s.csv", text, names=names)
    assert len(read(tmp_path / "s.csv", CSV, names=HEADER.split(","))[1]["id"]) == 2
    with pytest.raises(InputError, match="'x' can't be both x and y"):
        read(tmp_path / "s.csv", CSV, columns={"y": "x"})
    other = f"# {','.join(names)}\n# {CSV}"  # the line nearer to the numbers names them
    assert read(tmp_path / "s.csv", other)[1]["mass"].tolist() == [1.5, 2e-3]


def good(n=4):
    random = np.random.default_rng(1)
    return {
        "identity": np.arange(n),
        "mass": np.full(n, 1.0),
        "age": np.full(n, 5.0),
        "position": random.uniform(0, 4, (n, 3)),
        "velocity": random.normal(0, 1, (n, 3)),
    }


SOURCE = SinkSource(lambda row: f"t.csv: line {row + 2}", {"mass": "msink"}, "mend the line")
BOX = {"left": np.zeros(3), "width": np.full(3, 4.0), "now": 10.0, "source": SOURCE}


def test_sinks_that_cannot_be():
    faults = [
        ("identity", 3, 1, "line 5, id: 1 is also the id of t.csv: line 3"),
        *(("mass", 1, value, "line 3, msink: ") for value in (np.nan, -1.0, 0.0, np.inf)),
        ("age", 2, -0.1, "line 4, creation_time: an age of -0.1 at time 10"),
        *(("age", 2, value, "line 4, creation_time") for value in (np.nan, np.inf, -np.inf)),
        ("position", (0, 1), np.nan, "line 2, y: nan is not a finite number"),
        ("velocity", (0, 2), np.inf, "line 2, vz: inf is not a finite number"),
        ("position", slice(None), 1e-9, "all 4 sinks lie in one place"),
        ("position", (3, 0), 4.1, "line 5, x: 4.1 lies outside the periodic box, which is 0 to 4"),
    ]
    for name, place, value, words in faults:
        values = good()
        values[name][place] = value
        with pytest.raises(InputError, match=words):
            check_sinks(Sinks(**values), periodic=np.array([True] * 3), **BOX)
    with pytest.raises(InputError, match="snapshot's time is nan"):
        check_sinks(Sinks(**good()), periodic=np.ones(3, bool), **{**BOX, "now": np.nan})


def test_sinks_that_may_be():
    """On the upper face, born by rounding after the snapshot, outside along an open axis."""
    values = good()
    values["position"][0] = [4.0, 4.0, 9.0]
    values["age"][1] = -1e-7
    checked = check_sinks(Sinks(**values), periodic=np.array([True, True, False]), **BOX)
    assert checked.position[0].tolist() == [0.0, 0.0, 9.0]
    assert checked.age.tolist() == [5.0, 0.0, 5.0, 5.0]


def test_ids_stay_whole():
    assert whole_numbers(np.array([1.0, 7.0]), SOURCE).tolist() == [1, 7]
    assert whole_numbers(np.array([BIG, BIG - 1]), SOURCE).tolist() == [BIG, BIG - 1]
    for numbers, words in (
        (np.array([1.0, 1.5]), "line 3, id: the id .*1.5.* is not a whole number"),
        (np.array([1.0, np.nan]), "line 3, id"),
        (np.array([float(2**53)]), "not exact"),
        (np.array([2**63], np.uint64), "does not fit"),
    ):
        with pytest.raises(InputError, match=words):
            whole_numbers(numbers, SOURCE)


@pytest.fixture
def particles(write_run):
    """A dataset with two sinks whose ids are one number as doubles."""

    def make(ids):
        run, _ = write_run(seed=1, stars=[[1, 1, 1], [3, 2, 1]], ids=ids, integer_bytes=8)
        return yt.load(str(run / "snap1"))

    return make


def test_ids_of_particles_stay_whole(particles):
    """yt reads all particles into doubles, where whole numbers end at 2^53."""
    source, values = read_sink_particles(particles([BIG, BIG - 1]), {"particles": "sink"})
    assert sorted(values["id"].tolist()) == [BIG - 1, BIG]
    first = values["id"].tolist().index(BIG)
    assert values["x"][first] == pytest.approx(1.0)
    assert "particle 0 of type 'sink'" in source.row(0)


def test_particles_by_filter(particles):
    dataset = particles([5, 8])
    where = {"particles": "sink", "columns": {"y": "particle_position_x"}}
    with pytest.raises(InputError, match="can't be both x and y"):
        read_sink_particles(dataset, where)
    for wanted, ids in ((8, [8]), ([5, 8], [5, 8]), (99, [])):
        where = {"particles": "sink", "filter": {"particle_index": wanted}}
        assert sorted(read_sink_particles(dataset, where)[1]["id"].tolist()) == ids
    assert read_sink_particles(dataset, {"particles": "stars"}) is None
    with pytest.raises(
        InputError, match=r"no particle field 'sink' 'mass'.*stored: creation_time, particle_index"
    ):
        read_sink_particles(dataset, {"particles": "sink", "columns": {"mass": "mass"}})
    without = {"mass": "particle_ones"}
    with pytest.raises(InputError, match=r"'particle_ones' without a unit.*mass: code_mass"):
        read_sink_particles(dataset, {"particles": "sink", "columns": without})

"""``starmass object``: what was understood, all that is lacking, and mistakes in the name."""

import pytest
import yaml
from object_files import PROJECTION, entry_of, simulated, sky, write_images

from starmass.__main__ import main
from starmass.errors import InputError
from starmass.maps.objects.describe import describe_object


@pytest.fixture
def folder(tmp_path):
    write_images(tmp_path, simulated(), sky())
    return tmp_path


def test_what_is_understood_is_said(folder, caplog):
    said, ready = describe_object("star", entry_of(folder, v_los={"beam": 18}), PROJECTION, {})
    for words in (
        "star: RA 67.89200, DEC +18.13500 degrees (ICRS), at 140 pc (error 0)",
        "736.7 arcsec, in 64 pixels of 11.51 arcsec; systemic velocity 3.7 km/s",
        f'v_los: {folder}/V.fits, HDU 0\n  unit km/s; beam 18"',
        "64 x 64 pixels of 11.51 arcsec, 1 times those of the field; ICRS",
        "unit cm-2; no beam",
        "the star is on pixel (31.5, 31.5)",
        "Missing in the field: column_density 0%, v_los 0%, sigma_v 0%",
        "The noise of column_density, v_los, sigma_v is not given",
    ):
        assert words in said, said
    assert ready
    assert not caplog.records  # what stands there is not logged as well


def test_every_key_that_is_lacking_is_said(folder):
    entry = entry_of(
        folder,
        column_density={"counts": None, "beam": None},
        sigma_v={"kind": None, "temperature": None},
        v_los={"file": str(folder / "gone.fits")},
    )
    said, ready = describe_object("star", entry, PROJECTION, {})
    flat = " ".join(said.split())
    assert "5 problems have to be mended" in said and not ready
    for words in ("counts: H2 or H", "column_density.beam", "sigma_v.kind", "molecule_mass"):
        assert words in flat
    assert "gone.fits: there is no such file" in flat
    assert max(map(len, said.splitlines())) <= max(100, len(str(folder)) + 60)


def test_a_position_that_is_none_is_one_sentence(folder):
    with pytest.raises(InputError, match="'north' is no place in the sky"):
        describe_object("star", entry_of(folder, position="north"), PROJECTION, {})


def test_the_command_reads_the_config(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    entry = entry_of(folder) | {"study": "demo", "methods": ["statistics_ridge"]}
    (folder / "mine.yaml").write_text(yaml.safe_dump({"objects": {"star": entry}}))
    main(["object", "star", "--configfile", "mine.yaml", "--config", "study=demo"])
    command = "snakemake -c2 results/objects/star/page.html --configfile mine.yaml"
    said = capsys.readouterr().out
    assert said.endswith(f"Nothing is lacking: {command} --config study=demo\n")
    entry["sigma_v"] = {"file": entry["sigma_v"]["file"], "temperature": 0}
    (folder / "mine.yaml").write_text(yaml.safe_dump({"objects": {"star": entry}}))
    with pytest.raises(SystemExit) as end:
        main(["object", "star", "--configfile", "mine.yaml"])
    assert end.value.code == 1 and "sigma_v.kind" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["object", "str", "--configfile", "mine.yaml"])
    said = capsys.readouterr().err
    assert "no entry 'str'" in said and "did you mean 'star'" in said and said.count("\n") == 1

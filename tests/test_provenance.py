"""A stage's code digest moves when the code that it runs does, and only then."""

import pytest

from starmass import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small checkout: a script that imports one of two wings, which imports the ground floor."""
    files = {
        "script.py": "from starmass.maps import make\nmake()\n",
        "starmass/__init__.py": "",
        "starmass/floor.py": "WIDTH = 64\n",
        "starmass/maps/__init__.py": "from starmass import floor\n\ndef make():\n    '''Make.'''\n    return floor.WIDTH\n",
        "starmass/other/__init__.py": "def unused():\n    return 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "moves"),
    [
        ("script.py", "make()\n", "make()  # now\n", False),
        ("starmass/maps/__init__.py", "'''Make.'''", "'''Make a map.'''", False),
        ("starmass/other/__init__.py", "return 1", "return 2", False),
        ("script.py", "\nmake()", "\nmake(), make()", True),
        ("starmass/maps/__init__.py", "return floor.WIDTH", "return 2 * floor.WIDTH", True),
        ("starmass/floor.py", "64", "65", True),
    ],
)
def test_code_digest(checkout, file, old, new, moves):
    def digest():
        provenance._read_module.cache_clear()
        return provenance.code_digest("script.py")

    before = digest()
    path = checkout / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert (digest() != before) is moves


def test_provenance_names_inputs_by_digest(tmp_path):
    data = tmp_path / "data.bin"
    data.write_bytes(b"abc")
    facts = provenance.provenance(config={"side": 0.5}, seed=3, inputs=[data])
    assert facts["inputs"] == {
        str(data): "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    }
    assert facts["config"] == {"side": 0.5} and facts["seed"] == 3 and facts["versions"]["numpy"]

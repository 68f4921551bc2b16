"""Where compiled code is kept, and what has none of its own."""

from numba import float32, float64

from starmass.compilation import cache_folder, compiled


def test_code_is_kept_but_for_what_takes_compiled_functions(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    cache_folder.cache_clear()

    @compiled((float32,), (float64,))
    def twice(x):
        return x + x

    @compiled(kept=False)
    def applied(function, x):
        return function(x)

    @compiled()
    def four_times(x):
        return applied(twice, applied(twice, x))

    assert four_times(1.5) == 6
    folder = cache_folder(__file__)
    cache_folder.cache_clear()
    assert folder.parent == tmp_path and folder.name.startswith("test_compilation-")
    kept = {path.name.split(".")[-3].split("-")[0] for path in folder.rglob("*.nbi")}
    assert kept == {"twice", "four_times"}
    assert len(list(folder.rglob("*twice*.nbc"))) == 2

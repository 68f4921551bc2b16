import numpy as np
import pytest
from sklearn.decomposition import PCA

from starmass.errors import InputError
from starmass.evaluation.embedding import embed_features
from starmass.evaluation.samples import protostars


@pytest.fixture
def features(samples):
    """Rows of one protostar lie together, and far from the others."""
    generator = np.random.default_rng(0)
    star = protostars(samples)
    return 10 * generator.normal(size=(star.max() + 1, 20))[star] + 0.1 * generator.normal(
        size=(len(star), 20)
    )


@pytest.fixture
def parts(samples):
    rows = np.arange(len(samples))
    return rows[rows % 4 > 0], rows[rows % 4 == 0][:-1]


def test_neighbours_stay_neighbours_and_the_plane_repeats(samples, features, parts):
    table = embed_features(features, samples, *parts, perplexity=8)
    assert table["row"].tolist() == sorted([*parts[0], *parts[1]])
    assert (table["part"] == "test").sum() == len(parts[1])
    plane = table[["tsne_1", "tsne_2"]].to_numpy()
    distance = np.linalg.norm(plane[:, None] - plane, axis=2) + np.diag(np.full(len(plane), np.inf))
    star = protostars(samples)[table["row"]]
    assert (star[distance.argmin(axis=1)] == star).mean() > 0.95
    assert table["same_protostar"].all() and table["same_simulation"].all()
    assert table.equals(embed_features(features, samples, *parts, perplexity=8))


def test_components_are_the_training_rows_alone(samples, features, parts):
    table = embed_features(features, samples, *parts).set_index("row")
    reference = PCA(2).fit(features[parts[0]])
    expected = reference.transform(features[table.index])
    np.testing.assert_allclose(np.abs(table[["pc_1", "pc_2"]]), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(
        table[["pc_1_share", "pc_2_share"]].iloc[0], reference.explained_variance_ratio_
    )


def test_features_that_say_nothing_have_strangers_for_neighbours(samples, parts):
    noise = np.random.default_rng(1).normal(size=(len(samples), 5))
    table = embed_features(noise, samples, *parts)
    assert table["same_protostar"].mean() < 0.4
    assert np.isfinite(table[["tsne_1", "tsne_2"]]).all(axis=None)


def test_too_few_rows_are_one_sentence(samples, features):
    with pytest.raises(InputError, match="a study of 4 maps has too few neighbours"):
        embed_features(features, samples, np.arange(3), np.array([3]))

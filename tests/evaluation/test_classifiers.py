"""Each regressor's counterpart for classes: scores add up to 1, learn what can be learnt, look at
no test label, and candidates are chosen by log loss with objects kept apart.
"""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss as judge_log_loss
from sklearn.neighbors import KNeighborsClassifier

from starmass.encoders import EncoderDescription, create_encoder
from starmass.errors import InputError
from starmass.evaluation import regression
from starmass.evaluation.finetuning import finetune_and_predict
from starmass.evaluation.regression import REGRESSORS, predict
from starmass.evaluation.supervised import train_and_predict
from starmass.evaluation.training import class_weights
from starmass.registry import names_in

CLASSES = 3


@pytest.fixture(scope="module")
def clouds():
    """Three clouds of points in 5 dimensions, 2 rows an object: features, labels, groups, parts."""
    generator = np.random.default_rng(0)
    labels = np.repeat(generator.choice(CLASSES, 90, p=[0.5, 0.3, 0.2]), 2)
    centres = 1.5 * generator.normal(size=(CLASSES, 5))
    features = centres[labels] + generator.normal(size=(180, 5))
    groups = np.repeat(np.arange(90), 2)
    return features, labels, groups, np.arange(120), np.arange(120, 180)


def options_of(regressor):
    return {"boosting": {"iterations": 20}, "mlp": {"hidden": 16}}.get(regressor, {})


@pytest.mark.parametrize("regressor", names_in(REGRESSORS))
def test_scores_are_shares_and_test_labels_are_not_looked_at(clouds, regressor):
    features, labels, groups, train, test = clouds
    options = {"regressor": regressor, "classes": CLASSES, **options_of(regressor)}
    found = predict(features, labels, groups, train, test, **options).values
    assert found.shape == (60, CLASSES) and (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    hidden = np.where(np.isin(np.arange(180), test), 0, labels)
    again = predict(features, hidden, groups, train, test, **options).values
    np.testing.assert_array_equal(found, again)
    accuracy = np.mean(found.argmax(axis=1) == labels[test])
    if regressor == "mean":
        np.testing.assert_allclose(found[0], np.bincount(labels[train]) / 120)
    else:
        assert accuracy > 0.75, accuracy


def test_votes_and_one_hot_regression_are_those_of_scikit_learn(clouds):
    features, labels, groups, train, test = clouds
    votes = predict(features, labels, groups, train, test, regressor="knn", classes=3, neighbours=7)
    judge = KNeighborsClassifier(7, weights="distance").fit(features[train], labels[train])
    np.testing.assert_allclose(votes.values, judge.predict_proba(features[test]), atol=1e-6)
    found = predict(features, labels, groups, train, test, regressor="ridge", classes=3, alpha=2.0)
    mean, spread = features[train].mean(axis=0), features[train].std(axis=0)
    shown = (features - mean) / spread
    linear = Ridge(2.0).fit(shown[train], np.eye(3)[labels[train]]).predict(shown[test])
    np.testing.assert_allclose(linear.sum(axis=1), 1)
    scores = np.maximum(linear, 0)
    np.testing.assert_allclose(found.values, scores / scores.sum(axis=1, keepdims=True), atol=1e-6)


def test_log_loss_is_scikit_learns_where_no_score_is_low():
    generator = np.random.default_rng(1)
    scores, labels = generator.dirichlet(5 * np.ones(3), 50), generator.integers(0, 3, 50)
    expected = judge_log_loss(labels, scores, normalize=False, labels=range(3))
    assert regression.log_loss(scores, labels) == pytest.approx(expected)
    assert regression.log_loss(np.eye(3)[[1]], np.array([0])) == pytest.approx(-np.log(1e-3))


def test_candidates_are_chosen_with_objects_kept_apart(clouds):
    # Both rows of an object are the same: one neighbour is right wherever an object is torn.
    features, labels, groups, train, test = clouds
    noisy = np.random.default_rng(2).permutation(labels[::2]).repeat(2)
    twice = features[::2].repeat(2, axis=0)
    found = predict(
        twice, noisy, groups, train, test, regressor="knn", classes=3, neighbours=[1, 40]
    )
    assert found.chosen["neighbours"] == 40


def test_a_class_that_no_training_row_has_gets_no_score(clouds):
    features, labels, groups, train, test = clouds
    train = train[labels[train] != 1]
    for regressor in ("ridge", "knn", "mean"):
        options = {"regressor": regressor, "classes": 3}
        found = predict(features, labels, groups, train, test, **options).values
        assert (found[:, 1] == 0).all() and np.allclose(found.sum(axis=1), 1)
    with pytest.raises(InputError, match=r"all .* training rows of a fold have the same class"):
        predict(
            features, labels, groups, train[labels[train] == 0], test, regressor="knn", classes=3
        )


def test_all_classes_weigh_the_same():
    weights = class_weights(np.array([0] * 8 + [2] * 2), 3)
    np.testing.assert_allclose(weights, [10 / 16, 0, 10 / 4])
    assert weights[0] * 8 == weights[2] * 2


@pytest.fixture(scope="module")
def images():
    """Squares that are dark, half bright or bright."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 3, 90)
    maps = 0.3 + 0.05 * generator.normal(size=(90, 3, 16, 16))
    maps[labels > 0, :, :, :8] += 0.5
    maps[labels > 1, :, :, 8:] += 0.5
    return maps.astype(np.float32), labels, np.arange(60), np.arange(60, 90)


def test_networks_learn_classes(images):
    maps, labels, train, test = images
    options = {"network": "test_resnet", "optimiser": "adamw", "learning_rate": 2e-3}
    options |= {"epochs": 20, "warmup_epochs": 1, "batch_size": 8, "classes": 3}
    scores = train_and_predict(maps, labels, train, test, **options)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert np.mean(scores.argmax(axis=1) == labels[test]) > 0.9


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_encoders_learn_on_for_classes(images, mode):
    maps, labels, train, test = images
    description = EncoderDescription(
        "vit_tiny_patch16_224", 16, 4, width=12,
        arguments={"depth": 1, "num_heads": 2},
    )  # fmt: skip
    encoder = create_encoder(description, 0), description
    scores = finetune_and_predict(
        encoder, maps, labels, train, test, mode=mode, epochs=60, warmup_epochs=5, batch_size=16,
        learning_rate=0.01, classes=3, layer_decay=1.0, tokens="mean",
    )  # fmt: skip
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert np.mean(scores.argmax(axis=1) == labels[test]) > 0.9

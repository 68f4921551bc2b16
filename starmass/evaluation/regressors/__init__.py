"""From features to the target: one module per regressor, named as in the config.

A module has

``PARAMETER``
    the key of a method that it reads, or an empty string
``build(value, *, seed)``
    returns the unfitted scikit-learn estimator for one value of the key
``build_classifier(value, *, seed)``
    the same for classes: its ``predict_proba`` gives a score a class, whose sum is 1

and may have

``predict_each(values, x, y, x_test)``
    predictions [value, row of x_test] for several values at once, where this is quicker than to
    fit an estimator for each; they choose among candidates, and predict nothing else
``COUNTS_ROWS = True``
    its value is a number of training rows, and is lowered where there are fewer training rows
``TRUSTED``
    full names of classes that a fitted estimator consists of and that skops does not know

The estimator is kept in a file (:mod:`starmass.evaluation.fitted`). Where its ``predict`` takes
``return_std=True``, as of scikit-learn's GaussianProcessRegressor, the spread that it returns is
written to the table of predictions.
"""

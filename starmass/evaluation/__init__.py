"""Maps and an encoder to evidence: samples, splits, features, predictions, metrics."""

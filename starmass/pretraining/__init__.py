"""Images to an encoder: self-supervised pretraining."""

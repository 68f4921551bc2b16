"""Sources in images: boxes, a detector on the study's encoder, and how well it finds them."""

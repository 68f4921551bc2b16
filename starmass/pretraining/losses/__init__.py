"""What DINOv2 minimises, one term a file, and the targets that the teacher gives; all in float32."""

"""DINOv2's terms of the loss, one a file, and the teacher's targets; all in float32."""

"""Images or maps that others made, with a table of labels: files of maps as the workflow has."""

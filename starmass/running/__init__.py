"""Watching and mending a run of the workflow from outside: what is done, what it cost, and how to go on after a crash."""

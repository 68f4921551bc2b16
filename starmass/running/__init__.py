"""Watching and repairing a run of the workflow from outside.

What is done, what it cost, and how to go on after a crash.
"""

"""Programs that run in a process of their own, under limits, and are killed at will.

Each is a standalone script started by path with `python -I` through `launch.py`, so a crash, a
leak or an endless loop in a codec or model costs one child. They import nothing of this project
and speak JSON lines on standard output.
"""

"""The parts of `outofcore.py`: one subprocess for each measurement, in a memory cgroup."""

"""Profiles of file systems, measured."""

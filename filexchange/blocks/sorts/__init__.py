"""Sorted arrays."""

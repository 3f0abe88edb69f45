"""Adapters to other systems, one a module, each needing the package it is named after."""

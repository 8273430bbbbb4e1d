"""Suites: loaders of public data sets, each giving a `Suite` of tasks whose items are in no case."""

"""Reviewed templates: standalone files that are copied into artifacts and executed from there."""

"""Reviewed modules: `ingot.library.read` gives each as one file, which artifacts hold and execute."""

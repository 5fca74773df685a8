"""Scripts that print the figures in the documents: `python benchmarks/accuracy.py`."""

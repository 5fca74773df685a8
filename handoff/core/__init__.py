"""The rules of routing: values in, values out; no I/O, no clock, and nothing beyond numpy."""

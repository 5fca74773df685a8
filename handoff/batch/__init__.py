"""Many queries from a file to a file: streamed, checkpointed, gone on with."""

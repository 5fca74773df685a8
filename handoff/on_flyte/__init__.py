"""What `workflow` stands on: the environments of Flyte, and what crosses a boundary."""

"""Every call to the outside; each file fulfils a protocol, and none knows another's."""

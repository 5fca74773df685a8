"""Check by hand: routes judged one by one."""

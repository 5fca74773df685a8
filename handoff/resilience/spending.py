"""Not spending more than was agreed, counting what calls under way might cost.

Kept in whole millionths of a millionth of a dollar, so that ten times 0.1 is 1.
"""

import math
from contextvars import ContextVar

from handoff.core.errors import SpendingCapError

_GRAINS_A_DOLLAR = 10**12
_GRAINS_A_MICRODOLLAR = 10**6


class SpendingCap:
    """What may be spent in all; for the tasks of one event loop.

    A call reserves the most that it could cost, and is then settled, or released if never made.
    """

    def __init__(self, cap_usd: float | None, *, name: str) -> None:
        """Begin with nothing spent.

        Args:
            cap_usd: The most to spend, in US dollars, 0 or more; none counts without refusing.
            name: Who is paid, as errors call it.
        """
        self._cap = None if cap_usd is None else _grains(cap_usd)
        self._name = name
        self._spent = 0
        self._reserved = 0

    @property
    def spent_usd(self) -> float:
        """What settled calls cost, in US dollars; above the cap if one cost more than reserved."""
        return self._spent / _GRAINS_A_DOLLAR

    @property
    def left_usd(self) -> float | None:
        """What may still be reserved, in US dollars, 0 or more; none without a cap."""
        if self._cap is None:
            return None
        return max(0, self._cap - self._spent - self._reserved) / _GRAINS_A_DOLLAR

    def reserve(self, usd: float) -> None:
        """Set money aside before a call; reaching the cap exactly is allowed.

        Args:
            usd: The most that the call could cost, in US dollars.

        Raises:
            SpendingCapError: It could pass the cap; nothing is set aside.
        """
        asked = _grains(usd)
        if self._cap is not None and self._spent + self._reserved + asked > self._cap:
            under_way = (
                f" and {_dollars(self._reserved)} set aside for calls under way"
                if self._reserved
                else ""
            )
            raise SpendingCapError(
                f"{self._name} may cost {_dollars(self._cap)} in all, with {_dollars(self._spent)} "
                f"spent{under_way}, and this call could cost {_dollars(asked)}: raise "
                "HANDOFF_SPENDING_CAP_USD or use the embedded model."
            )
        self._reserved += asked

    def settle(self, reserved_usd: float, actual_usd: float | None) -> None:
        """Replace a reservation by what the call cost.

        Args:
            reserved_usd: What was reserved for it, in US dollars.
            actual_usd: What it cost, in US dollars; if nobody knows, all that was reserved.
        """
        actual = _grains(reserved_usd if actual_usd is None else actual_usd)
        self.release(reserved_usd)
        self._spent += actual

    def release(self, reserved_usd: float) -> None:
        """Give a reservation back, in US dollars, because the call was not made."""
        reserved = _grains(reserved_usd)
        if reserved > self._reserved:
            raise ValueError(
                f"{_dollars(reserved)} cannot be given back: only {_dollars(self._reserved)} is "
                "reserved."
            )
        self._reserved -= reserved


visitor_cap: ContextVar[SpendingCap | None] = ContextVar("visitor_cap", default=None)
"""Who pays beside the process: set by a page for the calls that one visitor causes."""


def _grains(usd: float) -> int:
    if not (math.isfinite(usd) and usd >= 0):
        raise ValueError(f"An amount of money cannot be {usd} USD: give 0 or more.")
    return round(usd * _GRAINS_A_DOLLAR)


def _dollars(grains: int) -> str:
    """Write an amount, with cents at least; a fraction of a millionth counts as one."""
    whole, fraction = divmod(-(-grains // _GRAINS_A_MICRODOLLAR), 10**6)
    return f"{whole}.{f'{fraction:06d}'.rstrip('0'):0<2} USD"

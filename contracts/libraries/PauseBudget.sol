// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title How long something may rest: 72 hours at a time, and seven days in any thirty (R-51)
library PauseBudget {
    uint256 internal constant MAX_PAUSE = 72 hours;
    uint256 internal constant PERIOD = 30 days;
    uint256 internal constant BUDGET = 7 days;

    /// @dev Pauses remembered, so pauses in any period; 16 leaves room for stopping and lifting twice a week.
    uint256 private constant MAX_PAUSES = 16;

    struct Pause {
        uint40 start;
        uint40 end;
    }

    struct Pauses {
        Pause[MAX_PAUSES] list;
        uint256 count;
    }

    error PauseTooLong(uint256 given, uint256 limit);
    error PauseBudgetSpent(uint256 used, uint256 limit);

    /// @dev Ends a pause that runs, and begins one from now on.
    function begin(Pauses storage s, uint256 duration) internal returns (uint40 until) {
        if (duration == 0 || duration > MAX_PAUSE) revert PauseTooLong(duration, MAX_PAUSE);
        end(s);
        until = uint40(block.timestamp + duration);
        uint256 used = _usedBefore(s, until) + duration;
        if (used > BUDGET) revert PauseBudgetSpent(used, BUDGET);
        s.list[s.count % MAX_PAUSES] = Pause({start: uint40(block.timestamp), end: until});
        ++s.count;
    }

    /// @dev The last pause ends now if it still runs.
    function end(Pauses storage s) internal {
        if (s.count == 0) return;
        Pause storage last = s.list[(s.count - 1) % MAX_PAUSES];
        if (last.end > block.timestamp) last.end = uint40(block.timestamp);
    }

    /// @return used Seconds paused in the period that ends at `until`. A new pause is the end of the fullest period
    /// that holds it, so checking this one period checks all.
    function _usedBefore(Pauses storage s, uint256 until) private view returns (uint256 used) {
        uint256 from = until - PERIOD;
        uint256 n = s.count < MAX_PAUSES ? s.count : MAX_PAUSES;
        for (uint256 i = 0; i < n; ++i) {
            Pause memory p = s.list[i];
            if (p.end > from) used += p.end - (p.start > from ? p.start : from);
        }
        // The oldest slot is about to be overwritten: while it still matters, the budget counts as spent.
        if (n == MAX_PAUSES && s.list[s.count % MAX_PAUSES].end > from) used = BUDGET;
    }
}

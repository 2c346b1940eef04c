// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Treasury} from "./Treasury.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";

/// @title A pause that ends by itself: 72 hours at most, and seven days in any thirty (R-51)
abstract contract Pausing is Treasury {
    uint256 public constant MAX_PAUSE = 72 hours;
    uint256 public constant PAUSE_PERIOD = 30 days;
    uint256 public constant PAUSE_BUDGET = 7 days;

    /// @dev Pauses remembered, so pauses in any period; 16 leaves room for stopping and lifting twice a week.
    uint256 private constant MAX_PAUSES = 16;

    struct Pause {
        uint40 start;
        uint40 end;
    }

    Pause[MAX_PAUSES] private _pauses;
    uint256 private _pauseCount;

    modifier whenNotPaused() {
        uint256 until = _s.gate.pausedUntil;
        if (block.timestamp < until) revert Paused(until);
        _;
    }

    /// @inheritdoc IValidatorRewards
    function pauseFor(uint256 duration) external onlyRole(GUARDIAN_ROLE) {
        if (duration == 0 || duration > MAX_PAUSE) revert PauseTooLong(duration, MAX_PAUSE);
        _endPause();
        uint256 until = block.timestamp + duration;
        uint256 used = _usedBefore(until) + duration;
        if (used > PAUSE_BUDGET) revert PauseBudgetSpent(used, PAUSE_BUDGET);
        _pauses[_pauseCount % MAX_PAUSES] = Pause({
            start: uint40(block.timestamp),
            end: uint40(until)
        });
        ++_pauseCount;
        _s.gate.pausedUntil = uint40(until);
        emit PausedUntil(until);
    }

    /// @inheritdoc IValidatorRewards
    function unpause() external onlyRole(GUARDIAN_ROLE) {
        if (block.timestamp >= _s.gate.pausedUntil) revert NotPaused();
        _endPause();
        _s.gate.pausedUntil = uint40(block.timestamp);
        emit PausedUntil(block.timestamp);
    }

    /// @inheritdoc IValidatorRewards
    function pausedUntil() external view returns (uint256) {
        return _s.gate.pausedUntil;
    }

    /// @dev The last pause ends now if it still runs.
    function _endPause() private {
        if (_pauseCount == 0) return;
        Pause storage last = _pauses[(_pauseCount - 1) % MAX_PAUSES];
        if (last.end > block.timestamp) last.end = uint40(block.timestamp);
    }

    /// @return used Seconds paused in the period that ends at `until`. A new pause is the end of the fullest period
    /// that holds it, so checking this one period checks all.
    function _usedBefore(uint256 until) private view returns (uint256 used) {
        uint256 begin = until - PAUSE_PERIOD;
        uint256 n = _pauseCount < MAX_PAUSES ? _pauseCount : MAX_PAUSES;
        for (uint256 i = 0; i < n; ++i) {
            Pause memory p = _pauses[i];
            if (p.end > begin) used += p.end - (p.start > begin ? p.start : begin);
        }
        // The oldest slot is about to be overwritten: while it still matters, the budget counts as spent.
        if (n == MAX_PAUSES && _pauses[_pauseCount % MAX_PAUSES].end > begin) used = PAUSE_BUDGET;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Money} from "./Money.sol";
import {IPaying} from "../interfaces/IPaying.sol";
import {PauseBudget} from "../libraries/PauseBudget.sol";

/// @title A pause that ends by itself: 72 hours at most, and seven days in any thirty (R-51)
abstract contract Pausing is Money {
    using PauseBudget for PauseBudget.Pauses;

    uint256 public constant MAX_PAUSE = PauseBudget.MAX_PAUSE;
    uint256 public constant PAUSE_PERIOD = PauseBudget.PERIOD;
    uint256 public constant PAUSE_BUDGET = PauseBudget.BUDGET;

    PauseBudget.Pauses private _pauses;

    modifier whenNotPaused() {
        uint256 until = _pausedUntil();
        if (block.timestamp < until) revert Paused(until);
        _;
    }

    /// @inheritdoc IPaying
    function pauseFor(uint256 duration) external onlyRole(GUARDIAN_ROLE) {
        uint40 until = _pauses.begin(duration);
        _setPausedUntil(until);
        emit PausedUntil(until);
    }

    /// @inheritdoc IPaying
    function unpause() external onlyRole(GUARDIAN_ROLE) {
        if (block.timestamp >= _pausedUntil()) revert NotPaused();
        _pauses.end();
        _setPausedUntil(uint40(block.timestamp));
        emit PausedUntil(block.timestamp);
    }

    /// @inheritdoc IPaying
    function pausedUntil() external view returns (uint256) {
        return _pausedUntil();
    }

    /// @dev Where the contract keeps it: beside what a batch reads anyway.
    function _pausedUntil() internal view virtual returns (uint256);

    function _setPausedUntil(uint40 until) internal virtual;
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title The fixed grid of hours and cycles (R-01)
/// @notice Cycle n >= 1 is [firstCut + (n - 1) days, firstCut + n days); cycle 0 is everything before.
/// @dev Unchecked: firstCut has 40 bits, cycles and hours have 32, so nothing here comes near 2^256.
library CycleGrid {
    uint256 internal constant HOUR = 1 hours;
    uint256 internal constant HOURS = 24;
    uint256 internal constant CYCLE = 24 hours;

    function at(uint256 firstCut, uint256 timestamp) internal pure returns (uint32) {
        unchecked {
            return timestamp < firstCut ? 0 : uint32((timestamp - firstCut) / CYCLE + 1);
        }
    }

    function cut(uint256 firstCut, uint256 cycle) internal pure returns (uint256) {
        unchecked {
            return firstCut + cycle * CYCLE;
        }
    }

    /// @return First of the cycle's 24 hours; `cycle` is at least 1.
    function firstHour(uint256 firstCut, uint256 cycle) internal pure returns (uint256) {
        unchecked {
            return firstCut / HOUR + (cycle - 1) * HOURS;
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title The online rate, in integers
/// @notice Rates are bps (1/10,000). Nothing is divided before it is compared, so no rounding decides who is paid.
library OnlineRate {
    uint256 internal constant BPS = 10_000;

    /// @return Whether `appearances` of `snapshots` hours reach `rateBps`; false without snapshots (Z-06).
    function meets(
        uint256 appearances,
        uint256 snapshots,
        uint256 rateBps
    ) internal pure returns (bool) {
        return snapshots != 0 && appearances * BPS >= rateBps * snapshots;
    }

    /// @return The least number of appearances that meets the rate: ceil(rateBps * snapshots / 10,000).
    function threshold(uint256 snapshots, uint256 rateBps) internal pure returns (uint256) {
        return (rateBps * snapshots + BPS - 1) / BPS;
    }
}

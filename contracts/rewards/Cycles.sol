// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Parameters} from "./Parameters.sol";
import {CycleRecord, RewardsState, RewardsStateLib} from "./RewardsState.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";
import {CodePage} from "../libraries/CodePage.sol";

/// @title What is stored of a cycle, read: its terms, its unpaid bits, its shares
abstract contract Cycles is Parameters {
    using RewardsStateLib for RewardsState;

    uint256 internal constant WORD = 256;

    /// @inheritdoc IValidatorRewards
    function cycle(uint32 n) external view returns (Cycle memory c) {
        CycleRecord memory r = _s.cycles[n];
        c.state = r.state;
        c.weighted = r.weighted;
        c.snapshots = r.snapshots;
        c.words = r.words;
        c.eligible = r.eligible;
        c.extractedAt = r.extractedAt;
        c.transferFrom = uint256(r.extractedAt) + r.settleDelay;
        c.openFrom = uint256(r.extractedAt) + (r.grace > r.settleDelay ? r.grace : r.settleDelay);
        c.pool = r.pool;
        c.weightSum = r.weightSum;
        if (r.state == State.Settled) c.allocated = RewardsStateLib.allocatedOf(r);
    }

    /// @inheritdoc IValidatorRewards
    function poolOf(uint32 n) public view returns (uint256) {
        return _s.poolOf(n, _s.paramsAt(n).cap);
    }

    /// @inheritdoc IValidatorRewards
    function unpaidMask(uint32 n, uint256 word) public view returns (uint256) {
        // The key holds 16 bits of the word: a larger one would read the mask of another.
        if (word > type(uint16).max || _s.cycles[n].state != State.Settled) return 0;
        return _s.unpaid[RewardsStateLib.key(n, word)];
    }

    /// @inheritdoc IValidatorRewards
    function rewardOf(uint32 n, uint32 index) public view returns (uint256) {
        if (unpaidMask(n, index / WORD) & (1 << (index % WORD)) == 0) return 0;
        return _shareOf(_s.cycles[n], n, index);
    }

    /// @return share floor(pool / eligible), or floor(pool * weight / weightSum) with the weight of the cycle's page.
    function _shareOf(
        CycleRecord memory r,
        uint32 n,
        uint32 index
    ) internal view returns (uint256) {
        if (!r.weighted) return r.share;
        if (r.pool == 0) return 0;
        uint256[] memory words = new uint256[](1);
        words[0] = index / WORD;
        CodePage.copy(
            address(uint160(REGISTRY.rosterPages(n, words)[0])),
            0,
            (index % WORD) * 32,
            32
        );
        uint256 entry;
        assembly ("memory-safe") {
            entry := mload(0)
        }
        return (uint256(r.pool) * uint96(entry)) / r.weightSum;
    }

    function _hasUnpaid(uint32 n) internal view returns (bool) {
        CycleRecord memory r = _s.cycles[n];
        // In the weighted split the sum of all shares.
        if (r.state != State.Settled || r.share == 0) return false;
        for (uint256 w = 0; w < r.words; ++w) {
            if (_s.unpaid[RewardsStateLib.key(n, w)] != 0) return true;
        }
        return false;
    }

    function _settled(uint32 n) internal view returns (CycleRecord memory r) {
        r = _s.cycles[n];
        if (r.state != State.Settled) revert CycleNotSettled(n, r.state);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Batches} from "./Batches.sol";
import {CycleRecord, RewardsStateLib} from "./RewardsState.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";
import {BitSlice} from "../libraries/BitSlice.sol";

/// @title Shares that leave without a batch: a validator claims its own, and what nobody took becomes credits
abstract contract Transfers is Batches {
    uint256 public constant SWEEP_AFTER = 30 days;

    /// @inheritdoc IValidatorRewards
    function claim(uint32[] calldata cycles, uint32 index) external nonReentrant {
        if (cycles.length > MAX_BATCH_WORDS) revert ListTooLong(cycles.length, MAX_BATCH_WORDS);
        uint256 sum = 0;
        for (uint256 i = 0; i < cycles.length; ++i) {
            address payee = REGISTRY.fundOf(cycles[i], index);
            if (msg.sender != payee) revert NotPayee(msg.sender, payee);
            uint256 amount = _take(cycles[i], index);
            if (amount == 0) continue;
            sum += amount;
            emit Claimed(cycles[i], index, payee, amount);
        }
        if (sum == 0) revert NothingToClaim(index);
        _s.gate.unpaid -= uint104(sum);
        _pay(msg.sender, sum);
    }

    /// @inheritdoc IValidatorRewards
    function sweep(
        uint32 n,
        uint256[] calldata words,
        uint256[] calldata masks
    ) external nonReentrant {
        _checkLists(words, masks);
        CycleRecord memory r = _settled(n);
        uint256 from = uint256(r.extractedAt) + SWEEP_AFTER;
        if (block.timestamp < from) revert SweepTooEarly(n, from);
        uint256 sum = 0;
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 due = unpaidMask(n, words[i]) & masks[i];
            if (due == 0) continue;
            _s.unpaid[RewardsStateLib.key(n, words[i])] ^= due;
            for (; due != 0; due &= due - 1) {
                sum += _sweepOne(
                    r,
                    n,
                    uint32(words[i] * WORD + BitSlice.position(due & (~due + 1)))
                );
            }
        }
        _s.gate.unpaid -= uint104(sum);
        _s.gate.credits += uint104(sum);
    }

    /// @return amount The validator's share, whose bit is erased.
    function _take(uint32 n, uint32 index) private returns (uint256 amount) {
        CycleRecord memory r = _settled(n);
        uint256 from = uint256(r.extractedAt) + r.settleDelay;
        if (block.timestamp < from) revert TransferTooEarly(n, from);
        amount = rewardOf(n, index);
        if (amount != 0) _s.unpaid[RewardsStateLib.key(n, index / WORD)] ^= 1 << (index % WORD);
    }

    function _sweepOne(
        CycleRecord memory r,
        uint32 n,
        uint32 index
    ) private returns (uint256 amount) {
        amount = _shareOf(r, n, index);
        address to = REGISTRY.fundOf(n, index);
        if (amount != 0) _addCredit(to, amount);
        emit Swept(n, index, to, amount);
    }
}

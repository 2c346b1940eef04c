// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Cycles} from "./Cycles.sol";
import {CycleRecord, RewardsStateLib} from "./RewardsState.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";
import {BitSlice} from "../libraries/BitSlice.sol";
import {CodePage} from "../libraries/CodePage.sol";
import {TryTransfer} from "../libraries/TryTransfer.sol";

/// @title Phase 2: pays what phase 1 fixed, each share once, no payee able to stop another
abstract contract Transfers is Cycles {
    /// @dev 1,500 existing native payees take 14.4 M gas at 9,600 each, within the 15 M that we let a transaction use.
    uint256 public constant MAX_PAYMENTS = 1_500;

    /// @dev As many further words as 131,072 validators have, thinly spread: 64 cost under 0.8 M gas of overhead.
    uint256 public constant MAX_BATCH_WORDS = 64;

    uint256 public constant SWEEP_AFTER = 30 days;

    /// @dev Gas that must be left beside the payee's: the call itself (11,600), a new credit (22,100), its event, the
    /// totals and the batch event.
    uint256 private constant GAS_RESERVE = 60_000;

    /// @dev What a batch needs for every payment, read once.
    struct Batch {
        uint32 n;
        bool keeper;
        bool weighted;
        uint256 share;
        uint256 pool;
        uint256 weightSum;
        uint256 stipend;
        uint256 gasFloor;
        uint256 maxRefused;
        uint256 buffer;
        uint256 paid;
        uint256 credited;
        uint256 refusals;
        address[] refused;
    }

    /// @inheritdoc IValidatorRewards
    function extractTransfer(
        uint32 n,
        uint256[] calldata words,
        uint256[] calldata masks
    ) external nonReentrant whenNotPaused {
        _checkLists(words, masks);
        Batch memory b = _open(n);
        uint256[] memory pages = REGISTRY.pagesOf(n, words);
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 key = RewardsStateLib.key(n, words[i]);
            uint256 current = words[i] <= type(uint16).max ? _s.unpaid[key] : 0;
            uint256 due = current & masks[i];
            // Already paid, unknown or listed twice: skipped (Z-19).
            if (due == 0 || b.refusals == b.maxRefused) continue;
            _s.unpaid[key] = current ^ due;
            (uint256 paidMask, uint256 refusedMask) = _payWord(b, words[i], due, pages[i]);
            uint256 settled = b.keeper ? paidMask | refusedMask : paidMask;
            if (settled != due) _s.unpaid[key] = current ^ settled;
            emit Paid(n, words[i], paidMask, refusedMask);
        }
        if (b.paid + b.credited != 0) _s.gate.unpaid -= uint104(b.paid + b.credited);
        if (b.credited != 0) _s.gate.credits += uint104(b.credited);
    }

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
    function sweep(uint32 n, uint256[] calldata words, uint256[] calldata masks) external nonReentrant {
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
                sum += _sweepOne(r, n, uint32(words[i] * WORD + BitSlice.position(due & (~due + 1))));
            }
        }
        _s.gate.unpaid -= uint104(sum);
        _s.gate.credits += uint104(sum);
    }

    /// @dev Checks that the batch may run and reads what all its payments share.
    function _open(uint32 n) private view returns (Batch memory b) {
        CycleRecord memory r = _settled(n);
        b.keeper = hasRole(KEEPER_ROLE, msg.sender);
        uint256 wait = b.keeper || r.settleDelay > r.grace ? r.settleDelay : r.grace;
        if (block.timestamp < r.extractedAt + wait) revert TransferTooEarly(n, r.extractedAt + wait);
        b.n = n;
        // With nothing to share the divisor may be 0: all shares are 0 then, as in the equal split.
        b.weighted = r.weighted && r.pool != 0;
        b.pool = r.pool;
        b.weightSum = r.weightSum;
        if (!r.weighted && r.weightSum != 0) b.share = r.pool / r.weightSum;
        b.stipend = r.stipend;
        b.maxRefused = r.maxRefused;
        b.refused = new address[](r.maxRefused);
        // gas * 63 >= 64 * stipend + 63 * reserve: a call gets at most 63/64 of what is left (EIP-150).
        b.gasFloor = (64 * uint256(r.stipend)) / 63 + 1 + GAS_RESERVE;
        // One buffer for every page, taken from the heap for good.
        bytes memory buffer = new bytes(WORD * 32);
        assembly ("memory-safe") {
            mstore(add(b, 0x120), add(buffer, 0x20))
        }
    }

    /// @dev Pays the validators of `due` one after the other. Their bits are erased already (R-40).
    function _payWord(
        Batch memory b,
        uint256 word,
        uint256 due,
        uint256 page
    ) private returns (uint256 paidMask, uint256 refusedMask) {
        uint256 buffer = b.buffer;
        CodePage.copy(address(uint160(page)), buffer, 0, WORD * 32);
        uint256 redirected = page >> 160 == 0 ? 0 : REGISTRY.redirectMask(word);
        uint256 amount = b.share;
        uint256 sum = 0;
        while (due != 0) {
            uint256 bit = due & (~due + 1);
            due ^= bit;
            uint256 position = BitSlice.position(bit);
            uint256 entry;
            assembly ("memory-safe") {
                entry := mload(add(buffer, shl(5, position)))
            }
            address to = address(uint160(entry >> 96));
            if (redirected & bit != 0) to = REGISTRY.redirectOf(to);
            if (b.weighted) amount = (b.pool * uint96(entry)) / b.weightSum;
            if (amount == 0 || _try(b, word * WORD + position, to, amount)) {
                paidMask |= bit;
                sum += amount;
                continue;
            }
            refusedMask |= bit;
            if (b.refusals == b.maxRefused) break;
        }
        b.paid += sum;
    }

    function _try(Batch memory b, uint256 index, address to, uint256 amount) private returns (bool) {
        if (b.refusals == 0 || !_wasRefused(b, to)) {
            if (gasleft() < b.gasFloor) revert GasTooLow(uint32(index));
            if (TryTransfer.tryTransfer(TOKEN, to, amount, b.stipend)) return true;
            b.refused[b.refusals++] = to;
        }
        if (b.keeper) {
            _addCredit(to, amount);
            b.credited += amount;
        }
        emit PaymentRefused(b.n, uint32(index), to, amount, b.keeper);
        return false;
    }

    /// @dev An address refused once in a batch is not called again in it.
    function _wasRefused(Batch memory b, address to) private pure returns (bool) {
        for (uint256 i = 0; i < b.refusals; ++i) {
            if (b.refused[i] == to) return true;
        }
        return false;
    }

    /// @return amount The validator's share, whose bit is erased.
    function _take(uint32 n, uint32 index) private returns (uint256 amount) {
        CycleRecord memory r = _settled(n);
        uint256 from = uint256(r.extractedAt) + r.settleDelay;
        if (block.timestamp < from) revert TransferTooEarly(n, from);
        amount = rewardOf(n, index);
        if (amount != 0) _s.unpaid[RewardsStateLib.key(n, index / WORD)] ^= 1 << (index % WORD);
    }

    function _sweepOne(CycleRecord memory r, uint32 n, uint32 index) private returns (uint256 amount) {
        amount = _shareOf(r, n, index);
        address to = REGISTRY.fundOf(n, index);
        if (amount != 0) _addCredit(to, amount);
        emit Swept(n, index, to, amount);
    }

    function _checkLists(uint256[] calldata words, uint256[] calldata masks) private pure {
        if (words.length != masks.length) revert LengthMismatch(words.length, masks.length);
        if (words.length > MAX_BATCH_WORDS) revert ListTooLong(words.length, MAX_BATCH_WORDS);
        uint256 payments = 0;
        for (uint256 i = 0; i < masks.length; ++i) payments += BitSlice.popCount(masks[i]);
        if (payments > MAX_PAYMENTS) revert ListTooLong(payments, MAX_PAYMENTS);
    }
}

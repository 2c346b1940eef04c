// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IHeartbeatRegistry} from "../interfaces/IHeartbeatRegistry.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";
import {BitSlice} from "../libraries/BitSlice.sol";
import {CodePage} from "../libraries/CodePage.sol";
import {CycleGrid} from "../libraries/CycleGrid.sol";
import {Book, CycleRecord, Progress, RewardsState, RewardsStateLib} from "./RewardsState.sol";

/// @title Phase 1: who was up long enough, and what each earns
/// @notice One transaction or pages, the same code: phases Count (eligible words), All (only with payAll and nobody
/// eligible), Share (weighted split: sum of the floored shares), then the cycle is settled.
/// @dev A linked library: its code runs on the rewards contract's own storage and under its guard.
library Extraction {
    using RewardsStateLib for RewardsState;

    uint256 private constant WORD = 256;
    uint256 private constant COUNT = 0;
    uint256 private constant ALL = 1;
    uint256 private constant SHARE = 2;
    uint256 private constant DONE = 3;

    /// @dev What the contract keeps in its code, and who calls.
    struct Caller {
        IHeartbeatRegistry registry;
        address token;
        bool isKeeper;
    }

    /// @dev The count as it stands, in memory; stored only between pages.
    struct Count {
        uint256 words;
        uint256 cursor;
        uint256 phase;
        uint256 eligible;
        uint256 pool;
        uint256 weightSum;
        uint256 allocated;
        uint256 snapshots;
        bool resumed;
        uint256[] pages; // of all words, when one call counts them all: phase Share needs them again
    }

    /// @notice Counts at most `budget` roster words of cycle n, or begins to.
    /// @return Whether the cycle is decided now.
    function run(
        RewardsState storage s,
        Caller memory by,
        uint32 n,
        uint256 budget
    ) external returns (bool) {
        IValidatorRewards.Params memory p = s.paramsAt(n);
        CycleRecord memory r = s.cycles[n];
        Count memory c;
        if (r.state == IValidatorRewards.State.Counting) {
            c = _resume(s, r);
        } else if (!_begin(s, by, n, p, c)) {
            return true;
        }
        while (c.phase != DONE && budget != 0) {
            uint256 left = c.words - c.cursor;
            uint256 take = left < budget ? left : budget;
            _page(s, by, n, p, c, take);
            c.cursor += take;
            budget -= take;
            if (c.cursor == c.words) _nextPhase(p, c);
        }
        if (c.phase == DONE) _settle(s, by, n, p, c);
        else _suspend(s, by, n, p, c);
        return c.phase == DONE;
    }

    /// @notice See IValidatorRewards.previewExtract.
    function preview(
        RewardsState storage s,
        IHeartbeatRegistry registry,
        uint32 n
    ) external view returns (uint256 eligible, uint256 pool, uint256 share, bool isFinal) {
        IValidatorRewards.Params memory p = s.paramsAt(n);
        IHeartbeatRegistry.Record memory record = registry.record(n);
        isFinal = record.isFinal;
        pool = s.poolOf(n, p.cap);
        if (record.snapshots < p.minSnapshots) return (0, pool, 0, isFinal);
        uint256[] memory words = registry.eligibleWords(n, p.rateBps, 0, record.words);
        for (uint256 w = 0; w < words.length; ++w) eligible += BitSlice.popCount(words[w]);
        if (eligible == 0 && p.payAll) {
            (words, ) = registry.rosterWords(n, 0, record.words);
            for (uint256 w = 0; w < words.length; ++w) eligible += BitSlice.popCount(words[w]);
        }
        if (!p.weighted && eligible != 0) share = pool / eligible;
    }

    /// @notice See IValidatorRewards.voidCycle. Nothing of the cycle was paid or claimed: both start after the delay.
    function void(RewardsState storage s, uint32 n) external {
        CycleRecord memory r = s.cycles[n];
        if (r.state != IValidatorRewards.State.Settled)
            revert IValidatorRewards.CycleNotSettled(n, r.state);
        uint256 until = uint256(r.extractedAt) + r.settleDelay;
        if (block.timestamp >= until) revert IValidatorRewards.VoidTooLate(n, until);
        uint256 allocated = RewardsStateLib.allocatedOf(r);
        s.cycles[n].state = IValidatorRewards.State.Voided;
        s.gate.unpaid -= uint104(allocated);
        s.book.drawn -= uint128(allocated);
        s.addRolledCap();
        emit IValidatorRewards.CycleVoided(n, allocated);
    }

    /// @return Whether there is something to count; false when the cycle was rolled over.
    function _begin(
        RewardsState storage s,
        Caller memory by,
        uint32 n,
        IValidatorRewards.Params memory p,
        Count memory c
    ) private returns (bool) {
        _checkTurn(s, by, n, p.grace);
        IHeartbeatRegistry.Record memory record = by.registry.record(n);
        if (!record.isFinal) revert IValidatorRewards.EvidenceNotFinal(n, record.missing);
        if (record.snapshots < p.minSnapshots)
            return _rollOver(s, by, n, IValidatorRewards.Reason.TooFewSnapshots, record);
        uint256 balance =
            by.token == address(0)
                ? address(this).balance
                : IERC20(by.token).balanceOf(address(this));
        uint256 owed = s.owed();
        if (balance < owed) {
            emit IValidatorRewards.Shortfall(n, balance, owed);
            return _rollOver(s, by, n, IValidatorRewards.Reason.Shortfall, record);
        }
        c.words = record.words;
        c.snapshots = record.snapshots;
        c.pool = s.poolOf(n, p.cap);
        return true;
    }

    function _checkTurn(
        RewardsState storage s,
        Caller memory by,
        uint32 n,
        uint256 grace
    ) private view {
        uint32 next = s.book.next;
        if (n != 0 && n < next) revert IValidatorRewards.CycleAlreadySettled(n);
        if (n != next) revert IValidatorRewards.CycleNotNext(n, next);
        uint256 cut = CycleGrid.cut(by.registry.FIRST_CUT(), n);
        if (block.timestamp < cut) revert IValidatorRewards.CycleStillOpen(n, cut);
        if (block.timestamp < cut + grace && !by.isKeeper) {
            revert IValidatorRewards.NotKeeper(msg.sender, cut + grace);
        }
    }

    /// @return false: there is nothing left to count.
    function _rollOver(
        RewardsState storage s,
        Caller memory by,
        uint32 n,
        IValidatorRewards.Reason reason,
        IHeartbeatRegistry.Record memory record
    ) private returns (bool) {
        s.cycles[n].state = IValidatorRewards.State.RolledOver;
        s.cycles[n].snapshots = record.snapshots;
        s.book.next = n + 1;
        s.addRolledCap();
        emit IValidatorRewards.CycleRolledOver(n, reason, record.snapshots, record.missing);
        by.registry.clearRecord(n);
        return false;
    }

    function _page(
        RewardsState storage s,
        Caller memory by,
        uint32 n,
        IValidatorRewards.Params memory p,
        Count memory c,
        uint256 take
    ) private {
        uint256[] memory words;
        uint256[] memory pages = c.pages;
        if ((p.weighted && pages.length != take) || c.phase == ALL) {
            (words, pages) = by.registry.rosterWords(n, c.cursor, take);
            if (take == c.words) c.pages = pages;
        }
        if (c.phase == SHARE) {
            _sumShares(s, n, c, pages);
            return;
        }
        if (c.phase == COUNT) words = by.registry.eligibleWords(n, p.rateBps, c.cursor, take);
        (uint256 eligible, uint256 weightSum) = (0, 0);
        uint256 key = RewardsStateLib.key(n, c.cursor);
        bool weighted = p.weighted;
        unchecked {
            // At most 2^17 validators, of 96 bits of weight.
            for (uint256 i = 0; i < take; ++i) {
                uint256 word = words[i];
                if (word == 0) continue;
                s.unpaid[key + i] = word;
                eligible += BitSlice.popCount(word);
                if (weighted) weightSum += _weightsOf(pages[i], word);
            }
            c.eligible += eligible;
            c.weightSum += weightSum;
        }
        emit IValidatorRewards.Counted(n, c.cursor, words);
    }

    function _sumShares(
        RewardsState storage s,
        uint32 n,
        Count memory c,
        uint256[] memory pages
    ) private view {
        uint256 sum = 0;
        uint256 key = RewardsStateLib.key(n, c.cursor);
        (uint256 pool, uint256 weightSum) = (c.pool, c.weightSum);
        unchecked {
            // The sum of floored shares is at most the pool.
            for (uint256 i = 0; i < pages.length; ++i) {
                uint256 word = s.unpaid[key + i];
                if (word != 0) sum += _sharesOf(pages[i], word, pool, weightSum);
            }
            c.allocated += sum;
        }
    }

    function _nextPhase(IValidatorRewards.Params memory p, Count memory c) private pure {
        c.cursor = 0;
        if (c.phase == COUNT && c.eligible == 0 && p.payAll) {
            c.phase = ALL;
            return;
        }
        if (!p.weighted) c.weightSum = c.eligible;
        bool more = p.weighted && c.phase != SHARE && c.weightSum != 0 && c.pool != 0;
        c.phase = more ? SHARE : DONE;
    }

    /// @dev Effects first, then the registry, which is ours, frees the lane.
    function _settle(
        RewardsState storage s,
        Caller memory by,
        uint32 n,
        IValidatorRewards.Params memory p,
        Count memory c
    ) private {
        uint256 share = c.allocated;
        if (!p.weighted && c.eligible != 0) share = c.pool / c.eligible;
        uint256 allocated = p.weighted ? share : share * c.eligible;
        CycleRecord memory r;
        r.state = IValidatorRewards.State.Settled;
        r.weighted = p.weighted;
        r.maxRefused = p.maxRefused;
        r.stipend = p.stipend;
        r.grace = p.grace;
        r.settleDelay = p.settleDelay;
        r.extractedAt = uint40(block.timestamp);
        r.words = uint16(c.words);
        r.share = uint104(share);
        if (allocated != 0) r.pool = uint104(c.pool);
        r.weightSum = uint120(c.weightSum);
        r.eligible = uint24(c.eligible);
        r.snapshots = uint8(c.snapshots);
        s.cycles[n] = r;
        // A count of several pages has drawn its whole pool already.
        uint256 drawn = c.resumed ? c.pool : 0;
        s.gate.unpaid = uint104(s.gate.unpaid + allocated - drawn);
        Book memory book = s.book;
        book.drawn = uint128(book.drawn + allocated - drawn);
        book.lastSettledAt = uint40(block.timestamp);
        book.next = n + 1;
        book.rolledOver = 0;
        s.book = book;
        emit IValidatorRewards.Extracted(
            n,
            uint8(c.snapshots),
            uint32(c.eligible),
            c.pool,
            allocated,
            c.pool - allocated,
            c.weightSum,
            p.weighted
        );
        by.registry.clearRecord(n);
    }

    /// @dev Keeps the count between pages. With the first page the pool is drawn and the evidence frozen, so that
    /// nothing that happens before the last page can change the result.
    function _suspend(
        RewardsState storage s,
        Caller memory by,
        uint32 n,
        IValidatorRewards.Params memory p,
        Count memory c
    ) private {
        CycleRecord memory r;
        r.state = IValidatorRewards.State.Counting;
        r.weighted = p.weighted;
        r.words = uint16(c.words);
        r.pool = uint104(c.pool);
        r.weightSum = uint120(c.weightSum);
        r.eligible = uint24(c.eligible);
        r.snapshots = uint8(c.snapshots);
        s.cycles[n] = r;
        s.progress = Progress({
            allocated: uint104(c.allocated),
            cursor: uint24(c.cursor),
            phase: uint8(c.phase)
        });
        if (c.resumed) return;
        s.gate.unpaid = uint104(s.gate.unpaid + c.pool);
        s.book.drawn = uint128(s.book.drawn + c.pool);
        emit IValidatorRewards.CountStarted(n, c.pool);
        by.registry.freeze(n);
    }

    function _resume(
        RewardsState storage s,
        CycleRecord memory r
    ) private view returns (Count memory c) {
        Progress memory progress = s.progress;
        c.words = r.words;
        c.cursor = progress.cursor;
        c.phase = progress.phase;
        c.eligible = r.eligible;
        c.pool = r.pool;
        c.weightSum = r.weightSum;
        c.allocated = progress.allocated;
        c.snapshots = r.snapshots;
        c.resumed = true;
    }

    /// @return sum Of the weights of the page's validators whose bits are set in `word`.
    function _weightsOf(uint256 page, uint256 word) private view returns (uint256 sum) {
        uint256 entry = _copyPage(page);
        assembly ("memory-safe") {
            let mask := 0xffffffffffffffffffffffff
            for {
                let end := add(entry, 0x2000)
            } lt(entry, end) {
                entry := add(entry, 0x100)
            } {
                sum := add(sum, mul(and(word, 1), and(mload(entry), mask)))
                sum := add(sum, mul(and(shr(1, word), 1), and(mload(add(entry, 0x20)), mask)))
                sum := add(sum, mul(and(shr(2, word), 1), and(mload(add(entry, 0x40)), mask)))
                sum := add(sum, mul(and(shr(3, word), 1), and(mload(add(entry, 0x60)), mask)))
                sum := add(sum, mul(and(shr(4, word), 1), and(mload(add(entry, 0x80)), mask)))
                sum := add(sum, mul(and(shr(5, word), 1), and(mload(add(entry, 0xa0)), mask)))
                sum := add(sum, mul(and(shr(6, word), 1), and(mload(add(entry, 0xc0)), mask)))
                sum := add(sum, mul(and(shr(7, word), 1), and(mload(add(entry, 0xe0)), mask)))
                word := shr(8, word)
            }
        }
    }

    /// @return sum Of floor(pool * weight / weightSum) over the page's validators whose bits are set in `word`.
    /// Products stay below 2^200: pool < 2^104, weight < 2^96.
    function _sharesOf(
        uint256 page,
        uint256 word,
        uint256 pool,
        uint256 weightSum
    ) private view returns (uint256 sum) {
        uint256 entry = _copyPage(page);
        assembly ("memory-safe") {
            let mask := 0xffffffffffffffffffffffff
            for {
                let end := add(entry, 0x2000)
            } lt(entry, end) {
                entry := add(entry, 0x100)
            } {
                let w := mul(and(word, 1), and(mload(entry), mask))
                sum := add(sum, div(mul(pool, w), weightSum))
                w := mul(and(shr(1, word), 1), and(mload(add(entry, 0x20)), mask))
                sum := add(sum, div(mul(pool, w), weightSum))
                w := mul(and(shr(2, word), 1), and(mload(add(entry, 0x40)), mask))
                sum := add(sum, div(mul(pool, w), weightSum))
                w := mul(and(shr(3, word), 1), and(mload(add(entry, 0x60)), mask))
                sum := add(sum, div(mul(pool, w), weightSum))
                w := mul(and(shr(4, word), 1), and(mload(add(entry, 0x80)), mask))
                sum := add(sum, div(mul(pool, w), weightSum))
                w := mul(and(shr(5, word), 1), and(mload(add(entry, 0xa0)), mask))
                sum := add(sum, div(mul(pool, w), weightSum))
                w := mul(and(shr(6, word), 1), and(mload(add(entry, 0xc0)), mask))
                sum := add(sum, div(mul(pool, w), weightSum))
                w := mul(and(shr(7, word), 1), and(mload(add(entry, 0xe0)), mask))
                sum := add(sum, div(mul(pool, w), weightSum))
                word := shr(8, word)
            }
        }
    }

    /// @return entry Where the page's entries begin: scratch beyond the free pointer, which the next allocation may
    /// overwrite.
    function _copyPage(uint256 page) private view returns (uint256 entry) {
        assembly ("memory-safe") {
            entry := mload(0x40)
        }
        CodePage.copy(address(uint160(page)), entry, 0, WORD * 32);
    }
}

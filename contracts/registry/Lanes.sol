// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {BitSlice} from "../libraries/BitSlice.sol";
import {CycleGrid} from "../libraries/CycleGrid.sol";
import {OnlineRate} from "../libraries/OnlineRate.sol";
import {PushedHours} from "../libraries/PushedHours.sol";
import {Reporters} from "./Reporters.sol";
import {Roster} from "./Roster.sol";

/// @title The ring of snapshots: how hours are kept, and how they are counted
/// @notice Snapshots lie in a ring of four lanes, one a cycle: lane = cycle % 4. A lane's header says which hours of
/// which cycle it really holds, so its slots are overwritten (5,000 gas) and never erased (22,100 for fresh ones).
abstract contract Lanes is Roster, Reporters {
    using BitSlice for BitSlice.Counters;

    /// @dev The open cycle, the one being settled, and two more for a keeper that is late (R-10).
    uint256 internal constant LANES = 4;
    uint256 internal constant HOURS = 24;

    /// @dev An hour that a majority pushed is final this long after its end, also without the others (R-04).
    uint256 public constant FINALITY_DELAY = 30 minutes;

    /// @dev Layout of a header: cycle (32 bits) | words (16) | seats (8) | … | pushed (192, from bit 64): bit
    /// 64 + 8 * hour + seat.
    uint256 internal constant WORDS_SHIFT = 32;
    uint256 private constant SEATS_SHIFT = 48;
    uint256 internal constant PUSHED_SHIFT = 64;

    uint256[LANES] internal _headers;

    /// @dev Slot of (lane, seat, hour, word) without hashing: see _slot. 393,216 slots, used as far as the roster goes.
    uint256[MAX_WORDS * HOURS * MAX_REPORTERS * LANES] private _ring;

    // ------------------------------------------------------------------ inside: a push

    function _checkHour(uint32 hour, uint32 cycle, uint32 frozenThrough) internal view {
        if (cycle == 0) revert HourBeforeFirstCut(hour, uint32(FIRST_CUT / CycleGrid.HOUR));
        uint256 end = (uint256(hour) + 1) * CycleGrid.HOUR;
        if (block.timestamp < end) revert HourNotOver(hour, end);
        if (cycle <= frozenThrough) revert CycleSettled(cycle);
        if (block.timestamp >= end + PUSH_WINDOW) revert HourTooOld(hour, end + PUSH_WINDOW);
    }

    /// @return header The lane's header: the stored one, or a new one when this is the cycle's first push.
    function _openLane(
        uint32 cycle,
        uint256 size,
        Registry memory r
    ) internal view returns (uint256 header) {
        header = _headers[cycle % LANES];
        uint32 holds = uint32(header);
        if (holds == cycle) return header;
        if (holds > r.settledThrough) revert LaneBusy(holds);
        uint256 words = _wordsOf(size);
        if (words == 0) revert EmptyRoster();
        return cycle | (words << WORDS_SHIFT) | (uint256(_seatsAt(cycle, r)) << SEATS_SHIFT);
    }

    function _checkWords(uint256[] calldata words, uint256 size, uint256 expected) internal pure {
        if (words.length != expected) revert WrongWordCount(words.length, expected);
        uint256 tail = size % WORD;
        if (tail == 0 || _wordsOf(size) != expected) return;
        if (words[expected - 1] >> tail != 0) revert BitsBeyondRoster(words[expected - 1], size);
    }

    function _overwrite(uint256 slot, uint256[] calldata words) internal {
        assembly ("memory-safe") {
            let end := add(words.offset, shl(5, words.length))
            for {
                let at := words.offset
            } lt(at, end) {
                at := add(at, 0x20)
            } {
                sstore(slot, calldataload(at))
                slot := add(slot, 1)
            }
        }
    }

    /// @return added The bits that the stored words did not have yet.
    function _merge(
        uint256 slot,
        uint256[] calldata words
    ) internal returns (uint256[] memory added) {
        added = new uint256[](words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 stored = _read(slot + i);
            added[i] = words[i] & ~stored;
            if (added[i] != 0) _store(slot + i, stored | words[i]);
        }
    }

    /// @inheritdoc Reporters
    function _dropPushes(uint8 seat) internal override {
        uint256 column = 0;
        for (uint256 hour = 0; hour < HOURS; ++hour)
            column |= 1 << (PUSHED_SHIFT + hour * MAX_REPORTERS + seat);
        for (uint256 lane = 0; lane < LANES; ++lane) {
            if (uint32(_headers[lane]) > _registry.frozenThrough) _headers[lane] &= ~column;
        }
    }

    // ------------------------------------------------------------------ inside: the count

    function _eligibleWords(
        uint32 cycle,
        uint256 rateBps,
        uint256 first,
        uint256 count
    ) internal view returns (uint256[] memory eligible) {
        if (rateBps == 0 || rateBps > OnlineRate.BPS) revert RateOutOfRange(rateBps);
        eligible = new uint256[](count);
        uint256 header = _headerOf(cycle);
        (uint256 counted, uint256 snapshots) = _countedHours(header);
        if (snapshots == 0) return eligible;
        assert(snapshots <= BitSlice.CAPACITY);
        uint256 least = OnlineRate.threshold(snapshots, rateBps);
        uint256 seats = uint8(header >> SEATS_SHIFT);
        bool single = seats & (seats - 1) == 0;
        uint256[] memory slots =
            single ? _slotsOf(cycle, counted, snapshots, seats) : new uint256[](0);
        uint256 last = first + count;
        uint256 words = uint16(header >> WORDS_SHIFT);
        for (uint256 w = first; w < last && w < words; ++w) {
            uint256 ge =
                single
                    ? _countStored(slots, w, least)
                    : _countMajority(cycle, header, counted, w, least);
            eligible[w - first] = ge & _maskAt(cycle, w);
        }
    }

    /// @dev The hot path, one reporter: adds the word of every counted hour into bit-planes kept on the stack, two
    /// hours a turn: a full adder takes both into the lowest plane, and only its carry ripples on.
    function _countStored(
        uint256[] memory slots,
        uint256 word,
        uint256 least
    ) private view returns (uint256) {
        uint256 a;
        uint256 b;
        uint256 c;
        uint256 d;
        uint256 e;
        assembly ("memory-safe") {
            let end := add(add(slots, 0x20), shl(5, mload(slots)))
            for {
                let at := add(slots, 0x20)
            } lt(at, end) {
                at := add(at, 0x40)
            } {
                let x := sload(add(mload(at), word))
                let next := and(a, x)
                a := xor(a, x)
                x := 0
                if lt(add(at, 0x20), end) {
                    x := sload(add(mload(add(at, 0x20)), word))
                }
                let carry := or(next, and(a, x))
                a := xor(a, x)
                next := and(b, carry)
                b := xor(b, carry)
                carry := and(c, next)
                c := xor(c, next)
                next := and(d, carry)
                d := xor(d, carry)
                e := xor(e, next)
            }
        }
        return BitSlice.atLeast(a, b, c, d, e, least);
    }

    function _countMajority(
        uint32 cycle,
        uint256 header,
        uint256 counted,
        uint256 word,
        uint256 least
    ) private view returns (uint256) {
        BitSlice.Counters memory n;
        for (uint256 hour = 0; hour < HOURS; ++hour) {
            if (counted & (1 << hour) != 0) n.add(_majority(cycle, header, hour, word));
        }
        return n.atLeast(least);
    }

    /// @return Bits that at least k of the reporters set in the hour.
    function _majority(
        uint32 cycle,
        uint256 header,
        uint256 hour,
        uint256 word
    ) internal view returns (uint256) {
        uint256 seats = uint8(header >> SEATS_SHIFT);
        uint256 pushed = (header >> (PUSHED_SHIFT + hour * MAX_REPORTERS)) & seats;
        BitSlice.Counters memory n;
        for (uint256 seat = 0; seat < MAX_REPORTERS; ++seat) {
            if (pushed & (1 << seat) != 0) n.add(_read(_slot(cycle, seat, hour) + word));
        }
        return n.atLeast(_quorum(seats));
    }

    /// @return counted Bit h: at least k reporters pushed hour h.
    /// @return snapshots How many such hours there are.
    function _countedHours(
        uint256 header
    ) internal pure returns (uint256 counted, uint256 snapshots) {
        uint256 seats = uint8(header >> SEATS_SHIFT);
        counted = PushedHours.byAtLeast(header >> PUSHED_SHIFT, seats, _quorum(seats));
        snapshots = BitSlice.popCount(counted);
    }

    /// @dev An hour is final when all reporters pushed it, when at least k did and FINALITY_DELAY is over, or when its
    /// window is over (R-04).
    function _isFinal(uint32 cycle, uint256 header) internal view returns (bool) {
        uint256 seats = uint8(header >> SEATS_SHIFT);
        uint256 pushed = header >> PUSHED_SHIFT;
        uint256 byAll =
            seats == 0 ? 0 : PushedHours.byAtLeast(pushed, seats, BitSlice.popCount(seats));
        uint256 byEnough =
            PushedHours.byAtLeast(pushed, seats, _quorum(seats)) &
                _hoursOver(cycle, FINALITY_DELAY);
        return byAll | byEnough | _hoursOver(cycle, PUSH_WINDOW) == PushedHours.ALL;
    }

    /// @return Bit h: hour h of the cycle ended `delay` seconds ago or earlier.
    function _hoursOver(uint32 cycle, uint256 delay) private view returns (uint256) {
        uint256 from = CycleGrid.firstHour(FIRST_CUT, cycle) * CycleGrid.HOUR + delay;
        if (block.timestamp < from) return 0;
        uint256 over = (block.timestamp - from) / CycleGrid.HOUR;
        return over < HOURS ? (1 << over) - 1 : PushedHours.ALL;
    }

    /// @return k floor(n / 2) + 1 of n reporters.
    function _quorum(uint256 seats) private pure returns (uint256) {
        return BitSlice.popCount(seats) / 2 + 1;
    }

    /// @return slots First slot of every counted hour of the only reporter.
    function _slotsOf(
        uint32 cycle,
        uint256 counted,
        uint256 snapshots,
        uint256 seats
    ) private pure returns (uint256[] memory slots) {
        slots = new uint256[](snapshots);
        uint256 first = _slot(cycle, BitSlice.position(seats), 0);
        uint256 n = 0;
        while (counted != 0) {
            uint256 hour = BitSlice.position(counted);
            counted ^= 1 << hour;
            slots[n] = first + hour * MAX_WORDS;
            unchecked {
                ++n;
            }
        }
    }

    /// @return header The lane's header when the lane holds the cycle, else 0.
    function _headerOf(uint32 cycle) internal view returns (uint256 header) {
        header = _headers[cycle % LANES];
        if (cycle == 0 || uint32(header) != cycle) return 0;
    }

    function _wordsOf(uint256 size) internal pure returns (uint256) {
        unchecked {
            // A roster has at most 131,072 validators.
            return (size + WORD - 1) / WORD;
        }
    }

    /// @return slot First slot of the hour's words. Lanes, seats and hours are in range by construction, and the words
    /// of an hour are at most MAX_WORDS, so that no two hours overlap.
    function _slot(uint32 cycle, uint256 seat, uint256 hour) internal pure returns (uint256 slot) {
        uint256 base;
        assembly ("memory-safe") {
            base := _ring.slot
        }
        unchecked {
            return base + (((cycle % LANES) * MAX_REPORTERS + seat) * HOURS + hour) * MAX_WORDS;
        }
    }

    function _read(uint256 slot) internal view returns (uint256 value) {
        assembly ("memory-safe") {
            value := sload(slot)
        }
    }

    function _store(uint256 slot, uint256 value) private {
        assembly ("memory-safe") {
            sstore(slot, value)
        }
    }
}

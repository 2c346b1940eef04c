// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Cycles} from "./Cycles.sol";
import {CycleRecord, RewardsState, RewardsStateLib} from "./RewardsState.sol";
import {IHeartbeatRegistry} from "../interfaces/IHeartbeatRegistry.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";
import {BitSlice} from "../libraries/BitSlice.sol";
import {CodePage} from "../libraries/CodePage.sol";
import {TryTransfer} from "../libraries/TryTransfer.sol";

/// @title Phase 2: pays what phase 1 fixed, each share once, no payee able to stop another
/// @notice The hot path of the system, hence some assembly: what a payee costs beside the payment itself is 270 gas.
abstract contract Batches is Cycles {
    using RewardsStateLib for RewardsState;

    /// @dev 1,500 existing native payees take 14.4 M gas at 9,600 each, within the 15 M that we let a transaction use.
    uint256 public constant MAX_PAYMENTS = 1_500;

    /// @dev As many further words as 131,072 validators have, thinly spread: 64 cost under 0.8 M gas of overhead.
    uint256 public constant MAX_BATCH_WORDS = 64;

    /// @dev Gas that must be left beside the payee's: the call itself (11,600), a new credit (22,100), its event, the
    /// totals and the batch event.
    uint256 private constant GAS_RESERVE = 60_000;

    /// @dev What a batch needs for every payment, read once, and what it has done.
    struct Batch {
        uint32 n;
        bool keeper;
        uint256 share; // the equal share; in the weighted split the sum of all
        uint256 pool; // 0 in the equal split
        uint256 weightSum;
        uint256 stipend;
        uint256 gasFloor; // must be left before a payee is called
        uint256 maxRefused;
        uint256 paid;
        uint256 credited;
        uint256 suspects; // bit (address % 256): such addresses may have refused before in this batch
        uint256[] refused; // the addresses that did
    }

    /// @inheritdoc IValidatorRewards
    function extractTransfer(
        uint32 n,
        uint256[] calldata words,
        uint256[] calldata masks
    ) external nonReentrant whenNotPaused {
        _checkLists(words, masks);
        Batch memory b = _open(n);
        uint256[] memory pages = _pagesOf(n, words);
        uint256[] memory paidWords = _openList(words.length * 2);
        for (uint256 i = 0; i < words.length; ++i) {
            if (b.refused.length == b.maxRefused) break;
            (uint256 word, uint256 mask, uint256 page) = _at(words, masks, pages, i);
            uint256 paidMask = _transferWord(b, word, mask, page);
            if (paidMask == 0) continue;
            _append(paidWords, word);
            _append(paidWords, paidMask);
        }
        if (b.paid + b.credited != 0) _s.gate.unpaid -= uint104(b.paid + b.credited);
        if (b.credited != 0) _s.gate.credits += uint104(b.credited);
        if (paidWords.length != 0) _emitPaid(n, paidWords);
    }

    function _checkLists(uint256[] calldata words, uint256[] calldata masks) internal pure {
        if (words.length != masks.length) revert LengthMismatch(words.length, masks.length);
        if (words.length > MAX_BATCH_WORDS) revert ListTooLong(words.length, MAX_BATCH_WORDS);
        // Five words cannot hold more.
        if (words.length * WORD <= MAX_PAYMENTS) return;
        uint256 payments = 0;
        for (uint256 i = 0; i < masks.length; ++i) payments += BitSlice.popCount(masks[i]);
        if (payments > MAX_PAYMENTS) revert ListTooLong(payments, MAX_PAYMENTS);
    }

    /// @dev Checks that the batch may run and reads what all its payments share.
    function _open(uint32 n) private view returns (Batch memory) {
        CycleRecord storage r = _s.cycles[n];
        if (r.state != State.Settled) revert CycleNotSettled(n, r.state);
        (uint256 grace, uint256 settleDelay, uint256 stipend) = (r.grace, r.settleDelay, r.stipend);
        bool keeper = hasRole(KEEPER_ROLE, msg.sender);
        uint256 from = r.extractedAt + (keeper || settleDelay > grace ? settleDelay : grace);
        if (block.timestamp < from) revert TransferTooEarly(n, from);
        bool weighted = r.weighted;
        uint256 maxRefused = r.maxRefused;
        return
            Batch({
                n: n,
                keeper: keeper,
                share: r.share,
                pool: weighted ? r.pool : 0,
                weightSum: weighted ? r.weightSum : 0,
                stipend: stipend,
                // gas * 63 >= 64 * stipend + 63 * reserve: a call gets at most 63/64 of what is left (EIP-150).
                gasFloor: (64 * stipend) / 63 + 1 + GAS_RESERVE,
                maxRefused: maxRefused,
                paid: 0,
                credited: 0,
                suspects: 0,
                refused: _openList(maxRefused)
            });
    }

    /// @dev REGISTRY.rosterPages(n, words), with the lists passed on as they lie in calldata and returndata.
    function _pagesOf(
        uint32 n,
        uint256[] calldata words
    ) private view returns (uint256[] memory pages) {
        address registry = address(REGISTRY);
        bytes4 selector = IHeartbeatRegistry.rosterPages.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(5, words.length)
            mstore(free, selector)
            mstore(add(free, 0x04), n)
            mstore(add(free, 0x24), 0x40)
            mstore(add(free, 0x44), words.length)
            calldatacopy(add(free, 0x64), words.offset, size)
            if iszero(staticcall(gas(), registry, free, add(size, 0x64), free, add(size, 0x40))) {
                revert(0, 0)
            }
            // The answer is the offset of the list, then the list.
            pages := add(free, 0x20)
            mstore(0x40, add(add(free, 0x40), size))
        }
    }

    /// @dev The three lists' items; the caller keeps i below their common length.
    function _at(
        uint256[] calldata words,
        uint256[] calldata masks,
        uint256[] memory pages,
        uint256 i
    ) private pure returns (uint256 word, uint256 mask, uint256 page) {
        assembly ("memory-safe") {
            let offset := shl(5, i)
            word := calldataload(add(words.offset, offset))
            mask := calldataload(add(masks.offset, offset))
            page := mload(add(add(pages, 0x20), offset))
        }
    }

    /// @dev Erases the bits of those who are due before anybody is called (R-40), and puts back who was not settled.
    function _transferWord(
        Batch memory b,
        uint256 word,
        uint256 mask,
        uint256 page
    ) private returns (uint256) {
        if (word > type(uint16).max) return 0;
        uint256 slot = _s.unpaidSlot(b.n, word);
        uint256 current = _load(slot);
        uint256 due = current & mask;
        // Already paid, unknown or listed twice: skipped (Z-19).
        if (due == 0) return 0;
        _store(slot, current ^ due);
        // A share of 0 for everybody: settled with nothing to pay (R-21).
        if (b.share == 0) return due;
        (uint256 paidMask, uint256 refusedMask) = _payWord(b, word, due, page);
        uint256 settled = b.keeper ? paidMask | refusedMask : paidMask;
        if (settled != due) _store(slot, current ^ settled);
        return paidMask;
    }

    /// @dev Pays the validators of `due` one after the other.
    function _payWord(
        Batch memory b,
        uint256 word,
        uint256 due,
        uint256 page
    ) private returns (uint256 paidMask, uint256 refusedMask) {
        uint256 free = _freeMemory();
        uint256 last = _copyEntries(page, due);
        if (page >> 160 != 0) _redirect(last, word, due);
        paidMask = due;
        unchecked {
            while (due != 0) {
                bool refused = false;
                if (TOKEN == address(0)) {
                    (due, refused) = _payRun(b, last, due);
                    if (due == 0) break;
                }
                uint256 bit = due & (0 - due);
                due ^= bit;
                (address to, uint256 amount) = _paymentOf(b, last, bit);
                if (!refused && (amount == 0 || _try(b, word, bit, to, amount))) {
                    b.paid += amount;
                    continue;
                }
                refusedMask |= bit;
                _refuse(b, word * WORD + BitSlice.position(bit), to, amount);
                if (b.refused.length == b.maxRefused) break;
            }
            paidMask ^= due | refusedMask;
        }
        // The next word's entries go to the same place: memory grows with the square.
        _freeFrom(free);
    }

    /// @return last Where entry 255 of the page would lie, so that the entry of a bit lies 32 * clz(bit) before it. Only
    /// the entries from the first to the last that is due are copied, and the free memory pointer is moved behind them.
    function _copyEntries(uint256 page, uint256 due) private view returns (uint256 last) {
        unchecked {
            uint256 first = BitSlice.position(due & (0 - due)) * 32;
            uint256 size = BitSlice.position(due) * 32 + 32 - first;
            uint256 free = _freeMemory();
            _freeFrom(free + size);
            CodePage.copy(address(uint160(page)), free, first, size);
            return free - first + (WORD - 1) * 32;
        }
    }

    /// @dev Puts the addresses that get redirected pay now in the place of the page's (R-33).
    function _redirect(uint256 last, uint256 word, uint256 due) private view {
        uint256 redirected = REGISTRY.redirectMask(word) & due;
        while (redirected != 0) {
            uint256 bit = redirected & (~redirected + 1);
            redirected ^= bit;
            uint32 index = uint32(word * WORD + BitSlice.position(bit));
            (uint256 at, uint256 entry) = _entryOf(last, bit);
            address to = REGISTRY.redirectOf(address(uint160(entry >> 96)), index);
            assembly ("memory-safe") {
                mstore(at, or(shl(96, to), and(entry, 0xffffffffffffffffffffffff)))
            }
        }
    }

    function _entryOf(uint256 last, uint256 bit) private pure returns (uint256 at, uint256 entry) {
        assembly ("memory-safe") {
            at := sub(last, shl(5, clz(bit)))
            entry := mload(at)
        }
    }

    /// @dev Pays native coin from the lowest bit of `due` on, until a payee refuses or needs a closer look: a suspect, a
    /// share of 0, or too little gas left. The same in Solidity takes twice the gas.
    /// @return left What is left of `due`: its lowest bit is the validator at which the run stopped.
    /// @return refused That validator was called and refused.
    function _payRun(
        Batch memory b,
        uint256 last,
        uint256 due
    ) private returns (uint256 left, bool refused) {
        (uint256 amount, uint256 pool, uint256 weightSum) = (b.share, b.pool, b.weightSum);
        (uint256 stipend, uint256 gasFloor, uint256 suspects) = (b.stipend, b.gasFloor, b.suspects);
        uint256 sum = 0;
        left = due;
        uint256 callStipend = TryTransfer.CALL_STIPEND;
        assembly ("memory-safe") {
            // In scratch memory, not on the stack: the fewer variables, the fewer swaps in every turn.
            mstore(0x00, pool)
            mstore(0x20, weightSum)
            let given := sub(stipend, callStipend)
            for {} left {} {
                let bit := and(left, sub(0, left))
                let entry := mload(sub(last, shl(5, clz(bit))))
                if mload(0x00) {
                    amount := div(
                        mul(mload(0x00), and(entry, 0xffffffffffffffffffffffff)),
                        mload(0x20)
                    )
                    if iszero(amount) {
                        break
                    }
                }
                if suspects {
                    if and(shr(and(shr(96, entry), 0xff), suspects), 1) {
                        break
                    }
                }
                if lt(gas(), gasFloor) {
                    break
                }
                if iszero(call(given, shr(96, entry), amount, 0, 0, 0, 0)) {
                    refused := 1
                    break
                }
                sum := add(sum, amount)
                left := xor(left, bit)
            }
        }
        unchecked {
            b.paid += sum;
        }
    }

    function _paymentOf(
        Batch memory b,
        uint256 last,
        uint256 bit
    ) private pure returns (address to, uint256 amount) {
        (, uint256 entry) = _entryOf(last, bit);
        to = address(uint160(entry >> 96));
        unchecked {
            // Below 2^200: the pool is below 2^104, a weight below 2^96.
            amount = b.pool == 0 ? b.share : (b.pool * uint96(entry)) / b.weightSum;
        }
    }

    /// @dev An address refused once in a batch is not called again in it.
    function _try(
        Batch memory b,
        uint256 word,
        uint256 bit,
        address to,
        uint256 amount
    ) private returns (bool) {
        if (b.suspects != 0 && _wasRefused(b, to)) return false;
        if (gasleft() < b.gasFloor) revert GasTooLow(uint32(word * WORD + BitSlice.position(bit)));
        return TryTransfer.tryTransfer(TOKEN, to, amount, b.stipend);
    }

    function _refuse(Batch memory b, uint256 index, address to, uint256 amount) private {
        if (!_wasRefused(b, to)) {
            _append(b.refused, uint160(to));
            b.suspects |= _suspect(to);
        }
        if (b.keeper) {
            _addCredit(to, amount);
            b.credited += amount;
        }
        emit PaymentRefused(b.n, uint32(index), to, amount, b.keeper);
    }

    function _wasRefused(Batch memory b, address to) private pure returns (bool) {
        if (b.suspects & _suspect(to) == 0) return false;
        for (uint256 i = 0; i < b.refused.length; ++i) {
            if (b.refused[i] == uint160(to)) return true;
        }
        return false;
    }

    function _suspect(address to) private pure returns (uint256) {
        return 1 << (uint160(to) & 0xff);
    }

    /// @return list An empty list with room for `capacity` items, and one word before it for `_emitPaid`.
    function _openList(uint256 capacity) private pure returns (uint256[] memory list) {
        assembly ("memory-safe") {
            list := add(mload(0x40), 0x20)
            mstore(list, 0)
            mstore(0x40, add(add(list, 0x20), shl(5, capacity)))
        }
    }

    /// @dev The caller keeps the list within its capacity.
    function _append(uint256[] memory list, uint256 item) private pure {
        assembly ("memory-safe") {
            let length := add(mload(list), 1)
            mstore(add(list, shl(5, length)), item)
            mstore(list, length)
        }
    }

    /// @dev emit Paid(n, words), encoded where it lies: offset, number of PaidWords, and they themselves.
    function _emitPaid(uint32 n, uint256[] memory words) private {
        bytes32 topic = IValidatorRewards.Paid.selector;
        assembly ("memory-safe") {
            let items := mload(words)
            let data := sub(words, 0x20)
            mstore(data, 0x20)
            mstore(words, shr(1, items))
            log2(data, add(0x40, shl(5, items)), topic, n)
        }
    }

    function _freeMemory() private pure returns (uint256 free) {
        assembly ("memory-safe") {
            free := mload(0x40)
        }
    }

    function _freeFrom(uint256 free) private pure {
        assembly ("memory-safe") {
            mstore(0x40, free)
        }
    }

    function _load(uint256 slot) private view returns (uint256 value) {
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

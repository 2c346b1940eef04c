// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IProgramPayouts} from "./interfaces/IProgramPayouts.sol";
import {TryTransfer} from "./libraries/TryTransfer.sol";
import {Money} from "./paying/Money.sol";
import {Programs} from "./programs/Programs.sol";

/// @title The hand of the programs: batches of packed payments, each sequence number once (R-60)
/// @notice Parts: Money (one asset), Credits (refused payments), Pausing, Programs (payers, balances, budgets).
contract ProgramPayouts is Programs {
    /// @dev 1,500 existing native payees take 14.9 M gas at 9,900 each, within the 15 M that we let a transaction use.
    uint256 public constant MAX_PAYMENTS = 1_500;

    /// @dev Gas that must be left beside the payee's: the call itself (11,600), a new credit (22,100), its event, the
    /// totals and the batch event.
    uint256 private constant GAS_RESERVE = 60_000;

    /// @dev What a batch needs for every payment, read once, and what it has done.
    struct Batch {
        uint32 program;
        uint64 seq;
        uint256 stipend;
        uint256 gasFloor; // must be left before a payee is called
        uint256 paid;
        uint256 credited;
        uint256 suspects; // bit (address % 256): such addresses may have refused before in this batch
        uint256 refusals;
        address[] refused; // as long as maxRefused: the first `refusals` are the addresses that did
    }

    /// @dev Key (program << 56) | (seq >> 8): a program's 2^64 sequence numbers are 2^56 words.
    mapping(uint256 key => uint256 mask) private _paid;

    /// @param admin Timelock: programs, terms, budgets, returns.
    /// @param guardian May only revoke, lower and pause.
    /// @param token ERC-20, or zero for the native coin.
    constructor(
        address admin,
        address guardian,
        address token
    ) Money(token) EIP712("Muster ProgramPayouts", "1") {
        if (admin == address(0) || guardian == address(0)) revert BadRecipient(address(0));
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(GUARDIAN_ROLE, guardian);
    }

    /// @inheritdoc IProgramPayouts
    function pay(
        uint32 program,
        uint64 seq,
        uint256[] calldata packed
    ) external nonReentrant whenNotPaused {
        Batch memory b = _open(program, seq, packed.length);
        // Before the payments: what comes after them must cost the same for every length (GAS_RESERVE).
        bytes32 payloadHash = _hashOf(packed);
        uint256 done = _payAll(b, packed);
        _spend(program, b.paid + b.credited);
        if (b.credited != 0) _gate.credits += uint104(b.credited);
        _checkCovered();
        emit BatchPaid(program, seq, payloadHash, done, b.paid, b.credited);
    }

    /// @inheritdoc IProgramPayouts
    function isPaid(uint32 program, uint64 seq) external view returns (bool) {
        return paidWord(program, uint56(seq >> 8)) & (1 << (seq & 0xff)) != 0;
    }

    /// @inheritdoc IProgramPayouts
    function paidWord(uint32 program, uint56 word) public view returns (uint256) {
        return _paid[(uint256(program) << 56) | word];
    }

    /// @dev Checks that the batch may run, uses its number up, and reads what all its payments share.
    function _open(uint32 program, uint64 seq, uint256 count) private returns (Batch memory) {
        Entry storage p = _programs[program];
        if (msg.sender != p.payer) revert NotPayer(msg.sender, program);
        if (count == 0) revert BatchEmpty();
        if (count > MAX_PAYMENTS) revert ListTooLong(count, MAX_PAYMENTS);
        uint256 key = (uint256(program) << 56) | (seq >> 8);
        uint256 mask = _paid[key];
        uint256 bit = 1 << (seq & 0xff);
        if (mask & bit != 0) revert BatchAlreadyPaid(program, seq);
        _paid[key] = mask | bit;
        uint256 stipend = p.stipend;
        return
            Batch({
                program: program,
                seq: seq,
                stipend: stipend,
                // gas * 63 >= 64 * stipend + 63 * reserve: a call gets at most 63/64 of what is left (EIP-150).
                gasFloor: (64 * stipend) / 63 + 1 + GAS_RESERVE,
                paid: 0,
                credited: 0,
                suspects: 0,
                refusals: 0,
                refused: new address[](p.maxRefused)
            });
    }

    /// @return done Payments that were made or credited: all, or those before the batch had too many refusals.
    function _payAll(Batch memory b, uint256[] calldata packed) private returns (uint256 done) {
        bool native = TOKEN == address(0);
        bool refused;
        if (native) (done, refused) = _payStart(b, packed);
        // Words behind the list that look like payments: no encoder writes them.
        if (done > packed.length) revert ListTooLong(done, packed.length);
        while (b.refusals < b.refused.length) {
            if (!refused) {
                (done, refused) = native ? _payCoin(b, packed, done) : _payTokens(b, packed, done);
            }
            if (done == packed.length) break;
            uint256 entry = packed[done];
            (address to, uint256 amount) = (address(uint160(entry >> 96)), uint96(entry));
            if (!refused && _try(b, done, to, amount)) b.paid += amount;
            else _refuse(b, done, to, amount);
            refused = false;
            ++done;
        }
    }

    /// @dev Pays coin until anything is unusual: a payee refuses, has no address, or too little gas is left. Most batches
    /// end in here. A word without an address stops it, as do the zeros behind the calldata: one test for both. A
    /// function inside the assembly, because the compiler then leaves its variables in their places on the stack.
    /// @return at The payment at which it stopped, not made; packed.length when all are.
    /// @return refused That payee was called and refused.
    function _payStart(
        Batch memory b,
        uint256[] calldata packed
    ) private returns (uint256 at, bool refused) {
        (uint256 gasFloor, uint256 paid) = (b.gasFloor, 0);
        uint256 given = b.stipend - TryTransfer.CALL_STIPEND;
        assembly ("memory-safe") {
            function run(cursor, gas_, floor) -> stopped, sum {
                stopped := cursor
                for {} 1 {} {
                    let entry := calldataload(stopped)
                    if or(lt(gas(), floor), lt(entry, 0x1000000000000000000000000)) {
                        leave
                    }
                    let amount := and(entry, 0xffffffffffffffffffffffff)
                    if iszero(call(gas_, shr(96, entry), amount, 0, 0, 0, 0)) {
                        // 1,500 amounts do not reach the highest bit.
                        sum := or(sum, shl(255, 1))
                        leave
                    }
                    stopped := add(stopped, 0x20)
                    sum := add(amount, sum)
                }
            }
            at, paid := run(packed.offset, given, gasFloor)
            at := shr(5, sub(at, packed.offset))
            refused := shr(255, paid)
        }
        b.paid = paid & (type(uint256).max >> 1);
    }

    /// @dev The same from payment `from` on, and past those who may have refused before: it stops at a suspect.
    function _payCoin(
        Batch memory b,
        uint256[] calldata packed,
        uint256 from
    ) private returns (uint256 at, bool refused) {
        (uint256 gasFloor, uint256 suspects, uint256 paid) = (b.gasFloor, b.suspects, 0);
        uint256 given = b.stipend - TryTransfer.CALL_STIPEND;
        assembly ("memory-safe") {
            function run(cursor, end, gas_, floor, marks) -> stopped, sum {
                stopped := cursor
                for {} lt(stopped, end) {} {
                    let entry := calldataload(stopped)
                    // Byte 19 is the last of the address.
                    let mark := and(shr(byte(19, entry), marks), 1)
                    if or(mark, or(lt(gas(), floor), iszero(shr(96, entry)))) {
                        leave
                    }
                    let amount := and(entry, 0xffffffffffffffffffffffff)
                    if iszero(call(gas_, shr(96, entry), amount, 0, 0, 0, 0)) {
                        sum := or(sum, shl(255, 1))
                        leave
                    }
                    stopped := add(stopped, 0x20)
                    sum := add(amount, sum)
                }
            }
            let end := add(packed.offset, shl(5, packed.length))
            at := add(packed.offset, shl(5, from))
            at, paid := run(at, end, given, gasFloor, suspects)
            at := shr(5, sub(at, packed.offset))
            refused := shr(255, paid)
        }
        b.paid += paid & (type(uint256).max >> 1);
    }

    /// @dev The same with the token. What some tokens let go to the token itself or to us is refused here.
    function _payTokens(
        Batch memory b,
        uint256[] calldata packed,
        uint256 from
    ) private returns (uint256 at, bool refused) {
        (uint256 gasFloor, uint256 suspects, uint256 paid) = (b.gasFloor, b.suspects, 0);
        (address token, uint256 stipend) = (TOKEN, b.stipend);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shl(224, 0xa9059cbb)) // transfer(address,uint256)
            let end := add(packed.offset, shl(5, packed.length))
            at := add(packed.offset, shl(5, from))
            for {} lt(at, end) {
                at := add(at, 0x20)
            } {
                let entry := calldataload(at)
                let to := shr(96, entry)
                let unpayable := or(iszero(to), or(eq(to, token), eq(to, address())))
                if or(unpayable, and(shr(byte(19, entry), suspects), 1)) {
                    break
                }
                if lt(gas(), gasFloor) {
                    break
                }
                let amount := and(entry, 0xffffffffffffffffffffffff)
                mstore(add(free, 4), to)
                mstore(add(free, 36), amount)
                let ok := call(stipend, token, 0, free, 68, 0, 32)
                if returndatasize() {
                    ok := and(ok, and(gt(returndatasize(), 31), eq(mload(0), 1)))
                }
                if iszero(ok) {
                    refused := 1
                    break
                }
                paid := add(paid, amount)
            }
            at := shr(5, sub(at, packed.offset))
        }
        b.paid += paid;
    }

    /// @dev An address refused once in a batch is not called again in it.
    function _try(
        Batch memory b,
        uint256 position,
        address to,
        uint256 amount
    ) private returns (bool) {
        if (!_mayReceive(to) || _wasRefused(b, to)) return false;
        if (gasleft() < b.gasFloor) revert GasTooLow(position);
        return TryTransfer.tryTransfer(TOKEN, to, amount, b.stipend);
    }

    function _refuse(Batch memory b, uint256 position, address to, uint256 amount) private {
        if (!_wasRefused(b, to)) {
            b.refused[b.refusals] = to;
            ++b.refusals;
            b.suspects |= _suspect(to);
        }
        _addCredit(to, amount);
        b.credited += amount;
        emit PaymentRefused(b.program, b.seq, position, to, amount);
    }

    function _wasRefused(Batch memory b, address to) private pure returns (bool) {
        if (b.suspects & _suspect(to) == 0) return false;
        for (uint256 i = 0; i < b.refusals; ++i) {
            if (b.refused[i] == to) return true;
        }
        return false;
    }

    function _suspect(address to) private pure returns (uint256) {
        return 1 << (uint160(to) & 0xff);
    }

    function _hashOf(uint256[] calldata packed) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(5, packed.length)
            calldatacopy(free, packed.offset, size)
            hash := keccak256(free, size)
        }
    }
}

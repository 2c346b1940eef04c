// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {ProgramClaims} from "../../contracts/ProgramClaims.sol";
import {ProgramPayouts} from "../../contracts/ProgramPayouts.sol";
import {IProgramPayouts} from "../../contracts/interfaces/IProgramPayouts.sol";
import {ERC20Mock} from "../../contracts/mocks/ERC20Mock.sol";
import {HostilePayee} from "../../contracts/mocks/HostilePayee.sol";

/// @title The same books kept a second time: who got what, which numbers are used, what each budget may let out
abstract contract ProgramGhost {
    uint32 public constant PROGRAMS = 2;
    uint256 public constant PAYEES = 4;
    /// @dev Where returned funds go; it never spends.
    address public constant SPONSOR = address(0xdddd);

    ProgramPayouts public payouts;
    /// @notice Of program 1; program 2 only pays.
    ProgramClaims public claims;
    ERC20Mock public token;
    HostilePayee[] public payees;

    /// @dev Everything ever booked, and what lies in the hand without being booked.
    uint256 public funded;
    uint256 public forced;
    /// @dev What claims have paid by the books of this contract.
    uint256 public claimed;

    /// @dev The first thing that was ever wrong; the invariants ask for it.
    string public broken;

    /// @dev A budget as real numbers would keep it, in 1/86,400 of a unit: rounding must never let out more.
    struct Bucket {
        uint256 level;
        uint256 since;
        uint256 capacity;
        uint256 perDay;
    }

    struct Payment {
        uint256 who;
        uint96 amount;
    }

    mapping(uint32 program => Bucket) private _buckets;
    mapping(uint32 program => mapping(uint64 seq => bool)) private _used;

    function native() public view returns (bool) {
        return address(token) == address(0);
    }

    function balance(address account) public view returns (uint256) {
        return native() ? account.balance : token.balanceOf(account);
    }

    /// @notice What has left the contracts for good.
    function paidOut() external view returns (uint256 sum) {
        for (uint256 i = 0; i < PAYEES; ++i) sum += balance(address(payees[i]));
        sum += balance(SPONSOR);
    }

    function totalClaimed() external view returns (uint256 sum) {
        for (uint256 i = 0; i < PAYEES; ++i) sum += claims.claimedOf(address(payees[i]));
    }

    function check(bool ok, string memory what) internal {
        if (!ok && bytes(broken).length == 0) broken = what;
    }

    // ------------------------------------------------------------------ budgets

    function noteTerms(uint32 program, uint256 capacity, uint256 perDay) internal {
        Bucket storage b = _buckets[program];
        refill(b);
        (b.capacity, b.perDay) = (capacity, perDay);
        if (b.level > capacity * 1 days) b.level = capacity * 1 days;
    }

    function noteFull(uint32 program, uint256 capacity, uint256 perDay) internal {
        _buckets[program] = Bucket(capacity * 1 days, block.timestamp, capacity, perDay);
    }

    function noteSpent(uint32 program, uint256 amount) internal {
        Bucket storage b = _buckets[program];
        refill(b);
        check(amount * 1 days <= b.level, "more than capacity and refill left the budget");
        b.level -= amount * 1 days <= b.level ? amount * 1 days : b.level;
        // Nor does rounding hold back more than the units that are under way.
        uint256 available = payouts.programOf(program).available;
        check(available * 1 days <= b.level, "the budget says more than there is");
    }

    function refill(Bucket storage b) private {
        b.level += b.perDay * (block.timestamp - b.since);
        if (b.level > b.capacity * 1 days) b.level = b.capacity * 1 days;
        b.since = block.timestamp;
    }

    // ------------------------------------------------------------------ batches

    /// @return sums What batches brought each payee, in hand or as credit: all it has but for what it claimed.
    function holdings() internal view returns (uint256[] memory sums) {
        uint256[] memory had = claimedNow();
        sums = new uint256[](PAYEES);
        for (uint256 i = 0; i < PAYEES; ++i) {
            (uint256 credit, ) = payouts.creditOf(address(payees[i]));
            sums[i] = balance(address(payees[i])) + credit - had[i];
        }
    }

    function claimedNow() internal view returns (uint256[] memory list) {
        list = new uint256[](PAYEES);
        for (uint256 i = 0; i < PAYEES; ++i) list[i] = claims.claimedOf(address(payees[i]));
    }

    /// @dev After anything in which a payee was called: what it claimed on the way. That it also got it is in holdings.
    function noteClaims(uint256[] memory had) internal {
        uint256[] memory now_ = claimedNow();
        for (uint256 i = 0; i < PAYEES; ++i) {
            check(now_[i] >= had[i], "a claim was taken back");
            claimed += now_[i] - had[i];
        }
    }

    /// @dev Nobody has more or less of batches by it, in hand and credit together.
    function checkUnmoved(uint256[] memory held) internal {
        uint256[] memory now_ = holdings();
        for (uint256 i = 0; i < PAYEES; ++i)
            check(held[i] == now_[i], "claimed is not what was paid");
    }

    function balancesOf() internal view returns (uint256[] memory list) {
        list = new uint256[](PROGRAMS + 1);
        for (uint32 p = 1; p <= PROGRAMS; ++p) list[p] = payouts.programOf(p).balance;
    }

    /// @dev After a batch that did not revert: its number was fresh; its first payments, as many as were done, were each
    /// made or credited once; the program's balance fell by just that, and nobody else's.
    function noteBatch(
        uint32 program,
        uint64 seq,
        Payment[] memory payments,
        uint256[] memory heldBefore,
        uint256[] memory balancesBefore
    ) internal {
        check(!_used[program][seq], "a number paid twice");
        check(payouts.isPaid(program, seq), "a number is not used up");
        _used[program][seq] = true;
        uint256[] memory held = holdings();
        check(isPrefix(payments, heldBefore, held), "not the first payments, each once");
        uint256 sum = 0;
        for (uint256 i = 0; i < PAYEES; ++i) sum += held[i] - heldBefore[i];
        uint256[] memory left = balancesOf();
        for (uint32 p = 1; p <= PROGRAMS; ++p) {
            check(left[p] + (p == program ? sum : 0) == balancesBefore[p], "not its own money");
        }
        noteSpent(program, sum);
    }

    /// @dev Whether what the payees gained is what payments [0, done) say, for some done.
    function isPrefix(
        Payment[] memory payments,
        uint256[] memory before,
        uint256[] memory now_
    ) private pure returns (bool) {
        uint256[] memory expected = new uint256[](PAYEES);
        for (uint256 i = 0; i < PAYEES; ++i) expected[i] = before[i];
        for (uint256 done = 0; ; ++done) {
            if (keccak256(abi.encode(expected)) == keccak256(abi.encode(now_))) return true;
            if (done == payments.length) return false;
            expected[payments[done].who] += payments[done].amount;
        }
        return false;
    }

    function termsOf(
        address payer,
        uint96 capacity,
        uint96 perDay
    ) internal pure returns (IProgramPayouts.Terms memory) {
        return
            IProgramPayouts.Terms({
                payer: payer,
                capacity: capacity,
                perDay: perDay,
                stipend: 100_000,
                maxRefused: 2
            });
    }
}

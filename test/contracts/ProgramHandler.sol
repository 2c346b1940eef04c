// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {ProgramClaims} from "../../contracts/ProgramClaims.sol";
import {ProgramPayouts} from "../../contracts/ProgramPayouts.sol";
import {IProgramClaims} from "../../contracts/interfaces/IProgramClaims.sol";
import {ERC20Mock} from "../../contracts/mocks/ERC20Mock.sol";
import {HostilePayee} from "../../contracts/mocks/HostilePayee.sol";
import {ProgramGhost} from "./ProgramGhost.sol";
import {vm} from "./Vm.sol";

/// @title What anybody may do to two programs in any order, at any time: the fuzzer chooses
/// @notice Every action may fail; what it did is held against the books that ProgramGhost keeps by itself.
contract ProgramHandler is ProgramGhost {
    /// @dev Few, so that used numbers come back.
    uint64 private constant NUMBERS = 16;
    uint256 private constant MAX_PAYMENTS = 6;
    uint256 private constant DELAY = 1 hours;

    /// @dev A payee that burns all it gets would burn for minutes with the test's own gas.
    uint256 private constant CALL_GAS = 4_000_000;
    address private constant STRANGER = address(0xcccc);

    uint256 private _clock = 480_000 * 3_600;

    /// @dev What the last root that was proposed, and the one in force, say by account.
    uint96[4] private _proposed;
    uint96[4] private _inForce;

    constructor(bool native_) {
        vm.warp(_clock);
        token = native_ ? ERC20Mock(address(0)) : new ERC20Mock();
        payouts = new ProgramPayouts(address(this), address(this), address(token));
        for (uint32 p = 1; p <= PROGRAMS; ++p) {
            payouts.addProgram(p, termsOf(payerOf(p), 1e12, 1e12));
            noteFull(p, 1e12, 1e12);
        }
        claims = new ProgramClaims(payouts, 1, DELAY);
        payouts.setClaims(1, address(claims));
        for (uint256 i = 0; i < PAYEES; ++i) payees.push(new HostilePayee());
        if (!native_) token.approve(address(payouts), type(uint256).max);
    }

    // ------------------------------------------------------------------ money in and back

    function fund(uint32 program, uint40 amount) external {
        vm.warp(_clock);
        if (native()) vm.deal(address(this), amount);
        else token.mint(address(this), amount);
        try payouts.fund{value: native() ? amount : 0}(pick(program), amount) {
            funded += amount;
        } catch {}
    }

    /// @notice Money that comes without `fund` is nobody's until skimmed.
    function force(uint32 amount) external {
        if (native()) vm.deal(address(payouts), address(payouts).balance + amount);
        else token.mint(address(payouts), amount);
        forced += amount;
    }

    function skim(uint32 program) external {
        vm.warp(_clock);
        try payouts.skim(pick(program)) {
            funded += forced;
            forced = 0;
        } catch {}
    }

    function returnFunds(uint32 program, uint32 amount) external {
        vm.warp(_clock);
        try payouts.returnFunds(pick(program), SPONSOR, amount) {} catch {}
    }

    function warp(uint32 seconds_) external {
        _clock += seconds_ % 2 days;
        vm.warp(_clock);
    }

    // ------------------------------------------------------------------ batches

    function pay(uint32 program, uint8 number, uint256 seed, bool asPayer) external {
        vm.warp(_clock);
        uint32 p = pick(program);
        uint64 seq = number % NUMBERS;
        (Payment[] memory payments, uint256[] memory packed) = batchOf(seed);
        (uint256[] memory held, uint256[] memory balances) = (holdings(), balancesOf());
        uint256[] memory had = claimedNow();
        vm.prank(asPayer ? payerOf(p) : payerOf(3 - p));
        try payouts.pay{gas: CALL_GAS}(p, seq, packed) {
            check(asPayer, "another program's payer paid");
            noteBatch(p, seq, payments, held, balances);
            noteClaims(had);
        } catch {}
    }

    function withdraw(uint8 who) external {
        vm.warp(_clock);
        (uint256[] memory held, uint256[] memory had) = (holdings(), claimedNow());
        try payouts.withdraw{gas: CALL_GAS}(address(payees[who % PAYEES])) {
            checkUnmoved(held);
            noteClaims(had);
        } catch {}
    }

    // ------------------------------------------------------------------ claims

    /// @notice Accounts earn; sometimes one shrinks, sometimes the total says less than the leaves.
    function submit(uint256 seed) external {
        vm.warp(_clock);
        uint96[4] memory next = _inForce;
        uint256 sum = 0;
        for (uint256 i = 0; i < PAYEES; ++i) {
            uint96 change = uint96(uint32(seed >> (32 * i)) % 1e6);
            next[i] = change % 16 == 0 && next[i] > change ? next[i] - change : next[i] + change;
            sum += next[i];
        }
        uint256 total = claims.total();
        if (sum < total || (seed >> 128) % 8 == 0)
            sum = total + ((sum < total ? 0 : sum - total) / 2);
        bytes32 root = rootOf(next);
        vm.prank(payerOf(1));
        try claims.submit(root, uint128(sum), bytes32(0)) {
            _proposed = next;
        } catch {}
    }

    function accept() external {
        vm.warp(_clock);
        uint256 total = claims.total();
        uint256 left = payouts.programOf(1).balance;
        try claims.accept() {
            uint256 moved = claims.total() - total;
            check(left - payouts.programOf(1).balance == moved, "not what the total grew");
            noteSpent(1, moved);
            _inForce = _proposed;
        } catch {}
    }

    function claimFor(uint8 who) external {
        vm.warp(_clock);
        uint256 i = who % PAYEES;
        address account = address(payees[i]);
        (uint256[] memory held, uint256[] memory had) = (holdings(), claimedNow());
        bytes32[] memory proof = proofOf(_inForce, i);
        try claims.claimFor{gas: CALL_GAS}(account, _inForce[i], proof) {
            check(claims.claimedOf(account) == _inForce[i] && had[i] < _inForce[i], "not the leaf");
            checkUnmoved(held);
            noteClaims(had);
        } catch {}
    }

    function claimRange(bool half, bool second) external {
        vm.warp(_clock);
        (uint256[] memory packed, bytes32[] memory path) = rangeOf(half, half && second ? 2 : 0);
        (uint256[] memory held, uint256[] memory had) = (holdings(), claimedNow());
        try claims.claimRange{gas: CALL_GAS}(packed, path) {
            checkUnmoved(held);
            noteClaims(had);
        } catch {}
    }

    // ------------------------------------------------------------------ people

    function setTerms(uint32 program, uint40 capacity, uint40 perDay) external {
        vm.warp(_clock);
        uint32 p = pick(program);
        payouts.setTerms(p, termsOf(payerOf(p), capacity, perDay));
        noteTerms(p, capacity, perDay);
    }

    function lowerBudget(uint32 program, uint40 capacity, uint40 perDay) external {
        vm.warp(_clock);
        uint32 p = pick(program);
        try payouts.lowerBudget(p, capacity, perDay) {
            noteTerms(p, capacity, perDay);
        } catch {}
    }

    function revokePayer(uint32 program) external {
        vm.warp(_clock);
        payouts.revokePayer(pick(program));
    }

    function veto() external {
        vm.warp(_clock);
        try claims.veto() {} catch {}
    }

    function setAside(uint32 duration) external {
        vm.warp(_clock);
        if (duration % 4 != 0) return;
        try claims.setAside(duration % 1 days) {} catch {}
    }

    function restore(bool asGuardian) external {
        vm.warp(_clock);
        if (!asGuardian) vm.prank(STRANGER);
        try claims.restore() {} catch {}
    }

    function pause(uint32 duration) external {
        vm.warp(_clock);
        if (duration % 4 != 0) return;
        try payouts.pauseFor(duration % 1 days) {} catch {}
    }

    function unpause() external {
        vm.warp(_clock);
        try payouts.unpause() {} catch {}
    }

    /// @notice A payee accepts, reverts, burns its gas, is choosy, or comes back by a withdrawal, a range or a root.
    function behave(uint8 who, uint8 how) external {
        HostilePayee payee = payees[who % PAYEES];
        if (!native()) {
            token.setBlocked(address(payee), how % 2 == 1);
            return;
        }
        HostilePayee.Mode[5] memory modes = [
            HostilePayee.Mode.Accepts,
            HostilePayee.Mode.Reverts,
            HostilePayee.Mode.BurnsGas,
            HostilePayee.Mode.RevertsWithABomb,
            HostilePayee.Mode.RefusesOdd
        ];
        payee.setMode(modes[how % 5]);
        if (how % 16 == 5)
            payee.setCall(address(payouts), abi.encodeCall(payouts.withdraw, (address(payee))));
        if (how % 16 == 6) {
            (uint256[] memory packed, bytes32[] memory path) = rangeOf(false, 0);
            payee.setCall(address(claims), abi.encodeCall(claims.claimRange, (packed, path)));
        }
        if (how % 16 == 7)
            payee.setCall(address(claims), abi.encodeCall(IProgramClaims.accept, ()));
    }

    // ------------------------------------------------------------------ inside

    function payerOf(uint32 program) private pure returns (address) {
        return address(uint160(0xaaa0 + program));
    }

    function pick(uint32 program) private pure returns (uint32) {
        return 1 + (program % PROGRAMS);
    }

    function batchOf(
        uint256 seed
    ) private view returns (Payment[] memory payments, uint256[] memory packed) {
        payments = new Payment[](1 + (seed % MAX_PAYMENTS));
        packed = new uint256[](payments.length);
        for (uint256 i = 0; i < packed.length; ++i) {
            uint256 part = uint256(keccak256(abi.encode(seed, i)));
            payments[i] = Payment(part % PAYEES, uint96((part >> 8) % 1e9));
            packed[i] =
                (uint256(uint160(address(payees[payments[i].who]))) << 96) | payments[i].amount;
        }
    }

    /// @return packed All four leaves in force, or two of them from `first` on.
    /// @return path Their way up.
    function rangeOf(
        bool half,
        uint256 first
    ) private view returns (uint256[] memory packed, bytes32[] memory path) {
        packed = new uint256[](half ? 2 : 4);
        for (uint256 i = 0; i < packed.length; ++i) {
            packed[i] = (uint256(uint160(address(payees[first + i]))) << 96) | _inForce[first + i];
        }
        path = new bytes32[](half ? 1 : 0);
        if (half) path[0] = nodeOf(_inForce, 2 - first);
    }

    function rootOf(uint96[4] memory amounts) private view returns (bytes32) {
        return pair(nodeOf(amounts, 0), nodeOf(amounts, 2));
    }

    function nodeOf(uint96[4] memory amounts, uint256 first) private view returns (bytes32) {
        return pair(leafAt(amounts, first), leafAt(amounts, first + 1));
    }

    function proofOf(
        uint96[4] memory amounts,
        uint256 i
    ) private view returns (bytes32[] memory proof) {
        proof = new bytes32[](2);
        (proof[0], proof[1]) = (leafAt(amounts, i ^ 1), nodeOf(amounts, i < 2 ? 2 : 0));
    }

    function leafAt(uint96[4] memory amounts, uint256 i) private view returns (bytes32) {
        return claims.leafOf(address(payees[i]), amounts[i]);
    }

    function pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }
}
